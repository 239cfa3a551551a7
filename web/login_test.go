package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"glassmail/web"
)

// form sends the form of the login page, as its page does.
func form(t *testing.T, base string, header map[string]string, fields url.Values) *http.Response {
	t.Helper()
	all := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for k, v := range header {
		all[k] = v
	}
	resp, _ := request(t, "POST", base+"/login", all, fields.Encode())
	return resp
}

// A login leads to paths of this server only.
func TestLoginLeadsNowhereElse(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	for next, want := range map[string]string{
		"/dns": "/dns", "/mail?folder=1": "/mail?folder=1", "": "/", "dns": "/",
		"//evil.example": "/", "///evil.example": "/", "http://evil.example": "/", "https:evil.example": "/", "javascript:alert(1)": "/",
		`/\evil.example`: "/", `\\evil.example`: "/", "/\t/evil.example": "/", "/\r\nSet-Cookie: x=1": "/", "/%0d%0aSet-Cookie:x": "/%0d%0aSet-Cookie:x",
		" //evil.example": "/", "//evil.example/%2f..": "/", "/\x00": "/", "data:text/html,x": "/",
	} {
		resp := form(t, srv.URL, nil, url.Values{"token": {"operators-secret"}, "next": {next}})
		if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("next=%q: %d to %q, want %q", next, resp.StatusCode, got, want)
		}
		if cookies := resp.Cookies(); len(cookies) != 1 {
			t.Errorf("next=%q: cookies %v", next, cookies)
		}
	}
	resp, _ := request(t, "GET", srv.URL+"/dns?token=operators-secret&next=//evil.example", nil, "")
	if got := resp.Header.Get("Location"); !strings.HasPrefix(got, "/login?next=%2Fdns&once=") || strings.Contains(got, "secret") {
		t.Errorf("after ?token= to %q", got)
	}
	for _, path := range []string{"//evil.example/?lang=th", "/%2f%2fevil.example?lang=th", `/\evil.example?lang=th`, "/.//evil.example?lang=th"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = path
		resp, err := (&http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
		if err != nil {
			continue // not even a request
		}
		resp.Body.Close()
		if to := resp.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") || strings.HasPrefix(to, `/\`) {
			t.Errorf("%s leads to %q", path, to)
		}
	}
}

// Opening a page begins no session, whatever is presented with it and wherever the
// page was opened from; a right token leads to the login page's button, which the
// token does not reach.
func TestOpeningAPageBeginsNoSession(t *testing.T) {
	for _, o := range []web.Options{
		{Token: "operators-secret", Accounts: oneAccount{}}, {Accounts: oneAccount{}}, {Lab: true},
		{Token: "operators-secret", Local: true}, {Token: "operators-secret", Local: true, Lab: true},
	} {
		srv := serve(t, o)
		for _, path := range []string{"/", "/dns", "/mail", "/server", "/login"} {
			for query, right := range map[string]bool{
				"?token=": false, "?token": false, "?token=x": false, "?token=operators-secret": o.Token != "",
				"?token=operators-secret&token=": false, "?token=&token=operators-secret": false, "?once=": false, "?once=x": false,
			} {
				for _, header := range []map[string]string{
					nil, {"X-Forwarded-For": "203.0.113.9"},
					{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
					{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
				} {
					resp, body := request(t, "GET", srv.URL+path+query, header, "")
					if len(resp.Cookies()) > 0 {
						t.Errorf("%s%s %v began a session", path, query, header)
					}
					to := resp.Header.Get("Location")
					if strings.HasPrefix(query, "?token") && (right != strings.HasPrefix(to, "/login?next=") || right == (resp.StatusCode == 401)) && resp.StatusCode != 429 {
						t.Errorf("%s%s %v: %d to %q", path, query, header, resp.StatusCode, to)
					}
					if strings.Contains(to+body, "operators-secret") {
						t.Errorf("%s%s %v hands the token on", path, query, header)
					}
				}
			}
		}
	}
}

// Who is not logged in finds the login on every page, and who is finds the way out.
func TestWayInAndOut(t *testing.T) {
	lab := serve(t, web.Options{Local: true, Lab: true, Accounts: oneAccount{}})
	node := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	in := func(url, body string) map[string]string {
		resp, _ := request(t, "POST", url+"/api/v1/login", map[string]string{"Content-Type": "application/json"}, body)
		return map[string]string{"Cookie": resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value}
	}
	operator := in(node.URL, `{"token":"operators-secret"}`)
	bob := in(node.URL, `{"account":"bob@hamburger.edu","password":"secret"}`)
	const login, logout = `<a id="login" href="/login?next=`, `<button id="logout">`
	for _, c := range []struct {
		url, path string
		header    map[string]string
		has, not  string
	}{
		{lab.URL, "/", nil, login, logout}, {lab.URL, "/dns", nil, login + "%2Fdns", logout}, {lab.URL, "/login", nil, "<form", login},
		{node.URL, "/login", nil, "<form", login}, {node.URL, "/server", operator, logout, login}, {node.URL, "/mail", bob, logout, login},
	} {
		if resp, body := request(t, "GET", c.url+c.path, c.header, ""); resp.StatusCode != 200 || !strings.Contains(body, c.has) || strings.Contains(body, c.not) {
			t.Errorf("%s: %d, should have %s and not %s", c.path, resp.StatusCode, c.has, c.not)
		}
	}
}

// A link with a one-time token lets one browser in, once, by its button.
func TestOneTimeLink(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret"})
	resp, _ := request(t, "GET", srv.URL+"/dns?token=operators-secret", nil, "")
	link, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	once := link.Query().Get("once")
	for range 2 { // looking at the page uses nothing up
		if resp, body := request(t, "GET", srv.URL+link.String(), nil, ""); resp.StatusCode != 200 || !strings.Contains(body, once) {
			t.Fatalf("the page of the link: %d without the button", resp.StatusCode)
		}
	}
	fields := url.Values{"once": {once}, "next": {"/dns"}}
	if resp := form(t, srv.URL, map[string]string{"Origin": "http://evil.example"}, fields); len(resp.Cookies()) > 0 {
		t.Error("another site pressed the button")
	}
	resp = form(t, srv.URL, nil, fields)
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "/dns" || len(resp.Cookies()) != 1 {
		t.Fatalf("the button: %d %v", resp.StatusCode, resp.Cookies())
	}
	cookie := map[string]string{"Cookie": resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value}
	if _, body := request(t, "GET", srv.URL+"/api/v1/session", cookie, ""); !strings.Contains(body, `"operator":true`) {
		t.Errorf("the session is %s", body)
	}
	if resp := form(t, srv.URL, nil, fields); resp.StatusCode != 401 || len(resp.Cookies()) > 0 {
		t.Errorf("the link was good twice: %d", resp.StatusCode)
	}
}

// The login form is refused for pages of other sites, and works as our page sends it.
func TestLoginForm(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	good := url.Values{"account": {"bob@hamburger.edu"}, "password": {"secret"}, "next": {"/mail"}}
	with := func(key, value string) url.Values {
		v := url.Values{}
		for k := range good {
			v.Set(k, good.Get(k))
		}
		v.Set(key, value)
		return v
	}
	own := map[string]string{"Origin": srv.URL, "Sec-Fetch-Site": "same-origin"}
	for _, c := range []struct {
		header map[string]string
		fields url.Values
		want   int
	}{
		{own, good, 303},
		{own, with("password", "guess"), 401},
		{own, with("account", "nobody@hamburger.edu"), 401},
		{own, with("token", "guess"), 401},
		{own, with("password", strings.Repeat("x", 1<<20)), 413},
		{map[string]string{"Origin": "http://evil.example"}, good, 403},
		{map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, good, 403},
	} {
		resp := form(t, srv.URL, c.header, c.fields)
		if resp.StatusCode != c.want || (len(resp.Cookies()) > 0) != (c.want == 303) {
			t.Errorf("%v: %d %v, want %d", c.header, resp.StatusCode, resp.Cookies(), c.want)
		}
	}
	// Credentials in the address are not looked at.
	resp, _ := request(t, "POST", srv.URL+"/login?"+good.Encode(), own, "")
	if resp.StatusCode == http.StatusSeeOther {
		t.Error("a login by an address succeeded")
	}
}

// A login never takes over the session id that a browser came with, and ends the
// session that was there.
func TestSessionFixation(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	body := `{"account":"bob@hamburger.edu","password":"secret"}`
	resp, _ := request(t, "POST", srv.URL+"/api/v1/login", map[string]string{"Content-Type": "application/json", "Authorization": ""}, body)
	first := resp.Cookies()[0]
	planted := first.Name + "=" + strings.Repeat("A", 43)
	if resp, _ := request(t, "GET", srv.URL+"/api/v1/mail/folders", map[string]string{"Cookie": planted}, ""); resp.StatusCode != 401 {
		t.Errorf("an invented session: %d", resp.StatusCode)
	}
	resp = form(t, srv.URL, map[string]string{"Cookie": planted}, url.Values{"account": {"bob@hamburger.edu"}, "password": {"secret"}})
	if len(resp.Cookies()) != 1 || strings.Contains(planted, resp.Cookies()[0].Value) {
		t.Errorf("the planted session was taken: %v", resp.Cookies())
	}
	was := map[string]string{"Cookie": first.Name + "=" + first.Value}
	resp = form(t, srv.URL, was, url.Values{"token": {"operators-secret"}})
	if len(resp.Cookies()) != 1 || resp.Cookies()[0].Value == first.Value {
		t.Errorf("the session got more rights under its old name: %v", resp.Cookies())
	}
	if resp, _ := request(t, "GET", srv.URL+"/api/v1/mail/folders", was, ""); resp.StatusCode != 401 {
		t.Errorf("the old session goes on: %d", resp.StatusCode)
	}
}

// A page that is asked for with a body does not read it: it has no bound, and nobody has
// logged in.
func TestPagesReadNoBody(t *testing.T) {
	s, err := web.New(web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, path := range []string{"/login", "/", "/?token=guess", "/login?token=operators-secret", "/mail"} {
		body := &counted{}
		r := httptest.NewRequest(http.MethodGet, path, body)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		s.Handler().ServeHTTP(httptest.NewRecorder(), r)
		if body.read > 64<<10 {
			t.Errorf("%s: %d bytes were read", path, body.read)
		}
	}
}

// counted is the beginning of a form that goes on for long.
type counted struct{ read int }

func (c *counted) Read(p []byte) (int, error) {
	const part = "--b\r\nContent-Disposition: form-data; name=next; filename=x\r\n\r\n"
	if c.read > 8<<20 {
		return 0, io.EOF
	}
	n := copy(p, part+strings.Repeat("x", 4096))
	c.read += n
	return n, nil
}
