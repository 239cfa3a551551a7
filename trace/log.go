package trace

import (
	"slices"
	"sync"
	"time"
)

// Limits of a Log. Texts and datagrams above them are cut, and Size keeps the
// true length.
const (
	maxText      = 4 << 10 // bytes of Text kept per event
	maxBytes     = 4 << 10 // bytes of Bytes kept per event
	subscription = 1024    // events a subscriber may lag behind before it sees a gap
)

// Log is a bounded memory of events with any number of writers and subscribers.
// A nil *Log swallows everything.
type Log struct {
	now  func() time.Time
	keep int // see KeepText

	mu     sync.Mutex
	ring   []Event // ring[seq % len] is the event seq
	seq    uint64  // last number given
	conns  uint64  // last connection number given
	subs   map[*Subscription]struct{}
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
	return &Log{now: now, ring: make([]Event, max(size, 1)), subs: map[*Subscription]struct{}{}}
}

// KeepText makes the log keep the first n bytes (at most 4 KiB) of each message
// text and literal that passes a connection, for a lab, where everybody may look.
// Without it only their sizes are kept. It comes before the first event.
func (l *Log) KeepText(n int) { l.keep = min(max(n, 0), maxBytes) }

// Add numbers, stamps and keeps e, hands it to the subscribers, and returns its
// number (0 on a nil Log).
func (l *Log) Add(e Event) uint64 {
	if l == nil {
		return 0
	}
	e.cut()
	if e.Time.IsZero() {
		e.Time = l.now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	l.ring[e.Seq%uint64(len(l.ring))] = e
	for s := range l.subs {
		s.offer(e)
	}
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

// Since returns the kept events with a number above seq, oldest first. If some
// of them are forgotten already, the first one returned is a Gap.
func (l *Log) Since(seq uint64) []Event {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since(seq)
}

func (l *Log) since(seq uint64) []Event {
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

// Subscribe returns the kept events above seq and a subscription to all that
// follow, without a hole between the two.
func (l *Log) Subscribe(seq uint64) ([]Event, *Subscription) {
	s := &Subscription{log: l, c: make(chan Event, subscription)}
	s.C = s.c
	if l == nil {
		return nil, s
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subs[s] = struct{}{}
	return l.since(seq), s
}

// Subscription receives events until it is closed. A receiver that falls
// behind gets a Gap event in place of those it missed.
type Subscription struct {
	C <-chan Event

	log  *Log
	c    chan Event
	lost int // guarded by log.mu
}

// offer runs under log.mu and never blocks.
func (s *Subscription) offer(e Event) {
	if s.lost > 0 {
		if cap(s.c)-len(s.c) < 2 { // room for the gap and for e
			s.lost++
			return
		}
		s.c <- Event{Seq: e.Seq - 1, Kind: Gap, Dir: Self, Time: e.Time, Size: s.lost}
		s.lost = 0
	}
	select {
	case s.c <- e:
	default:
		s.lost = 1
	}
}

// Close ends the subscription; C is not closed, so that a late receive blocks
// rather than yields zero events.
func (s *Subscription) Close() {
	if s.log == nil {
		return
	}
	s.log.mu.Lock()
	delete(s.log.subs, s)
	s.log.mu.Unlock()
}
