package browser_test

import "testing"

// submission is a dialogue by which alice hands a message to her server.
const submission = `
S: 220 crepes.fr
C: EHLO alice.crepes.fr
S...
S~ 250 .*
C: AUTH PLAIN AGFsaWNlAGFsaWNl
S~ 235 .*
C: MAIL FROM:<alice@crepes.fr>
S~ 250 .*
C: RCPT TO:<bob@hamburger.edu>
S~ 250 .*
C: DATA
S~ 354 .*
C: Subject: Lunch
C:
C: Hungry?
C: .
S~ 250 .*
C: QUIT
S~ 221 .*
`

// A message is sent again with another reply to RCPT, and both ladders stand side
// by side with the differences marked.
func TestWhatIf(t *testing.T) {
	l := startLab(t)
	play(t, l.Ready.Nodes["crepes.fr"].Submission, submission)
	eventually(t, "the message is delivered", func() bool { return ended(t, l) == 1 })
	p := open(t, l, "/")
	p.openJourney("Lunch")
	p.whatIfNobody()
	p.see("#compare th", p.texts.of("journey.compare.before", "state", p.texts.of("journey.state.delivered")))
	p.see("#compare tr.different", "S: 250 2.1.5 bob@hamburger.edu ... Recipient ok≠S: 550 5.1.1 Nobody has this name")
	p.see("#compare tr.only-a", "C: DATA◀")
	p.see("#compare tr.same td:first-child", "C: MAIL FROM:<alice@crepes.fr>")
	p.press("Escape")
	p.see("#list .state", p.texts.of("journey.state.bounced"))
}

// whatIfNobody asks what happens to the journey that is open if its recipient is
// refused.
func (p *page) whatIfNobody() {
	p.t.Helper()
	p.click("button", p.texts.of("journey.whatif"))
	p.see("dialog[open]", p.texts.of("journey.whatif.hint"))
	p.choose(p.texts.of("journey.whatif.kind"), p.texts.of("journey.whatif.reply"))
	p.fill("textbox", p.texts.of("journey.whatif.field.command"), "RCPT")
	p.fill("textbox", p.texts.of("journey.whatif.field.text"), "550 5.1.1 Nobody has this name")
	p.click("button", p.texts.of("journey.whatif.send"))
	p.see("#compare th", p.texts.of("journey.compare.after", "state", p.texts.of("journey.state.bounced")))
}
