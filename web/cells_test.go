package web_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// This file asks every route, with every credential, from everywhere. What must come
// of it is computed by expected, which knows the rules of docs/decisions/001 and
// nothing of the code.

const (
	cellToken = "the-operators-token-of-today"
	oldToken  = "the-operators-token-of-before"
)

// passwords are accounts whose passwords change.
type passwords map[string]string

func (p passwords) Login(_ context.Context, _ netip.Addr, account, password string) (string, bool, error) {
	want, ok := p[account]
	return account, ok && password == want, nil
}

// CredentialVersion is a word for the password.
func (p passwords) CredentialVersion(_ context.Context, account string) (string, error) {
	if p[account] == "" {
		return "", nil
	}
	return "stamp of " + p[account], nil
}

// setting is one kind of server, with what a test can do to it.
type setting struct {
	name       string
	local, lab bool

	now      time.Time
	accounts passwords
	server   *web.Server
	before   *web.Server // the same server before it started again
}

func newSetting(t *testing.T, name string, local, lab bool) *setting {
	t.Helper()
	s := &setting{name: name, local: local, lab: lab, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), accounts: passwords{}}
	o := web.Options{
		API: api.Options{Trace: trace.NewLog(10, time.Now), Lab: lab}, Local: local, Lab: lab, Token: cellToken, Accounts: s.accounts,
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("127.9.0.0/16")}, Now: func() time.Time { return s.now },
	}
	for _, to := range []**web.Server{&s.before, &s.server} {
		made, err := web.New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { made.Close() })
		*to = made
	}
	return s
}

// origin is where a request comes from.
type origin struct {
	name, addr, host, proto string
	header                  map[string]string
	near                    bool // a program of this machine, with nothing between
	foreign                 bool // near, under a name that is not this machine's
}

func origins() []origin {
	const home = "127.0.0.1:8025"
	all := []origin{
		{name: "this machine", addr: "127.0.0.1:5000", host: home, near: true},
		{name: "this machine by IPv6", addr: "[::1]:5000", host: "localhost:8025", near: true},
		{name: "this machine under another site's name", addr: "127.0.0.1:5000", host: "evil.example:8025", near: true, foreign: true},
		{name: "elsewhere", addr: "203.0.113.9:5000", host: "mail.example.org:8025"},
		{name: "elsewhere, as if to this machine", addr: "203.0.113.9:5000", host: home},
		{name: "elsewhere, with an invented proxy", addr: "203.0.113.9:5000", host: home, header: map[string]string{"X-Forwarded-For": "127.0.0.1"}},
		{name: "a proxy here that says nothing", addr: "127.0.0.1:5000", host: home, proto: "HTTP/1.0"},
		{name: "a proxy elsewhere", addr: "10.8.0.1:5000", host: "mail.example.org", header: map[string]string{"X-Forwarded-For": "203.0.113.9"}},
		{name: "a trusted proxy", addr: "10.9.0.1:5000", host: "mail.example.org", header: map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}},
		{name: "a trusted proxy, for this machine", addr: "10.9.0.1:5000", host: home, header: map[string]string{"X-Forwarded-For": "127.0.0.1"}},
		{name: "a trusted proxy here that says nothing", addr: "127.9.0.1:5000", host: home},
		{name: "a trusted proxy that says nothing", addr: "10.9.0.1:5000", host: home},
	}
	for _, field := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"} {
		all = append(all, origin{name: "a proxy here with " + field, addr: "127.0.0.1:5000", host: home, header: map[string]string{field: "127.0.0.1"}})
	}
	return all
}

// worth is what a credential proves.
type worth struct {
	fails    bool // it was presented and does not hold
	operator bool
	account  string
	query    bool // it stands in the request's target
	foreign  bool // a browser says that another site asks
}

// given is one credential; put adds it to a request, whose server and account it may
// prepare.
type given struct {
	name string
	worth
	put func(c *cell)
}

const who = "bob@hamburger.edu"

func field(value string) func(*cell) {
	return func(c *cell) { c.header.Set("Authorization", value) }
}

func basic(password string) func(*cell) {
	return func(c *cell) {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(who, password)
		c.header.Set("Authorization", r.Header.Get("Authorization"))
	}
}

// site sends along what a browser says of the page that asks.
func site(is string) func(*cell) {
	return func(c *cell) { c.header.Set("Sec-Fetch-Site", is) }
}

func query(text string) func(*cell) { return func(c *cell) { c.query = text } }

// session logs in with body, lets something happen to the session, and sends its
// cookie.
func session(body string, then func(*cell)) func(*cell) {
	return func(c *cell) {
		c.login(c.server, body)
		if then != nil {
			then(c)
		}
	}
}

func credentials() []given {
	operator, account := `{"token":"`+cellToken+`"}`, `{"account":"`+who+`","password":"secret"}`
	no := worth{fails: true}
	logout := func(c *cell) {
		c.do(c.server, "POST", api.Prefix+"/logout", "", c.header)
	}
	return []given{
		{"nothing", worth{}, func(*cell) {}},
		{"a field that says nothing", worth{}, field("")},
		{"a Bearer of nothing", no, field("Bearer")}, {"a wrong Bearer", no, field("Bearer guess")},
		{"an old Bearer", no, field("Bearer " + oldToken)}, {"a Bearer with more", no, field("Bearer " + cellToken + "x")},
		{"the Bearer", worth{operator: true}, field("Bearer " + cellToken)},
		{"the Bearer in small letters", worth{operator: true}, field("bearer " + cellToken)},
		{"an unknown scheme", no, field("Token " + cellToken)}, {"the token alone", no, field(cellToken)},
		{"an empty ?token=", worth{fails: true, query: true}, query("token=")}, {"a bare ?token", worth{fails: true, query: true}, query("token")},
		{"a wrong ?token=", worth{fails: true, query: true}, query("token=guess")}, {"an old ?token=", worth{fails: true, query: true}, query("token=" + oldToken)},
		{"two ?token=", worth{fails: true, query: true}, query("token=" + cellToken + "&token=")},
		{"the ?token=", worth{operator: true, query: true}, query("token=" + cellToken)},
		{"the ?token= and a wrong Bearer", worth{fails: true, query: true}, func(c *cell) { query("token=" + cellToken)(c); field("Bearer guess")(c) }},
		{"a wrong ?token= and the Bearer", worth{fails: true, query: true}, func(c *cell) { query("token=guess")(c); field("Bearer " + cellToken)(c) }},
		{"a one-time token that only its button takes", worth{}, query("once=guess")},
		{"an empty cookie", worth{}, func(c *cell) { c.cookie("") }}, {"an invented cookie", worth{}, func(c *cell) { c.cookie(strings.Repeat("A", 43)) }},
		{"an operator's session", worth{operator: true}, session(operator, nil)},
		{"an operator's session, for a page of ours", worth{operator: true}, session(operator, site("same-origin"))},
		{"an operator's session, for a page of another site", worth{operator: true, foreign: true}, session(operator, site("cross-site"))},
		{"an account's session, for a page of another port", worth{account: who, foreign: true}, session(account, site("same-site"))},
		{"nothing, for a page of another site", worth{foreign: true}, site("cross-site")},
		{"an operator's session that was ended", worth{}, session(operator, logout)},
		{"an operator's session after a day", worth{}, session(operator, func(c *cell) { c.now = c.now.Add(25 * time.Hour) })},
		{"an operator's session from before the start", worth{}, func(c *cell) { c.login(c.before, operator) }},
		{"an operator's session and a wrong Bearer", no, session(operator, field("Bearer guess"))},
		{"an account's session", worth{account: who}, session(account, nil)},
		{"an account's session that was ended", worth{}, session(account, logout)},
		{"an account's session after another password", worth{}, session(account, func(c *cell) { c.accounts[who] = "another" })},
		{"a session of an account that has gone", worth{}, session(account, func(c *cell) { delete(c.accounts, who) })},
		{"an account's session and the Bearer", worth{operator: true}, session(account, field("Bearer "+cellToken))},
		{"Basic of nothing", no, field("Basic Og==")}, {"Basic that is none", no, field("Basic ???")},
		{"Basic with a wrong password", no, basic("guess")}, {"Basic with an empty one", no, basic("")},
		{"Basic with the old one", no, func(c *cell) { c.accounts[who] = "another"; basic("secret")(c) }},
		{"Basic", worth{account: who}, basic("secret")},
	}
}

// cell is one request that is being made.
type cell struct {
	*setting
	t      *testing.T
	from   origin
	header http.Header
	query  string
}

// target is a route as the test asks for it.
type target struct {
	method, path, body string
	kind               string // "api", "page", "login page", "login form", "open"
	role               api.Role
}

func (c *cell) do(s *web.Server, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // streams end at once
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = c.from.addr, c.from.host
	if c.from.proto != "" {
		r.Proto, r.ProtoMajor, r.ProtoMinor = c.from.proto, 1, 0
	}
	maps.Copy(r.Header, header)
	for k, v := range c.from.header {
		r.Header.Set(k, v)
	}
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	} else if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// login begins a session at s, unless the caller reaches it under a foreign name.
func (c *cell) login(s *web.Server, body string) {
	w := c.do(s, "POST", api.Prefix+"/login", body, nil)
	if c.from.foreign && w.Code == http.StatusForbidden {
		return
	}
	if w.Code != 200 || len(w.Result().Cookies()) != 1 {
		c.t.Fatalf("%s, %s: login: %d %s", c.name, c.from.name, w.Code, w.Body)
	}
	one := w.Result().Cookies()[0]
	if secure := c.from.header["X-Forwarded-Proto"] == "https" && c.from.addr == "10.9.0.1:5000"; one.Secure != secure {
		c.t.Errorf("%s: a cookie with Secure=%v", c.from.name, one.Secure)
	}
	c.header.Set("Cookie", one.Name+"="+one.Value)
}

// cookie sends a session's cookie with a value that is none.
func (c *cell) cookie(value string) {
	names := []string{"glassmail", "__Host-glassmail"}
	for i, name := range names {
		if _, port, ok := strings.Cut(c.from.host, ":"); ok {
			name += "-" + port
		}
		names[i] = name + "=" + value
	}
	c.header.Set("Cookie", strings.Join(names, "; "))
}

// outcome is what comes of a request: "in" or how it is kept out.
type outcome string

// expected is the oracle: who is let in where.
func expected(s *setting, from origin, g worth, to target) outcome {
	if to.kind == "open" {
		return "in"
	}
	reading := to.method == "GET"
	if g.foreign || from.near && from.foreign && s.local {
		return "403"
	}
	if g.fails || g.query && !reading {
		return "401"
	}
	operator := g.operator || s.lab && s.local && from.near
	if g.query && to.kind != "api" {
		return "to the button"
	}
	may := map[api.Role]bool{
		api.Anyone: true, api.Viewer: operator, api.Operator: operator, api.User: g.account != "",
		api.ViewerOrUser: operator || g.account != "", api.OperatorOrUser: operator || g.account != "",
	}[to.role]
	switch {
	case to.kind == "login page":
		return "in"
	case to.kind == "login form":
		return "in"
	case to.kind == "page" && may:
		return "in"
	case to.kind == "page" && g.account != "":
		return "to the mail"
	case to.kind == "page":
		return "to the login"
	case !may && g.account != "" && to.role != api.User:
		return "403"
	case !may:
		return "401"
	}
	return "in"
}

func outcomeOf(w *httptest.ResponseRecorder, to target) outcome {
	at := w.Header().Get("Location")
	switch {
	case w.Code == 401 || w.Code == 403 || w.Code == 429:
		return outcome(fmt.Sprint(w.Code))
	case to.kind == "login form" && w.Code == 303 && at == "/dns":
		return "in"
	case w.Code == 303 && strings.HasPrefix(at, "/login?") && strings.Contains(at, "once="):
		return "to the button"
	case w.Code == 303 && strings.HasPrefix(at, "/login?next="):
		return "to the login"
	case w.Code == 303 && at == "/mail":
		return "to the mail"
	case to.kind == "api" && w.Code != 303 || w.Code == 200:
		return "in" // whether there is an answer is another matter
	}
	return outcome(fmt.Sprintf("%d to %q", w.Code, at))
}

// targets are all that the server answers.
func targets(s *web.Server) []target {
	place := regexp.MustCompile(`\{[a-z]+\}`)
	var all []target
	for _, r := range s.Routes() {
		one := target{r.Method, api.Prefix + place.ReplaceAllString(r.Path, "1"), "", "api", r.Role}
		if r.MaxBody > 0 {
			one.body = "{}"
		}
		if r.Path == "/login" {
			one.body = `{"token":"` + cellToken + `"}`
		}
		all = append(all, one)
	}
	all = append(all, target{"GET", "/metrics", "", "api", api.Viewer}, target{"GET", api.Prefix + "/nothing", "", "api", api.Anyone})
	for path, role := range map[string]api.Role{"/": api.Viewer, "/dns": api.Viewer, "/server": api.Viewer, "/mail": api.ViewerOrUser} {
		all = append(all, target{"GET", path, "", "page", role})
	}
	all = append(all, target{"GET", "/login", "", "login page", api.Anyone}, target{"POST", "/login", "form", "login form", api.Anyone})
	for _, path := range []string{"/healthz", "/readyz", "/static/shell/base.css"} {
		all = append(all, target{"GET", path, "", "open", api.Anyone})
	}
	return all
}

// Every route and page, with no, empty, wrong, old and right credentials of each
// kind, from here, from elsewhere and through proxies, in a lab and in serve.
func TestEveryRouteWithEveryCredential(t *testing.T) {
	var cells atomic.Int64
	settings := []*setting{newSetting(t, "lab", true, true), newSetting(t, "serve on loopback", true, false), newSetting(t, "serve for everybody", false, false)}
	t.Cleanup(func() {
		t.Logf("%d cells: %d routes, pages and files, %d credentials, %d places to come from, %d kinds of server",
			cells.Load(), len(targets(settings[0].server)), len(credentials()), len(origins()), len(settings))
	})
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			all := targets(s.server)
			for _, from := range origins() {
				for _, g := range credentials() {
					for _, to := range all {
						cells.Add(1)
						askCell(t, s, from, g, to)
					}
				}
			}
		})
	}
}

func askCell(t *testing.T, s *setting, from origin, g given, to target) {
	s.now = s.now.Add(3 * time.Hour) // former failures and sessions are over
	clear(s.accounts)
	s.accounts[who] = "secret"
	c := &cell{setting: s, t: t, from: from, header: http.Header{}}
	g.put(c)
	path, body := to.path, to.body
	if c.query != "" {
		path += "?" + c.query
	}
	if to.kind == "login form" {
		body = url.Values{"token": {cellToken}, "next": {"/dns"}}.Encode()
	}
	w := c.do(s.server, to.method, path, body, c.header)
	want, got := expected(s, from, g.worth, to), outcomeOf(w, to)
	at := fmt.Sprintf("%s, from %s, %s: %s %s", s.name, from.name, g.name, to.method, to.path)
	if got != want {
		t.Errorf("%s: %s, want %s", at, got, want)
	}
	begins := slices.ContainsFunc(w.Result().Cookies(), func(k *http.Cookie) bool { return k.MaxAge >= 0 })
	if loggedIn := to.path == "/login" && to.method == "POST" || to.path == api.Prefix+"/login"; begins != (loggedIn && want == "in") {
		t.Errorf("%s: begins a session: %v", at, begins)
	}
	if to.path == api.Prefix+"/session" && want == "in" {
		said := fmt.Sprintf(`{"account":%q,"operator":%v}`, g.account, g.operator || s.lab && s.local && from.near)
		if !strings.HasPrefix(w.Body.String(), said) {
			t.Errorf("%s: %s, want %s…", at, w.Body, said)
		}
	}
}
