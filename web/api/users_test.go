package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"glassmail/server"
)

type users struct {
	Items []struct {
		Address, Node             string
		Messages, Bytes, MaxBytes int64
	}
}

func (u users) names() (out []string) {
	for _, one := range u.Items {
		out = append(out, one.Address)
	}
	return out
}

func TestUsers(t *testing.T) {
	h := newHouse(t)
	c := h.operator(t)
	c.want(http.StatusOK, "POST", "/users", `{"address":"Chef@Crepes.fr","password":"flour","maxBytes":1000000}`)
	all := ask[users](c, "GET", "/users", nil)
	if !slices.Contains(all.names(), "chef@crepes.fr") || len(all.Items) != 3 {
		t.Errorf("accounts %+v", all)
	}
	for _, one := range all.Items {
		if one.Address == "chef@crepes.fr" && (one.MaxBytes != 1_000_000 || one.Node != "crepes.fr") {
			t.Errorf("the account %+v", one)
		}
	}
	chef := h.client(t)
	chef.login("chef@crepes.fr", "flour")
	if got := ask[folders](chef, "GET", "/mail/folders", nil); len(got.Items) < 6 {
		t.Errorf("folders of a new account: %+v", got)
	}
	c.want(http.StatusConflict, "POST", "/users", `{"address":"chef@crepes.fr","password":"again"}`)
	for _, bad := range []string{
		`{"address":"chef","password":"x"}`, `{"address":"","password":"x"}`, `{"address":"a@elsewhere.example","password":"x"}`,
		`{"address":"b@crepes.fr","password":""}`, `{"address":"b@crepes.fr","password":"` + strings.Repeat("x", 2000) + `"}`,
		`{"address":"b@crepes.fr","password":"x","maxBytes":-1}`, `{"address":"b\r\nRCPT@crepes.fr","password":"x"}`,
	} {
		c.want(http.StatusUnprocessableEntity, "POST", "/users", bad)
	}
	c.want(http.StatusOK, "DELETE", "/users/chef@crepes.fr", nil)
	c.want(http.StatusNotFound, "DELETE", "/users/chef@crepes.fr", nil)
	c.want(http.StatusNotFound, "PUT", "/users/chef@crepes.fr/password", `{"password":"x"}`)
	c.want(http.StatusNotFound, "PUT", "/users/nonsense/password", `{"password":"x"}`)
	chef.want(http.StatusUnauthorized, "GET", "/mail/folders", nil)
}

// Whoever changes a password, and in whatever way, ends the sessions of the
// account, and no other's.
func TestPasswordEndsSessions(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *house){
		"by the API": func(t *testing.T, h *house) {
			h.operator(t).want(http.StatusOK, "PUT", "/users/alice@crepes.fr/password", `{"password":"new"}`)
		},
		"by the API in other letters": func(t *testing.T, h *house) {
			h.operator(t).want(http.StatusOK, "PUT", "/users/Alice@CREPES.FR/password", `{"password":"new"}`)
		},
		"by a command": func(t *testing.T, h *house) {
			admin, err := server.DialControl(h.data)
			if err != nil {
				t.Fatal(err)
			}
			if err := admin.SetPassword(t.Context(), "alice@crepes.fr", "new"); err != nil {
				t.Fatal(err)
			}
		},
		"to the same": func(t *testing.T, h *house) {
			h.operator(t).want(http.StatusOK, "PUT", "/users/alice@crepes.fr/password", `{"password":"secret"}`)
		},
		"by removal and a new account": func(t *testing.T, h *house) {
			c := h.operator(t)
			c.want(http.StatusOK, "DELETE", "/users/alice@crepes.fr", nil)
			c.want(http.StatusOK, "POST", "/users", `{"address":"alice@crepes.fr","password":"secret"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice, again, bob, operator := h.as(t, "alice@crepes.fr"), h.as(t, "alice@crepes.fr"), h.as(t, "bob@crepes.fr"), h.operatorSession(t)
			alice.want(http.StatusOK, "GET", "/mail/folders", nil)
			change(t, h)
			alice.want(http.StatusUnauthorized, "GET", "/mail/folders", nil)
			again.want(http.StatusUnauthorized, "GET", "/mail/folders", nil)
			bob.want(http.StatusOK, "GET", "/mail/folders", nil)
			operator.want(http.StatusOK, "GET", "/queue", nil)
		})
	}
}

// Basic authentication is for programs: no session begins, no token is needed.
func TestBasicAuthentication(t *testing.T) {
	h := newHouse(t)
	c := h.client(t)
	set := func(account, password string) {
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(account, password)
		c.header.Set("Authorization", req.Header.Get("Authorization"))
	}
	set("alice@crepes.fr", "secret")
	resp, _ := c.do("POST", "/mail/folders", `{"name":"Recipes"}`)
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) > 0 {
		t.Errorf("%d with cookies %v", resp.StatusCode, resp.Cookies())
	}
	set("alice", "secret") // the name alone, at the only node
	c.want(http.StatusOK, "GET", "/mail/folders", nil)
	for _, bad := range [][2]string{{"alice@crepes.fr", "wrong"}, {"nobody@crepes.fr", "secret"}, {"", "secret"}, {"alice@crepes.fr", ""}, {"alice@elsewhere.example", "secret"}} {
		set(bad[0], bad[1])
		c.want(http.StatusUnauthorized, "GET", "/mail/folders", nil)
	}
	for _, header := range []string{"Bearer ", "Bearer guess", "Bearer " + token + "x", "Basic !!!", "bearer", "Digest x"} {
		c.header.Set("Authorization", header)
		c.want(http.StatusUnauthorized, "GET", "/queue", nil)
	}
}

// Who knows the present password can change it; the session in hand goes on, all
// others end.
func TestOwnPassword(t *testing.T) {
	h := newHouse(t)
	alice, other := h.as(t, "alice@crepes.fr"), h.as(t, "alice@crepes.fr")
	for body, want := range map[string]int{
		`{"password":"guess","new":"x"}`: 422, `{"password":"secret","new":""}`: 422, `{"new":"x"}`: 422, `{"password":"secret"}`: 422, `{"old":"secret","new":"x"}`: 400,
	} {
		alice.want(want, "PUT", "/password", body)
	}
	resp, body := alice.do("PUT", "/password", `{"password":"secret","new":"pickles"}`)
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		t.Fatalf("%d %s %v", resp.StatusCode, body, resp.Cookies())
	}
	old := alice.header.Get("Cookie")
	alice.want(http.StatusUnauthorized, "GET", "/mail/folders", nil)
	other.want(http.StatusUnauthorized, "GET", "/mail/folders", nil)
	k := resp.Cookies()[0]
	alice.header.Set("Cookie", k.Name+"="+k.Value)
	if alice.header.Get("Cookie") == old {
		t.Error("the session kept its id")
	}
	alice.want(http.StatusOK, "POST", "/mail/folders", `{"name":"Recipes"}`)
	fresh := h.client(t)
	fresh.login("alice@crepes.fr", "pickles")
	// Guessing the present password is limited as a login is.
	for range 10 {
		fresh.do("PUT", "/password", `{"password":"guess","new":"x"}`)
	}
	fresh.want(http.StatusTooManyRequests, "PUT", "/password", `{"password":"pickles","new":"x"}`)
}

// With an alias of the whole domain every recipient is taken, as catch-all servers
// for tests do.
func TestAliases(t *testing.T) {
	h := newHouse(t)
	op := h.operator(t)
	op.want(http.StatusOK, "PUT", "/aliases/@crepes.fr", `{"targets":["bob@crepes.fr"]}`)
	h.deliver(t, "whoever@crepes.fr", "caught")
	if got := ask[one](op, "POST", "/messages/wait", `{"account":"bob@crepes.fr","q":"subject:caught","timeout":"1m"}`); got.Subject != "caught" {
		t.Errorf("got %+v", got)
	}
	op.want(http.StatusOK, "PUT", "/aliases/Kitchen@crepes.fr", `{"targets":["bob@crepes.fr","chef@elsewhere.example"]}`)
	var all struct{ Items []struct{ Address string } }
	_, body := op.do("GET", "/aliases", nil)
	if err := json.Unmarshal(body, &all); err != nil || len(all.Items) != 2 || !strings.Contains(string(body), `"kitchen@crepes.fr"`) {
		t.Errorf("%v: %s", err, body)
	}
	for address, targets := range map[string]string{
		"x@crepes.fr": `[]`, "y@crepes.fr": `["nobody"]`, "z": `["bob@crepes.fr"]`, "a@elsewhere.example": `["bob@crepes.fr"]`, "@elsewhere.example": `["bob@crepes.fr"]`,
		"@": `["bob@crepes.fr"]`, "b%0d%0a@crepes.fr": `["bob@crepes.fr"]`,
	} {
		op.want(http.StatusUnprocessableEntity, "PUT", "/aliases/"+address, `{"targets":`+targets+`}`)
	}
	op.want(http.StatusOK, "DELETE", "/aliases/@crepes.fr", nil)
	for _, gone := range []string{"@crepes.fr", "nobody@crepes.fr", "x@elsewhere.example", "x"} {
		op.want(http.StatusNotFound, "DELETE", "/aliases/"+gone, nil)
	}
}
