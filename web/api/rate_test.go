package api_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// A dialogue whose lines come at once is shown whole after a quiet time.
func TestEventRateAfterQuiet(t *testing.T) {
	log := trace.NewLog(1000, time.Now)
	url := serve(t, web.Options{API: api.Options{Trace: log, Lab: true}, Local: true, Lab: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+api.Prefix+"/events?rate=50", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	for range 300 {
		log.Add(trace.Event{Kind: trace.Note, Text: "a line"})
	}
	in := bufio.NewScanner(resp.Body)
	for seq := uint64(1); seq <= 300; {
		if !in.Scan() {
			t.Fatal("the stream has ended")
		}
		text, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		var e trace.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Kind == trace.Gap || e.Seq != seq {
			t.Fatalf("line %d is %+v (%v)", seq, e, err)
		}
		seq++
	}
}

// A stream with a rate leaves out what is too much, tells how much that was, and
// ends with the newest event.
func TestEventRate(t *testing.T) {
	log := trace.NewLog(100, time.Now)
	url := serve(t, web.Options{API: api.Options{Trace: log, Lab: true}, Local: true, Lab: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+api.Prefix+"/events?rate=50", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	const n = 5000
	go func() {
		for range n - 1 {
			log.Add(trace.Event{Kind: trace.Note, Text: "many"})
		}
		log.Add(trace.Event{Kind: trace.Note, Text: "last"})
	}()
	seen, lost, at := 0, 0, uint64(0)
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		text, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		var e trace.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == trace.Gap {
			lost += e.Size
		} else {
			seen++
		}
		if at += uint64(max(1, e.Size)); e.Seq != at {
			t.Fatalf("event %d is told as the %dth", e.Seq, at)
		}
		if e.Text == "last" {
			break
		}
	}
	if seen+lost != n || seen > n/2 || seen < 5 {
		t.Errorf("%d events and %d left out, of %d", seen, lost, n)
	}
}
