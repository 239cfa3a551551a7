package api_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"glassmail/trace"
)

// Journeys are listed, searched, read with what each step means, and taken along
// as files.
func TestJourneys(t *testing.T) {
	h := newHouse(t)
	op := h.operator(t)
	for _, subject := range []string{"crêpes", "galettes", "gaufres"} {
		h.deliver(t, "bob@crepes.fr", subject)
	}
	list := func(query string) listing { return ask[listing](op, "GET", "/journeys"+query, nil) }
	eventually(t, "the journeys have ended", func() bool { return len(list("?q=state:delivered").Items) == 3 })
	all := list("")
	if all.Items[0].Subject != "gaufres" || all.Items[2].Subject != "crêpes" {
		t.Errorf("journeys %+v", all.Items)
	}
	if got := list("?q=" + url.QueryEscape("galettes")); len(got.Items) != 1 || got.Items[0].Subject != "galettes" {
		t.Errorf("found %+v", got.Items)
	}
	if got := list("?q=nothing-of-this"); len(got.Items) != 0 {
		t.Errorf("found %+v", got.Items)
	}
	first := list("?limit=2")
	if rest := list("?limit=2&before=" + url.QueryEscape(first.Next)); len(first.Items) != 2 || len(rest.Items) != 1 || rest.Items[0].Subject != "crêpes" || rest.Next != "" {
		t.Errorf("pages %+v and %+v", first, rest)
	}
	id := all.Items[0].ID
	var detail struct {
		Steps []struct {
			Text    string
			Explain struct{ Text string }
		}
	}
	_, body := op.do("GET", "/journeys/"+id+"?lang=th", nil)
	if err := json.Unmarshal(body, &detail); err != nil || len(detail.Steps) < 5 {
		t.Fatalf("%v: %.500s", err, body)
	}
	op.want(http.StatusOK, "GET", "/journeys/"+id, nil)
	resp, body := op.do("GET", "/journeys/"+id+".jsonl", nil)
	if way := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(way, "attachment") || strings.Count(string(body), "\n") < 5 {
		t.Errorf("%s: %.300s", way, body)
	}
	for line := range strings.Lines(string(body)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("line %q", line)
		}
	}
	for _, file := range []string{"/journeys/" + id + ".pcapng", "/trace.pcapng"} {
		resp, body = op.do("GET", file, nil)
		if !strings.HasPrefix(string(body), "\x0a\x0d\x0d\x0a") || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v %q", file, resp.Header, body[:min(len(body), 20)])
		}
	}
	for _, no := range []string{"none", "none.jsonl", "none.pcapng", "..%2F..%2Fetc%2Fpasswd", strings.Repeat("x", 5000)} {
		op.want(http.StatusNotFound, "GET", "/journeys/"+no, nil)
	}
	for _, bad := range []string{"limit=0", "limit=501", "limit=x", "q=" + strings.Repeat("x", 1001)} {
		op.want(http.StatusBadRequest, "GET", "/journeys?"+bad, nil)
	}
}

// The trace as a file is one event a line, and holds no password.
func TestTraceFile(t *testing.T) {
	h := newHouse(t)
	h.dial(t, "imap", "a LOGIN alice@crepes.fr secret")
	_, body := h.operator(t).do("GET", "/trace.jsonl", nil)
	in := bufio.NewScanner(strings.NewReader(string(body)))
	n := 0
	for ; in.Scan(); n++ {
		var e trace.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil || e.Kind == "" {
			t.Errorf("%v in %s", err, in.Text())
		}
	}
	if n == 0 || strings.Contains(string(body), "secret") {
		t.Errorf("%d events: %s", n, body)
	}
}
