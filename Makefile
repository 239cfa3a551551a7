.PHONY: build lab test race fuzz crash bench bench-compare ci fmt clean

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

bench: ## all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

bench-compare: ## beside Postfix, about four minutes; the tables of docs/performance.md (root; Debian: postfix strace)
	go run ./bench/compare --update docs/performance.md

ci: ## everything a change must pass
	.ci/run

fmt:
	gofmt -w .

clean:
	rm -rf glassmail dist
