package browser_test

import (
	"testing"

	"glassmail/lab"
)

// scene fills a lab with what its pages are about: the lecture's dialogue, a
// message that is relayed, one in Thai, one that has to wait, and clients that are
// connected.
func scene(t *testing.T, l *lab.Lab) {
	t.Helper()
	playLecture(t, l)
	play(t, l.Ready.Nodes["crepes.fr"].Submission, submission)
	eventually(t, "the relayed message is delivered", func() bool { return ended(t, l) == 2 })
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "นัดกินข้าวเที่ยง", "สวัสดีครับ พรุ่งนี้เที่ยงว่างไหม")
	deferred(t, l, "Pickles")
	connect(t, l.Ready.Nodes["hamburger.edu"].SMTP)
	connect(t, l.Ready.Nodes["crepes.fr"].IMAP)
}

// stage is a page and what is done there before the picture.
type stage struct {
	name, path string
	act        func(*page)
}

func stages() []stage {
	return []stage{
		{"journey", "/", func(p *page) {
			p.openJourney("Lunch")
			p.rung("RCPT TO:<bob@hamburger.edu>")
		}},
		{"live", "/", func(p *page) {
			p.see("#state", p.texts.of("shell.live"))
			p.click("button", p.texts.of("journey.terminal.connect"))
			for _, line := range lecture()[:6] {
				p.say(line)
			}
			p.see("#rungs .text", "354")
		}},
		{"held", "/", func(p *page) {
			p.api("POST", "/hold/resume", "{}")
			p.click("button", p.texts.of("journey.terminal.connect"))
			p.see("#rungs .rung:last-child .text", "220 hamburger.edu")
			p.api("POST", "/hold/pause", "{}")
			p.see("#pause[aria-pressed=true]", "")
			p.say("HELO crepes.fr")
			p.see("#held input", "HELO crepes.fr")
			p.t.Cleanup(func() { p.api("POST", "/hold/resume", "{}") })
		}},
		{"whatif", "/", func(p *page) {
			p.openJourney("Lunch")
			p.whatIfNobody()
		}},
		{"dns", "/dns", func(p *page) {
			p.click("button", p.texts.of("dns.walk"))
			p.see("#panel-walk .answer", "128.119.245.12")
		}},
		{"mail", "/mail", func(p *page) {
			p.logIn("bob@hamburger.edu")
			p.see("#list .row", "นัดกินข้าว")
			p.eval(`[...document.querySelectorAll("#list .row")].find((r) => r.textContent.includes("นัดกินข้าว")).click()`, nil)
			p.see("#reader", "สวัสดีครับ")
		}},
		{"enter", "/mail", func(p *page) { p.see("#people", "bob@hamburger.edu") }},
		{"login", "/login", func(p *page) { p.see("h2", p.texts.of("shell.login.title")) }},
		{"server", "/server", func(p *page) {
			p.see("#queue td", "bob@hamburger.edu")
			p.see("#sessions td", "SMTP")
			p.see("#users td", "alice@crepes.fr")
		}},
	}
}
