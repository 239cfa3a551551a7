package api_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// atRate opens the stream of a log's events, and returns what reads the next of them.
func atRate(t *testing.T, log *trace.Log, rate int) (next func() trace.Event) {
	t.Helper()
	url := serve(t, web.Options{API: api.Options{Trace: log, Lab: true}, Local: true, Lab: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+api.Prefix+"/events?rate="+strconv.Itoa(rate), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	in := bufio.NewScanner(resp.Body)
	return func() (e trace.Event) {
		t.Helper()
		for in.Scan() {
			if text, ok := strings.CutPrefix(in.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(text), &e); err != nil {
					t.Fatal(err)
				}
				return e
			}
		}
		t.Fatalf("the stream ended: %v", in.Err())
		return e
	}
}

// A dialogue whose lines come at once is shown whole after a quiet time.
func TestEventRateAfterQuiet(t *testing.T) {
	log := trace.NewLog(1000, time.Now)
	next := atRate(t, log, 50)
	for range 300 {
		log.Add(trace.Event{Kind: trace.Note, Text: "a line"})
	}
	for seq := uint64(1); seq <= 300; seq++ {
		if e := next(); e.Kind == trace.Gap || e.Seq != seq {
			t.Fatalf("line %d is %+v", seq, e)
		}
	}
}

// A stream with a rate leaves out what is too much, tells how much that was, and
// ends with the newest event.
func TestEventRate(t *testing.T) {
	log := trace.NewLog(100, time.Now)
	next := atRate(t, log, 50)
	const n = 5000
	go func() {
		for range n - 1 {
			log.Add(trace.Event{Kind: trace.Note, Text: "many"})
		}
		log.Add(trace.Event{Kind: trace.Note, Text: "last"})
	}()
	seen, lost, at := 0, 0, uint64(0)
	for {
		e := next()
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
