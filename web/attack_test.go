package web_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/web"
	"glassmail/web/api"
)

func TestCookies(t *testing.T) {
	for secure, name := range map[bool]string{false: "glassmail", true: "__Host-glassmail"} {
		srv := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}, Secure: secure})
		resp, _ := request(t, "POST", srv.URL+"/api/v1/login", map[string]string{"Content-Type": "application/json"}, `{"token":"operators-secret"}`)
		c := resp.Cookies()
		port := srv.URL[strings.LastIndexByte(srv.URL, ':')+1:]
		if len(c) != 1 || c[0].Name != name+"-"+port || c[0].Secure != secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/" || c[0].Domain != "" || c[0].MaxAge != 0 {
			t.Errorf("secure %v: %v", secure, c)
		}
	}
}

// Two servers on one machine have the browser's cookies in common; neither takes the
// other's session away.
func TestServersOfOneMachine(t *testing.T) {
	one, two := serve(t, web.Options{Accounts: oneAccount{}}), serve(t, web.Options{Accounts: oneAccount{}})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar}
	for _, srv := range []string{one.URL, two.URL} {
		resp, err := browser.PostForm(srv+"/login", url.Values{"account": {"bob@hamburger.edu"}, "password": {"secret"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, srv := range []string{one.URL, two.URL} {
		resp, err := browser.Get(srv + api.Prefix + "/session")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(b), `"account":"bob@hamburger.edu"`) {
			t.Errorf("%s: %s %v", srv, b, err)
		}
	}
}

// Whatever is answered, it cannot be framed, sniffed, or load anything.
func TestHeadersOfEverything(t *testing.T) {
	open := serve(t, web.Options{Local: true, Lab: true, Token: "operators-secret", Accounts: oneAccount{}})
	for _, path := range []string{"/", "/dns", "/mail", "/server", "/login", "/nothing", "/static/nothing", "/static/shell/base.css", "/healthz", "/readyz", "/metrics",
		"/api/v1/node", "/api/v1/nothing", "/?token=x", "/?lang=th", "/api/v1/openapi.json", "//x", "/static/../x"} {
		for _, host := range []string{"", "evil.example"} {
			resp, body := request(t, "GET", open.URL+path, map[string]string{"Host": host}, "")
			h := resp.Header
			policy := h.Get("Content-Security-Policy")
			referrer := "no-referrer"
			if strings.HasPrefix(h.Get("Content-Type"), "text/html") && strings.Contains(body, `data-page="login"`) {
				referrer = "same-origin" // else its form would have no origin
			}
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "object-src 'none'", "script-src 'self'"} {
				if !strings.Contains(policy+";", part+";") {
					t.Errorf("%s: policy %q lacks %s", path, policy, part)
				}
			}
			if strings.Contains(policy, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" ||
				h.Get("Referrer-Policy") != referrer || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
				t.Errorf("%s: header %v", path, h)
			}
			if strings.HasPrefix(h.Get("Content-Type"), "text/html") && resp.StatusCode == 200 && !strings.Contains(body, "<!doctype html>") && !strings.Contains(body, "<!DOCTYPE html>") {
				t.Errorf("%s is HTML without its type: %.100s", path, body)
			}
		}
	}
}

// Beyond this machine nothing is shown to who has no token, and without a token
// nobody is an operator.
func TestBeyondThisMachine(t *testing.T) {
	for _, o := range []web.Options{{}, {Lab: true}, {Token: "operators-secret"}, {Token: "operators-secret", Lab: true}} {
		srv := serve(t, o)
		for _, header := range []map[string]string{nil, {"Authorization": "Bearer "}, {"Authorization": "Bearer undefined"}, {"Host": "localhost"}, {"Authorization": "Basic Og=="}} {
			if resp, _ := request(t, "GET", srv.URL+"/api/v1/node", header, ""); resp.StatusCode == 200 {
				t.Errorf("%+v shows the node to %v", o, header)
			}
			if resp, _ := request(t, "GET", srv.URL+"/", header, ""); resp.StatusCode == 200 {
				t.Errorf("%+v shows the page to %v", o, header)
			}
		}
		if resp, _ := request(t, "GET", srv.URL+"/api/v1/node?token=", nil, ""); resp.StatusCode != 401 {
			t.Errorf("%+v: an empty token: %d", o, resp.StatusCode)
		}
	}
}

// What a proxy hands on is not from this machine, although its connection is: who
// comes by it needs a login.
func TestProxies(t *testing.T) {
	lab := serve(t, web.Options{Local: true, Lab: true, Token: "operators-secret"})
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"} {
		for header, want := range map[string]int{"": 401, "Bearer operators-secret": 200} {
			h := map[string]string{name: "203.0.113.9", "Authorization": header}
			if header == "" {
				delete(h, "Authorization")
			}
			for _, host := range []string{"", "mail.hamburger.edu"} {
				h["Host"] = host
				if resp, _ := request(t, "GET", lab.URL+"/api/v1/queue", h, ""); resp.StatusCode != want && (want != 200 || resp.StatusCode != 404) {
					t.Errorf("%v: %d, want %d", h, resp.StatusCode, want)
				}
			}
		}
	}
}

// Guesses of the token by any door are counted together; the right one is compared
// before anything is counted. Passwords are counted where they are checked, and what is
// refused there is told as such.
func TestDoorsShareTheLimit(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: besieged{}})
	for i := range 10 {
		switch i % 3 {
		case 0:
			request(t, "GET", srv.URL+"/api/v1/node", map[string]string{"Authorization": "Bearer guess"}, "")
		case 1:
			request(t, "GET", srv.URL+"/?token=guess", nil, "")
		case 2:
			form(t, srv.URL, nil, url.Values{"token": {"guess"}})
		}
	}
	few := serve(t, web.Options{Token: "operators-secret", FailedLogins: 2})
	for i, want := range []int{401, 401, 429} {
		if resp, _ := request(t, "GET", few.URL+"/api/v1/node", map[string]string{"Authorization": "Bearer guess"}, ""); resp.StatusCode != want {
			t.Errorf("guess %d where two are allowed: %d, want %d", i+1, resp.StatusCode, want)
		}
	}
	for header, want := range map[string]int{
		"Bearer another guess": 429, "Basic Ym9iQGhhbWJ1cmdlci5lZHU6c2VjcmV0": 429,
		"Bearer operators-secret": 200,
	} {
		if resp, _ := request(t, "GET", srv.URL+"/api/v1/node", map[string]string{"Authorization": header}, ""); resp.StatusCode != want {
			t.Errorf("%s after ten guesses: %d, want %d", header, resp.StatusCode, want)
		}
	}
}

// A login that is refused for a while, as the accounts say, is no failure of the server's:
// the login page tells it, and so does every other door.
func TestRefusedLoginsAreTold(t *testing.T) {
	var log strings.Builder
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: besieged{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	fields := url.Values{"account": {"bob@hamburger.edu"}, "password": {"secret"}}
	resp, body := request(t, "POST", srv.URL+"/login", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, fields.Encode())
	if resp.StatusCode != 429 || !strings.Contains(body, "try again in 7 minutes") || !strings.Contains(body, `name="password"`) {
		t.Errorf("the form: %d %s", resp.StatusCode, body)
	}
	for _, path := range []string{"/", "/mail", "/api/v1/mail/folders"} {
		resp, body := request(t, "GET", srv.URL+path, map[string]string{"Authorization": "Basic Ym9iQGhhbWJ1cmdlci5lZHU6c2VjcmV0"}, "")
		if resp.StatusCode != 429 || !strings.Contains(body, "try again in 7 minutes") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	if log.Len() > 0 {
		t.Errorf("it is noted as a failure: %s", &log)
	}
}

// A client that leaves while its password waits to be looked at is no failure either.
func TestClientLeavesAtLogin(t *testing.T) {
	for _, path := range []string{"/", "/api/v1/mail/folders"} {
		var log strings.Builder
		ctx, leave := context.WithCancel(t.Context())
		s, err := web.New(web.Options{Accounts: leaving{leave: leave}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequestWithContext(ctx, "GET", path, nil)
		req.SetBasicAuth("bob@hamburger.edu", "secret")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		if log.Len() > 0 || w.Code < 400 {
			t.Errorf("%s: %d, noted is %q", path, w.Code, &log)
		}
		s.Close()
	}
}

// leaving is accounts at which the client of a login leaves before it is told.
type leaving struct {
	oneAccount
	leave func()
}

func (l leaving) Login(ctx context.Context, _ netip.Addr, _, _ string) (string, bool, error) {
	l.leave()
	<-ctx.Done()
	return "", false, ctx.Err()
}

// besieged is accounts at which too many logins failed.
type besieged struct{ oneAccount }

func (besieged) Login(context.Context, netip.Addr, string, string) (string, bool, error) {
	return "", false, mail.NewReply(454, mail.Enhanced{4, 7, 0}, "Too many failed logins; try again in 7 minutes")
}

// Bodies of calls end at their bound, said or not.
func TestBodiesAreBounded(t *testing.T) {
	s, err := web.New(web.Options{Local: true, Lab: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	srv := serve(t, web.Options{Local: true, Lab: true, Accounts: oneAccount{}})
	for _, r := range s.Routes() {
		if r.MaxBody < 0 || r.MaxBody > 80<<20 {
			t.Errorf("%s %s takes %d bytes", r.Method, r.Path, r.MaxBody)
		}
		if r.Method != http.MethodGet && r.MaxBody == 0 && r.Patience > time.Minute {
			t.Errorf("%s %s waits %v for nothing", r.Method, r.Path, r.Patience)
		}
	}
	endless := io.LimitReader(zeros{}, 1<<30) // its length is not told
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+api.Prefix+"/login", endless)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := http.DefaultClient.Do(req); err == nil { // else the server hung up
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%d", resp.StatusCode)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// A header that is too long, or no HTTP at all, ends the connection.
func TestBadRequests(t *testing.T) {
	srv := serve(t, web.Options{Local: true, Lab: true})
	addr := strings.TrimPrefix(srv.URL, "http://")
	for _, bad := range []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "EHLO crepes.fr\r\n", "\x16\x03\x01\x00\x00",
		"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		io.WriteString(c, bad)
		c.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(c)
		c.Close()
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("%.60q was answered %.60q", bad, answer)
		}
	}
}
