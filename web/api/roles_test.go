package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// anyBody is a body for each call that reads one: small, well-formed, and of no
// consequence where that can be.
func anyBody(r api.Route) any {
	switch r.Method + " " + r.Path {
	case "POST /messages/wait":
		return `{"timeout":"1ms"}`
	case "POST /login":
		return `{"account":"alice@crepes.fr","password":"secret"}`
	}
	if r.MaxBody > 0 {
		return `{}`
	}
	return nil
}

// anyPath fills the places of a path.
func anyPath(r api.Route) string {
	return regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.Path, "1")
}

// routesOf lists the calls of a server like the house's.
func routesOf(t *testing.T) []api.Route {
	t.Helper()
	s, err := web.New(web.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.Routes()
}

// status makes a call and returns the answer's status, without reading streams.
func (c *client) status(r api.Route, header http.Header) int {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	req := c.request(ctx, r.Method, anyPath(r), anyBody(r))
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// Who may make which call: each kind of caller, each call.
func TestRoles(t *testing.T) {
	h := newHouse(t)
	const unknown, forbidden, allowed = http.StatusUnauthorized, http.StatusForbidden, http.StatusOK
	nobody := func(t *testing.T) *client { return h.client(t) }
	reader := func(t *testing.T) *client { return h.as(t, "alice@crepes.fr") }
	operator := func(t *testing.T) *client { return h.operator(t) }
	local := serve(t, web.Options{API: api.Options{Trace: trace.NewLog(10, nil)}, Local: true, Token: token, Accounts: emptyHouse{}})
	neighbour := func(t *testing.T) *client { return newClient(t, local, nil) }
	for _, who := range []struct {
		name   string
		client func(*testing.T) *client
		may    map[api.Role]int // what is not here is allowed
	}{
		{"nobody", nobody, map[api.Role]int{api.Viewer: unknown, api.Operator: unknown, api.User: unknown, api.ViewerOrUser: unknown, api.OperatorOrUser: unknown}},
		{"reader", reader, map[api.Role]int{api.Viewer: forbidden, api.Operator: forbidden}},
		{"operator", operator, map[api.Role]int{api.User: unknown}},
		{"neighbour", neighbour, map[api.Role]int{api.Viewer: unknown, api.Operator: unknown, api.User: unknown, api.ViewerOrUser: unknown, api.OperatorOrUser: unknown}},
	} {
		t.Run(who.name, func(t *testing.T) {
			for _, r := range routesOf(t) {
				want, ok := who.may[r.Role]
				if !ok {
					want = allowed
				}
				if r.Path == "/login" && who.name == "neighbour" {
					continue // there is nobody who could
				}
				got := who.client(t).status(r, nil)
				if got >= 500 {
					t.Errorf("%s %s: %d", r.Method, r.Path, got)
				}
				if got != unknown && got != forbidden {
					got = allowed // to ask; whether there is an answer is another matter
				}
				if got != want {
					t.Errorf("%s %s: %d, want %d", r.Method, r.Path, got, want)
				}
			}
		})
	}
}

// emptyHouse has no accounts.
type emptyHouse struct{}

func (emptyHouse) Login(context.Context, netip.Addr, string, string) (string, bool, error) {
	return "", false, nil
}
func (emptyHouse) CredentialVersion(context.Context, string) (string, error) { return "", nil }

// What changes something, or tells something, is done for pages of ours only: by
// the marks that browsers add. A program that adds none, or none of these, is none.
func TestForeignPages(t *testing.T) {
	h := newHouse(t)
	for _, r := range routesOf(t) {
		c := h.operatorSession(t)
		if r.Role == api.User || r.Role == api.OperatorOrUser || r.Role == api.Anyone {
			c = h.as(t, "alice@crepes.fr")
		}
		for _, try := range []struct {
			header  map[string]string
			refused bool
		}{
			{nil, false},
			{map[string]string{"Sec-Fetch-Mode": "cors"}, false}, // Node's fetch
			{map[string]string{"Origin": "http://evil.example"}, true},
			{map[string]string{"Origin": "null"}, true},
			{map[string]string{"Origin": h.url + ".evil.example"}, true},
			{map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
			{map[string]string{"Sec-Fetch-Site": "same-site"}, true},
			{map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
			{map[string]string{"Origin": h.url, "Sec-Fetch-Site": "same-origin"}, false},
		} {
			header := http.Header{}
			for k, v := range try.header {
				header.Set(k, v)
			}
			if got := c.status(r, header); (got == http.StatusForbidden) != try.refused {
				t.Errorf("%s %s %v: %d, refused should be %v", r.Method, r.Path, try.header, got, try.refused)
			}
		}
	}
}

// In a lab nobody logs in; there too a page elsewhere can change nothing, and a
// page of ours and a program can.
func TestForeignPagesInALab(t *testing.T) {
	url := serve(t, web.Options{API: api.Options{Trace: trace.NewLog(10, nil)}, Local: true, Lab: true})
	for _, r := range routesOf(t) {
		if r.Method == http.MethodGet || r.Role != api.Operator {
			continue
		}
		for header, refused := range map[string]bool{
			"": false, "Sec-Fetch-Site: same-origin": false, "Sec-Fetch-Site: cross-site": true, "Sec-Fetch-Site: same-site": true, "Sec-Fetch-Site: none": false,
			"Origin: http://evil.example": true, "Origin: " + url: false, "Origin: null": true, "Sec-Fetch-Mode: cors": false,
		} {
			h := http.Header{}
			if name, value, ok := strings.Cut(header, ": "); ok {
				h.Set(name, value)
			}
			if got := newClient(t, url, nil).status(r, h); (got == http.StatusForbidden) != refused {
				t.Errorf("%s %s %s: %d, refused should be %v", r.Method, r.Path, header, got, refused)
			}
		}
	}
}

// Node's fetch, which test tools stand on, adds one of the fields that browsers add.
func TestNodeFetch(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed (Debian package nodejs)")
	}
	url := serve(t, web.Options{API: api.Options{Trace: trace.NewLog(10, nil)}, Local: true, Lab: true})
	for method, path := range map[string]string{"POST": "/mail/search", "PUT": "/clock", "DELETE": "/hold/rules", "GET": "/node"} {
		script := fmt.Sprintf(`fetch(%q, {method: %q}).then(r => console.log(r.status))`, url+api.Prefix+path, method)
		out, err := exec.CommandContext(t.Context(), node, "-e", script).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || len(got) != 3 || got == "403" {
			t.Errorf("%s %s by node: %s %v", method, path, out, err)
		}
	}
}

// A name of another site that was made to point here opens nothing.
func TestForeignNames(t *testing.T) {
	url := serve(t, web.Options{API: api.Options{Trace: trace.NewLog(10, nil)}, Local: true, Lab: true})
	port := url[strings.LastIndexByte(url, ':'):]
	for host, want := range map[string]int{
		"127.0.0.1" + port: 200, "localhost" + port: 200, "[::1]" + port: 200, "127.8.8.8": 200, "localhost": 200,
		"evil.example" + port: 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "10.0.0.1": 403, "[::ffff:10.0.0.1]": 403,
		"0.0.0.0": 403, "2130706433": 403, "evil.example:80:127.0.0.1": 403,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+api.Prefix+"/node", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := newClient(t, url, nil).http.Do(req)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", host, err))
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}
