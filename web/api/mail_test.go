package api_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"glassmail/mailbox"
)

const lunch = `From: Bob <bob@crepes.fr>
To: alice@crepes.fr
Subject: =?utf-8?B?4Lit4Liy4Lir4Liy4Lij4LiB4Lil4Liy4LiH4Lin4Lix4LiZ?=
Message-ID: <lunch@crepes.fr>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<p onclick="steal()">Do you like <b>ketchup</b>?<script>steal()</script><img src="http://evil.example/pixel"></p>
--b
Content-Type: image/svg+xml; name=dot.svg
Content-Disposition: attachment; filename=dot.svg

<svg xmlns="http://www.w3.org/2000/svg"><script>steal()</script></svg>
--b--
`

func TestFolders(t *testing.T) {
	c := newHouse(t).as(t, "alice@crepes.fr")
	names := func() (out []string) {
		for _, f := range ask[folders](c, "GET", "/mail/folders", nil).Items {
			out = append(out, f.Name)
		}
		return out
	}
	before := names()
	if !slices.Contains(before, "INBOX") || !slices.Contains(before, "Trash") {
		t.Fatalf("folders %v", before)
	}
	f := ask[mailbox.Folder](c, "POST", "/mail/folders", `{"name":"งาน/2026"}`)
	id := strconv.FormatUint(uint64(f.ID), 10)
	c.want(http.StatusConflict, "POST", "/mail/folders", `{"name":"งาน/2026"}`)
	for _, bad := range []string{`""`, `"/a"`, `"a//b"`, `"a\u0000b"`, `"a\r\nb"`, `"` + strings.Repeat("x", 5000) + `"`} {
		c.want(http.StatusUnprocessableEntity, "POST", "/mail/folders", `{"name":`+bad+`}`)
	}
	ask[mailbox.Folder](c, "PATCH", "/mail/folders/"+id, `{"name":"งาน/2027"}`)
	if f := ask[mailbox.Folder](c, "PATCH", "/mail/folders/"+id, `{"subscribed":false}`); f.Subscribed || f.Name != "งาน/2027" {
		t.Errorf("folder %+v", f)
	}
	c.want(http.StatusBadRequest, "PATCH", "/mail/folders/"+id, `{}`)
	c.want(http.StatusBadRequest, "PATCH", "/mail/folders/"+id, `{"title":"x"}`)
	c.want(http.StatusUnprocessableEntity, "DELETE", "/mail/folders/INBOX", nil)
	c.want(http.StatusOK, "DELETE", "/mail/folders/"+id, nil)
	c.want(http.StatusNotFound, "DELETE", "/mail/folders/"+id, nil)
	if got := names(); slices.Contains(got, "งาน/2027") {
		t.Errorf("folders %v", got)
	}
}

// A message is read, its parts are served so that none can act, and its HTML is a
// document in a sandbox.
func TestRead(t *testing.T) {
	h := newHouse(t)
	place := at(h.put(t, "alice@crepes.fr", "INBOX", lunch))
	c := h.as(t, "alice@crepes.fr")
	m := ask[text](c, "GET", place, nil)
	if m.Subject != "อาหารกลางวัน" || !strings.Contains(m.Text, "ketchup") || strings.Contains(m.Text, "steal") || len(m.Parts) != 2 {
		t.Errorf("message %+v", m)
	}
	list := ask[listing](c, "GET", "/mail/messages", nil)
	if len(list.Items) != 1 || !list.Items[0].Attachments || len(list.Items[0].Flags) != 0 {
		t.Errorf("listed %+v", list.Items)
	}
	resp, body := c.do("GET", place+"/html", nil)
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox") || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") ||
		!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'self'") ||
		resp.Header.Get("X-Frame-Options") != "SAMEORIGIN" || resp.Header.Get("Blocked-Pictures") != "1" {
		t.Errorf("header %v", resp.Header)
	}
	if head, nothing := c.do("HEAD", place+"/html", nil); head.Header.Get("Blocked-Pictures") != "1" || head.Header.Get("Shown-As") != "whole" || len(nothing) != 0 {
		t.Errorf("HEAD: %v and %d bytes", head.Header, len(nothing))
	}
	for _, bad := range []string{"script", "onclick", "steal", "evil.example"} {
		if strings.Contains(string(body), bad) {
			t.Errorf("%q is in the document:\n%s", bad, body)
		}
	}
	resp, body = c.do("GET", place+"/parts/2", nil)
	if kind, way := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Disposition"); kind != "application/octet-stream" ||
		!strings.HasPrefix(way, "attachment") || !strings.Contains(way, "dot.svg") || !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "sandbox;") {
		t.Errorf("an SVG is served as %q, %q", kind, way)
	}
	if !strings.Contains(string(body), "<svg") {
		t.Errorf("part %q", body)
	}
	for _, section := range []string{"3", "0", "1.1", "2.2.2.2.2.2.2.2", "x", "-1", "99999999999999999999", "TEXT", "..%2F..%2Fetc"} {
		c.want(http.StatusNotFound, "GET", place+"/parts/"+section, nil)
	}
	resp, body = c.do("GET", place+"/raw", nil)
	if string(body) != strings.ReplaceAll(lunch, "\n", "\r\n") || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("raw: %v\n%s", resp.Header, body)
	}
	resp, _ = c.do("GET", place+"/raw?download=1", nil)
	if way := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(way, "attachment") {
		t.Errorf("raw is saved as %q", way)
	}
}

func TestFlagsMoveAndDelete(t *testing.T) {
	h := newHouse(t)
	c := h.as(t, "alice@crepes.fr")
	p := h.put(t, "alice@crepes.fr", "INBOX", lunch)
	folder := "/mail/messages/" + strconv.FormatUint(uint64(p.Folder), 10)
	c.want(http.StatusOK, "POST", folder+"/flags", `{"uids":[1],"add":["seen","$Important"],"remove":["flagged"]}`)
	one := ask[listing](c, "GET", "/mail/messages", nil).Items[0]
	if !slices.Equal(one.Flags, []string{"seen"}) || !slices.Equal(one.Keywords, []string{"$Important"}) {
		t.Errorf("flags %v %v", one.Flags, one.Keywords)
	}
	for _, bad := range []string{
		`{"uids":[1],"add":["\\Seen"]}`, `{"uids":[1],"add":["a b"]}`, `{"uids":[1],"add":["a\r\n"]}`, `{"uids":[],"add":["seen"]}`,
		`{"uids":[-1],"add":["seen"]}`, `{"uids":[1],"flags":["seen"]}`, `{"uids":[1]} {}`, `[]`, ``,
	} {
		c.want(http.StatusBadRequest, "POST", folder+"/flags", bad)
	}
	moved := ask[changed](c, "POST", folder+"/move", `{"uids":[1],"to":"Archive"}`)
	if moved.Changed != 1 || len(moved.UIDs) != 1 {
		t.Fatalf("moved %+v", moved)
	}
	back := "/mail/messages/" + strconv.FormatUint(uint64(moved.Folder), 10)
	c.want(http.StatusUnprocessableEntity, "POST", back+"/move", `{"uids":[1],"to":"Archive"}`)
	c.want(http.StatusNotFound, "POST", back+"/move", `{"uids":[1],"to":"Nowhere"}`)
	gone := ask[changed](c, "POST", back+"/delete", map[string]any{"uids": moved.UIDs})
	trash := "/mail/messages/" + strconv.FormatUint(uint64(gone.Folder), 10)
	if got := ask[listing](c, "GET", "/mail/messages?folder=Trash", nil); len(got.Items) != 1 || got.Folder.ID != gone.Folder {
		t.Errorf("in the trash: %+v", got)
	}
	if got := ask[changed](c, "DELETE", trash+"/"+strconv.FormatUint(uint64(gone.UIDs[0]), 10), nil); got.Changed != 1 || got.Folder != 0 {
		t.Errorf("deleted %+v", got)
	}
	if got := ask[listing](c, "GET", "/mail/messages?folder=Trash", nil); len(got.Items) != 0 {
		t.Errorf("in the trash: %+v", got)
	}
	p = h.put(t, "alice@crepes.fr", "INBOX", lunch)
	if got := ask[changed](c, "POST", folder+"/delete", `{"uids":[2],"forever":true}`); got.Changed != 1 || got.Folder != 0 {
		t.Errorf("deleted %+v", got)
	}
	c.want(http.StatusNotFound, "GET", at(p), nil)
}

// An account reaches its own mail only, whatever it asks for.
func TestOthersMail(t *testing.T) {
	h := newHouse(t)
	bobs := h.put(t, "bob@crepes.fr", "INBOX", lunch)
	bob, alice := h.as(t, "bob@crepes.fr"), h.as(t, "alice@crepes.fr")
	own := h.put(t, "alice@crepes.fr", "INBOX", lunch)
	if own.Folder == bobs.Folder {
		t.Fatal("two accounts share a folder")
	}
	id := ask[listing](bob, "GET", "/messages", nil).Items[0].ID
	folder := "/mail/messages/" + strconv.FormatUint(uint64(bobs.Folder), 10)
	for _, tail := range []string{"", "/raw", "/html", "/parts/1"} {
		bob.want(http.StatusOK, "GET", at(bobs)+tail, nil)
		alice.want(http.StatusNotFound, "GET", at(bobs)+tail, nil)
	}
	alice.want(http.StatusNotFound, "GET", "/mail/messages?folder="+strconv.FormatUint(uint64(bobs.Folder), 10), nil)
	alice.want(http.StatusNotFound, "POST", folder+"/flags", `{"uids":[1],"add":["seen"]}`)
	alice.want(http.StatusNotFound, "POST", folder+"/move", `{"uids":[1],"to":"INBOX"}`)
	alice.want(http.StatusNotFound, "POST", folder+"/delete", `{"uids":[1],"forever":true}`)
	alice.want(http.StatusNotFound, "DELETE", at(bobs), nil)
	alice.want(http.StatusNotFound, "DELETE", "/mail/folders/"+strconv.FormatUint(uint64(bobs.Folder), 10), nil)
	// Into a folder of his nothing can be put, neither by moving nor by a draft.
	mine := "/mail/messages/" + strconv.FormatUint(uint64(own.Folder), 10)
	alice.want(http.StatusNotFound, "POST", mine+"/move", map[string]any{"uids": []int{1}, "to": bobs.Folder})
	alice.want(http.StatusOK, "POST", "/mail/drafts", map[string]any{"text": "x", "replaces": map[string]any{"folder": bobs.Folder, "uid": bobs.UID}})
	bob.want(http.StatusOK, "GET", at(bobs), nil)
	// The ids of test suites carry the account's name, which is not believed.
	alice.want(http.StatusForbidden, "GET", "/messages/"+id, nil)
	alice.want(http.StatusForbidden, "DELETE", "/messages/"+id, nil)
	alice.want(http.StatusForbidden, "GET", "/messages?account=bob@crepes.fr", nil)
	alice.want(http.StatusForbidden, "DELETE", "/messages?account=bob@crepes.fr", nil)
	forged := strings.Replace(id, "bob@", "alice@", 1)
	alice.want(http.StatusNotFound, "GET", "/messages/"+forged, nil)
	for _, id := range []string{"x", "1", "1-1", "1-1-", "--", "..%2F..%2Fetc%2Fpasswd", "1-1-alice@crepes.fr%00", "zzzzzzzzzzzzzzzzzzzz-1-alice@crepes.fr"} {
		if resp, b := alice.do("GET", "/messages/"+id, nil); resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusForbidden {
			t.Errorf("/messages/%s: %d %s", id, resp.StatusCode, b)
		}
	}
	for _, place := range []string{"0/1", "1/0", "-1/1", "1/-1", "99999999999999999999/1", "INBOX/99999999999", "..%2F/1", "INBOX%00/1", "%2e%2e%2f%2e%2e/1"} {
		if resp, b := alice.do("GET", "/mail/messages/"+place, nil); resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("/mail/messages/%s: %d %s", place, resp.StatusCode, b)
		}
	}
	if got := ask[listing](bob, "GET", "/mail/messages", nil); len(got.Items) != 1 || len(got.Items[0].Flags) != 0 {
		t.Errorf("bob has %+v", got.Items)
	}
}
