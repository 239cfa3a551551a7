package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"context"
	"net/netip"

	"glassmail/web"
	"glassmail/web/api"
)

// Every call is described, and everything described is a call.
func TestDescription(t *testing.T) {
	s, err := web.New(web.Options{Local: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	srv := serve(t, web.Options{Local: true})
	_, body := request(t, "GET", srv.URL+"/api/v1/openapi.json", nil, "")
	var doc struct {
		Paths map[string]map[string]*struct {
			Role string `json:"x-role"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Routes() {
		method := strings.ToLower(r.Method)
		if doc.Paths[r.Path][method] == nil {
			t.Errorf("%s %s is not described", r.Method, r.Path)
			continue
		}
		if got := doc.Paths[r.Path][method].Role; got != r.Role.String() {
			t.Errorf("%s %s is for the role %q, and described for %q", r.Method, r.Path, r.Role, got)
		}
		delete(doc.Paths[r.Path], method)
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} { // beside the API
		if doc.Paths[path]["get"] == nil {
			t.Errorf("%s is not described", path)
		}
		delete(doc.Paths, path)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			t.Errorf("%s %s is described, but there is no such call", method, path)
		}
	}
}

// oneAccount knows bob with the password secret.
type oneAccount struct{}

func (oneAccount) Login(_ context.Context, _ netip.Addr, account, password string) (string, bool, error) {
	return account, account == "bob@hamburger.edu" && password == "secret", nil
}

func (oneAccount) CredentialVersion(context.Context, string) (string, error) { return "stamp", nil }

func login(t *testing.T, url string) string {
	t.Helper()
	resp, body := request(t, "POST", url+"/api/v1/login", map[string]string{"Content-Type": "application/json"},
		`{"account":"bob@hamburger.edu","password":"secret"}`)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || len(c.Value) < 43 {
		t.Errorf("cookie %v", c)
	}
	return c.Name + "=" + c.Value
}

// A change must not come from another site.
func TestChangesFromOtherSites(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	cookie := login(t, srv.URL)
	for _, c := range []struct {
		header map[string]string
		want   int
	}{
		{map[string]string{"Cookie": cookie, "Origin": "http://evil.example"}, 403},
		{map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}, 403},
		{map[string]string{"Cookie": cookie}, 200},
	} {
		if resp, body := request(t, "POST", srv.URL+"/api/v1/logout", c.header, ""); resp.StatusCode != c.want {
			t.Errorf("%v: %d %s, want %d", c.header, resp.StatusCode, body, c.want)
		}
	}
}

// What the accounts refuse is told as such, and a reader of mail is no operator.
func TestLoginIsLimited(t *testing.T) {
	srv := serve(t, web.Options{Token: "operators-secret", Accounts: oneAccount{}})
	cookie := login(t, srv.URL)
	if resp, _ := request(t, "GET", srv.URL+"/api/v1/queue", map[string]string{"Cookie": cookie}, ""); resp.StatusCode != 403 {
		t.Errorf("a reader saw the queue: %d", resp.StatusCode)
	}
	srv = serve(t, web.Options{Token: "operators-secret", Accounts: besieged{}})
	resp, body := request(t, "POST", srv.URL+"/api/v1/login", map[string]string{"Content-Type": "application/json"},
		`{"account":"bob@hamburger.edu","password":"guess"}`)
	if resp.StatusCode != 429 || !strings.Contains(body, "try again in 7 minutes") {
		t.Errorf("one too many was answered %d %s", resp.StatusCode, body)
	}
}

// Bodies are bounded, and the terminal cannot be opened from another site.
func TestBoundsAndOrigins(t *testing.T) {
	srv := serve(t, web.Options{Local: true, Lab: true, Accounts: oneAccount{}, API: api.Options{}})
	big := `{"account":"` + strings.Repeat("a", 1<<20) + `"}`
	if resp, _ := request(t, "POST", srv.URL+"/api/v1/login", map[string]string{"Content-Type": "application/json"}, big); resp.StatusCode != 413 {
		t.Errorf("a large login was answered %d, want 413", resp.StatusCode)
	}
	resp, _ := request(t, "GET", srv.URL+"/api/v1/terminals/ws?node=x&service=smtp", map[string]string{"Origin": "http://evil.example", "Upgrade": "websocket", "Connection": "Upgrade"}, "")
	if resp.StatusCode != 403 {
		t.Errorf("another site opened a terminal: %d", resp.StatusCode)
	}
	resp, _ = request(t, "GET", srv.URL+"/", nil, "")
	if p := resp.Header.Get("Content-Security-Policy"); strings.Contains(p, "unsafe") || !strings.Contains(p, "default-src 'none'") {
		t.Errorf("policy %q", p)
	}
}
