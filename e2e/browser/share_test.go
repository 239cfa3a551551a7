package browser_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A journey is saved as a file, and a page that reaches no server opens it.
func TestShare(t *testing.T) {
	l := startLab(t)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	const last = "221 2.0.0 hamburger.edu closing connection" // the relay leaves some seconds later
	eventually(t, "the journey is over", func() bool { return strings.Contains(get(t, l, "/trace.jsonl"), last) })
	p := open(t, l, "/")
	p.openJourney("Lunch")
	p.see("#rungs .text", last)
	shown := p.rungs()
	file := p.download("#save-jsonl")

	other := open(t, startLab(t), "/")
	other.see("#state", other.texts.of("shell.live"))
	other.excuse("ERR_BLOCKED_BY_CLIENT")
	call(other, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/*", Block: true}}})
	before := len(other.requests())
	other.give("#open-file", file)
	other.see("#ladder-title", other.texts.of("journey.opened", "file", filepath.Base(file)))
	if got := other.rungs(); got != shown {
		t.Errorf("the file shows\n%s\nwant\n%s", got, shown)
	}
	for _, url := range other.requests()[before:] {
		if !strings.Contains(url, "/api/v1/clock") && !strings.Contains(url, "/api/v1/events") && !strings.Contains(url, "/api/v1/hold/changes") && !strings.Contains(url, "/shell/fonts/") {
			t.Errorf("to show the file, the page asked for %s", url)
		}
	}
}

// A file that is none is refused with a reason.
func TestShareOfAnotherFile(t *testing.T) {
	p := open(t, startLab(t), "/")
	p.see("#state", p.texts.of("shell.live"))
	file := filepath.Join(t.TempDir(), "other.jsonl")
	if err := os.WriteFile(file, []byte("{\"name\": \"something else\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.give("#open-file", file)
	p.see("#notes [role=alert]", p.texts.of("journey.share.other"))
}

// The file for Wireshark has the journey's lookups and dialogues, and nothing that
// its dissectors call malformed.
func TestWiresharkFile(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	l := startLab(t)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	p := open(t, l, "/")
	p.openJourney("Lunch")
	file := p.download("#save-pcapng")
	out, err := exec.Command(tshark, "-r", file).CombinedOutput()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, out)
	}
	for _, want := range []string{`DNS .*Standard query .*MX hamburger\.edu`, `SMTP .*RCPT TO:<bob@hamburger\.edu>`} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("tshark does not show %s:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "Malformed") {
		t.Errorf("tshark finds malformed packets:\n%s", out)
	}
}

// openJourney chooses the oldest journey with a subject in the list.
func (p *page) openJourney(subject string) {
	p.t.Helper()
	p.see("#list", subject)
	p.eval(`[...document.querySelectorAll("#list button")].findLast((b) => b.textContent.includes(`+quote(subject)+`)).click()`, nil)
	p.see("#ladder-title", subject)
	p.see("#rungs .text", "")
}

// rungs is the ladder as text.
func (p *page) rungs() string {
	p.t.Helper()
	var s string
	p.eval(`[...document.querySelectorAll("#rungs .rung")].map((li) => li.textContent).join("\n")`, &s)
	return s
}

// download follows a link that saves a file, and returns where it is.
func (p *page) download(link string) string {
	p.t.Helper()
	dir := p.t.TempDir()
	p.do("downloads", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: "allow", DownloadPath: dir, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
		return err
	}))
	p.eval(`document.querySelector(`+quote(link)+`).click()`, nil)
	var file string
	eventually(p.t, link+" is saved", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, name := range found {
			if !strings.HasSuffix(name, ".crdownload") && !strings.HasPrefix(filepath.Base(name), ".") {
				file = name
			}
		}
		return file != ""
	})
	return file
}

// give puts a file into a file input.
func (p *page) give(input, file string) {
	p.t.Helper()
	document := call(p, dom.GetDocument, dom.GetDocumentParams{})
	node := call(p, dom.QuerySelector, dom.QuerySelectorParams{NodeID: document.Root.NodeID, Selector: input})
	call(p, dom.SetFileInputFiles, dom.SetFileInputFilesParams{NodeID: node.NodeID, Files: []string{file}})
}
