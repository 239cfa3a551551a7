package intercept_test

import (
	"fmt"
	"testing"
	"time"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
)

// A line between two nodes waits once, where it is said.
func TestLineWaitsOnce(t *testing.T) {
	d, _ := newDesk(t)
	d.Pause()
	for i, step := range []struct {
		said, heard func(trace.Dir, string, string) wire.Line
		dir         trace.Dir
		text        string
	}{
		{near, far, trace.Server, "220 hamburger.edu"},
		{far, near, trace.Client, "EHLO crepes.fr"},
		{near, far, trace.Server, "250 hamburger.edu"},
		{far, near, trace.Client, "QUIT"},
	} {
		c := pass(t, d, step.said(step.dir, "", step.text))
		if h := held(t, d, 1)[0]; h.Text != step.text {
			t.Fatalf("step %d: %+v waits", i, h)
		}
		if err := d.Step(""); err != nil {
			t.Fatal(err)
		}
		went(t, c)
		passes(t, d, step.heard(step.dir, "", step.text))
	}
}

// In slow motion a line between two nodes takes its time once.
func TestLineIsSlowOnce(t *testing.T) {
	d, clock := newDesk(t)
	if err := d.SetSpeed(1); err != nil {
		t.Fatal(err)
	}
	c := pass(t, d, near(trace.Server, "", "220 hamburger.edu"))
	clock.Sleepers(1)
	clock.Advance(time.Second)
	went(t, c)
	passes(t, d, far(trace.Server, "", "220 hamburger.edu"))
}

// If the interceptor begins in the midst of a connection, the first line that it sees
// waits where that is.
func TestBeginsInTheMidst(t *testing.T) {
	d, _ := newDesk(t)
	d.Pause()
	c := pass(t, d, near(trace.Client, "RCPT", "RCPT TO:<bob@hamburger.edu>"))
	held(t, d, 1)
	if err := d.Step(""); err != nil {
		t.Fatal(err)
	}
	went(t, c)
}

// A breakpoint that names the node where a line is heard holds it there.
func TestBreakWhereHeard(t *testing.T) {
	d, _ := newDesk(t)
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Node: "crepes.fr", Command: "220"}})
	passes(t, d, near(trace.Server, "", "220 hamburger.edu"))
	c := pass(t, d, far(trace.Server, "", "220 hamburger.edu"))
	if h := held(t, d, 1)[0]; h.Node != "crepes.fr" {
		t.Errorf("it waits at %s", h.Node)
	}
	d.Resume()
	went(t, c)
}

// The time for which a connection stood is its own, whoever asks from whichever
// end, and two lines that wait at one time count once.
func TestStood(t *testing.T) {
	d, _ := newDesk(t)
	p, other := near(trace.Client, "NOOP", "NOOP"), nth(1)
	if s := d.Paused(p.Local, p.Remote); s != 0 {
		t.Errorf("an unknown connection stood for %s", s)
	}
	d.Pause()
	began := time.Now()
	c := pass(t, d, p)
	held(t, d, 1)
	seen := time.Now()
	c2 := pass(t, d, near(trace.Server, "", "* BYE"))
	held(t, d, 2)
	if least := time.Since(seen); d.Paused(p.Local, p.Remote) < least {
		t.Errorf("it stands for less than %s", least)
	}
	whole := d.Paused(p.Remote, p.Local)
	if s := d.Paused(other.Local, other.Remote); s != 0 {
		t.Errorf("another connection stood for %s", s)
	}
	d.Resume()
	went(t, c)
	went(t, c2)
	after := d.Paused(p.Local, p.Remote)
	if most := time.Since(began); after < whole || after > most {
		t.Errorf("it stood for %s, which is not between %s and %s", after, whole, most)
	}
	passes(t, d, p)
	if again := d.Paused(p.Local, p.Remote); again != after {
		t.Errorf("it stood for %s, and for %s without a line that waited", after, again)
	}
}

// Connections are forgotten, the oldest first, but none on which a line waits.
func TestConnectionsAreForgotten(t *testing.T) {
	d, _ := newDesk(t)
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "QUIT"}})
	quit := func(i int) wire.Line {
		p := nth(i)
		p.Command, p.Local = "QUIT", fmt.Sprint("192.0.2.1:", i)
		return p
	}
	stays := pass(t, d, quit(1))
	held(t, d, 1)
	goes := pass(t, d, quit(2))
	if err := d.Do(held(t, d, 2)[1].ID, intercept.DeedPass, ""); err != nil {
		t.Fatal(err)
	}
	went(t, goes)
	if d.Paused(quit(2).Local, quit(2).Remote) == 0 {
		t.Error("a connection that waited did not stand")
	}
	for i := range 5000 {
		passes(t, d, nth(3+i))
	}
	if d.Paused(quit(1).Local, quit(1).Remote) == 0 {
		t.Error("a connection on which a line waits was forgotten")
	}
	if s := d.Paused(quit(2).Local, quit(2).Remote); s != 0 {
		t.Errorf("5000 connections later, the second is remembered: %s", s)
	}
	d.Resume()
	went(t, stays)
}

// A breakpoint without a node holds a line once as well.
func TestBreakOnce(t *testing.T) {
	d, _ := newDesk(t)
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "220"}})
	c := pass(t, d, near(trace.Server, "", "220 hamburger.edu"))
	held(t, d, 1)
	if err := d.Do(held(t, d, 1)[0].ID, intercept.DeedPass, ""); err != nil {
		t.Fatal(err)
	}
	went(t, c)
	passes(t, d, far(trace.Server, "", "220 hamburger.edu"))
}
