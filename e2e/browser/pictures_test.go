package browser_test

import (
	"os"
	"path/filepath"
	"testing"

	"glassmail/lab"
)

// looks are the windows in which every page has to be good.
func looks() map[string]look {
	return map[string]look{
		"1280":           {1280, 800, "en", "light", false},
		"1280-dark":      {1280, 800, "en", "dark", false},
		"1280-th":        {1280, 800, "th", "light", false},
		"1920":           {1920, 1080, "en", "light", false},
		"projector":      {1280, 800, "en", "light", true},
		"projector-1920": {1920, 1080, "th", "light", true},
		"phone":          {390, 844, "en", "light", false},
		"phone-dark":     {390, 844, "th", "dark", false},
	}
}

// scene fills a lab with what its pages are about: the lecture's dialogue, a
// message that is relayed, one in Thai, and one that has to wait.
func scene(t *testing.T, l *lab.Lab) {
	t.Helper()
	playLecture(t, l)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry? The canteen has pickles today.")
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "นัดกินข้าวเที่ยง", "สวัสดีครับ พรุ่งนี้เที่ยงว่างไหม")
	deferred(t, l, "Pickles")
}

// TestPictures makes a picture of every page in every look in $GLASSMAIL_PICTURES,
// for people to judge; `make screenshots` does it.
func TestPictures(t *testing.T) {
	dir := os.Getenv("GLASSMAIL_PICTURES")
	if dir == "" {
		t.Skip("GLASSMAIL_PICTURES names no folder")
	}
	l := startLab(t)
	scene(t, l)
	connect(t, l.Ready.Nodes["hamburger.edu"].SMTP)
	connect(t, l.Ready.Nodes["crepes.fr"].IMAP)
	for name, how := range looks() {
		for _, one := range stages() {
			t.Run(one.name+"-"+name, func(t *testing.T) {
				p := openAs(t, l, one.path, how)
				one.act(p)
				p.save(filepath.Join(dir, one.name+"-"+name+".png"))
			})
		}
	}
}

// stage is a page and what is done there before the picture.
type stage struct {
	name, path string
	act        func(*page)
}

func stages() []stage {
	return []stage{
		{"journey", "/", func(p *page) {
			p.see("#list .words", "Lunch")
			p.eval(`[...document.querySelectorAll("#list button")].find((b) => b.textContent.includes("Lunch")).click()`, nil)
			p.see("#rungs .text", "MAIL FROM")
			p.eval(`[...document.querySelectorAll("#rungs li.rung")].find((li) => li.textContent.includes("RCPT TO")).querySelector("button").click()`, nil)
		}},
		{"live", "/", func(p *page) {
			p.see("#state", p.texts.of("shell.live"))
			p.click("button", p.texts.of("journey.terminal.connect"))
			for _, line := range lecture()[:6] {
				p.say(line)
			}
			p.see("#rungs .text", "354")
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
		{"server", "/server", func(p *page) {
			p.see("#queue td", "bob@hamburger.edu")
			p.see("#sessions td", "SMTP")
			p.see("#users td", "alice@crepes.fr")
		}},
	}
}

// save writes the picture of the window.
func (p *page) save(path string) {
	p.t.Helper()
	b, err := p.picture()
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
