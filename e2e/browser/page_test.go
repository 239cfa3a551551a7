package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"glassmail/lab"
)

// page is one tab with a profile of its own.
type page struct {
	t      *testing.T
	ctx    context.Context
	origin string
	texts  texts // in the language of the page

	mu      sync.Mutex
	asked   []string // URLs of all requests, frames and sockets included
	faults  []string // errors of the console, exceptions
	excused []string // parts of faults that the test expects
}

// look is how somebody looks at a page.
type look struct {
	width, height int64
	lang          string // "en" or "th"
	theme         string // "light" or "dark"
	projector     bool
}

// desktop is a look at a common notebook.
func desktop() look { return look{width: 1280, height: 800, lang: "en", theme: "light"} }

// open opens a path of the lab, such as "/dns". At the end of the test the page's
// console has shown no error, and no request has left the lab; a test that fails
// leaves a picture in $GLASSMAIL_SHOTS, or in the folder of temporary files.
func open(t *testing.T, l *lab.Lab, path string) *page { return openAs(t, l, path, desktop()) }

func openAs(t *testing.T, l *lab.Lab, path string, how look) *page {
	t.Helper()
	return openAt(t, l.Ready.Web, path, how)
}

// openAt is openAs for the pages of any server, by its address: "http://127.0.0.1:8025".
func openAt(t *testing.T, origin, path string, how look) *page {
	t.Helper()
	needBrowser(t)
	p := &page{t: t, origin: origin, texts: newTexts(t, how.lang)}
	var cancel context.CancelFunc
	p.ctx, cancel = chromedp.NewContext(chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	t.Cleanup(cancel)
	if err := chromedp.Do(p.ctx); err != nil { // the first of a tab has no deadline, for the tab would end with it
		t.Fatalf("a new tab: %v", err)
	}
	call(p, network.Enable, network.EnableParams{})
	t.Cleanup(p.judge)
	p.dress(how)
	p.visit(path)
	return p
}

// openMail opens the mail page, logged in as a user of the lab: "bob@hamburger.edu".
func openMail(t *testing.T, l *lab.Lab, account string) *page {
	t.Helper()
	p := open(t, l, "/mail")
	p.logIn(account)
	return p
}

// logIn logs in through the API, as the page's own form does, and opens the mail
// page anew.
func (p *page) logIn(account string) {
	p.t.Helper()
	name, _, _ := strings.Cut(account, "@")
	p.api("POST", "/login", fmt.Sprintf(`{"account": %q, "password": %q}`, account, name))
	p.visit("/mail")
}

// api calls the API as the page does.
func (p *page) api(method, path, body string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`fetch("/api/v1" + %s, {method: %s, headers: {"Content-Type": "application/json"}, body: %s})
		.then((r) => { if (!r.ok) throw new Error(%s + ": " + r.status); })`, quote(path), quote(method), quote(body), quote(path)), nil)
}

// dress sets size, language and colours.
func (p *page) dress(how look) {
	p.t.Helper()
	p.texts.lang = how.lang
	p.resize(how.width, how.height)
	projector := "no"
	if how.projector {
		projector = "yes"
	}
	for name, value := range map[string]string{"lang": how.lang, "theme": how.theme, "projector": projector} {
		call(p, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: p.origin, SameSite: network.CookieSameSiteStrict})
	}
}

// resize sets the size of the window; a narrow one is a phone.
func (p *page) resize(width, height int64) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600,
	})
}

// visit opens a path and waits until its module has run.
func (p *page) visit(path string) {
	p.t.Helper()
	p.do("open "+path, chromedp.Navigate(p.origin+path))
	p.eval(`(async () => { const page = document.querySelector("script[type=module]"); if (page) await import(page.src); })()`, nil)
}

func (p *page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, e.Request.URL)
	case *network.EventWebSocketCreated:
		p.asked = append(p.asked, e.URL)
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.faults = append(p.faults, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			for _, arg := range e.Args {
				p.faults = append(p.faults, "console.error: "+arg.Description+string(arg.Value))
			}
		}
	}
}

// requests are the URLs that the page and its frames have asked for so far.
func (p *page) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// excuse lets faults pass that contain a text: for a test that provokes them.
func (p *page) excuse(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.excused = append(p.excused, part)
}

// judge is the end of each page.
func (p *page) judge() {
	for _, url := range p.requests() {
		if !p.own(url) {
			p.t.Errorf("the page asked for %s", url)
		}
	}
	for _, fault := range p.unexcused() {
		p.t.Errorf("in the console: %s", fault)
	}
	if p.t.Failed() {
		p.shoot()
	}
}

func (p *page) unexcused() []string {
	p.mu.Lock() // the listener needs it, too: nothing may be asked of the page meanwhile
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.faults), func(fault string) bool { return containsAny(fault, p.excused) })
}

// own reports whether a request stays in the lab or in the page itself.
func (p *page) own(url string) bool {
	for _, start := range []string{p.origin + "/", "ws" + strings.TrimPrefix(p.origin, "http") + "/", "data:", "blob:" + p.origin, "about:"} {
		if strings.HasPrefix(url, start) {
			return true
		}
	}
	return false
}

func containsAny(s string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// shoot leaves a picture of a page whose test failed.
func (p *page) shoot() {
	dir := os.Getenv("GLASSMAIL_SHOTS")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "glassmail-shots")
	}
	path := filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-")+".png")
	b, err := p.picture()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	p.t.Logf("the page at the end: %s (%v)", path, err)
}

// picture is what the window shows, as PNG.
func (p *page) picture() ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// do runs actions; the test ends if one fails.
func (p *page) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// call runs a command of the DevTools protocol.
func call[P, R any](p *page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// eval runs JavaScript in the page, waits for its promise, and decodes the result
// into out, which may be nil.
func (p *page) eval(js string, out any) {
	p.t.Helper()
	if err := p.tryEval(js, out); err != nil {
		p.t.Fatalf("evaluate %s: %v", js, err)
	}
}

func (p *page) tryEval(js string, out any) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](js, chromedp.EvalAwaitPromise))
	if err == nil && out != nil {
		err = json.Unmarshal(b, out)
	}
	return err
}

// until waits until a JavaScript expression is true. One that fails, as it may while
// another page is being loaded, is not yet true.
func (p *page) until(what, js string) {
	p.t.Helper()
	end := time.Now().Add(patience)
	for {
		var ok bool
		err := p.tryEval("!!("+js+")", &ok)
		if ok {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("in vain waited %v until %s (%v)", patience, what, err)
		}
		time.Sleep(30 * time.Millisecond)
	}
}
