package browser_test

import "testing"

// No page is wider than its window, in any look.
func TestPagesFit(t *testing.T) {
	l := startLab(t)
	scene(t, l)
	for _, one := range stages() {
		t.Run(one.name, func(t *testing.T) {
			for _, lang := range []string{"en", "th"} {
				p := openAs(t, l, one.path, look{width: 1280, height: 800, lang: lang, theme: "light"})
				one.act(p)
				for name, how := range looks() {
					p.wear(how)
					if wide := p.tooWide(); wide != "" {
						t.Errorf("%s, %s: %s", name, lang, wide)
					}
				}
			}
		})
	}
}

// tooWide names the first element that makes the page wider than its window.
func (p *page) tooWide() (name string) {
	p.t.Helper()
	p.eval(`(() => {
		const most = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= most) return "";
		const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
		const wide = [...document.body.querySelectorAll("*")].find((e) => e.getBoundingClientRect().right > most + 1 && !scrolls(e.parentElement));
		return document.documentElement.scrollWidth + " for " + most + ": " + (wide?.outerHTML.slice(0, 200) ?? "?");
	})()`, &name)
	return name
}
