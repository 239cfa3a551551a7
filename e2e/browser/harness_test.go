// Package browser_test opens the lab's pages in Chromium and uses them as people
// do: by the names and roles that assistive technology sees, and by keys.
package browser_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"glassmail/catalogue"
	"glassmail/lab"
)

// patience bounds everything that is waited for: it makes no test slower, and a
// test that fails ends.
const patience = 60 * time.Second

// chromium is the browser of all tests; each page has its own profile. It is nil
// where there is none.
var chromium context.Context

func TestMain(m *testing.M) {
	path := browserPath()
	if path == "" {
		os.Exit(m.Run())
	}
	ctx, stop, err := startBrowser(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, path, "does not start:", err)
		os.Exit(1)
	}
	chromium = ctx
	code := m.Run()
	stop()
	os.Exit(code)
}

func browserPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// startBrowser runs a browser that can reach this machine only. Frames share the
// process of their page, so that the page's list of requests has theirs, too.
func startBrowser(path string) (ctx context.Context, stop func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("no-sandbox", os.Getuid() == 0),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-features", "Translate,IsolateSandboxedIframes"),
		chromedp.Flag("lang", "en-US"),
		chromedp.Env("LC_ALL=C.UTF-8"), // for the names of files
		chromedp.Flag("hide-scrollbars", false),
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("host-resolver-rules", "MAP "+elsewhere+" 127.0.0.1"),
	)
	ctx, endProcess := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endBrowser := chromedp.NewContext(ctx)
	stop = func() { endBrowser(); endProcess() }
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, nil, err
	}
	return ctx, stop, nil
}

// elsewhere is a name of this machine that the browser takes for another's.
const elsewhere = "mail.glassmail.test"

// needBrowser skips a test where there is no browser.
func needBrowser(t *testing.T) {
	t.Helper()
	if chromium == nil {
		t.Skip("no browser is installed: apt-get install chromium")
	}
}

// startLab runs the lab on free ports until the test ends. Its clock is the
// system's, and can jump.
func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	needBrowser(t)
	ctx, cancel := context.WithCancel(context.Background())
	l, err := lab.New(ctx, lab.Options{Dir: t.TempDir(), Wording: "lecture", Web: "127.0.0.1:0", Version: "test"})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- l.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the lab ended: %v", err)
		}
	})
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatal("the lab did not start")
	}
	return l
}

// texts are the words of the pages, so that a test names a control by its key.
type texts struct {
	t    *testing.T
	all  *catalogue.Catalogue
	lang string
}

func newTexts(t *testing.T, lang string) texts {
	t.Helper()
	all, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	return texts{t, all, lang}
}

// of is the text of a key in the page's language.
func (w texts) of(key string, args ...any) string {
	w.t.Helper()
	text := w.all.Text(w.lang, key, args...)
	if text == key {
		w.t.Fatalf("the catalogue has no text %q", key)
	}
	return text
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("in vain waited %v until %s", patience, what)
}

// get is the answer of a call of the lab's API.
func get(t *testing.T, l *lab.Lab, path string) string {
	t.Helper()
	return request(t, l, http.MethodGet, path, "")
}

// post sends JSON to a call of the lab's API, as a program does.
func post(t *testing.T, l *lab.Lab, path, body string) {
	t.Helper()
	request(t, l, http.MethodPost, path, body)
}

func request(t *testing.T, l *lab.Lab, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.Ready.Web+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %v\n%s", method, path, answer.Status, err, text)
	}
	return string(text)
}
