package trace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/trace"
)

// submit plays one message that a node delivers itself, of which it thinks under
// the given id.
func submit(l *trace.Log, id, from, to string) {
	c := l.Open("hamburger.edu", trace.SMTP, "192.0.2.1:25", "198.51.100.7:"+fmt.Sprint(4000+len(id)))
	c.Line(trace.Server, "220 hamburger.edu")
	c.Journey(id)
	c.Line(trace.Client, "MAIL FROM:<"+from+">")
	c.Line(trace.Client, "rcpt to:<"+to+"> NOTIFY=NEVER")
	c.Line(trace.Client, "DATA")
	c.Event(trace.Event{Kind: trace.Accepted, Proto: trace.Store, Dir: trace.Self, Journey: id,
		Message: &trace.Message{From: from, To: []string{to}, Subject: "about " + id}})
	l.Add(trace.Event{Node: "hamburger.edu", Kind: trace.Delivered, Proto: trace.Store, Dir: trace.Self, Journey: id})
	c.Journey("")
	c.Line(trace.Client, "QUIT")
	c.Close("the client said QUIT")
}

func states(list []trace.Journey) string {
	var out []string
	for _, j := range list {
		out = append(out, j.ID+":"+string(j.State))
	}
	return strings.Join(out, " ")
}

func TestListAndSearch(t *testing.T) {
	l := trace.NewLog(1000, clock)
	j := trace.NewJourneys(l, 1<<20)
	for i := range 5 {
		submit(l, fmt.Sprint("m", i), fmt.Sprintf("alice%d@crepes.fr", i), "bob@hamburger.edu")
	}
	c := l.Open("hamburger.edu", trace.SMTP, "192.0.2.1:25", "198.51.100.7:9")
	c.Journey("m5")
	c.Line(trace.Client, "MAIL FROM: mallory@crepes.fr")
	c.Event(trace.Event{Kind: trace.Refused, Dir: trace.Self, Text: "refused: 550 no"})
	for query, want := range map[string]string{
		"":                               "m5:refused m4:delivered m3:delivered m2:delivered m1:delivered m0:delivered",
		"from:ALICE3":                    "m3:delivered",
		"mallory":                        "m5:refused",
		"state:refused":                  "m5:refused",
		"subject:m2":                     "m2:delivered",
		"to:bob about m1":                "m1:delivered",
		"id:m4":                          "m4:delivered",
		"node:hamburger NOTIFY=never m0": "m0:delivered",
		"from:bob":                       "",
		"nothing:such":                   "",
	} {
		list, next := j.List(trace.Query{Text: query})
		if got := states(list); got != want || next != "" {
			t.Errorf("%q finds %q, next %q; want %q", query, got, next, want)
		}
	}
	page, next := j.List(trace.Query{Limit: 4})
	if len(page) != 4 || next != "m2" {
		t.Errorf("the first page is %s, next %q", states(page), next)
	}
	if rest, next := j.List(trace.Query{Limit: 4, Before: next}); states(rest) != "m1:delivered m0:delivered" || next != "" {
		t.Errorf("the second page is %s, next %q", states(rest), next)
	}
	if gone, _ := j.List(trace.Query{Before: "forgotten"}); len(gone) != 0 {
		t.Errorf("after an unknown journey come %s", states(gone))
	}
}

// A message goes through a queue: the state says how far it is, and one recipient
// that fails is not hidden by another that succeeds.
func TestStates(t *testing.T) {
	l := trace.NewLog(1000, clock)
	j := trace.NewJourneys(l, 1<<20)
	add := func(k trace.Kind, p trace.Protocol, journey string, want trace.State) {
		t.Helper()
		l.Add(trace.Event{Node: "crepes.fr", Kind: k, Proto: p, Dir: trace.Self, Journey: journey})
		if d, _ := j.Get("m"); d.State != want {
			t.Errorf("after %s the state is %q, want %q", k, d.State, want)
		}
	}
	add(trace.Accepted, trace.Store, "m", trace.StateSubmitting)
	add(trace.Queued, trace.Queue, "m", trace.StateQueued)
	add(trace.Queued, trace.Queue, "m", trace.StateQueued)
	add(trace.Attempt, trace.Queue, "m", trace.StateLookup)
	add(trace.MXChosen, trace.Queue, "m", trace.StateRelaying)
	add(trace.Deferred, trace.Queue, "m", trace.StateDeferred)
	add(trace.Attempt, trace.Queue, "m", trace.StateLookup)
	add(trace.Failed, trace.Queue, "m", trace.StateLookup)
	add(trace.Delivered, trace.Queue, "m", trace.StateBounced)
	add(trace.Accepted, trace.Store, "m.report", trace.StateBounced)
	add(trace.Delivered, trace.Store, "m.report", trace.StateBounced)
	add(trace.Fetched, trace.HTTP, "m", trace.StateBounced)
	if list, _ := j.List(trace.Query{}); len(list) != 1 {
		t.Errorf("the report is a journey of its own: %s", states(list))
	}
}

// A client that hangs up, or begins anew, leaves a message that is not on its way
// for ever.
func TestAbandoned(t *testing.T) {
	l := trace.NewLog(1000, clock)
	j := trace.NewJourneys(l, 1<<20)
	c := l.Open("hamburger.edu", trace.SMTP, "192.0.2.1:25", "198.51.100.7:9")
	c.Journey("m1")
	c.Line(trace.Client, "MAIL FROM:<alice@crepes.fr>")
	c.Line(trace.Client, "RSET")
	c.Journey("m2")
	c.Line(trace.Client, "MAIL FROM:<alice@crepes.fr>")
	if list, _ := j.List(trace.Query{}); states(list) != "m2:submitting m1:abandoned" {
		t.Errorf("after RSET and MAIL: %s", states(list))
	}
	c.Close("the client hung up")
	if list, _ := j.List(trace.Query{}); states(list) != "m2:abandoned m1:abandoned" {
		t.Errorf("after the end: %s", states(list))
	}
	submit(l, "m3", "alice@crepes.fr", "bob@hamburger.edu")
	if list, _ := j.List(trace.Query{Text: "id:m3"}); states(list) != "m3:delivered" {
		t.Errorf("an accepted message: %s", states(list))
	}
}

// Two messages over one connection of a relay reach two ids at the other end.
func TestKeptConnectionCarriesTwoMessages(t *testing.T) {
	l := trace.NewLog(1000, clock)
	j := trace.NewJourneys(l, 1<<20)
	in := l.Open("hamburger.edu", trace.SMTP, "[::ffff:192.0.2.1]:25", "198.51.100.7:4711") // seen before the dialler's
	out := l.Dialled("crepes.fr", trace.SMTP, "198.51.100.7:4711", "[::ffff:192.0.2.1]:25", "mail.hamburger.edu")
	for _, m := range []string{"x1", "x2"} {
		out.Journey(m)
		out.Line(trace.Client, "MAIL FROM:<a@crepes.fr>")
		in.Journey("their-" + m)
		in.Line(trace.Client, "MAIL FROM:<a@crepes.fr>")
		in.Journey("")
		out.Journey("")
	}
	out.Line(trace.Client, "QUIT")
	for _, m := range []string{"x1", "x2"} {
		if got := j.ID("their-" + m); got != m {
			t.Errorf("their-%s is the journey %q", m, got)
		}
		if d, _ := j.Get(m); len(d.Route) != 1 || d.Route[0].Peer == "" || d.Events < 2 {
			t.Errorf("%s: %+v", m, d)
		}
	}
	if d, _ := j.Get("x2"); d.Steps[len(d.Steps)-1].Text != "QUIT" {
		t.Error("what is said last does not belong to the last message")
	}
}

func TestWatchTellsOfMore(t *testing.T) {
	l := trace.NewLog(1000, clock)
	j := trace.NewJourneys(l, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.Run(ctx)
	}()
	_, next, changed := j.Watch("m", 0)
	submit(l, "m", "a@b", "c@d")
	seen := 0
	for seen < 9 {
		<-changed
		var steps []trace.Step
		steps, next, changed = j.Watch("m", next)
		seen += len(steps)
	}
	if d, _ := j.Get("m"); d.Events != next || seen != next {
		t.Errorf("saw %d steps, next %d, of %d", seen, next, d.Events)
	}
	cancel()
	<-done
}

// What the log forgot before it was taken is a gap in the journeys under way.
func TestGapsAreSeen(t *testing.T) {
	l := trace.NewLog(10, clock)
	j := trace.NewJourneys(l, 1<<20)
	c := l.Open("hamburger.edu", trace.SMTP, "192.0.2.1:25", "198.51.100.7:9")
	c.Journey("m")
	c.Line(trace.Client, "MAIL FROM:<a@b>")
	j.Sync()
	for range 20 {
		l.Add(trace.Event{Kind: trace.Note})
	}
	c.Line(trace.Client, "RCPT TO:<a@b>")
	d, _ := j.Get("m")
	var gaps []int
	for _, s := range d.Steps {
		if s.Kind == trace.Gap {
			gaps = append(gaps, s.Size)
		}
	}
	if !d.Truncated || len(gaps) != 1 || gaps[0] != 11 {
		t.Errorf("gaps %v in %+v; want one of 11 events", gaps, d.Journey)
	}
}

func TestBudget(t *testing.T) {
	l := trace.NewLog(1000, clock)
	j := trace.NewJourneys(l, 0)
	const n = 2000
	for i := range n {
		submit(l, fmt.Sprintf("m%04d", i), "a@b", "c@d")
		j.Sync()
	}
	list, _ := j.List(trace.Query{Limit: 500})
	if len(list) == 500 || len(list) < 20 || list[0].ID != "m1999" {
		t.Fatalf("%d journeys are kept, the newest is %s", len(list), list[0].ID)
	}
	if _, ok := j.Get("m0000"); ok {
		t.Error("the oldest is still there")
	}
	// One message can only take so much.
	c := l.Open("hamburger.edu", trace.SMTP, "192.0.2.1:25", "198.51.100.7:9")
	c.Journey("big")
	for range 6000 {
		c.Line(trace.Client, "RCPT TO:<x@y>")
		j.Sync()
	}
	if d, _ := j.Get("big"); !d.Truncated || d.Events > 5000 {
		t.Errorf("%d events of one journey are kept, truncated %v", d.Events, d.Truncated)
	}
}

// Whatever order events come in, joining them ends well and stays within bounds.
func TestAnyEvents(t *testing.T) {
	kinds := []trace.Kind{trace.Open, trace.Close, trace.Line, trace.Data, trace.Datagram, trace.Note, trace.Gap, trace.Accepted, trace.Refused,
		trace.Queued, trace.MXChosen, trace.Attempt, trace.Deferred, trace.Delivered, trace.Bounced, trace.CacheHit, trace.Referral, trace.Failed, trace.Fetched, trace.LoggedIn, trace.LoginFailed}
	event := rapid.Custom(func(t *rapid.T) trace.Event {
		return trace.Event{
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Conn: rapid.Uint64Range(0, 3).Draw(t, "conn"),
			Proto: rapid.SampledFrom([]trace.Protocol{trace.SMTP, trace.IMAP, trace.DNS, trace.Queue, trace.Store}).Draw(t, "proto"),
			Side:  rapid.SampledFrom([]trace.Dir{0, trace.Client, trace.Server}).Draw(t, "side"),
			Dir:   rapid.SampledFrom([]trace.Dir{trace.Self, trace.Client, trace.Server}).Draw(t, "dir"),
			Node:  rapid.SampledFrom([]string{"a", "b"}).Draw(t, "node"), Cause: rapid.Uint64Range(0, 20).Draw(t, "cause"),
			Local:  rapid.SampledFrom([]string{"", "x", "1:25", "2:25"}).Draw(t, "local"),
			Remote: rapid.SampledFrom([]string{"", "x", "1:25", "2:25"}).Draw(t, "remote"), Bytes: []byte{1, 2},
			Text:    rapid.SampledFrom([]string{"", "MAIL FROM:<", "RCPT TO:x", "MAIL FROM:"}).Draw(t, "text"),
			Journey: rapid.SampledFrom([]string{"", "p", "q", "q.r", "."}).Draw(t, "journey"), Size: rapid.IntRange(0, 3).Draw(t, "size"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		l := trace.NewLog(50, clock)
		j := trace.NewJourneys(l, 0)
		for _, e := range rapid.SliceOfN(event, 0, 80).Draw(t, "events") {
			l.Add(e)
			if rapid.IntRange(0, 9).Draw(t, "sync") == 0 {
				j.Sync()
			}
		}
		checkAll(t, j)
	})
}

// checkAll holds every journey to what a reader relies on.
func checkAll(t rapid.TB, j *trace.Journeys) {
	list, _ := j.List(trace.Query{Limit: 500})
	for _, s := range list {
		d, ok := j.Get(s.ID)
		if !ok || d.Events != len(d.Steps) || d.Hops != len(d.Route) || d.State == "" {
			t.Fatalf("%+v", d.Journey)
		}
		for _, st := range d.Steps {
			if st.Hop < 0 || st.Hop > len(d.Route) || st.Journey != d.ID {
				t.Fatalf("%v at hop %d of %d", st.Event, st.Hop, len(d.Route))
			}
		}
	}
}

func TestShareKeepsEvents(t *testing.T) {
	l := trace.NewLog(1000, clock)
	l.KeepText(10)
	submit(l, "m", "สมชาย@โรงเรียน.ไทย", "c@d")
	l.Open("n", trace.IMAP, "a", "b").Text(trace.Server, []byte("<html>0123456789"), 99)
	events := l.Since(0)
	var file bytes.Buffer
	if err := trace.WriteShare(&file, clock(), events); err != nil {
		t.Fatal(err)
	}
	h, back, err := trace.ReadShare(&file)
	if err != nil || h.Glassmail != 1 || !h.Made.Equal(clock()) {
		t.Fatalf("%+v, %v", h, err)
	}
	if a, b := fmt.Sprintf("%+v", events[:6]), fmt.Sprintf("%+v", back[:6]); a != b {
		t.Errorf("got  %s\nwant %s", b, a)
	}
	if last := back[len(back)-1]; string(last.Bytes) != "<html>0123" || last.Size != 99 {
		t.Errorf("the text became %+v", last)
	}
}

func TestShareRefuses(t *testing.T) {
	for file, want := range map[string]string{
		"":                                 "it is empty",
		"x":                                "line 1",
		`{"glassmail":2}`:                  "newer",
		`{"glassmail":0}`:                  "line 1",
		"{\"glassmail\":1}\n{":             "line 2",
		"{\"glassmail\":1}\n\n{\"seq\":1}": "line 3: no kind",
		"{\"glassmail\":1}\n{\"kind\":\"line\",\"dir\":\"Q\"}":                                   "direction",
		"{\"glassmail\":1}\n{\"kind\":\"data\",\"size\":-1}":                                     "size",
		"{\"glassmail\":1}\n{\"kind\":\"line\",\"node\":\"" + strings.Repeat("x", 300) + "\"}":   "name of 300",
		"{\"glassmail\":1}\n{\"kind\":\"line\",\"text\":\"" + strings.Repeat("x", 1<<19) + "\"}": "too long",
	} {
		if _, _, err := trace.ReadShare(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", file, err, want)
		} else if want != "too long" && !errors.Is(err, trace.ErrShare) {
			t.Errorf("%.60q: %v is no ErrShare", file, err)
		}
	}
}

// FuzzReadShare: whatever a file holds, what comes out is bounded, and can be written
// and read again.
func FuzzReadShare(f *testing.F) {
	f.Add([]byte("{\"glassmail\":1,\"made\":\"2026-05-04T12:00:00Z\"}\n{\"seq\":1,\"time\":\"2026-05-04T12:00:00Z\",\"conn\":1,\"proto\":\"smtp\",\"kind\":\"line\",\"dir\":\"C\",\"side\":\"S\",\"text\":\"MAIL FROM:<a@b>\",\"journey\":\"m\"}\n"))
	f.Add([]byte("{\"glassmail\":1}\n{\"kind\":\"datagram\",\"proto\":\"dns\",\"dir\":\"S\",\"bytes\":\"AAEC\",\"journey\":\"m\",\"local\":\"1.2.3.4:5\"}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, events, err := trace.ReadShare(bytes.NewReader(file))
		if err != nil {
			return
		}
		for _, e := range events {
			if len(e.Text) > 4096 || len(e.Bytes) > 4096 || len(e.Node) > 256 || e.Size < 0 {
				t.Fatalf("an event beyond bounds: %+v", e)
			}
		}
		var out bytes.Buffer
		if err := trace.WriteShare(&out, time.Unix(0, 0), events); err != nil {
			t.Fatalf("written again: %v", err)
		}
		if _, again, err := trace.ReadShare(&out); err != nil || len(again) != len(events) {
			t.Fatalf("read again: %d events of %d, %v", len(again), len(events), err)
		}
	})
}

// A message's events cost the log nothing but their place in the ring, and the
// joining this much.
func BenchmarkJourneys(b *testing.B) {
	l := trace.NewLog(20_000, time.Now)
	j := trace.NewJourneys(l, 8<<20)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		submit(l, fmt.Sprintf("m%d", n), "alice@crepes.fr", "bob@hamburger.edu")
		if n++; n%100 == 0 {
			j.Sync()
		}
	}
}

func BenchmarkSubmitWithoutJourneys(b *testing.B) {
	l := trace.NewLog(20_000, time.Now)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		submit(l, fmt.Sprintf("m%d", n), "alice@crepes.fr", "bob@hamburger.edu")
		n++
	}
}
