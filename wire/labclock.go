package wire

import (
	"errors"
	"sync"
	"time"
)

// Errors of a jump.
var (
	ErrClockBack = errors.New("the clock of a lab goes forward only")
	ErrClockFar  = errors.New("the clock of a lab cannot go that far")
)

// maxLead is how far the clock can be ahead.
const maxLead = 200 * 365 * 24 * time.Hour

// LabClock is the system's clock with a lead that can grow: a lab jumps to the
// next retry, and everything that waits for a time before that is woken.
type LabClock struct {
	mu     sync.Mutex
	lead   time.Duration
	timers map[*labTimer]struct{}
}

type labTimer struct {
	due  time.Time
	c    chan time.Time
	real *time.Timer
}

// NewLabClock shows the system's time until Advance.
func NewLabClock() *LabClock { return &LabClock{timers: map[*labTimer]struct{}{}} }

// Now is the system's time and the lead.
func (l *LabClock) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now()
}

func (l *LabClock) now() time.Time { return time.Now().Add(l.lead) }

// Lead is how far the clock is ahead of the system's.
func (l *LabClock) Lead() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lead
}

// After rings when the clock shows d more than now, by waiting or by a jump.
func (l *LabClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := &labTimer{c: make(chan time.Time, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.due = l.now().Add(d)
	l.timers[t] = struct{}{}
	t.real = time.AfterFunc(d, func() { l.fire(t) })
	return t.c, func() { l.forget(t) }
}

func (l *LabClock) fire(t *labTimer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring(t)
}

// ring wakes the sleeper, once.
func (l *LabClock) ring(t *labTimer) {
	if _, waits := l.timers[t]; waits {
		delete(l.timers, t)
		t.c <- l.now()
	}
}

func (l *LabClock) forget(t *labTimer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.timers, t)
	t.real.Stop()
}

// Advance moves the clock forward by d and wakes those whose time has come.
// ErrClockBack if d is negative, ErrClockFar if the clock would be more than 200
// years ahead.
func (l *LabClock) Advance(d time.Duration) error {
	if d < 0 {
		return ErrClockBack
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.advance(d)
}

// JumpTo makes the clock show t. ErrClockBack if it is later already, ErrClockFar.
func (l *LabClock) JumpTo(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := t.Sub(l.now())
	if d < 0 {
		return ErrClockBack
	}
	return l.advance(d)
}

func (l *LabClock) advance(d time.Duration) error {
	if d > maxLead-l.lead {
		return ErrClockFar
	}
	l.lead += d
	now := l.now()
	for t := range l.timers {
		left := t.due.Sub(now)
		if left > 0 {
			t.real.Reset(left)
			continue
		}
		t.real.Stop()
		l.ring(t)
	}
	return nil
}

// Deadlines is the clock for the deadlines of a connection whose node goes by c: a
// LabClock that jumps does not make the other side slow.
func Deadlines(c Clock) Clock {
	if _, lab := c.(*LabClock); lab {
		return System{}
	}
	return c
}
