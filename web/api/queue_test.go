package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

type queued struct {
	Items []struct {
		ID, Node, From, To, Dest, Journey, LastReply string
		Attempts                                     int
		Held                                         bool
		Text                                         string
	}
	Total int
}

// A message that cannot be delivered is seen, read, held, released, tried again
// and removed.
func TestQueue(t *testing.T) {
	h := newHouse(t)
	op := h.operator(t)
	h.as(t, "alice@crepes.fr").want(http.StatusOK, "POST", "/send", `{"to":["chef@elsewhere.example"],"subject":"flour","text":"more of it"}`)
	var q queued
	look := func() queued { return ask[queued](op, "GET", "/queue", nil) }
	eventually(t, "the first attempt has failed", func() bool {
		q = look()
		return len(q.Items) == 1 && q.Items[0].Attempts == 1
	})
	e := q.Items[0]
	if e.From != "alice@crepes.fr" || e.To != "chef@elsewhere.example" || e.Dest != "elsewhere.example" || e.Node != "crepes.fr" || e.LastReply == "" || e.Journey == "" || q.Total != 1 {
		t.Errorf("entry %+v", e)
	}
	place := "/queue/" + url.PathEscape(e.ID)
	_, body := op.do("GET", place, nil)
	if !strings.Contains(string(body), "more of it") {
		t.Errorf("entry with text: %s", body)
	}
	op.want(http.StatusOK, "POST", place+"/hold", nil)
	eventually(t, "it is held", func() bool { return look().Items[0].Held })
	op.want(http.StatusOK, "POST", place+"/release", nil)
	eventually(t, "it is released", func() bool { return !look().Items[0].Held })
	before := look().Items[0].Attempts
	if got := ask[changed](op, "POST", place+"/retry", nil); got.Changed != 1 {
		t.Errorf("retry changed %d", got.Changed)
	}
	eventually(t, "it is tried again", func() bool { return look().Items[0].Attempts > before })
	op.want(http.StatusNotFound, "POST", place+"/burn", nil)
	op.want(http.StatusOK, "POST", place+"/remove", nil)
	eventually(t, "it is gone", func() bool { return look().Total == 0 })
	op.want(http.StatusNotFound, "GET", place, nil)
	op.want(http.StatusNotFound, "POST", place+"/retry", nil)
	for _, id := range []string{"x", "x~crepes.fr", "~", e.ID + "x", "..%2F..%2Fetc", "1~hamburger.edu"} {
		op.want(http.StatusNotFound, "GET", "/queue/"+id, nil)
	}
}
