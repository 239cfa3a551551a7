.PHONY: build lab test race fuzz crash faults bench bench-compare bench-names bench-pages ci fmt clean

build: ## the program, static
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o glassmail ./cmd/glassmail

lab: ## the lecture's internet
	go run ./cmd/glassmail lab

test: ## what the README promises
	go test ./...

race: ## with the race detector, in random order
	go test -race -shuffle=on ./...

fuzz: ## each fuzz target for a minute
	for p in $$(go list ./...); do for t in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		go test -run '^$$' -fuzz "^$$t$$" -fuzztime 60s $$p || exit 1; done; done

CRASH_TIME ?= 10m
SHOTS ?= screenshots

crash: ## kill -9 and power cuts, for CRASH_TIME each; `make test` does it for some seconds
	GLASSMAIL_CRASH_TIME=$(CRASH_TIME) go test -count=1 -v -timeout 0 -run '^(TestKill|TestPowerCut|TestPowerCutControls|TestChecker)$$' ./store/bolt
	GLASSMAIL_CRASH=$(CRASH_TIME) go test -count=1 -v -timeout 0 -run '^TestCrash' ./e2e

FAULT_TIME ?= 30m

faults: ## one node through all faults for FAULT_TIME, honest clients at work (Linux, root: it mounts an image)
	GLASSMAIL_FAULTS=$(FAULT_TIME) go test -count=1 -v -timeout 0 -run '^TestFaultMix$$' ./e2e

screenshots: ## every page in every look, in SHOTS, to be judged (Debian: chromium)
	mkdir -p $(SHOTS)
	GLASSMAIL_PICTURES=$(abspath $(SHOTS)) go test -count=1 -run '^TestPictures$$' ./e2e/browser

docs-pictures: screenshots ## those of docs/pages.md (Debian: pngquant)
	for p in journey=journey-1280 journey-dark=journey-1280-dark projector=live-projector phone=live-phone-dark \
		whatif=whatif-1280 held=held-1280 dns=dns-1280 mail=mail-1280 server=server-1280; do \
		pngquant --force --quality 60-90 --speed 1 --strip --output docs/img/$${p%%=*}.png $(SHOTS)/$${p##*=}.png || exit 1; done

bench: ## all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

bench-compare: ## beside Postfix, about four minutes; the tables of docs/performance.md (root; Debian: postfix strace)
	go run ./bench/compare --update docs/performance.md

bench-names: ## name servers beside NSD and Unbound, a minute (Debian: dnsperf nsd unbound)
	GLASSMAIL_DNSPERF=1 go test -count=1 -v -run TestThroughput ./server/dnsd

bench-pages: ## what three open pages cost, two minutes (Debian: chromium)
	go run ./bench/compare --subjects glassmail,watched --flushes=false --rounds 5 --duration 4s --connections 10 --rate 1000
	go run ./bench/compare --subjects glassmail,watched --flushes=false --rounds 5 --duration 4s --connections 10

ci: ## everything a change must pass
	.ci/run

fmt:
	gofmt -w .

clean:
	rm -rf glassmail dist
