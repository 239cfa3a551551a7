package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"glassmail/cmd/glassmail/cli"
)

// get is one request, with a token if that is not "".
func get(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// In serve nobody looks without a login or the token, not even a program of this
// machine; whether the node is well everybody may ask, and learns no more.
func TestServeShowsNothingWithoutLogin(t *testing.T) {
	n, err := startNode(t, filepath.Join(t.TempDir(), "data"), "--user", "bob:secretbob")
	if err != nil {
		t.Fatal(err)
	}
	defer n.end(t)
	if err := n.deliver(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/": 303, "/dns": 303, "/mail": 303, "/server": 303, "/login": 200, "/metrics": 401, "/healthz": 200, "/readyz": 200,
		"/api/v1/node": 401, "/api/v1/events": 401, "/api/v1/trace.jsonl": 401, "/api/v1/trace.pcapng": 401, "/api/v1/journeys": 401,
		"/api/v1/queue": 401, "/api/v1/users": 401, "/api/v1/sessions": 401, "/api/v1/terminals/ws": 401,
	} {
		status, body := get(t, n.ready.Web+path, "")
		if status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
		if strings.Contains(body, "bob") || strings.Contains(body, "alice") {
			t.Errorf("%s tells of mail: %s", path, body)
		}
	}
}

// The commands of the node's own user get in without being told the token.
func TestCommandsFindTheToken(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	n, err := startNode(t, data)
	if err != nil {
		t.Fatal(err)
	}
	defer n.end(t)
	find := func(r reader) access {
		t.Helper()
		a, err := r.find(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := find(reader{node: dataOf(data)})
	if status, _ := get(t, a.URL+"/metrics", a.Token); a.URL != n.ready.Web || status != 200 {
		t.Errorf("by --data: %s, %d", a.URL, status)
	}
	if b := find(reader{url: n.ready.Web + "/", node: dataOf(data)}); b != a {
		t.Errorf("by --data and --url: %+v", b)
	}
	if b := find(reader{tokenFile: filepath.Join(data, "web-token"), url: n.ready.Web}); b != a {
		t.Errorf("by --token-file: %+v", b)
	}
	if b := find(reader{url: "http://127.0.0.1:9", node: dataOf(data)}); b.Token != "" || b.URL != "http://127.0.0.1:9" {
		t.Errorf("another server is told the token: %+v", b)
	}
	if out, code := glassmail("top", "--data", filepath.Join(data, "none"), "--plain"); code != 1 || !strings.Contains(out, "no node runs on the data in") {
		t.Errorf("no node: %d %s", code, out)
	}
	if out, code := glassmail("top", "--url", "127.0.0.1:9"); code != 2 || !strings.Contains(out, "--url") {
		t.Errorf("a bad --url: %d %s", code, out)
	}
}

// top and pcap follow a node with nothing but its folder.
func TestCommandsFollowANode(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	n, err := startNode(t, data, "--user", "bob:secretbob")
	if err != nil {
		t.Fatal(err)
	}
	defer n.end(t)
	if err := n.deliver(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"top", "--plain"}, {"pcap", "--live"}} {
		ctx, stop := context.WithCancel(t.Context())
		seen, done := make(chan struct{}), make(chan error, 1)
		root := newRoot()
		root.SetArgs(append(args, "--data", data))
		root.SetOut(&trigger{word: "RCPT TO:<bob@hamburger.edu>", fire: sync.OnceFunc(func() { close(seen) })})
		go func() { done <- root.ExecuteContext(ctx) }()
		select {
		case <-seen:
			stop()
			<-done
		case err := <-done:
			t.Errorf("%v ended: %v", args, err)
		}
		stop()
	}
}

func dataOf(dir string) cli.Data { return cli.Data{Dir: dir} }

var loginLink = regexp.MustCompile(`http://\S+/login\?\S+`)

// The first start prints a link; it and those of glassmail login are good once.
func TestLoginLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	n, err := startNode(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	links := []string{loginLink.FindString(n.out.String())}
	out, code := glassmail("login", "--data", dir)
	if links = append(links, strings.TrimSpace(out)); code != 0 {
		t.Errorf("glassmail login: %d %s", code, out)
	}
	for _, link := range links {
		u, err := url.Parse(link)
		if err != nil || !strings.HasPrefix(link, n.ready.Web+"/login?") {
			t.Fatalf("the link %q: %v", link, err)
		}
		if first, second := press(t, u), press(t, u); first != 303 || second != 401 {
			t.Errorf("%s: %d, then %d", link, first, second)
		}
	}
	n.end(t)
	if n, err = startNode(t, dir); err != nil {
		t.Fatal(err)
	}
	defer n.end(t)
	if text := n.out.String(); strings.Contains(text, "once=") || !strings.Contains(text, "glassmail login --data") {
		t.Errorf("a later start, into a log, prints:\n%s", text)
	}
}

// press opens a link and presses its button, as a browser does.
func press(t *testing.T, u *url.URL) (status int) {
	t.Helper()
	get(t, u.String(), "")
	form := url.Values{"once": {u.Query().Get("once")}, "next": {"/"}}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Post("http://"+u.Host+"/login", "application/x-www-form-urlencoded", bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
