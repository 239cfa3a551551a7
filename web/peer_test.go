package web

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"glassmail/auth"
)

func proxied(t *testing.T, log *slog.Logger) *Server {
	t.Helper()
	accounts := &stamped{guesses: auth.NewAttempts(time.Now, 0)}
	accounts.stamp.Store("1")
	s, err := New(Options{
		Token: "operators-secret", Accounts: accounts, Log: log,
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("::1/128")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The client of a trusted proxy is the last address that no trusted proxy has; what
// it wrote before that is not believed. Of any other proxy the address stays its own.
func TestClientsOfProxies(t *testing.T) {
	s := proxied(t, nil)
	for _, c := range []struct {
		from, header, want string
	}{
		{"10.9.0.1:99", "203.0.113.9", "203.0.113.9"},
		{"10.9.0.1:99", "127.0.0.1, 203.0.113.9", "203.0.113.9"},
		{"10.9.0.1:99", "198.51.100.1, 203.0.113.9, 10.9.0.7", "203.0.113.9"},
		{"10.9.0.1:99", "198.51.100.1,203.0.113.9:4711 ,[::1]:80", "203.0.113.9"},
		{"10.9.0.1:99", "2001:db8::1", "2001:db8::1"}, {"10.9.0.1:99", "[2001:db8::1]:443", "2001:db8::1"}, {"[::1]:99", "[2001:db8::1]", "2001:db8::1"},
		{"10.9.0.1:99", "::ffff:203.0.113.9", "203.0.113.9"},
		{"10.9.0.1:99", "", "10.9.0.1"}, {"10.9.0.1:99", "unknown", "10.9.0.1"}, {"10.9.0.1:99", "203.0.113.9, unknown", "10.9.0.1"},
		{"10.9.0.1:99", "10.9.0.3, 10.9.0.2", "10.9.0.3"}, {"10.9.0.1:99", ",,", "10.9.0.1"},
		{"10.8.0.1:99", "203.0.113.9", "10.8.0.1"}, {"127.0.0.1:99", "203.0.113.9", "127.0.0.1"}, {"203.0.113.9:99", "10.9.0.1", "203.0.113.9"},
	} {
		var got netip.Addr
		h := s.place(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = peerAddr(r) }))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.from
		r.Header.Set("X-Forwarded-For", c.header)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got.String() != c.want {
			t.Errorf("%s for %q: %v, want %s", c.from, c.header, got, c.want)
		}
	}
}

// Guesses through a trusted proxy stop their client only; through another they stop
// all its clients. Neither stops the operator's token.
func TestLimitBehindProxies(t *testing.T) {
	s := proxied(t, nil)
	ask := func(proxy, client, authorization string) int {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/mail/folders", nil)
		r.RemoteAddr = proxy
		r.Header.Set("X-Forwarded-For", client)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	bob := func(i int, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "bob%d@hamburger.edu:%s", i, password))
	}
	for _, c := range []struct {
		proxy string
		other int // of another client's right password
	}{{"10.9.0.1:99", 404}, {"10.8.0.1:99", 429}} { // 404: bob is let in, but there are no mailboxes here
		for i := range 5 * auth.FailuresOfPair {
			if got := ask(c.proxy, "203.0.113.9", bob(i, "guess")); got != 401 {
				t.Fatalf("%s: guess %d: %d", c.proxy, i, got)
			}
		}
		if got := ask(c.proxy, "203.0.113.9", bob(99, "secret")); got != 429 {
			t.Errorf("%s: the guesser goes on: %d", c.proxy, got)
		}
		if got := ask(c.proxy, "198.51.100.1", bob(99, "secret")); got != c.other {
			t.Errorf("%s: another client: %d, want %d", c.proxy, got, c.other)
		}
		if got := ask(c.proxy, "203.0.113.9", "Bearer operators-secret"); got == 429 {
			t.Errorf("%s: the right token was stopped", c.proxy)
		}
	}
}

// A proxy that is not trusted is told once, and not so many that the log fills.
func TestProxiesAreNoted(t *testing.T) {
	var log bytes.Buffer
	s := proxied(t, slog.New(slog.NewTextHandler(&log, nil)))
	ask := func(from string) {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.RemoteAddr = from
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		s.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	ask("10.9.0.1:99")
	ask("10.8.0.1:99")
	ask("10.8.0.1:100")
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "proxy=10.8.0.1") || !strings.Contains(text, "web.trusted_proxies") {
		t.Errorf("the log:\n%s", text)
	}
	for i := range maxProxies * 2 {
		ask(fmt.Sprintf("192.0.2.%d:99", i))
	}
	if n := strings.Count(log.String(), "\n"); n > maxProxies || len(s.proxies) > maxProxies {
		t.Errorf("%d lines of %d proxies", n, len(s.proxies))
	}
}
