package browser_test

import "testing"

// lecture is what the lecture's client says.
func lecture() []string {
	return []string{
		"HELO crepes.fr", "MAIL FROM:<alice@crepes.fr>", "RCPT TO:<bob@hamburger.edu>", "DATA",
		"Do you like ketchup?", "How about pickles?", ".", "QUIT",
	}
}

// The lecture's dialogue, typed in the page's terminal, appears in the ladder line
// by line, and bob's mailbox grows.
func TestLectureInTheTerminal(t *testing.T) {
	p := open(t, startLab(t), "/")
	p.see("#state", p.texts.of("shell.live"))
	p.click("button", p.texts.of("journey.terminal.connect"))
	p.see("#terminal-log .S", "220 hamburger.edu")
	for _, line := range lecture() {
		p.say(line)
	}
	p.see("#terminal-log .S", "221 hamburger.edu closing connection")
	for _, line := range []string{"HELO crepes.fr", "250 Hello crepes.fr, pleased to meet you", "RCPT TO:<bob@hamburger.edu>", "354 Enter mail", "221 hamburger.edu closing connection"} {
		p.see("#rungs .rung .text", line)
	}
	p.see("#map .count", p.texts.of("journey.counts", "queue", 0, "box", 1))
}

// say types a line in the terminal, which has the focus, and sends it.
func (p *page) say(line string) {
	p.t.Helper()
	p.see("#terminal-line:focus", "")
	p.write(line)
	p.press("Enter")
}
