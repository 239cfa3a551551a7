package browser_test

import (
	"fmt"
	"testing"
)

// lecture is what the lecture's client says.
func lecture() []string {
	return []string{
		"HELO crepes.fr", "MAIL FROM:<alice@crepes.fr>", "RCPT TO:<bob@hamburger.edu>", "DATA",
		"Do you like ketchup?", "How about pickles?", ".", "QUIT",
	}
}

// The lecture's dialogue, typed in the page's terminal, appears in the ladder line
// by line, each with the state that it leads to, and bob's mailbox grows.
func TestLectureInTheTerminal(t *testing.T) {
	p := open(t, startLab(t), "/")
	p.see("#state", p.texts.of("shell.live"))
	p.see("#map .count", p.texts.of("journey.counts", "queue", 0, "box", 0))
	p.click("button", p.texts.of("journey.terminal.connect"))
	p.see("#terminal-log .S", "220 hamburger.edu")
	p.until("the first command is greyed in", `document.querySelector("#terminal-line").placeholder === "HELO crepes.fr"`)
	for i, step := range []struct{ answer, state string }{
		{"250 Hello crepes.fr, pleased to meet you", "greeted"},
		{"250 alice@crepes.fr... Sender ok", "sender"},
		{"250 bob@hamburger.edu ... Recipient ok", "recipients"},
		{`354 Enter mail, end with "." on a line by itself`, "data"},
		{"", "data"},
		{"", "data"},
		{"250 Message accepted for delivery", "greeted"},
		{"221 hamburger.edu closing connection", "closed"},
	} {
		line := lecture()[i]
		p.say(line)
		if step.answer == "" {
			p.see("#rungs .rung.C .text", p.texts.of("journey.text", "n", i-3))
		} else {
			p.see("#rungs .rung.C .text", line)
			p.see("#rungs .rung.S .text", step.answer)
		}
		p.see(`.states [aria-current=step]`, step.state)
	}
	p.see("#map .count", p.texts.of("journey.counts", "queue", 0, "box", 1))
	p.see("#list .state", p.texts.of("journey.state.delivered"))
}

// A rung shows its bytes beside their meaning, and the end of a message for what
// it is.
func TestBytesAndMeaning(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/")
	p.see("#state", p.texts.of("shell.live"))
	playLecture(t, l)
	p.rung("MAIL FROM: <alice@crepes.fr>")
	p.see("#bytes .hex", "4d 41 49 4c 20 46 52 4f")
	p.see("#meaning .rfc", "RFC 5321 §4.1.1.2")
	p.rung(".")
	p.see("#bytes .hex", "0d 0a 2e 0d 0a")
	p.see("#bytes", p.texts.of("journey.crlfdot"))
	if p.count("#bytes .end") == 0 {
		t.Error("the five bytes that end the message are not marked")
	}
}

// A journey can be chosen and searched for; one that is over starts at its first
// line, and the reader's place stays when more happens.
func TestJourneys(t *testing.T) {
	l := startLab(t)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Supper", "Still?")
	p := open(t, l, "/")
	p.see("#list", "Lunch")
	p.fill("searchbox", p.texts.of("journey.search"), "subject:supper")
	p.gone("#list", "Lunch")
	p.eval(`[...document.querySelectorAll("#list button")].find((b) => b.textContent.includes("Supper")).click()`, nil)
	p.see("#ladder-title", "Supper · "+p.texts.of("journey.state.delivered"))
	p.until("the first rung is chosen", `document.querySelector("#rungs [aria-current]").textContent.startsWith("1*")`)
	p.rung("RCPT TO:<bob@hamburger.edu>")
	read(t, l)
	p.see("#ladder-title", "Supper · "+p.texts.of("journey.state.read"))
	if at := p.text("#rungs [aria-current] .text"); at != "RCPT TO:<bob@hamburger.edu>" {
		t.Errorf("when more happened, the reader was taken to %q", at)
	}
}

// Each arrow is between those between whom it was, live and in a journey: alice's are
// not bob's after he has read, and what was said before a name was known gets it.
func TestArrowsAreNamed(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/")
	p.see("#state", p.texts.of("shell.live"))
	before := ended(t, l)
	play(t, l.Ready.Nodes["crepes.fr"].Submission, submission)
	eventually(t, "the message is delivered", func() bool { return ended(t, l) > before })
	read(t, l)
	for range 2 {
		p.see("#rungs .rung", "FETCH")
		for line, who := range map[string][2]string{
			"220 crepes.fr":               {"crepes.fr", "alice@crepes.fr"},
			"MAIL FROM:<alice@crepes.fr>": {"alice@crepes.fr", "crepes.fr"},
			"220 hamburger.edu":           {"hamburger.edu", "crepes.fr"},
			"* OK":                        {"hamburger.edu", "bob@hamburger.edu"},
			"a LOGIN":                     {"bob@hamburger.edu", "hamburger.edu"},
		} {
			want := p.texts.of("journey.fromto", "from", who[0], "to", who[1])
			p.until(line+" is "+want, fmt.Sprintf(`[...document.querySelectorAll("#rungs .rung")].find((li) => li.querySelector(".text").textContent.includes(%s))?.querySelector(".who").textContent === %s`, quote(line), quote(want)))
		}
		p.until("nobody is a stranger", `![...document.querySelectorAll("#rungs .who, #map text")].some((w) => /client|reader|\?/.test(w.textContent))`)
		p.openJourney("Lunch")
		p.see("#ladder-title", "Lunch")
	}
}

// say types a line in the terminal, which has the focus, and sends it.
func (p *page) say(line string) {
	p.t.Helper()
	p.see("#terminal-line:focus", "")
	p.write(line)
	p.press("Enter")
}

// rung chooses the first rung with exactly this text.
func (p *page) rung(text string) {
	p.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("#rungs .rung")].find((li) => li.querySelector(".text").textContent === %s)`, quote(text))
	p.until("there is a rung "+text, find)
	p.eval(find+`.querySelector("button").click()`, nil)
}
