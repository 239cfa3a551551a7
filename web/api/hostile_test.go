package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"glassmail/mailbox"
)

// shownAs are the types that a browser may show of a message; all else is saved.
func shownAs() map[string]bool {
	return map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "text/plain; charset=utf-8": true}
}

// Whatever a message is, its parts and texts reach a browser in a form in which they
// cannot run, load or pass for a page of ours.
func TestHostileMail(t *testing.T) {
	files, err := filepath.Glob("../mailview/testdata/hostile/*.eml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	h := newHouse(t)
	c := h.as(t, "bob@crepes.fr")
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".eml"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			place := at(h.put(t, "bob@crepes.fr", mailbox.Inbox, strings.ReplaceAll(string(b), "\r\n", "\n")))
			one := *c // with the name of this test
			one.t = t
			m := ask[text](&one, "GET", place, nil)
			one.want(http.StatusOK, "GET", "/mail/messages?limit=1", nil)
			one.want(http.StatusOK, "GET", "/mail/messages?limit=1&threads=1&q=alert", nil)
			places := []string{place + "/raw", place + "/raw?download=1"}
			for _, p := range m.Parts[:min(len(m.Parts), 30)] {
				places = append(places, place+"/parts/"+p.Section, place+"/parts/"+p.Section+"?download=1")
			}
			for _, place := range places {
				resp, _ := one.do("GET", place, nil)
				safe(t, place, resp)
			}
			resp, doc := one.do("GET", place+"/html", nil)
			if resp.StatusCode == http.StatusNotFound {
				return
			}
			policy := resp.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "sandbox allow-popups") || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") ||
				!strings.Contains(policy, "default-src 'none'") || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("header %v", resp.Header)
			}
			for _, bad := range []string{"<script", "<iframe", "<form", "<meta http-equiv", "<base", "<link", "<svg", "src=\"http", "url("} {
				if strings.Contains(strings.ToLower(string(doc)), bad) {
					t.Errorf("%s is in the document", bad)
				}
			}
		})
	}
	// In the end everything can still be listed and searched.
	if list := ask[listing](c, "GET", "/mail/messages?limit=200", nil); len(list.Items) != len(files) {
		t.Errorf("%d of %d messages are listed", len(list.Items), len(files))
	}
}

// safe checks the header of something that a stranger sent.
func safe(t *testing.T, place string, resp *http.Response) {
	t.Helper()
	h := resp.Header
	kind, way := h.Get("Content-Type"), h.Get("Content-Disposition")
	switch {
	case resp.StatusCode != http.StatusOK:
		t.Errorf("%s: %d", place, resp.StatusCode)
	case h.Get("X-Content-Type-Options") != "nosniff", !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox; default-src 'none'"):
		t.Errorf("%s: %v", place, h)
	case !shownAs()[kind] && !strings.HasPrefix(way, "attachment"):
		t.Errorf("%s is shown as %s (%s)", place, kind, way)
	case strings.HasPrefix(kind, "text/html"), strings.Contains(kind, "svg"), strings.Contains(kind, "xml"):
		t.Errorf("%s is %s", place, kind)
	}
	for name, values := range h { // what a part's name could have brought in
		if strings.Contains(strings.ToLower(name), "cookie") || len(values) != 1 {
			t.Errorf("%s: %s is %q", place, name, values)
		}
	}
}
