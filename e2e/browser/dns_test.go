package browser_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

// search searches for a name, typed by keys.
func (p *page) search(name string) {
	p.t.Helper()
	p.fill("combobox", p.texts.of("dns.name"), name)
	p.press("Enter")
}

// tab opens one of the views of the names.
func (p *page) tab(name string) {
	p.t.Helper()
	p.click("tab", p.texts.of("dns.tab."+name))
	p.until(name+" is in sight", fmt.Sprintf(`!document.querySelector("#panel-%s").hidden`, name))
}

// arrows waits until a walk shows so many numbered messages.
func (p *page) arrows(n int) {
	p.t.Helper()
	p.until(fmt.Sprintf("the walk has %d messages", n), fmt.Sprintf(
		`[...document.querySelectorAll(".arrows .number")].filter((e) => e.textContent !== "●").length === %d`, n))
}

// The lecture's search: eight messages with an empty cache, two with what that
// taught, ten through one server more, and the tree numbers them alike.
func TestWalk(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.see("#panel-walk button[aria-pressed=true]", p.texts.of("dns.walk.cold", "n", 8))
	p.arrows(8)
	p.see(`[data-server="a.edu."] .number`, "4")
	p.see(`[data-server="dns.cs.umass.edu."] .number`, "6")
	p.click("button", p.texts.of("dns.walk.cached", "n", 2))
	p.arrows(2)
	p.see(".arrows", p.texts.of("dns.walk.knows", "name", "dns.nyu.edu"))

	p.click("checkbox", p.texts.of("dns.walk.via"))
	p.arrows(10)
	p.see(`[data-server="dns.umass.edu."] .number`, "6")
	p.see("#panel-walk .gist", p.texts.of("dns.walk.detour"))
	p.choose(p.texts.of("dns.manner"), p.texts.of("dns.recursive"))
	p.click("checkbox", p.texts.of("dns.walk.via"))
	p.until("each server asks the next", `document.querySelectorAll(".arrows li")[2]?.textContent.includes("root → a.edu")`)
	p.see(".answer", "128.119.245.12")
	p.search("www.ibm.com")
	p.see(".answer", "servereast.backup2.ibm.com.")
	p.until("a name elsewhere has no way through umass.edu", `!document.querySelector("#panel-walk input").checkVisibility()`)
}

// The walk can be gone through by keys, which keep their place.
func TestWalkByKeys(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.arrows(8)
	p.press("ArrowRight")
	p.arrows(1)
	p.press("ArrowRight", "ArrowRight")
	p.arrows(3)
	p.see("#say", p.texts.of("dns.walk.step", "n", 3, "from", p.text(".arrows li:nth-child(2) .ends")[len("dns.nyu.edu → "):], "to", "dns.nyu.edu", "text", "referral: edu. NS a.edu., TTL 86400"))
	p.focus("button", p.texts.of("dns.key.forward"))
	p.press("Space", "Space")
	p.arrows(5)
	p.press("ArrowLeft")
	p.arrows(4)
	p.write("w")
	p.arrows(8)
	p.focus("tab", p.texts.of("dns.tab.walk"))
	p.press("ArrowRight")
	p.see("#panel-cache table", p.texts.of("dns.cache.left"))
}

// A message is taken apart byte by byte: a compressed name leads to where it
// stands, by mouse and by keys.
func TestDissector(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.see("#dissector .bits.on", "QR")
	p.click("button", p.texts.of("dns.pointer", "at", 12))
	p.until("the pointer's two bytes are lit", `document.querySelectorAll(".byte.lit").length === 2 && document.querySelector(".byte.lit").textContent === "c0"`)
	p.until("the name that it points to is marked", `[...document.querySelectorAll(".byte.target")].map((e) => e.textContent).join(" ").startsWith("04 67 61 69 61 02 63 73")`)

	p.eval(`document.querySelector("#dissector .hex").focus()`, nil)
	p.press("Home", "ArrowRight", "ArrowRight")
	p.until("keys went to the third field", `[...document.querySelectorAll(".byte.lit")].map((e) => e.textContent).join(" ") === "00 01"`)
	p.see("#say", p.texts.of("dns.field.said", "offset", 4, "name", "QDCOUNT", "value", 1, "meaning", p.texts.of("dns.means.QDCOUNT", "n", 1)))

	root := p.text(".arrows li:nth-child(2) .ends")[len("dns.nyu.edu → "):]
	bytes := p.texts.of("dns.walk.dissect.n", "n", 2, "server", root)
	p.click("button", bytes)
	p.see("#dissector h3", p.texts.of("dns.section.authority"))
	p.choose(p.texts.of("dns.manner"), p.texts.of("dns.recursive"))
	p.click("button", p.texts.of("dns.walk"))
	p.until("the walk is recursive", `document.querySelectorAll(".arrows li")[2]?.textContent.includes("root → a.edu")`)
	root = p.text(".arrows li:nth-child(2) .ends")[len("dns.nyu.edu → "):]
	p.click("button", p.texts.of("dns.walk.dissect.n", "n", 2, "server", root))
	p.see("#dissector .fields code", "128.119.245.12")
}

// The fields are explained in the reader's language; what stands on the wire stays.
func TestDissectorInThai(t *testing.T) {
	how := desktop()
	how.lang = "th"
	p := openAs(t, startLab(t), "/dns", how)
	p.see("#dissector .lit-bits", p.texts.of("dns.means.RA.1"))
	p.see("#dissector .fields", p.texts.of("dns.means.type.A"))
	p.see("#dissector .fields code", "gaia.cs.umass.edu.")
	var english []string
	p.eval(`[...document.querySelectorAll("#dissector .fields td:last-child")].map((e) => e.textContent).filter((s) => !/[\u0e00-\u0e7f]/.test(s))`, &english)
	if len(english) > 0 {
		t.Errorf("not in Thai: %q", english)
	}
}

// A record that is added is in the next answer; a mistake is shown at its line.
func TestZoneEdit(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.tab("zones")
	p.see("#panel-zones .records", "198.18.1.80")
	p.fill("textbox", p.texts.of("dns.zone.add"), "new 60 IN A 198.18.1.99")
	p.press("Enter")
	p.see("#panel-zones .records", "198.18.1.99")
	p.fill("combobox", p.texts.of("dns.name"), "new.amazon.com")
	p.click("button", p.texts.of("dns.query"))
	p.see("#dissector .fields code", "198.18.1.99")

	p.click("button", p.texts.of("dns.zone.text"))
	p.focus("textbox", p.texts.of("dns.zone.text"))
	p.eval(`(() => { const a = document.activeElement; a.setSelectionRange(a.value.length, a.value.length); })()`, nil)
	p.write("mail 3600 IN MX 10 mail.amazon.com")
	p.see(".findings", "a final dot is missing")
	p.until("the line has a mark", `document.querySelectorAll(".numbers div")[document.querySelector(".master").value.split("\n").length - 1].textContent.startsWith("⚠")`)
	p.tab("walk")
	p.tab("zones")
	p.see(".master", "mail.amazon.com") // what was typed is still there
	p.write("!")                        // keys of the page do no harm here
	p.focus("textbox", p.texts.of("dns.zone.text"))
	p.eval(`document.activeElement.select()`, nil)
	p.write("www IN A nonsense")
	p.click("button", p.texts.of("dns.zone.save"))
	p.excuse("422")
	p.see(".findings .error", "nonsense")
	p.see(".numbers .bad", "1")
}

// The lecture's example: a domain is free, somebody registers it, the zone above
// gains two records and their glue, and the name is found.
func TestRegistrar(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.search("www.networkutopia.com")
	p.see(".arrows", "NXDOMAIN")
	p.tab("registrar")
	p.click("button", p.texts.of("dns.reg.search"))
	p.see(".verdict.free", p.texts.of("dns.reg.free", "name", "networkutopia.com"))
	p.fill("textbox", p.texts.of("dns.reg.owner"), "somchai")
	p.click("button", p.texts.of("dns.reg.take"))
	p.see(".verdict.done", p.texts.of("dns.reg.done", "name", "networkutopia.com", "owner", "somchai"))
	p.see(".diff .plus", "+ networkutopia.com. 86400 IN NS dns1.networkutopia.com.")
	p.see(".diff .plus", "+ dns1.networkutopia.com. 86400 IN A 212.212.212.1")
	p.see(".fine", p.texts.of("dns.reg.answers"))
	p.search("www.networkutopia.com")
	p.see(".answer", "212.212.")
	p.tab("registrar")
	p.click("button", p.texts.of("dns.reg.release"))
	p.see(".verdict.free", p.texts.of("dns.reg.released", "name", "networkutopia.com"))
	p.see(".diff .minus", "networkutopia.com. 86400 IN NS")
}

// What the local name server knows has an origin and a time that runs down; a
// record can be forgotten.
func TestCache(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.see("#dissector .fields", "gaia.cs.umass.edu.")
	p.tab("cache")
	row := `[...document.querySelectorAll(".cache tbody tr")].find((r) => r.textContent.startsWith("gaia"))`
	p.until("the answer is kept, with where it is from", row+`?.textContent.includes("128.119.245.53")`)
	p.until("it has a time", row+`?.querySelector(".left").textContent.includes(":")`)
	seconds := func() int {
		var left string
		p.eval(row+`.querySelector(".left").textContent`, &left)
		return clockSeconds(t, left)
	}
	before := seconds()
	if before > 3600 || before < 3000 {
		t.Fatalf("%d s are left", before)
	}
	p.click("button", p.texts.of("dns.clock.minute"))
	p.until("a minute has passed", fmt.Sprintf(`(() => { const s = %s.querySelector(".left").textContent.split(":").reduce((n, x) => 60 * n + Number(x), 0); return s <= %d; })()`, row, before-60))
	p.click("button", p.texts.of("dns.cache.forget", "name", "gaia.cs.umass.edu."))
	p.until("it is forgotten", "!"+row)
	p.click("button", p.texts.of("dns.cache.flush"))
	p.see(".cache", p.texts.of("dns.cache.empty"))
}

// That a name does not exist is kept as well, and shown.
func TestCacheOfNothing(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.fill("combobox", p.texts.of("dns.name"), "nobody.amazon.com")
	p.click("button", p.texts.of("dns.query"))
	p.see("#dissector", "NXDOMAIN")
	p.tab("cache")
	p.until("the name is kept as one that does not exist", `[...document.querySelectorAll(".cache tbody tr")].some((r) =>
		r.textContent.includes("nobody.amazon.com") && r.textContent.includes("NXDOMAIN") && r.textContent.includes(`+quote(p.texts.of("dns.cache.none"))+`))`)
}

// clockSeconds reads "59:59" and "1:00:00".
func clockSeconds(t *testing.T, s string) int {
	t.Helper()
	n := 0
	for _, part := range regexp.MustCompile(`\d+`).FindAllString(s, -1) {
		v, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		n = 60*n + v
	}
	return n
}

// A broken chain of signatures makes the validating server say which link failed.
func TestBrokenZone(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.see("#dissector .fields", "gaia.cs.umass.edu.")
	p.tab("faults")
	p.click("button", p.texts.of("dns.fault.wrong-ds"))
	p.see(".findings", p.texts.of("dns.fault.wrong-ds"))
	p.until("the focus has stayed", `document.activeElement.dataset.key === "wrong-ds"`)
	p.fill("combobox", p.texts.of("dns.name"), "www.amazon.com")
	p.click("button", p.texts.of("dns.query"))
	p.see("#dissector .lit-bits", "SERVFAIL")
	p.see("#dissector .why", "DS")
	p.click("button", p.texts.of("dns.fault.mend"))
	p.see("#panel-faults .fine", p.texts.of("dns.fault.none"))
}

// The forger wins against a short id, and never against signatures.
func TestRace(t *testing.T) {
	p := open(t, startLab(t), "/dns")
	p.tab("attacks")
	p.choose(p.texts.of("dns.race.bits"), "8")
	p.click("button", p.texts.of("dns.race.go"))
	p.see(".lost", p.texts.of("dns.race.won"))
	p.see(".figures", p.texts.of("dns.race.chance")) // how large it is depends on how many replies were forged
	p.click("checkbox", p.texts.of("dns.race.validate"))
	p.click("button", p.texts.of("dns.race.go"))
	p.see(".counters .fine", p.texts.of("dns.race.caught"))
}

// The ways of the local name server are changed by keys, and keep the focus.
func TestModes(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/dns")
	p.tab("modes")
	p.see("#panel-modes", p.texts.of("dns.mode.forward"))
	p.eval(`document.querySelector("#panel-modes [value=iterative]").focus()`, nil)
	p.press("ArrowDown")
	p.until("the focus is on the new way", `document.activeElement.value === "recursive" && document.activeElement.checked`)
	eventually(t, "the server works that way", func() bool { return regexp.MustCompile(`"mode":"recursive"`).MatchString(get(t, l, "/dns/mode")) })
}
