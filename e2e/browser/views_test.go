package browser_test

import (
	"testing"
)

// view is one of the views within a page, and how it is reached.
type view struct {
	name, path string
	act        func(*page)
}

// views are those of the DNS page and the mail page that nobody sees at once.
func views() []view {
	out := []view{
		{"dns registrar", "/dns", func(p *page) {
			p.tab("registrar")
			p.click("button", p.texts.of("dns.reg.search"))
			p.see(".verdict", "networkutopia.com")
		}},
		{"dns zone text", "/dns", func(p *page) {
			p.tab("zones")
			p.see("#panel-zones .records", "198.18.1.80")
			p.click("button", p.texts.of("dns.zone.text"))
			p.click("button", p.texts.of("dns.zone.check"))
			p.see(".findings li", "NS")
		}},
		{"mail compose", "/mail", func(p *page) {
			p.logIn("bob@hamburger.edu")
			p.click("button", p.texts.of("mail.compose"))
			p.see("dialog.compose", p.texts.of("mail.send"))
		}},
	}
	for name, sign := range map[string]string{"cache": ".cache .left", "zones": ".records td", "faults": "#panel-faults .choices-list", "attacks": "#panel-attacks .field", "modes": "#panel-modes .mode"} {
		out = append(out, view{"dns " + name, "/dns", func(p *page) {
			p.see("#dissector .fields", "gaia")
			p.tab(name)
			p.see(sign, "")
		}})
	}
	for name, sign := range map[string]string{"html": "iframe.html", "parts": ".parts td", "header": ".header td", "raw": ".body pre"} {
		out = append(out, view{"mail " + name, "/mail", func(p *page) {
			p.logIn("bob@hamburger.edu")
			p.row("Menu")
			p.hit(rowOf("Menu"))
			p.see(".reader .title", "Menu")
			p.click("button", p.texts.of("mail.view."+name))
			p.see(sign, "")
		}})
	}
	return out
}

// Every view fits its window and, when a projector shows it, has letters of 22 pixels
// and more.
func TestViews(t *testing.T) {
	l := startLab(t)
	put(t, l, "From: Alice <alice@crepes.fr>\nTo: bob@hamburger.edu\nSubject: Menu\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"+
		"--b\nContent-Type: text/plain\n\nBurgers\n--b\nContent-Type: text/html\n\n<h1>Burgers</h1>\n--b\nContent-Type: image/png; name=burger.png\n\n--b--\n")
	for _, one := range views() {
		t.Run(one.name, func(t *testing.T) {
			for _, lang := range []string{"en", "th"} {
				p := openAs(t, l, one.path, look{width: 1280, height: 800, lang: lang, theme: "light"})
				one.act(p)
				for _, how := range []look{
					{1280, 800, lang, "light", false}, {1280, 800, lang, "dark", false}, {390, 844, lang, "light", false},
					{1280, 800, lang, "dark", true}, {1920, 1080, lang, "light", true},
				} {
					p.wear(how)
					if wide := p.tooWide(); wide != "" {
						t.Errorf("%+v: %s", how, wide)
					}
					if small := p.tooSmall(); how.projector && len(small) > 0 {
						t.Errorf("%+v: smaller than 22 pixels: %q", how, small)
					}
				}
			}
		})
	}
}

// axe-core finds no violation in any of them.
func TestAxeInViews(t *testing.T) {
	needBrowser(t)
	axe := axeSource(t)
	l := startLab(t)
	put(t, l, lunch("1", "Menu", "Content-Type: text/html"))
	for _, one := range views() {
		t.Run(one.name, func(t *testing.T) {
			p := openAs(t, l, one.path, desktop())
			one.act(p)
			for _, theme := range []string{"light", "dark"} {
				p.wear(look{1280, 800, "en", theme, false})
				p.axe(axe, theme)
			}
		})
	}
}

// tooSmall are texts in sight whose letters are smaller than 22 pixels.
func (p *page) tooSmall() (texts []string) {
	p.t.Helper()
	p.eval(`(() => {
		const out = new Set(), all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (all.nextNode()) {
			const e = all.currentNode.parentElement, text = all.currentNode.textContent.trim();
			if (text && e.checkVisibility() && !e.closest(".aside, script, noscript, option") && parseFloat(getComputedStyle(e).fontSize) < 22) out.add(e.tagName + "." + (e.getAttribute("class") ?? "") + ": " + text.slice(0, 30));
		}
		return [...out].slice(0, 20);
	})()`, &texts)
	return texts
}
