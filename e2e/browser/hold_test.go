package browser_test

import (
	"slices"
	"strings"
	"testing"
)

// A relay is held, and goes on line by line as the reader steps.
func TestRelayLineByLine(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/")
	p.see("#state", p.texts.of("shell.live"))
	p.click("button", p.texts.of("journey.pause"))
	p.see("#pause[aria-pressed=true]", p.texts.of("journey.resume"))
	submit(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	var said []string
	for len(said) < 60 && !slices.Contains(said, "S: 221 2.0.0 hamburger.edu closing connection") {
		p.see("#held .held", p.texts.of("journey.held.pass"))
		line := p.held()
		said = append(said, line)
		p.click("button", p.texts.of("journey.step"))
		p.until("another line waits, or none", "("+heldLine+") !== "+quote(line))
	}
	for i, want := range []string{"S: 220 ", "C: EHLO ", "C: STARTTLS", "C: MAIL FROM:<alice@crepes.fr>", "C: RCPT TO:<bob@hamburger.edu>", "C: DATA", "C: .", "C: QUIT", "S: 221 "} {
		at := slices.IndexFunc(said, func(s string) bool { return strings.HasPrefix(s, want) })
		if at < 0 {
			t.Fatalf("line %d, %q, was not held; there were\n%s", i, want, strings.Join(said, "\n"))
		}
		said = said[at:]
	}
	p.click("button", p.texts.of("journey.resume"))
	p.see("#map .count", p.texts.of("journey.counts", "queue", 0, "box", 1))
}

// heldLine is the first line that waits, as the page shows it.
const heldLine = `(() => { const b = document.querySelector("#held .held"); return b ? b.querySelector("b").textContent.slice(-2) + " " + b.querySelector("input").value : ""; })()`

// newestInSight is whether the end of the ladder can be seen.
const newestInSight = `(() => { const l = document.getElementById("rungs"); return l.lastElementChild.getBoundingClientRect().bottom <= l.getBoundingClientRect().bottom + 2; })()`

func (p *page) held() string {
	p.t.Helper()
	var line string
	p.eval(heldLine, &line)
	return line
}

// A reply is edited to 451: the message waits in the queue, the lab's clock jumps
// to the next try, and the message arrives.
func TestReplyEditedTo451(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/")
	p.see("#state", p.texts.of("shell.live"))
	p.click("button", p.texts.of("journey.break"))
	p.choose(p.texts.of("journey.break.node"), "hamburger.edu")
	p.choose(p.texts.of("journey.break.dir"), p.texts.of("journey.break.server"))
	p.fill("textbox", p.texts.of("journey.break.text"), "Recipient ok")
	p.click("button", p.texts.of("shell.ok"))
	p.see("#breakpoints", "hamburger.edu S: Recipient ok")
	submit(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	p.see("#held input", "250 2.1.5 bob@hamburger.edu ... Recipient ok")
	p.fill("textbox", p.texts.of("journey.held.text"), "451 4.3.0 Not now")
	p.click("button", p.texts.of("journey.held.edit"))
	p.see("#list .state", p.texts.of("journey.state.deferred"))
	p.see("#rungs .failed .text", "451 4.3.0 Not now")
	p.see("#map .count", p.texts.of("journey.counts", "queue", 1, "box", 0))
	p.click("button", p.texts.of("journey.break.remove", "where", "hamburger.edu S: Recipient ok"))
	p.gone("#breakpoints", "Recipient ok")
	p.click("button", p.texts.of("journey.clock.retry"))
	p.see("#list .state", p.texts.of("journey.state.delivered"))
	p.see("#map .count", p.texts.of("journey.counts", "queue", 0, "box", 1))
}

// A held line can be dropped, or released as it is.
func TestHeldLineDropped(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/")
	p.see("#state", p.texts.of("shell.live"))
	p.click("button", p.texts.of("journey.terminal.connect"))
	p.see("#terminal-log .S", "220 hamburger.edu")
	p.click("button", p.texts.of("journey.pause"))
	p.see("#pause[aria-pressed=true]", "")
	p.click("textbox", p.texts.of("journey.terminal.line"))
	p.say("NOOP")
	p.see("#held input", "NOOP")
	p.see("#held .count", "s")
	p.until("the newest line is in sight beside what is held", newestInSight)
	p.click("button", p.texts.of("journey.held.drop"))
	p.until("the line is gone", `document.querySelectorAll("#held .held").length === 0`)
	p.click("textbox", p.texts.of("journey.terminal.line"))
	p.say("HELO crepes.fr")
	p.see("#held input", "HELO crepes.fr")
	p.click("button", p.texts.of("journey.held.pass"))
	p.see("#held input", "250 Hello crepes.fr, pleased to meet you")
	p.click("button", p.texts.of("journey.held.pass"))
	p.see("#terminal-log .S", "250 Hello crepes.fr, pleased to meet you")
	if text := p.text("#terminal-log"); strings.Contains(text, "250 Ok") || strings.Contains(text, "250 2.0.0") {
		t.Errorf("the dropped NOOP was answered:\n%s", text)
	}
}
