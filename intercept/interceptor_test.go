package intercept_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
)

// A pause holds what comes, in order and with all that a page shows of it, and
// Resume lets it go.
func TestPause(t *testing.T) {
	d, _ := newDesk(t)
	if v := passes(t, d, client("EHLO", "EHLO crepes.fr")); v != (wire.Verdict{}) {
		t.Errorf("verdict %+v without a pause", v)
	}
	d.Pause()
	a := pass(t, d, client("MAIL", "MAIL FROM:<alice@crepes.fr>"))
	held(t, d, 1)
	b := pass(t, d, near(trace.Server, "RCPT", "250 2.1.5 Ok"))
	held(t, d, 2)
	text := near(trace.Client, "DATA", "Subject: lunch")
	text.Data, text.Size, text.Journey = true, 120, "j1"
	text.Remote = "127.0.0.1:40002"
	c := pass(t, d, text)
	got := held(t, d, 3)
	want := []intercept.Held{
		{Node: "hamburger.edu", Conn: 7, Proto: trace.SMTP, Dir: trace.Client, Text: "MAIL FROM:<alice@crepes.fr>", Command: "MAIL", State: intercept.StateCommand},
		{Node: "hamburger.edu", Conn: 9, Proto: trace.SMTP, Dir: trace.Server, Text: "250 2.1.5 Ok", Command: "RCPT", State: intercept.StateReply},
		{Node: "hamburger.edu", Conn: 9, Proto: trace.SMTP, Dir: trace.Client, Text: "Subject: lunch", Command: "DATA", Size: 120, State: intercept.StateText, Journey: "j1"},
	}
	for i, w := range want {
		w.ID, w.Why, w.Since, w.Releases = got[i].ID, intercept.Pause, start, start.Add(intercept.ReleaseAfter)
		if got[i] != w {
			t.Errorf("line %d: %+v\nwant %+v", i, got[i], w)
		}
	}
	if got[0].ID == got[1].ID || got[1].ID == got[2].ID {
		t.Errorf("two lines have one id: %v", got)
	}
	if s := d.State(); !s.Paused || !s.Enabled || s.Breakpoints == nil || s.Speed != 0 {
		t.Errorf("state %+v", s)
	}
	d.Resume()
	for _, line := range []<-chan wire.Verdict{a, b, c} {
		if v := went(t, line); v != (wire.Verdict{}) {
			t.Errorf("verdict %+v", v)
		}
	}
	held(t, d, 0)
	passes(t, d, client("QUIT", "QUIT"))
	if d.State().Paused {
		t.Error("it is paused still")
	}
}

// The interceptor is idle when there is nothing by which a line could wait.
func TestIdle(t *testing.T) {
	d, _ := newDesk(t)
	idle := func(want bool, when string) {
		t.Helper()
		if d.Idle() != want {
			t.Errorf("%s: idle is %v", when, !want)
		}
	}
	idle(true, "new")
	d.Pause()
	idle(false, "paused")
	d.Resume()
	idle(true, "resumed")
	_ = d.SetSpeed(1)
	idle(false, "in slow motion")
	_ = d.SetSpeed(0)
	b := breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "QUIT"}})
	idle(false, "with a breakpoint")
	_ = d.RemoveBreakpoint(b.ID)
	f := addFault(t, d, intercept.Rule{Command: "QUIT", Action: intercept.FaultDrop})
	idle(false, "with a fault rule")
	_ = d.RemoveFault(f.ID)
	idle(true, "without rules")
	d.Pause()
	d.Close()
	idle(true, "closed")
}

// A line that nobody minds goes on after a minute, and says so; one that came later
// has a minute of its own.
func TestReleasesItself(t *testing.T) {
	d, clock := newDesk(t)
	d.Pause()
	first := pass(t, d, client("NOOP", "NOOP"))
	held(t, d, 1)
	clock.Advance(intercept.ReleaseAfter / 2)
	second := pass(t, d, server("NOOP", "250 Ok"))
	held(t, d, 2)
	clock.Advance(intercept.ReleaseAfter/2 - 1)
	waits(t, first)
	clock.Advance(1)
	if v := went(t, first); v.Action != wire.Pass || v.Note != "let go by itself after 1m0s" {
		t.Errorf("verdict %+v", v)
	}
	if h := held(t, d, 1); h[0].Text != "250 Ok" || !h[0].Releases.Equal(start.Add(90*time.Second)) {
		t.Errorf("there waits %+v", h[0])
	}
	waits(t, second)
	clock.Advance(intercept.ReleaseAfter / 2)
	went(t, second)
	if !d.State().Paused {
		t.Error("a line that released itself ended the pause")
	}
}

// Step lets one line go, and only one.
func TestStep(t *testing.T) {
	d, _ := newDesk(t)
	if err := d.Step(""); !errors.Is(err, intercept.ErrNotFound) || !strings.Contains(err.Error(), "none waits") {
		t.Errorf("a step without a line: %v", err)
	}
	if !d.State().Paused {
		t.Error("a step does not pause what follows")
	}
	var lines []<-chan wire.Verdict
	for i := range 3 {
		lines = append(lines, pass(t, d, nth(i)))
		held(t, d, i+1)
	}
	if err := d.Step(""); err != nil {
		t.Fatal(err)
	}
	went(t, lines[0])
	waiting := held(t, d, 2)
	if err := d.Step(waiting[1].ID); err != nil {
		t.Fatal(err)
	}
	went(t, lines[2])
	waits(t, lines[1])
	if err := d.Step(waiting[1].ID); !errors.Is(err, intercept.ErrNotFound) {
		t.Errorf("a line was let go twice: %v", err)
	}
	if h := held(t, d, 1); h[0].ID != waiting[0].ID {
		t.Errorf("there waits %+v", h[0])
	}
	d.Resume()
	went(t, lines[1])
}

// What was said before a line is sent before it waits; a line that passes sends
// nothing.
func TestWaits(t *testing.T) {
	d, clock := newDesk(t)
	var sent atomic.Int32
	p := client("NOOP", "NOOP")
	p.Waits = func() { sent.Add(1) }
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "QUIT"}})
	passes(t, d, p)
	if n := sent.Load(); n != 0 {
		t.Errorf("a line that passed sent what was held back %d times", n)
	}
	p.Command = "QUIT"
	c := pass(t, d, p)
	held(t, d, 1)
	d.Resume()
	went(t, c)
	if n := sent.Load(); n != 1 {
		t.Errorf("a line that waited sent what was held back %d times, want once", n)
	}
	if err := d.SetSpeed(1); err != nil {
		t.Fatal(err)
	}
	p.Command = "NOOP"
	c = pass(t, d, p)
	clock.Sleepers(1)
	clock.Advance(time.Second)
	went(t, c)
	if n := sent.Load(); n != 2 {
		t.Errorf("slow motion sent what was held back %d times, want once more than 1", n)
	}
}

// Slow motion gives each line its time, on each connection by itself.
func TestSlowMotion(t *testing.T) {
	for _, c := range []struct {
		speed float64
		each  time.Duration
	}{{0.1, 10 * time.Second}, {0.5, 2 * time.Second}, {1, time.Second}, {10, 100 * time.Millisecond}} {
		t.Run(fmt.Sprint(c.speed), func(t *testing.T) {
			d, clock := newDesk(t)
			if err := d.SetSpeed(c.speed); err != nil {
				t.Fatal(err)
			}
			if got := d.State().Speed; got != c.speed {
				t.Errorf("speed %v", got)
			}
			one, other := pass(t, d, nth(1)), pass(t, d, nth(2))
			clock.Sleepers(2)
			clock.Advance(c.each - 1)
			waits(t, one)
			waits(t, other)
			clock.Advance(1)
			went(t, one)
			went(t, other)
			if err := d.SetSpeed(0); err != nil {
				t.Fatal(err)
			}
			passes(t, d, nth(1))
		})
	}
}

// A change of the speed lets go at once what waited by the old one.
func TestSpeedChange(t *testing.T) {
	d, clock := newDesk(t)
	for _, next := range []float64{10, 0} {
		if err := d.SetSpeed(0.1); err != nil {
			t.Fatal(err)
		}
		c := pass(t, d, nth(1))
		clock.Sleepers(1)
		if err := d.SetSpeed(next); err != nil {
			t.Fatal(err)
		}
		went(t, c)
	}
	for _, bad := range []float64{-1, 0.09, 10.1, math.NaN(), math.Inf(1)} {
		if err := d.SetSpeed(bad); !errors.Is(err, intercept.ErrInvalid) {
			t.Errorf("speed %v: %v", bad, err)
		}
	}
	if got := d.State().Speed; got != 0 {
		t.Errorf("a speed that cannot be was set: %v", got)
	}
}

// Slow motion and a pause come after one another.
func TestSlowThenHeld(t *testing.T) {
	d, clock := newDesk(t)
	if err := d.SetSpeed(1); err != nil {
		t.Fatal(err)
	}
	d.Pause()
	c := pass(t, d, nth(1))
	clock.Sleepers(1)
	if n := len(d.State().Held); n != 0 {
		t.Errorf("%d lines are held within their slow motion", n)
	}
	clock.Advance(time.Second)
	held(t, d, 1)
	d.Resume()
	went(t, c)
}

// More than MaxHeld lines do not wait.
func TestMaxHeld(t *testing.T) {
	d, _ := newDesk(t)
	d.Pause()
	lines := make([]<-chan wire.Verdict, intercept.MaxHeld)
	for i := range lines {
		lines[i] = pass(t, d, nth(i))
	}
	held(t, d, intercept.MaxHeld)
	passes(t, d, nth(intercept.MaxHeld))
	if err := d.Step(""); err != nil {
		t.Fatal(err)
	}
	held(t, d, intercept.MaxHeld-1)
	again := pass(t, d, nth(intercept.MaxHeld))
	held(t, d, intercept.MaxHeld)
	d.Close()
	for _, c := range append(lines, again) {
		went(t, c)
	}
}

// Close lets everything go for good: what is held, what is slow and what is late.
func TestClose(t *testing.T) {
	d, clock := newDesk(t)
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "QUIT"}})
	if err := d.SetSpeed(0.1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddFault(intercept.Rule{Command: "RCPT", Action: intercept.FaultDelay, Delay: intercept.Span(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	late, slow := pass(t, d, client("RCPT", "RCPT TO:<bob@hamburger.edu>")), pass(t, d, nth(1))
	clock.Sleepers(2)
	d.Pause()
	stopped := d.Changed()
	d.Close()
	<-stopped
	went(t, late)
	went(t, slow)
	d.Close()
	d.Pause()
	passes(t, d, client("QUIT", "QUIT"))
	if s := d.State(); s.Enabled || len(s.Held) > 0 {
		t.Errorf("state after the end: %+v", s)
	}
}

// A line whose connection ends does not wait on.
func TestConnectionEnds(t *testing.T) {
	d, clock := newDesk(t)
	d.Pause()
	ctx, end := context.WithCancel(t.Context())
	c := passFor(ctx, d, nth(1))
	held(t, d, 1)
	end()
	if v := went(t, c); v != (wire.Verdict{}) {
		t.Errorf("verdict %+v", v)
	}
	held(t, d, 0)
	went(t, passFor(ctx, d, nth(1))) // it has ended before
	d.Resume()
	if err := d.SetSpeed(0.1); err != nil {
		t.Fatal(err)
	}
	ctx, end = context.WithCancel(t.Context())
	c = passFor(ctx, d, nth(2))
	clock.Sleepers(1)
	end()
	went(t, c)
}

// Many connections, and many hands at the interceptor: each line gets one verdict, and
// nothing is left.
func TestManyConnections(t *testing.T) {
	d, clock := newDesk(t)
	ctx, stop := context.WithCancel(t.Context())
	var desks, lines sync.WaitGroup
	hand := func(work func(i int)) {
		desks.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				work(i)
			}
		})
	}
	hand(func(int) {
		for _, h := range d.State().Held {
			_ = d.Do(h.ID, intercept.DeedEdit, "NOOP edited") // it may have gone
		}
	})
	hand(func(i int) {
		switch i % 4 {
		case 0:
			d.Pause()
		case 1:
			_ = d.Step("")
		case 2:
			_ = d.SetSpeed(float64(i%10) + 1)
		case 3:
			d.Resume()
			_ = d.SetSpeed(0)
		}
	})
	hand(func(int) { clock.Advance(time.Second) })
	hand(func(int) {
		b, err := d.AddBreakpoint(intercept.Breakpoint{Where: intercept.Where{Text: "7"}})
		if err == nil {
			err = d.RemoveBreakpoint(b.ID)
		}
		if err != nil {
			t.Error(err)
		}
	})
	hand(func(int) {
		f, err := d.AddFault(intercept.Rule{Command: "NOOP", Match: "3", Action: intercept.FaultDrop})
		if err == nil {
			err = d.RemoveFault(f.ID)
		}
		if err != nil {
			t.Error(err)
		}
		d.Faults()
		d.Paused(nth(1).Local, nth(1).Remote)
	})
	var asked atomic.Int64
	for i := range 20 {
		lines.Go(func() {
			for range 20 {
				v := d.Intercept(ctx, nth(i))
				if v.Action == wire.Edit && v.Text != "NOOP edited" {
					t.Errorf("edited to %q", v.Text)
				}
				asked.Add(1)
			}
		})
	}
	lines.Wait()
	stop()
	desks.Wait()
	if n := asked.Load(); n != 400 {
		t.Errorf("%d verdicts for 400 lines", n)
	}
	if h := d.State().Held; len(h) > 0 {
		t.Errorf("there still waits %+v", h)
	}
}
