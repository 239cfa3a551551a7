package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"glassmail/lab"
)

// startLab runs the lecture's internet on free ports, with its page.
func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(t.Context(), lab.Options{Dir: t.TempDir(), Wording: "lecture", Web: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- l.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	return l
}

// tour makes calls in a lab, as a program without a login and as alice.
type tour struct {
	*testing.T
	lab        *lab.Lab
	any, alice *client
}

// ok makes a call that must succeed.
func (t *tour) ok(c *client, method, path string, body any) []byte {
	t.Helper()
	resp, b := c.do(method, path, body)
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %d %.300s", method, path, resp.StatusCode, b)
	}
	return b
}

// Every call that is described succeeds once in a lab, with an answer as it is
// described.
func TestEveryCall(t *testing.T) {
	l := startLab(t)
	calls := readDescription(t)
	calls.seen = map[string]bool{}
	tr := &tour{t, l, newClient(t, l.Ready.Web, calls), newClient(t, l.Ready.Web, calls)}
	tr.alice.header.Set("Authorization", "Basic YWxpY2VAY3JlcGVzLmZyOmFsaWNl") // alice@crepes.fr:alice
	tr.any.http.Timeout, tr.alice.http.Timeout = 0, 0
	for _, part := range []func(*tour){login, ownMail, suite, waiting, accounts, held, names, past, sessions} {
		part(tr)
	}
	for path, methods := range calls.paths {
		for method := range methods {
			pattern := strings.ToUpper(method) + " " + path
			if beside := path == "/metrics" || path == "/healthz" || path == "/readyz"; !calls.seen[pattern] && !beside {
				t.Errorf("%s did not succeed", pattern)
			}
		}
	}
}

func login(t *tour) {
	c := newClient(t.T, t.lab.Ready.Web, t.any.calls)
	t.ok(c, "POST", "/login", `{"account":"alice@crepes.fr","password":"alice"}`)
	t.ok(c, "GET", "/session", nil)
	t.ok(c, "POST", "/logout", nil)
	t.ok(c, "GET", "/openapi.json", nil)
	t.ok(c, "GET", "/node", nil)
}

func ownMail(t *tour) {
	talk(t.T, t.lab.Ready.Nodes["crepes.fr"].SMTP, "HELO hamburger.edu", "MAIL FROM:<bob@hamburger.edu>", "RCPT TO:<alice@crepes.fr>", "DATA",
		"From: bob@hamburger.edu\r\nSubject: page\r\nContent-Type: text/html\r\n\r\n<p>a page</p>\r\n.")
	page := ask[found](t.any, "POST", "/messages/wait", `{"account":"alice@crepes.fr"}`)
	inbox := ask[listing](t.alice, "GET", "/mail/messages", nil).Folder.ID
	one := fmt.Sprintf("/mail/messages/%d/%d", inbox, page.UID)
	for _, tail := range []string{"", "/raw", "/html", "/parts/1"} {
		t.ok(t.alice, "GET", one+tail, nil)
	}
	t.ok(t.alice, "GET", "/mail/messages?threads=1", nil)
	t.ok(t.alice, "GET", "/mail/folders", nil)
	f := ask[struct{ ID uint64 }](t.alice, "POST", "/mail/folders", `{"name":"Recipes"}`)
	folder := "/mail/folders/" + strconv.FormatUint(f.ID, 10)
	t.ok(t.alice, "PATCH", folder, `{"subscribed":false}`)
	uids := fmt.Sprintf(`"uids":[%d]`, page.UID)
	t.ok(t.alice, "POST", fmt.Sprintf("/mail/messages/%d/flags", inbox), `{`+uids+`,"add":["flagged","$Forwarded"]}`)
	moved := ask[changed](t.alice, "POST", fmt.Sprintf("/mail/messages/%d/move", inbox), `{`+uids+`,"to":"Recipes"}`)
	trash := ask[changed](t.alice, "POST", fmt.Sprintf("/mail/messages/%d/delete", moved.Folder), map[string]any{"uids": moved.UIDs})
	t.ok(t.alice, "DELETE", fmt.Sprintf("/mail/messages/%d/%d", trash.Folder, trash.UIDs[0]), nil)
	t.ok(t.alice, "DELETE", folder, nil)
	t.ok(t.alice, "POST", "/mail/drafts", `{"text":"unfinished"}`)
	t.ok(t.alice, "POST", "/mail/send", `{"to":["alice@crepes.fr"],"text":"to myself"}`)
	t.alice.follow("/mail/changes", nil).stop()
}

// found is a message of the calls for suites.
type found struct {
	ID  string
	UID uint64
}

func suite(t *tour) {
	t.ok(t.any, "POST", "/send", `{"from":"alice@crepes.fr","to":["bob@hamburger.edu"],"subject":"lunch","text":"hungry?"}`)
	m := ask[found](t.any, "POST", "/messages/wait", `{"account":"bob@hamburger.edu","q":"subject:lunch","timeout":"1m"}`)
	place := "/messages/" + url.PathEscape(m.ID)
	t.ok(t.any, "GET", "/messages", nil)
	t.ok(t.any, "GET", place, nil)
	t.ok(t.any, "GET", place+"/raw", nil)
	t.ok(t.any, "DELETE", place, nil)
	t.ok(t.any, "DELETE", "/messages?account=alice@crepes.fr", nil)
}

// waiting is a message that hamburger.edu does not take for now.
func waiting(t *tour) {
	fault := ask[found](t.any, "POST", "/faults", `{"node":"hamburger.edu","proto":"smtp","dir":"C","command":"RCPT","action":"reply","text":"451 4.7.1 Later"}`)
	t.ok(t.any, "GET", "/faults", nil)
	t.ok(t.any, "POST", "/send", `{"from":"alice@crepes.fr","to":["bob@hamburger.edu"],"text":"once more"}`)
	var q queued
	eventually(t.T, "the message waits", func() bool {
		q = ask[queued](t.any, "GET", "/queue", nil)
		return len(q.Items) == 1 && q.Items[0].Attempts > 0
	})
	place := "/queue/" + url.PathEscape(q.Items[0].ID)
	t.ok(t.any, "GET", place, nil)
	t.ok(t.any, "GET", "/clock", nil)
	t.ok(t.any, "POST", place+"/remove", nil)
	t.ok(t.any, "POST", "/clock", `{"advance":"1m"}`)
	t.ok(t.any, "DELETE", "/faults/"+fault.ID, nil)
}

func accounts(t *tour) {
	t.ok(t.any, "POST", "/users", `{"address":"chef@crepes.fr","password":"flour"}`)
	t.ok(t.any, "GET", "/users", nil)
	t.ok(t.any, "PUT", "/users/chef@crepes.fr/password", `{"password":"butter"}`)
	t.ok(t.any, "PUT", "/aliases/kitchen@crepes.fr", `{"targets":["chef@crepes.fr","alice@crepes.fr"]}`)
	t.ok(t.any, "GET", "/aliases", nil)
	t.ok(t.any, "DELETE", "/aliases/kitchen@crepes.fr", nil)
	chef := newClient(t.T, t.lab.Ready.Web, t.any.calls)
	chef.header.Set("Authorization", "Basic Y2hlZkBjcmVwZXMuZnI6YnV0dGVy") // chef@crepes.fr:butter
	t.ok(chef, "PUT", "/password", `{"password":"butter","new":"sugar"}`)
	t.ok(t.any, "DELETE", "/users/chef@crepes.fr", nil)
}

// held is a greeting that waits at the interceptor.
func held(t *tour) {
	type desk struct{ Held []found }
	t.any.follow("/hold/changes", nil).stop()
	stop := ask[found](t.any, "POST", "/hold/breakpoints", `{"proto":"imap","command":"LOGOUT"}`)
	t.ok(t.any, "DELETE", "/hold/breakpoints/"+stop.ID, nil)
	t.ok(t.any, "POST", "/hold/pause", nil)
	conn := call(t.T, t.lab.Ready.Nodes["hamburger.edu"].SMTP)
	var now desk
	wait := func() {
		t.Helper()
		eventually(t.T, "a line is held", func() bool {
			now = ask[desk](t.any, "GET", "/hold", nil)
			return len(now.Held) > 0
		})
	}
	wait()
	t.ok(t.any, "POST", "/hold/held/"+now.Held[0].ID, `{"action":"pass"}`)
	io.WriteString(conn, "NOOP\r\n")
	wait()
	t.ok(t.any, "POST", "/hold/step", nil)
	t.ok(t.any, "PUT", "/hold/speed", `{"speed":2}`)
	t.ok(t.any, "PUT", "/hold/speed", `{"speed":0}`)
	t.ok(t.any, "POST", "/hold/resume", nil)
}

func names(t *tour) {
	for _, path := range []string{"/dns/tree", "/dns/zones", "/dns/mode", "/dns/faults", "/dns/cache", "/dns/zones/hamburger.edu?signatures=1"} {
		t.ok(t.any, "GET", path, nil)
	}
	zone := ask[struct{ Result string }](t.any, "GET", "/dns/zones/hamburger.edu", nil).Result
	t.any.header.Set("Content-Type", "text/plain")
	t.ok(t.any, "POST", "/dns/zones/hamburger.edu/check", zone)
	t.ok(t.any, "PUT", "/dns/zones/hamburger.edu", zone)
	t.any.header.Del("Content-Type")
	for _, c := range [][3]string{
		{"POST", "/dns/zones/edit", `{"zone":"hamburger.edu","way":"add","records":["grill IN A 10.9.9.9"]}`},
		{"POST", "/dns/register", `{"domain":"networkutopia.com","owner":"alice","servers":[{"Name":"dns1.networkutopia.com","Addrs":["212.212.212.1"]}]}`},
		{"POST", "/dns/transfer", `{"domain":"networkutopia.com","owner":"alice","to":"bob"}`},
		{"PUT", "/dns/mode", `{"mode":"iterative"}`},
		{"PUT", "/dns/faults", `{"zone":"hamburger.edu","fault":"none"}`},
		{"POST", "/dns/query", `{"name":"hamburger.edu","type":"MX"}`},
		{"POST", "/dns/walk", `{"name":"gaia.cs.umass.edu","type":"A"}`},
		{"POST", "/dns/race", `{"zone":"hamburger.edu","rounds":1,"window":1000000,"idBits":16,"randomPort":true,"validate":false}`},
		{"POST", "/dns/flood", `{"queries":10,"lookups":2,"limit":0}`},
		{"DELETE", "/dns/cache/hamburger.edu", ""},
		{"DELETE", "/dns/cache", ""},
	} {
		var body any
		if c[2] != "" {
			body = c[2]
		}
		t.ok(t.any, c[0], c[1], body)
	}
}

func past(t *tour) {
	t.any.follow("/events?lang=en", nil).stop()
	all := ask[listing](t.any, "GET", "/journeys?q=lunch", nil)
	id := all.Items[0].ID
	for _, path := range []string{"/journeys/" + id + "?lang=th", "/trace.jsonl", "/trace.pcapng?lang=en", "/whatif/compare?a=" + id + "&b=" + id, "/metrics-series"} {
		t.ok(t.any, "GET", path, nil)
	}
	t.ok(t.any, "POST", "/whatif", `{"journey":"`+id+`","change":{"kind":"subject","text":"อาหาร"}}`)
}

func sessions(t *tour) {
	conn := call(t.T, t.lab.Ready.Nodes["crepes.fr"].IMAP)
	var number string
	eventually(t.T, "the connection is seen", func() bool {
		for _, one := range ask[openConns](t.any, "GET", "/sessions", nil).Items {
			if one.Remote == conn.LocalAddr().String() {
				number = strconv.FormatUint(one.Conn, 10)
			}
		}
		return number != ""
	})
	t.ok(t.any, "DELETE", "/sessions/"+number, nil)
	page, status, err := t.any.open("node=crepes.fr&service=smtp", nil)
	if err != nil {
		t.Fatal(err)
	}
	page.CloseNow()
	if err := t.any.calls.note("GET", "/terminals/ws", &http.Response{StatusCode: status}); err != nil {
		t.Error(err)
	}
}

// Beside the API, as the description says.
func TestBesideTheAPI(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = h.operator(t).header
		resp, err := h.client(t).http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if err := h.calls.note(http.MethodGet, path, resp); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %v", path, resp.StatusCode, err)
		}
	}
}

// sample is a value of a described type.
func sample(schema any) any {
	s, _ := schema.(map[string]any)
	switch s["type"] {
	case "integer", "number":
		return 1
	case "boolean":
		return true
	case "array":
		return []any{}
	case "object":
		return map[string]any{}
	}
	if s["format"] == "date-time" {
		return "2026-05-04T12:00:00Z"
	}
	return "x"
}

// What the description says of bodies is what the calls take: each key that is named
// is known, and no other.
func TestBodiesAsDescribed(t *testing.T) {
	l := startLab(t)
	calls := readDescription(t)
	c := newClient(t, l.Ready.Web, calls)
	c.header.Set("Authorization", "Basic YWxpY2VAY3JlcGVzLmZyOmFsaWNl") // alice, in a lab, may do everything
	n := 0
	for path, methods := range calls.paths {
		for method, call := range methods {
			schema, ok := dig(call, "requestBody", "content", "application/json", "schema")
			if !ok || strings.HasPrefix(path, "/dns/") { // the lab reads these itself
				continue
			}
			schema = calls.resolve(schema)
			properties, _ := dig(schema, "properties")
			place := strings.NewReplacer("{folder}", "INBOX", "{uid}", "1", "{id}", "1", "{action}", "hold", "{address}", "x", "{conn}", "1").Replace(path)
			bodies := map[string]map[string]any{"nonsense": {"nonsense": 1}}
			for key, one := range properties.(map[string]any) {
				bodies[key] = map[string]any{key: sample(calls.resolve(one))}
			}
			for key, body := range bodies {
				if path == "/messages/wait" && key != "timeout" {
					body["timeout"] = "1ms"
				}
				_, answer := c.do(strings.ToUpper(method), place, body)
				if unknown := strings.Contains(string(answer), "unknown field"); unknown != (key == "nonsense") {
					t.Errorf("%s %s with %v: %s", method, path, body, answer)
				}
				n++
			}
		}
	}
	if n < 60 {
		t.Errorf("%d bodies only", n)
	}
}

// resolve follows a reference to a schema.
func (d *description) resolve(schema any) any {
	ref, ok := dig(schema, "$ref")
	if !ok {
		return schema
	}
	return d.schemas[strings.TrimPrefix(ref.(string), "#/components/schemas/")]
}
