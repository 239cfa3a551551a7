package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"glassmail/lab"
)

// corpus gives bob each of the hostile messages, the first with the lowest UID, and
// returns their names.
func corpus(t *testing.T, l *lab.Lab) []string {
	t.Helper()
	files, err := filepath.Glob("../../web/mailview/testdata/hostile/*.eml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d messages: %v", len(files), err)
	}
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		put(t, l, strings.ReplaceAll(string(b), "\r\n", "\n"))
		files[i] = strings.TrimSuffix(filepath.Base(file), ".eml")
	}
	return files
}

// Each hostile message is opened in every view. Nothing of it runs, loads, opens a
// window, leaves the page or covers it.
func TestHostileMail(t *testing.T) {
	l := startLab(t)
	names := corpus(t, l)
	p := openMail(t, l, "bob@hamburger.edu")
	p.see("#count", p.texts.of("mail.count", "n", len(names)))
	p.eval(`window.known = new Set([...Object.getOwnPropertyNames(window), "known"]); undefined`, nil)
	var a alarm
	a.watch(t, p)
	before := len(p.requests())
	p.focus("listbox", p.texts.of("mail.messages"))
	p.press("Home", "Enter")
	for uid := len(names); uid > 0; uid-- {
		name := names[uid-1]
		p.see(".path code", fmt.Sprintf("UID FETCH %d BODY[]", uid))
		for _, view := range p.views() {
			p.eval(fmt.Sprintf(`document.querySelector(".tabs [data-view=%s]").click()`, view), nil)
			p.until(name+" is shown as "+view, fmt.Sprintf(`document.querySelector(".body").dataset.view === %q && document.querySelector(".body").childElementCount > 0`, view))
			if view == "html" {
				p.until("the frame is there", `document.querySelector("iframe.html")`)
				eventually(t, "the frame of "+name+" has its document", func() bool { f := p.frame(); return f != nil && strings.HasSuffix(f.DocumentURL, "/html") })
			}
			for _, fault := range append(a.heard(), p.damage()...) {
				t.Errorf("%s, %s: %s", name, view, fault)
			}
		}
		p.press("ArrowDown")
	}
	ours := regexp.MustCompile("^" + regexp.QuoteMeta(p.origin) + `/(static/|api/v1/mail/(messages|folders|changes)|api/v1/node)|^data:image/(png|gif|jpeg);base64,`)
	for _, url := range p.requests()[before:] {
		if !ours.MatchString(url) {
			t.Errorf("a message made the page ask for %.200s", url)
		}
	}
}

// The HTML of each hostile message is as harmless when somebody opens it in a window
// of its own.
func TestHostileMailInItsOwnWindow(t *testing.T) {
	l := startLab(t)
	names := corpus(t, l)
	p := openMail(t, l, "bob@hamburger.edu")
	p.see("#count", p.texts.of("mail.count", "n", len(names)))
	var paths []string // "" for those without HTML
	p.eval(`import(document.documentElement.dataset.assets + "shell/shell.js").then(async ({ get }) => {
		const inbox = (await get("/mail/folders")).items.find((f) => f.name === "INBOX");
		const uids = [...Array(inbox.messages).keys()].map((i) => i + 1);
		return Promise.all(uids.map(async (uid) => (await get("/mail/messages/" + inbox.id + "/" + uid)).hasHTML ? "/api/v1/mail/messages/" + inbox.id + "/" + uid + "/html" : ""));
	})`, &paths)
	p.excuse("/favicon.ico") // of which browsers ask for documents without one
	p.visit("/api/v1/session")
	var a alarm
	a.watch(t, p)
	opened := 0
	for i, path := range paths {
		if path == "" {
			continue
		}
		opened++
		before := len(p.requests())
		p.visit(path)
		var origin string
		if p.eval("self.origin", &origin); origin != "null" {
			t.Errorf("%s has the origin %s, and so the rights of the page", names[i], origin)
		}
		for _, fault := range a.heard() {
			t.Errorf("%s: %s", names[i], fault)
		}
		for _, url := range p.requests()[before:] {
			if url != p.origin+path && !strings.HasPrefix(url, "data:image/") && url != p.origin+"/favicon.ico" {
				t.Errorf("%s asked for %.200s", names[i], url)
			}
		}
	}
	if opened < 30 {
		t.Errorf("%d messages only have HTML", opened)
	}
}

// views are those that the message in the reader has.
func (p *page) views() []string {
	p.t.Helper()
	var out []string
	p.eval(`[...document.querySelectorAll(".tabs button")].map((b) => b.dataset.view)`, &out)
	return out
}

// damage is what a message has done to the page around it.
func (p *page) damage() []string {
	p.t.Helper()
	var out []string
	p.eval(`(() => {
		const out = [], reader = document.getElementById("reader");
		for (const name of Object.getOwnPropertyNames(window)) if (!window.known.has(name) && !/^\d+$/.test(name)) out.push("window has a new " + name);
		if (!/^(\(\d+\) )?Mail · bob@hamburger\.edu$/.test(document.title)) out.push("the title is " + document.title);
		if (location.pathname !== "/mail") out.push("the page is " + location);
		const words = "BUTTON DIV HEADER H2 H3 DL DT DD BDI TIME SPAN NAV SECTION P A UL LI CODE PRE BLOCKQUOTE TABLE THEAD TBODY TR TH TD IFRAME".split(" ");
		for (const e of reader.querySelectorAll("*")) {
			if (!words.includes(e.tagName)) out.push("the reader has an element " + e.tagName);
			for (const a of e.attributes) if (a.name.startsWith("on") || a.name === "style" && e.tagName !== "IFRAME") out.push("an attribute " + a.name + " of " + e.tagName);
			if (e.tagName === "A" && !/^(https?:\/\/|\/api\/v1\/mail\/|\/\?journey=)/.test(e.getAttribute("href"))) out.push("a link to " + e.getAttribute("href"));
			if (e.tagName === "IFRAME" && e.getAttribute("sandbox") !== "allow-popups allow-popups-to-escape-sandbox") out.push("a frame that may " + e.getAttribute("sandbox"));
		}
		for (const e of [document.querySelector(".masthead h1 a"), document.getElementById("compose"), document.getElementById("q"), reader.querySelector(".bar button:not(.back)")]) {
			const r = e.getBoundingClientRect(), top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
			if (r.y > 0 && top !== e && !e.contains(top)) out.push(e.outerHTML.slice(0, 80) + " is covered by " + top?.outerHTML.slice(0, 80));
		}
		if (document.documentElement.scrollWidth > innerWidth) out.push("the page is wider than its window");
		return out;
	})()`, &out)
	return out
}

// alarm notes what no message may cause.
type alarm struct {
	mu  sync.Mutex
	off []string
}

// watch rings for dialogs, for pages that are left, and for windows that open.
func (a *alarm) watch(t *testing.T, p *page) {
	t.Helper()
	html := regexp.MustCompile("^(about:blank|" + regexp.QuoteMeta(p.origin) + `/api/v1/mail/messages/\d+/\d+/html)$`)
	err := chromedp.Listen(p.ctx, func(event any) {
		switch e := event.(type) {
		case *devtools.EventJavascriptDialogOpening:
			a.ring("a dialog: " + e.Message)
		case *devtools.EventFrameNavigated:
			if !html.MatchString(e.Frame.URL) {
				a.ring("a navigation to " + e.Frame.URL)
			}
		case *devtools.EventWindowOpen:
			a.ring("a window with " + e.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (a *alarm) ring(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.off = append(a.off, what)
}

// heard is what rang since it was asked last.
func (a *alarm) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	off := a.off
	a.off = nil
	return off
}
