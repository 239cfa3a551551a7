package trace_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/trace"
)

func clock() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func texts(events []trace.Event) string {
	var out []string
	for _, e := range events {
		if e.Kind == trace.Gap {
			out = append(out, "gap")
			continue
		}
		out = append(out, e.Text)
	}
	return strings.Join(out, " ")
}

func TestSinceTellsWhatIsForgotten(t *testing.T) {
	l := trace.NewLog(3, clock)
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		l.Add(trace.Event{Text: s})
	}
	for since, want := range map[uint64]string{0: "gap c d e", 1: "gap c d e", 2: "c d e", 4: "e", 5: "", 99: ""} {
		if got := texts(l.Since(since)); got != want {
			t.Errorf("Since(%d) = %q, want %q", since, got, want)
		}
	}
	if g := l.Since(0)[0]; g.Size != 2 || g.Seq != 2 {
		t.Errorf("the gap is %+v, want 2 events up to number 2", g)
	}
}

// A reader that sleeps never holds up a writer, and learns what it missed.
func TestSlowFollower(t *testing.T) {
	l := trace.NewLog(10, clock)
	l.Add(trace.Event{Text: "before"})
	f := l.Follow(0)
	if got := texts(f.Next()); got != "before" {
		t.Fatalf("past = %q", got)
	}
	if got := f.Next(); len(got) != 0 {
		t.Fatalf("%d events, there is none", len(got))
	}
	ready, drop := f.Ready()
	defer drop()
	select {
	case <-ready:
		t.Fatal("ready without an event")
	default:
	}
	for range 100 {
		l.Add(trace.Event{Text: "x"})
	}
	<-ready
	if gap := f.Next(); len(gap) != 1 || gap[0].Kind != trace.Gap || gap[0].Size != 90 || gap[0].Seq != 91 {
		t.Errorf("after the log forgot 90: %+v", gap)
	}
	if got := texts(f.Next()); got != strings.TrimSpace(strings.Repeat("x ", 10)) {
		t.Errorf("then %q", got)
	}
}

// A reader may leave out what is too much for it.
func TestNewest(t *testing.T) {
	l := trace.NewLog(10, clock)
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		l.Add(trace.Event{Text: s})
	}
	f := l.Follow(1)
	if gap := f.Newest(2); len(gap) != 1 || gap[0].Kind != trace.Gap || gap[0].Size != 2 || gap[0].Seq != 3 {
		t.Errorf("left out: %+v, want 2 up to number 3", gap)
	}
	if got := texts(f.Next()); got != "d e" {
		t.Errorf("then %q", got)
	}
	if got := f.Newest(2); len(got) != 0 {
		t.Errorf("nothing is there to be left out: %+v", got)
	}
	if got := texts(l.Follow(99).Next()); got != "a b c d e" {
		t.Errorf("after a number of another run: %q", got)
	}
}

func TestManyWriters(t *testing.T) {
	l := trace.NewLog(1000, clock)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := l.Open("node", trace.SMTP, "here", "there")
			for range 100 {
				c.Line(trace.Client, "NOOP")
			}
			c.Close("done")
		})
	}
	wg.Wait()
	conns := map[uint64]int{}
	for i, e := range l.Since(0) {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has the number %d", i+1, e.Seq)
		}
		conns[e.Conn]++
	}
	if len(conns) != 8 || conns[1] != 102 {
		t.Errorf("events of the connections: %v, want 8 with 102 each", conns)
	}
}

func TestConnFillsIn(t *testing.T) {
	l := trace.NewLog(10, clock)
	c := l.Open("crepes.fr", trace.SMTP, "192.0.2.1:25", "192.0.2.2:4711")
	c.Journey("m1")
	c.Secure(true)
	c.Line(trace.Server, "250 ok")
	e := l.Since(1)[0]
	want := trace.Event{Seq: 2, Time: clock(), Node: "crepes.fr", Conn: 1, Local: "192.0.2.1:25", Remote: "192.0.2.2:4711",
		Proto: trace.SMTP, Kind: trace.Line, Dir: trace.Server, Side: trace.Server, Secure: true, Text: "250 ok", Journey: "m1",
		Phase: trace.Greeting, Before: trace.Connected, After: trace.Connected}
	a, _ := json.Marshal(e)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	var back trace.Event
	if err := json.Unmarshal(a, &back); err != nil || back.Dir != trace.Server {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestNotation(t *testing.T) {
	for want, e := range map[string]trace.Event{
		"C: HELO crepes.fr":                 {Kind: trace.Line, Dir: trace.Client, Text: "HELO crepes.fr"},
		"S: 250 ok":                         {Kind: trace.Line, Dir: trace.Server, Text: "250 ok"},
		"* queued for hamburger.edu":        {Kind: trace.Queued, Text: "queued for hamburger.edu"},
		"* C sent 42 bytes of message text": {Kind: trace.Data, Dir: trace.Client, Size: 42},
	} {
		if got := e.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLongEventsAreCut(t *testing.T) {
	l := trace.NewLog(1, clock)
	l.Add(trace.Event{Text: strings.Repeat("x", 1<<20)})
	if e := l.Since(0)[0]; len(e.Text) > 4096 || e.Size != 1<<20 {
		t.Errorf("kept %d bytes, Size %d", len(e.Text), e.Size)
	}
}

// Code that is observed never asks whether somebody looks on.
func TestNilIsFine(t *testing.T) {
	var l *trace.Log
	c := l.Open("n", trace.IMAP, "a", "b")
	c.Line(trace.Client, "x")
	c.Journey("j")
	c.Secure(true)
	c.Close("bye")
	if c.ID() != 0 || l.Add(trace.Event{}) != 0 || l.Since(0) != nil {
		t.Error("a nil Log remembered something")
	}
	f := l.Follow(0)
	ready, drop := f.Ready()
	defer drop()
	if ready != nil || f.Next() != nil || f.Newest(1) != nil {
		t.Error("a nil Log has something to tell")
	}
}

func BenchmarkLine(b *testing.B) {
	c := trace.NewLog(5000, time.Now).Open("n", trace.SMTP, "a", "b")
	b.ReportAllocs()
	for b.Loop() {
		c.Line(trace.Client, "RCPT TO:<bob@hamburger.edu>")
	}
}
