package wire

import (
	"sync"
	"time"
)

// Clock tells the time and wakes sleepers.
type Clock interface {
	Now() time.Time
	// After delivers the time once, d from now. stop releases the timer early;
	// it may be called more than once.
	After(d time.Duration) (c <-chan time.Time, stop func())
}

// System is the operating system's clock.
type System struct{}

// Now is time.Now.
func (System) Now() time.Time { return time.Now() }

// After is a time.Timer.
func (System) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Manual is a clock that stands still until Advance moves it: for tests, and
// for a lab that jumps to the next retry.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*manualTimer]struct{}
	asleep chan struct{} // closed and replaced whenever a timer is set
}

type manualTimer struct {
	due time.Time
	c   chan time.Time
}

// NewManual is a clock that shows start.
func NewManual(start time.Time) *Manual {
	return &Manual{now: start, timers: map[*manualTimer]struct{}{}, asleep: make(chan struct{})}
}

// Now is the time the clock shows.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// After rings once Advance has moved the clock by d or more.
func (m *Manual) After(d time.Duration) (<-chan time.Time, func()) {
	t := &manualTimer{c: make(chan time.Time, 1)}
	m.mu.Lock()
	defer m.mu.Unlock()
	t.due = m.now.Add(d)
	if d <= 0 {
		t.c <- m.now
		return t.c, func() {}
	}
	m.timers[t] = struct{}{}
	close(m.asleep)
	m.asleep = make(chan struct{})
	return t.c, func() {
		m.mu.Lock()
		delete(m.timers, t)
		m.mu.Unlock()
	}
}

// Advance moves the clock forward and rings every timer that falls due.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	for t := range m.timers {
		if !t.due.After(m.now) {
			t.c <- m.now
			delete(m.timers, t)
		}
	}
}

// Sleepers blocks until at least n timers are set, so that a test can advance
// the clock when, and only when, somebody waits for it.
func (m *Manual) Sleepers(n int) {
	for {
		m.mu.Lock()
		have, changed := len(m.timers), m.asleep
		m.mu.Unlock()
		if have >= n {
			return
		}
		<-changed
	}
}
