package trace

import (
	"slices"
	"sync"
	"time"
)

// Limits of a Log. Texts and datagrams above them are cut, and Size keeps the
// true length.
const (
	maxText  = 4 << 10 // bytes of Text kept per event
	maxBytes = 4 << 10 // bytes of Bytes kept per event
)

// Log is a bounded memory of events with any number of writers and readers.
// A nil *Log swallows everything.
type Log struct {
	now  func() time.Time
	keep int // see KeepText
	see  func(Event)

	mu     sync.Mutex
	ring   []Event // ring[seq % len] is the event seq
	seq    uint64  // last number given
	conns  uint64  // last connection number given
	ends   ends
	counts map[Count]uint64
	alarms []alarm
}

// alarm waits for the log to reach a number.
type alarm struct {
	seq uint64
	c   chan struct{}
}

// NewLog keeps the newest size events (at least 1). now is the clock by which
// events without a time are stamped.
func NewLog(size int, now func() time.Time) *Log {
	return &Log{now: now, ring: make([]Event, max(size, 1)), counts: map[Count]uint64{}, ends: newEnds()}
}

// KeepText makes the log keep the first n bytes (at most 4 KiB) of each message
// text and literal that passes a connection, for a lab, where everybody may look.
// Without it only their sizes are kept. It comes before the first event.
func (l *Log) KeepText(n int) { l.keep = min(max(n, 0), maxBytes) }

// Observe lets see hear each event with a Decision, when it has been added, from the
// goroutine that adds it: nothing is left out, whatever the log forgets, and a see
// that waits makes the node wait. Events that are added at one time may come in
// another order than their numbers. It comes before the first event. Who needs
// nothing else of a log observes one of size 1.
func (l *Log) Observe(see func(Event)) { l.see = see }

// Add numbers, stamps and keeps e, and returns its number (0 on a nil Log).
func (l *Log) Add(e Event) uint64 {
	if l == nil {
		return 0
	}
	e.cut()
	if e.Time.IsZero() {
		e.Time = l.now()
	}
	seq := l.keepEvent(e)
	if e.Decision != nil && l.see != nil {
		e.Seq = seq
		l.see(e)
	}
	return seq
}

// keepEvent numbers e and puts it into the ring.
func (l *Log) keepEvent(e Event) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind == Datagram {
		l.ends.datagram(&e)
	}
	if e.Phase == "" {
		e.Phase = phaseOf(e.Proto)
	}
	l.seq++
	e.Seq = l.seq
	l.ring[e.Seq%uint64(len(l.ring))] = e
	l.count(&e)
	if len(l.alarms) > 0 {
		l.ringAlarms()
	}
	return e.Seq
}

func (l *Log) ringAlarms() {
	l.alarms = slices.DeleteFunc(l.alarms, func(a alarm) bool {
		if a.seq > l.seq {
			return false
		}
		close(a.c)
		return true
	})
}

// reached returns a channel that is closed once there is an event with the number
// seq, and what gives it back.
func (l *Log) reached(seq uint64) (<-chan struct{}, func()) {
	c := make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq <= l.seq {
		close(c)
		return c, func() {}
	}
	l.alarms = append(l.alarms, alarm{seq, c})
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.alarms = slices.DeleteFunc(l.alarms, func(a alarm) bool { return a.c == c })
	}
}

// read copies kept events above seq into buf, oldest first, and tells how many,
// and how many before them are forgotten already.
func (l *Log) read(seq uint64, buf []Event) (n int, lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := uint64(len(l.ring))
	if l.seq > size && seq < l.seq-size {
		lost = l.seq - size - seq
		seq += lost
	}
	for n < len(buf) && seq < l.seq {
		seq++
		buf[n] = l.ring[seq%size]
		n++
	}
	return n, lost
}

// last is the number of the newest event.
func (l *Log) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// Since returns the kept events with a number above seq, oldest first. If some
// of them are forgotten already, the first one returned is a Gap.
func (l *Log) Since(seq uint64) []Event {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq >= l.seq {
		return nil
	}
	var out []Event
	oldest := uint64(1)
	if n := uint64(len(l.ring)); l.seq > n {
		oldest = l.seq - n + 1
	}
	if seq+1 < oldest {
		lost := oldest - seq - 1
		out = append(out, Event{Seq: oldest - 1, Kind: Gap, Dir: Self, Time: l.ring[oldest%uint64(len(l.ring))].Time, Size: int(lost)})
		seq = oldest - 1
	}
	for i := seq + 1; i <= l.seq; i++ {
		out = append(out, l.ring[i%uint64(len(l.ring))])
	}
	return out
}
