package wire_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/wire"
)

func rung(c <-chan time.Time) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A jump wakes whoever waits for a time before its end, and nobody else.
func TestLabClockJumps(t *testing.T) {
	l := wire.NewLabClock()
	start := l.Now()
	half, stopHalf := l.After(30 * time.Minute)
	hour, stopHour := l.After(time.Hour)
	never, stop := l.After(time.Minute)
	defer stopHalf()
	defer stopHour()
	stop()
	stop()
	if err := l.Advance(45 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if !rung(half) || rung(hour) || rung(never) {
		t.Error("after 45 minutes not exactly the half hour's timer rang")
	}
	if err := l.JumpTo(start.Add(2 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !rung(hour) || rung(half) || rung(never) {
		t.Error("after two hours not exactly the hour's timer rang")
	}
	if now := l.Now(); now.Before(start.Add(2*time.Hour)) || l.Lead() > 2*time.Hour || l.Lead() < time.Hour {
		t.Errorf("it shows %v with a lead of %v", now.Sub(start), l.Lead())
	}
}

func TestLabClockGoesForwardOnly(t *testing.T) {
	l := wire.NewLabClock()
	if err := l.Advance(-1); !errors.Is(err, wire.ErrClockBack) {
		t.Errorf("back: %v", err)
	}
	if err := l.JumpTo(l.Now().Add(-time.Hour)); !errors.Is(err, wire.ErrClockBack) {
		t.Errorf("jump back: %v", err)
	}
	for range 5 { // many jumps do not turn the lead round
		l.Advance(1 << 62)
		if err := l.Advance(1<<63 - 1); !errors.Is(err, wire.ErrClockFar) {
			t.Errorf("far: %v", err)
		}
	}
	if l.Lead() < 0 || l.Now().Before(time.Now()) {
		t.Errorf("the lead is %v", l.Lead())
	}
}

// Time that passes rings too, with and without jumps.
func TestLabClockRuns(t *testing.T) {
	l := wire.NewLabClock()
	<-first(l.After(0))
	<-first(l.After(-time.Second))
	c, stop := l.After(time.Hour)
	defer stop()
	l.Advance(time.Hour - time.Millisecond)
	<-c
}

func first(c <-chan time.Time, _ func()) <-chan time.Time { return c }

// Whatever is set and jumped: a timer has rung if and only if its time has come.
func TestLabClockTimers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := wire.NewLabClock()
		type timer struct {
			c    <-chan time.Time
			stop func()
			left int // hours
		}
		var all []*timer
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "set") {
				n := rapid.IntRange(1, 100).Draw(t, "hours")
				c, stop := l.After(time.Duration(n)*time.Hour - time.Minute) // a minute for the test itself
				all = append(all, &timer{c, stop, n})
				continue
			}
			n := rapid.IntRange(0, 40).Draw(t, "jump")
			if err := l.Advance(time.Duration(n) * time.Hour); err != nil {
				t.Fatal(err)
			}
			for _, one := range all {
				was := one.left
				one.left -= n
				if want := was > 0 && one.left <= 0; rung(one.c) != want {
					t.Fatalf("a timer with %d hours left after a jump by %d: rung is not %v", one.left, n, want)
				}
			}
		}
		for _, one := range all {
			one.stop()
		}
	})
}

func TestLabClockByMany(t *testing.T) {
	l := wire.NewLabClock()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 200 {
				c, stop := l.After(time.Duration(i*k) * time.Microsecond)
				if k%2 == 0 {
					stop()
					continue
				}
				l.Advance(time.Millisecond)
				l.Now()
				<-c
			}
		})
	}
	wg.Wait()
}

// The other side of a connection is not slow because the clock jumped.
func TestDeadlinesAreReal(t *testing.T) {
	if _, ok := wire.Deadlines(wire.NewLabClock()).(wire.System); !ok {
		t.Error("deadlines go by the lab's clock")
	}
	m := wire.NewManual(time.Unix(0, 0))
	if wire.Deadlines(m) != wire.Clock(m) {
		t.Error("deadlines do not go by a manual clock")
	}
}
