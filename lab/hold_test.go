package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/web/api"
)

// held waits until a line waits that is as wanted.
func (r *running) held(wanted func(intercept.Held) bool) intercept.Held {
	r.t.Helper()
	late := time.After(patience)
	for {
		changed := r.Hold.Changed()
		s := r.Hold.State()
		if i := slices.IndexFunc(s.Held, wanted); i >= 0 {
			return s.Held[i]
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("no such line waits: %+v", s.Held)
		}
	}
}

func anything(intercept.Held) bool { return true }

func saying(text string) func(intercept.Held) bool {
	return func(h intercept.Held) bool { return strings.HasPrefix(h.Text, text) }
}

func (r *running) do(h intercept.Held, deed, text string) {
	r.t.Helper()
	if err := r.Hold.Do(h.ID, deed, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) breakAt(b intercept.Breakpoint) intercept.Breakpoint {
	r.t.Helper()
	b, err := r.Hold.AddBreakpoint(b)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// toSend sends a message while the test does something else.
func (r *running) toSend(subject string) (sent <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.send(subject, bob)
	}()
	return done
}

// stepUntil lets one line go after the other, until one that is the last; it
// returns what waited, in order.
func (r *running) stepUntil(last func(intercept.Held) bool) []intercept.Held {
	r.t.Helper()
	var seen []intercept.Held
	for {
		h := r.held(anything)
		seen = append(seen, h)
		r.do(h, intercept.DeedPass, "")
		if last(h) {
			return seen
		}
	}
}

// A whole relay can be walked through line by line. Each line waits once, at the
// node that says it, and the message arrives once.
func TestRelayLineByLine(t *testing.T) {
	r := startLab(t)
	r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "crepes.fr", Dir: "C"}}) // what it says, and what is said to it
	r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Dir: "S"}})
	sent := r.toSend("line by line")
	var relay []string
	dots := 0
	for _, h := range r.stepUntil(func(h intercept.Held) bool {
		if h.Node == "hamburger.edu" && h.Command == "." {
			dots++
		}
		return dots == 1
	}) {
		if strings.HasPrefix(h.Text, "EHLO localhost") || h.Node == "crepes.fr" && (len(relay) == 0 || h.Command == "QUIT") {
			continue // alice's client
		}
		what := h.Text
		if h.State == intercept.StateText {
			what = "text"
		}
		if h.Dir == trace.Server && h.Command == "EHLO" && what[3] == '-' {
			continue
		}
		relay = append(relay, h.Node+" "+string(rune(h.Dir))+" "+what)
	}
	<-sent
	want := []string{
		"hamburger.edu S 220", "crepes.fr C EHLO crepes.fr", "hamburger.edu S 250 ", "crepes.fr C STARTTLS", "hamburger.edu S 220",
		"crepes.fr C EHLO crepes.fr", "hamburger.edu S 250 ", "crepes.fr C MAIL FROM:<alice@crepes.fr>", "hamburger.edu S 250",
		"crepes.fr C RCPT TO:<bob@hamburger.edu>", "hamburger.edu S 250", "crepes.fr C DATA", "hamburger.edu S 354", "crepes.fr C text", "crepes.fr C .", "hamburger.edu S 250",
	}
	if len(relay) != len(want) {
		t.Errorf("%d lines, want %d", len(relay), len(want))
	}
	for i := range min(len(relay), len(want)) {
		if !strings.HasPrefix(relay[i], want[i]) {
			t.Errorf("line %d: %s, want %s", i, relay[i], want[i])
		}
	}
	if t.Failed() {
		t.Logf("the relay was:\n%s", strings.Join(relay, "\n"))
	}
	r.Hold.Resume()
	d := r.journey("line by line", trace.StateDelivered)
	if n := r.comes(bob, "line by line"); n != 1 || attempts(d) != 1 {
		t.Errorf("bob has it %d times after %d attempts", n, attempts(d))
	}
}

// The lesson of docs/hold.md: a reply that is edited to 451 puts the message off,
// and a jump of the clock to the next attempt brings it.
func TestEditedReplyPutsOff(t *testing.T) {
	r := startLab(t)
	b := r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Dir: "S", Command: "RCPT"}})
	r.send("put off", bob)
	h := r.held(saying("250"))
	if h.Node != "hamburger.edu" || h.Command != "RCPT" || h.State != intercept.StateReply || h.Releases.Sub(h.Since) != time.Minute {
		t.Errorf("there waits %+v", h)
	}
	r.do(h, intercept.DeedEdit, "451 4.3.0 Not now")
	d := r.journey("put off", trace.StateDeferred)
	if n := r.got(bob, "put off"); n != 0 {
		t.Fatalf("bob has it %d times before the retry", n)
	}
	said := false
	for _, s := range d.Steps {
		said = said || s.Kind == trace.Deferred && strings.Contains(s.Text, "451 4.3.0 Not now")
	}
	if !said {
		t.Error("the queue does not say why it was put off")
	}
	if err := r.Hold.RemoveBreakpoint(b.ID); err != nil {
		t.Fatal(err)
	}
	r.jumpToRetry()
	d = r.journey("put off", trace.StateDelivered)
	if n := r.comes(bob, "put off"); n != 1 || attempts(d) != 2 {
		t.Errorf("bob has it %d times after %d attempts, want once after 2", n, attempts(d))
	}
}

// jumpToRetry moves the clock to when the next message is due.
func (r *running) jumpToRetry() {
	r.t.Helper()
	var waiting []api.QueueEntry
	for end := time.Now().Add(patience); len(waiting) == 0 || waiting[0].Attempts == 0; time.Sleep(5 * time.Millisecond) {
		var err error
		if waiting, err = r.office.QueueEntries(r.t.Context()); err != nil || time.Now().After(end) {
			r.t.Fatalf("there waits %+v, %v", waiting, err)
		}
	}
	if err := r.clock().Advance(max(waiting[0].Due.Sub(r.clock().Now()), 0)); err != nil {
		r.t.Fatal(err)
	}
}

// A jump of the clock, however far, distorts nothing that is held: no line is let
// go, no connection is cut, and no second attempt begins.
func TestJumpWhileHeld(t *testing.T) {
	r := startLab(t)
	r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Dir: "S", Command: "."}})
	r.send("first", bob)
	first := r.held(anything)
	if err := r.clock().Advance(6 * 24 * time.Hour); err != nil { // longer than a message may wait
		t.Fatal(err)
	}
	r.send("second", bob) // the queue looks at what is due
	r.held(func(h intercept.Held) bool { return h.ID != first.ID })
	if s := r.Hold.State(); len(s.Held) != 2 || s.Held[0].ID != first.ID {
		t.Errorf("there wait %+v", s.Held)
	}
	for _, b := range r.Hold.State().Breakpoints {
		if err := r.Hold.RemoveBreakpoint(b.ID); err != nil {
			t.Fatal(err)
		}
	}
	r.Hold.Resume()
	for _, subject := range []string{"first", "second"} {
		d := r.journey(subject, trace.StateDelivered)
		if n := r.comes(bob, subject); n != 1 || attempts(d) != 1 {
			t.Errorf("bob has %q %d times after %d attempts", subject, n, attempts(d))
		}
	}
}

// A jump to the next expiry gives a message back that could not be delivered.
func TestJumpToExpiry(t *testing.T) {
	r := startLab(t)
	if err := r.Internet.SetDown("mail.hamburger.edu", true); err != nil {
		t.Fatal(err)
	}
	r.send("too late", bob)
	r.journey("too late", trace.StateDeferred)
	waiting, err := r.office.QueueEntries(t.Context())
	if err != nil || len(waiting) != 1 || waiting[0].Expires.Sub(waiting[0].Accepted) != 5*24*time.Hour {
		t.Fatalf("there waits %+v, %v", waiting, err)
	}
	if err := r.clock().Advance(waiting[0].Expires.Sub(r.clock().Now())); err != nil {
		t.Fatal(err)
	}
	r.journey("too late", trace.StateBounced)
	report := r.newest(alice, 0)
	if !strings.Contains(report, "Final-Recipient: rfc822;bob@hamburger.edu") {
		t.Errorf("alice has\n%s", report)
	}
}

// A breakpoint of one message holds all of its lines, at both nodes, and none of
// another's.
func TestBreakAtMessage(t *testing.T) {
	r := startLab(t)
	b := r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Dir: "S", Command: "220"}})
	r.send("watched", bob)
	h := r.held(anything)
	d := r.journey("watched", trace.StateRelaying)
	r.breakAt(intercept.Breakpoint{Journey: d.ID})
	if err := r.Hold.RemoveBreakpoint(b.ID); err != nil {
		t.Fatal(err)
	}
	r.do(h, intercept.DeedPass, "")
	r.held(anything)
	r.send("passing", bob)
	r.journey("passing", trace.StateDelivered)
	var got []string
	for _, h := range r.stepUntil(func(h intercept.Held) bool { return h.Dir == trace.Server && h.Command == "." }) {
		got = append(got, fmt.Sprintf("%c %s", h.Dir, h.Command))
		if h.Journey != d.ID {
			t.Errorf("%q is of the journey %q, want %q", h.Text, h.Journey, d.ID)
		}
	}
	for _, want := range []string{"C MAIL", "S MAIL", "C RCPT", "S RCPT", "C DATA", "S DATA", "C .", "S ."} {
		if !slices.Contains(got, want) {
			t.Errorf("%s was not held; held were %v", want, got)
		}
	}
	r.journey("watched", trace.StateDelivered)
}

// A password that waits is not shown, and cannot be edited.
func TestHeldPassword(t *testing.T) {
	r := startLab(t)
	c := r.dial(r.Ready.Nodes["hamburger.edu"].IMAP)
	c.hears("* OK")
	r.breakAt(intercept.Breakpoint{Where: intercept.Where{Proto: trace.IMAP, Command: "LOGIN", Dir: "C"}})
	if _, err := fmt.Fprint(c.conn, "a LOGIN bob hunter2\r\n"); err != nil {
		t.Fatal(err)
	}
	h := r.held(anything)
	if strings.Contains(h.Text, "hunter2") || !h.Secret {
		t.Errorf("there waits %+v", h)
	}
	if err := r.Hold.Do(h.ID, intercept.DeedEdit, "a LOGIN bob bob"); !errors.Is(err, intercept.ErrInvalid) {
		t.Errorf("it was edited: %v", err)
	}
	r.do(h, intercept.DeedPass, "")
	c.hears("a NO")
}

// A client that leaves while its line waits disturbs nobody.
func TestClientLeavesWhileHeld(t *testing.T) {
	r := startLab(t)
	b := r.breakAt(intercept.Breakpoint{Where: intercept.Where{Command: "MAIL", Dir: "C"}})
	c := r.dial(r.Ready.Nodes["crepes.fr"].SMTP)
	c.hears("220")
	c.says("HELO localhost\r\n", "250")
	if _, err := fmt.Fprint(c.conn, "MAIL FROM:<alice@crepes.fr>\r\n"); err != nil {
		t.Fatal(err)
	}
	h := r.held(anything)
	c.conn.Close()
	if err := r.Hold.RemoveBreakpoint(b.ID); err != nil {
		t.Fatal(err)
	}
	r.do(h, intercept.DeedPass, "")
	r.send("after it", bob)
	r.journey("after it", trace.StateDelivered)
	if s := r.Hold.State(); len(s.Held) > 0 {
		t.Errorf("there still waits %+v", s.Held)
	}
}

// A lab stops at once while lines wait, at a server, in a relay and in slow motion;
// the message that was on its way is not lost.
func TestStopWhileHeld(t *testing.T) {
	r := startLab(t)
	r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Dir: "S", Command: "DATA"}})
	r.send("under way", bob)
	relay := r.held(anything)
	r.breakAt(intercept.Breakpoint{Where: intercept.Where{Command: "NOOP"}})
	c := r.dial(r.Ready.Nodes["crepes.fr"].SMTP)
	c.hears("220")
	c.says("HELO localhost\r\n", "250")
	if _, err := fmt.Fprint(c.conn, "NOOP\r\n"); err != nil {
		t.Fatal(err)
	}
	r.held(func(h intercept.Held) bool { return h.ID != relay.ID })
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took >= intercept.ReleaseAfter/2 {
		t.Errorf("the stop took %s: it waited for a line that was held", took)
	}
	if s := r.Hold.State(); s.Enabled || len(s.Held) > 0 {
		t.Errorf("after the end: %+v", s)
	}
}
