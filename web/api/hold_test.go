package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"glassmail/intercept"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
	"glassmail/wire"
)

// bench is a web server with an interceptor and a clock that can jump, and nothing else.
type bench struct {
	*client
	desk  *intercept.Interceptor
	clock *wire.LabClock
	queue waitingRoom
}

// waitingRoom is a queue that only tells what waits.
type waitingRoom []api.QueueEntry

func (w *waitingRoom) QueueEntries(context.Context) ([]api.QueueEntry, error) { return *w, nil }
func (w *waitingRoom) QueueText(context.Context, string, string) (string, error) {
	return "", mailbox.ErrNotFound
}
func (w *waitingRoom) AmendQueue(context.Context, string, []string, queue.Amendment) (int, error) {
	return 0, nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{desk: intercept.New(intercept.Options{Clock: wire.System{}}), clock: wire.NewLabClock()}
	t.Cleanup(b.desk.Close)
	url := serve(t, web.Options{
		API: api.Options{Trace: trace.NewLog(10, time.Now), Hold: b.desk, Clock: b.clock, Queue: &b.queue}, Token: token, Accounts: emptyHouse{},
	})
	b.client = newClient(t, url, readDescription(t))
	b.header.Set("Authorization", "Bearer "+token)
	return b
}

// line puts a line before the interceptor; what is decided comes out of the channel.
func (b *bench) line(text string) <-chan wire.Verdict {
	c := make(chan wire.Verdict, 1)
	verb, _, _ := strings.Cut(text, " ")
	p := wire.Line{
		Node: "crepes.fr", Conn: 1, Proto: trace.SMTP, Side: trace.Server, Dir: trace.Client,
		Local: "127.0.0.1:25", Remote: "127.0.0.1:4711", Command: verb, Text: text,
	}
	go func() { c <- b.desk.Intercept(context.Background(), p) }()
	return c
}

// one waits until one line waits.
func (b *bench) one() intercept.Held {
	b.t.Helper()
	late := time.After(20 * time.Second)
	for {
		changed := b.desk.Changed()
		if s := ask[intercept.State](b.client, "GET", "/hold", nil); len(s.Held) == 1 {
			return s.Held[0]
		}
		select {
		case <-changed:
		case <-late:
			b.t.Fatal("no line waits")
		}
	}
}

func (b *bench) went(c <-chan wire.Verdict, want wire.Verdict) {
	b.t.Helper()
	select {
	case v := <-c:
		if v != want {
			b.t.Errorf("the line went with %+v, want %+v", v, want)
		}
	case <-time.After(20 * time.Second):
		b.t.Fatal("the line still waits")
	}
}

// What a page does at the interceptor, from a pause to the end of it.
func TestHoldCalls(t *testing.T) {
	b := newBench(t)
	if s := ask[intercept.State](b.client, "POST", "/hold/pause", nil); !s.Paused || !s.Enabled {
		t.Errorf("after a pause: %+v", s)
	}
	c := b.line("MAIL FROM:<alice@crepes.fr>")
	if h := b.one(); h.Text != "MAIL FROM:<alice@crepes.fr>" || h.Why != intercept.Pause || h.Releases.Sub(h.Since) != intercept.ReleaseAfter {
		t.Errorf("there waits %+v", h)
	}
	b.want(200, "POST", "/hold/step", nil)
	b.went(c, wire.Verdict{})
	b.want(404, "POST", "/hold/step", nil)
	b.want(404, "POST", "/hold/step", `{"id":"h1"}`)

	c = b.line("RCPT TO:<bob@hamburger.edu>")
	id := b.one().ID
	for body, status := range map[string]int{
		`{"action":"burn"}`: 422, `{"action":"edit","text":"a\r\nb"}`: 422, `{"action":"edit","txt":"a"}`: 400, `[`: 400,
	} {
		b.want(status, "POST", "/hold/held/"+id, body)
	}
	b.want(200, "POST", "/hold/held/"+id, `{"action":"edit","text":"RCPT TO:<eve@hamburger.edu>"}`)
	b.went(c, wire.Verdict{Action: wire.Edit, Text: "RCPT TO:<eve@hamburger.edu>"})
	b.want(404, "POST", "/hold/held/"+id, `{"action":"drop"}`)

	c = b.line("DATA")
	b.want(200, "POST", "/hold/held/"+b.one().ID, `{"action":"drop"}`)
	b.went(c, wire.Verdict{Action: wire.Drop})
	c = b.line("QUIT")
	b.one()
	if s := ask[intercept.State](b.client, "POST", "/hold/resume", nil); s.Paused || len(s.Held) > 0 {
		t.Errorf("after the end of the pause: %+v", s)
	}
	b.went(c, wire.Verdict{})

	if s := ask[intercept.State](b.client, "PUT", "/hold/speed", `{"speed":0.5}`); s.Speed != 0.5 {
		t.Errorf("speed %v", s.Speed)
	}
	b.want(422, "PUT", "/hold/speed", `{"speed":11}`)
	b.want(400, "PUT", "/hold/speed", `{"speed":"fast"}`)
	b.want(200, "PUT", "/hold/speed", `{"speed":0}`)
}

// Breakpoints and fault rules are made, shown, and removed.
func TestRuleCalls(t *testing.T) {
	b := newBench(t)
	made := ask[intercept.Breakpoint](b.client, "POST", "/hold/breakpoints", `{"node":"crepes.fr","command":"RCPT"}`)
	b.want(422, "POST", "/hold/breakpoints", `{}`)
	b.want(422, "POST", "/hold/breakpoints", `{"proto":"dns"}`)
	b.want(400, "POST", "/hold/breakpoints", `{"host":"crepes.fr"}`)
	if s := ask[intercept.State](b.client, "GET", "/hold", nil); len(s.Breakpoints) != 1 || s.Breakpoints[0] != made {
		t.Errorf("breakpoints %+v", s.Breakpoints)
	}
	c := b.line("RCPT TO:<bob@hamburger.edu>")
	if h := b.one(); h.Why != made.ID {
		t.Errorf("held by %s, want %s", h.Why, made.ID)
	}
	b.want(200, "DELETE", "/hold/breakpoints/"+made.ID, nil)
	b.want(404, "DELETE", "/hold/breakpoints/"+made.ID, nil)
	b.want(200, "POST", "/hold/resume", nil)
	b.went(c, wire.Verdict{})

	f := ask[intercept.Rule](b.client, "POST", "/faults", `{"proto":"smtp","dir":"C","command":"RCPT","action":"reply","text":"451 4.3.0 Not now","times":1}`)
	b.want(422, "POST", "/faults", `{"command":"RCPT","action":"delay","delay":"11m"}`)
	b.want(400, "POST", "/faults", `{"command":"RCPT","action":"delay","delay":"soon"}`)
	b.went(b.line("RCPT TO:<bob@hamburger.edu>"), wire.Verdict{Action: wire.Answer, Text: "451 4.3.0 Not now"})
	b.went(b.line("RCPT TO:<bob@hamburger.edu>"), wire.Verdict{})
	all := ask[struct{ Items []intercept.Rule }](b.client, "GET", "/faults", nil)
	if len(all.Items) != 1 || all.Items[0].ID != f.ID || all.Items[0].Touched != 1 || all.Items[0].Seen != 2 {
		t.Errorf("faults %+v", all.Items)
	}
	b.want(200, "DELETE", "/faults/"+f.ID, nil)
	b.want(404, "DELETE", "/faults/"+f.ID, nil)
}

// The stream of the interceptor tells its state at once and after every change.
func TestHoldStream(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	resp, err := b.http.Do(b.request(ctx, "GET", "/hold/changes", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	state := func(ok func(intercept.State) bool) {
		t.Helper()
		for in.Scan() {
			var s intercept.State
			text, data := strings.CutPrefix(in.Text(), "data: ")
			if data && json.Unmarshal([]byte(text), &s) == nil && ok(s) {
				return
			}
		}
		t.Fatalf("the stream ended: %v", in.Err())
	}
	state(func(s intercept.State) bool { return !s.Paused && len(s.Held) == 0 })
	b.desk.Pause()
	state(func(s intercept.State) bool { return s.Paused })
	c := b.line("NOOP")
	state(func(s intercept.State) bool { return len(s.Held) == 1 && s.Held[0].Text == "NOOP" })
	b.desk.Resume()
	state(func(s intercept.State) bool { return !s.Paused && len(s.Held) == 0 })
	b.went(c, wire.Verdict{})
}

type clockState struct {
	Now    time.Time
	Offset string
	Next   []struct {
		What, Node string
		At         time.Time
	}
}

func (b *bench) lead() time.Duration { return b.clock.Lead().Round(time.Second) }

// The clock goes forward by a time, or to the next retry or expiry, which are those
// that the queue tells.
func TestClockCalls(t *testing.T) {
	b := newBench(t)
	if s := ask[clockState](b.client, "GET", "/clock", nil); s.Offset != "0s" || len(s.Next) != 0 || time.Since(s.Now).Abs() > time.Minute {
		t.Errorf("clock %+v", s)
	}
	for _, to := range []string{"next-retry", "next-expiry", "tomorrow", ""} {
		b.want(422, "POST", "/clock", `{"to":"`+to+`"}`)
	}
	for _, by := range []string{"-1m", "0s", "721h", "soon"} {
		b.want(422, "POST", "/clock", `{"advance":"`+by+`"}`)
	}
	b.want(400, "POST", "/clock", `{"by":"1m"}`)
	if s := ask[clockState](b.client, "POST", "/clock", `{"advance":"1m"}`); s.Offset != "1m0s" || b.lead() != time.Minute {
		t.Errorf("clock %+v", s)
	}
	now := b.clock.Now()
	entry := func(node string, due, expires time.Duration, held bool) api.QueueEntry {
		return api.QueueEntry{Node: node, Expires: now.Add(expires), Entry: queue.Entry{Due: now.Add(due), Accepted: now, Held: held}}
	}
	b.queue = waitingRoom{
		entry("crepes.fr", 10*time.Minute, 3*time.Hour, false), entry("crepes.fr", 20*time.Minute, 2*time.Hour, false),
		entry("hamburger.edu", 5*time.Minute, 4*time.Hour, false), entry("hamburger.edu", time.Minute, time.Hour, true),
	}
	want := map[string]time.Duration{
		"next-retry crepes.fr": 10 * time.Minute, "next-expiry crepes.fr": 2 * time.Hour,
		"next-retry hamburger.edu": 5 * time.Minute, "next-expiry hamburger.edu": 4 * time.Hour,
	}
	s := ask[clockState](b.client, "GET", "/clock", nil)
	for _, n := range s.Next {
		if at := want[n.What+" "+n.Node]; !n.At.Equal(now.Add(at)) {
			t.Errorf("%+v, want it at %s", n, now.Add(at))
		}
	}
	if len(s.Next) != len(want) {
		t.Errorf("%d appointments, want %d: %+v", len(s.Next), len(want), s.Next)
	}
	for _, step := range []struct {
		to   string
		lead time.Duration
	}{{"next-retry", 6 * time.Minute}, {"next-retry", 6 * time.Minute}, {"next-expiry", 2*time.Hour + time.Minute}} {
		b.want(200, "POST", "/clock", `{"to":"`+step.to+`"}`)
		if b.lead() != step.lead {
			t.Errorf("%s: the clock is %s ahead, want %s", step.to, b.lead(), step.lead)
		}
	}
}

// A server without an interceptor, a clock and repetitions says so, for each call.
func TestNoDesk(t *testing.T) {
	c := newHouse(t).operator(t)
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/hold", ""}, {"GET", "/hold/changes", ""}, {"POST", "/hold/pause", ""}, {"POST", "/hold/resume", ""}, {"POST", "/hold/step", ""},
		{"PUT", "/hold/speed", `{"speed":1}`}, {"POST", "/hold/breakpoints", `{"command":"RCPT"}`}, {"DELETE", "/hold/breakpoints/b1", ""},
		{"POST", "/hold/held/h1", `{"action":"pass"}`}, {"GET", "/faults", ""}, {"POST", "/faults", `{"command":"RCPT","action":"drop"}`},
		{"DELETE", "/faults/f1", ""}, {"GET", "/clock", ""}, {"POST", "/clock", `{"advance":"1m"}`},
		{"POST", "/whatif", `{"journey":"x","change":{"kind":"mx-down"}}`},
	} {
		var body any
		if call.body != "" {
			body = call.body
		}
		if text := c.want(http.StatusNotFound, call.method, call.path, body); !strings.Contains(text, "that is for a lab") {
			t.Errorf("%s %s: %s", call.method, call.path, text)
		}
	}
	node := ask[struct{ Features map[string]bool }](c, "GET", "/node", nil)
	for _, f := range []string{"hold", "faults", "clock", "whatif"} {
		if on, told := node.Features[f]; on || !told {
			t.Errorf("feature %s: %v, told %v", f, on, told)
		}
	}
}
