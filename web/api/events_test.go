package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// stream is an event stream that a test reads.
type stream struct {
	t    *testing.T
	in   *bufio.Scanner
	id   string // of the last event
	stop func()
}

// follow opens a stream.
func (c *client) follow(path string, header map[string]string) *stream {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	c.t.Cleanup(cancel)
	req := c.request(ctx, http.MethodGet, path, nil)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		c.t.Fatalf("%s: %d %v", path, resp.StatusCode, resp.Header)
	}
	if c.calls != nil {
		if err := c.calls.note(http.MethodGet, path, resp); err != nil {
			c.t.Error(err)
		}
	}
	return &stream{t: c.t, in: bufio.NewScanner(resp.Body), stop: cancel}
}

// next is the next event.
func (s *stream) next() (e struct {
	trace.Event
	Explain *struct{ Text string }
}) {
	s.t.Helper()
	for s.in.Scan() {
		if id, ok := strings.CutPrefix(s.in.Text(), "id: "); ok {
			s.id = id
		}
		if data, ok := strings.CutPrefix(s.in.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				s.t.Fatal(err)
			}
			return e
		}
	}
	s.t.Fatal("the stream ended: ", s.in.Err())
	return e
}

// newStream is a server with a trace that keeps size events, and a reader of it.
func newStream(t *testing.T, size int) (*trace.Log, *client) {
	t.Helper()
	log := trace.NewLog(size, time.Now)
	c := newClient(t, serve(t, web.Options{API: api.Options{Trace: log}, Local: true, Lab: true}), nil)
	c.http.Timeout = 0
	return log, c
}

func note(log *trace.Log, texts ...string) {
	for _, text := range texts {
		log.Add(trace.Event{Kind: trace.Note, Text: text})
	}
}

// A reader that comes back gets what it missed, each event once; what is forgotten
// is one gap that says how much.
func TestEventsResumeAndGap(t *testing.T) {
	log, c := newStream(t, 4)
	note(log, "1", "2")
	s := c.follow("/events", nil)
	if e := s.next(); e.Text != "1" {
		t.Errorf("first %+v", e)
	}
	if e := s.next(); e.Text != "2" || s.id != "2" {
		t.Errorf("second %+v with id %s", e, s.id)
	}
	s.stop()
	note(log, "3", "4")
	back := c.follow("/events", map[string]string{"Last-Event-ID": s.id})
	if e := back.next(); e.Text != "3" {
		t.Errorf("after the break %+v", e)
	}
	note(log, "5", "6", "7", "8", "9")
	late := c.follow("/events?since=2", nil)
	if e := late.next(); e.Kind != trace.Gap || e.Size != 3 || e.Seq != 5 || late.id != "5" {
		t.Errorf("instead of a gap of 3, 4 and 5: %+v with id %s", e, late.id)
	}
	if e := late.next(); e.Text != "6" {
		t.Errorf("after the gap %+v", e)
	}
	// Last-Event-ID is what the browser sends by itself and wins over the address.
	if e := c.follow("/events?since=1", map[string]string{"Last-Event-ID": "8"}).next(); e.Text != "9" {
		t.Errorf("with both %+v", e)
	}
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		c.want(http.StatusBadRequest, "GET", "/events?since="+bad, nil)
	}
}

// Who reads nothing holds up nobody, and sees later that something is missing.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	log, c := newStream(t, 100)
	slow, fast := c.follow("/events", nil), c.follow("/events", nil)
	long := strings.Repeat("x", 4<<10)
	const n = 20_000 // 80 MB: more than any buffer on the way
	for range n {
		log.Add(trace.Event{Kind: trace.Note, Text: long}) // must return, although nobody reads
	}
	note(log, "last")
	for _, s := range []*stream{fast, slow} {
		s.in.Buffer(nil, 1<<20)
		seen, lost := 0, 0
		for e := s.next(); e.Text != "last"; e = s.next() {
			if e.Kind == trace.Gap {
				lost += e.Size
			} else {
				seen++
			}
		}
		if seen+lost != n || lost == 0 {
			t.Errorf("%d events and %d missing, want %d in all", seen, lost, n)
		}
	}
}

// One message's events alone, each explained in the reader's language.
func TestEventsOfAJourney(t *testing.T) {
	log, c := newStream(t, 100)
	for _, id := range []string{"a", "b", "a"} {
		log.Add(trace.Event{Kind: trace.Accepted, Journey: id, Text: "accepted " + id})
	}
	s := c.follow("/events?journey=b&lang=th", nil)
	if e := s.next(); e.Journey != "b" || e.Explain == nil {
		t.Errorf("event %+v", e)
	}
	log.Add(trace.Event{Kind: trace.Delivered, Journey: "a"})
	log.Add(trace.Event{Kind: trace.Delivered, Journey: "b"})
	if e := s.next(); e.Journey != "b" || e.Kind != trace.Delivered {
		t.Errorf("event %+v", e)
	}
}

// Streams are bounded in number; one that ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	log, c := newStream(t, 10)
	note(log, "here")
	var first *stream
	for range 64 {
		if s := c.follow("/events", nil); first == nil {
			first = s
		}
	}
	if got := c.status(api.Route{Method: http.MethodGet, Path: "/events"}, nil); got != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", got)
	}
	first.stop()
	eventually(t, "there is room again", func() bool {
		return c.status(api.Route{Method: http.MethodGet, Path: "/events"}, nil) == http.StatusOK
	})
}

// One reader of mail cannot take all streams.
func TestStreamsOfAnAccount(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.as(t, "alice@crepes.fr"), h.as(t, "bob@crepes.fr")
	alice.http.Timeout, bob.http.Timeout = 0, 0
	var first *stream
	for range 16 {
		if s := alice.follow("/mail/changes", nil); first == nil {
			first = s
		}
	}
	if got := alice.status(api.Route{Method: http.MethodGet, Path: "/mail/changes"}, nil); got != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", got)
	}
	bob.follow("/mail/changes", nil)
	first.stop()
	eventually(t, "there is room again", func() bool {
		return alice.status(api.Route{Method: http.MethodGet, Path: "/mail/changes"}, nil) == http.StatusOK
	})
}

// Changes of folders are told as they happen, whoever makes them.
func TestMailChanges(t *testing.T) {
	h := newHouse(t)
	alice := h.as(t, "alice@crepes.fr")
	alice.http.Timeout = 0
	s := alice.follow("/mail/changes", nil)
	read := func(want string) {
		t.Helper()
		for s.in.Scan() {
			if data, ok := strings.CutPrefix(s.in.Text(), "data: "); ok && strings.Contains(data, want) {
				return
			}
		}
		t.Fatalf("the stream ended before %s: %v", want, s.in.Err())
	}
	read(`"INBOX"`)
	read(`"Trash"`)
	h.deliver(t, "alice@crepes.fr", "news")
	read(`"INBOX"`)
	h.as(t, "alice@crepes.fr").want(http.StatusOK, "POST", "/mail/folders", `{"name":"Receipts"}`)
	h.put(t, "alice@crepes.fr", "INBOX", lunch) // a new folder alone is told with the next pulse
	read(`"Receipts"`)
}
