package store

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"glassmail/queue"
)

// Leases decides which waiting recipients are tried next. It is memory of an
// engine, not its record: for every message and destination that waits it keeps
// a hint of when to look, and it looks at the rows, by a Load function, before it
// hands out a lease. A hint that has become wrong costs one look. Leases are
// kept here only: after a restart an attempt is repeated, which SMTP allows
// (RFC 5321 §4.5.4.1).
//
// At any instant a recipient that waits is either named by a hint not later than
// its due time, or held by a lease, or held by the operator.
//
// Its methods are safe for concurrent use; no lock is held while skip or Load run.
type Leases struct {
	mu      sync.Mutex
	dests   map[string]*destination
	order   destinations
	leases  map[string]*lease
	ends    leaseEnds
	taken   map[slot]struct{}
	nonce   uint32 // tells leases of this run from those of an earlier one
	granted uint64
}

// Load reads what waits of a message for a destination; no rows means nothing.
type Load func(dest string, message uint64) (Waiting, error)

// Waiting is one message at one destination. Job lacks what the schedule fills in.
type Waiting struct {
	Job  queue.Job
	Rows []WaitingRow
}

// WaitingRow is one recipient; Index tells it from the message's others.
type WaitingRow struct {
	Index     uint32
	Recipient queue.Recipient
	Attempts  int
	Held      bool
}

type (
	slot struct {
		message uint64
		index   uint32
	}
	hint struct {
		due     int64 // nanoseconds of Unix time
		message uint64
	}
	hints       []hint
	destination struct {
		name  string
		hints hints
		place int // in order
	}
	destinations []*destination
	lease        struct {
		id       string
		dest     string
		message  uint64
		indexes  []uint32
		until    time.Time
		settling bool
		over     bool
	}
	leaseEnds []*lease
)

// NewLeases returns an empty one.
func NewLeases() *Leases {
	return &Leases{
		dests:  map[string]*destination{},
		leases: map[string]*lease{},
		taken:  map[slot]struct{}{},
		nonce:  rand.Uint32(),
	}
}

// Add says that something of a message waits for a destination until due.
func (s *Leases) Add(dest string, message uint64, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(dest, hint{due.UnixNano(), message})
}

func (s *Leases) add(dest string, h hint) {
	d := s.dests[dest]
	if d == nil {
		d = &destination{name: dest, hints: hints{h}}
		s.dests[dest] = d
		heap.Push(&s.order, d)
		return
	}
	heap.Push(&d.hints, h)
	heap.Fix(&s.order, d.place)
}

// pop takes a destination's first hint.
func (s *Leases) pop(d *destination) hint {
	h := heap.Pop(&d.hints).(hint)
	if len(d.hints) == 0 {
		heap.Remove(&s.order, d.place)
		delete(s.dests, d.name)
	} else {
		heap.Fix(&s.order, d.place)
	}
	return h
}

// Lease is queue.Store's Lease. Destinations take turns, one job each, the
// longest overdue first; skip is asked again before each job. next leaves out
// destinations that skip refused.
func (s *Leases) Lease(now time.Time, n int, d time.Duration, skip func(string) bool, load Load) (jobs []queue.Job, next time.Time, err error) {
	s.expire(now)
	refused := map[string]bool{}
	for len(jobs) < n {
		turn := s.due(now, max(16, 2*len(refused)), refused)
		if len(turn) == 0 {
			break
		}
		for _, dest := range turn {
			if len(jobs) == n {
				break
			}
			if skip != nil && skip(dest) {
				refused[dest] = true
				continue
			}
			job, ok, err := s.take(dest, now, now.Add(d), load)
			if err != nil && len(jobs) == 0 {
				return nil, now, err
			}
			if err != nil {
				return jobs, now, nil // these are leased; the next call meets the fault
			}
			if ok {
				jobs = append(jobs, job)
			}
		}
	}
	return jobs, s.next(refused), nil
}

// due lists up to n destinations that are due and not refused, in order.
func (s *Leases) due(now time.Time, n int, refused map[string]bool) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := now.UnixNano()
	s.walk(func(d *destination) bool {
		if d.hints[0].due > t {
			return false
		}
		if !refused[d.name] {
			names = append(names, d.name)
		}
		return len(names) < n
	})
	return names
}

// next is when the next lease may be possible; zero means never.
func (s *Leases) next(refused map[string]bool) (t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.walk(func(d *destination) bool {
		if refused[d.name] {
			return true
		}
		t = time.Unix(0, d.hints[0].due)
		return false
	})
	for len(s.ends) > 0 && s.ends[0].over {
		heap.Pop(&s.ends)
	}
	if len(s.ends) > 0 && (t.IsZero() || s.ends[0].until.Before(t)) {
		t = s.ends[0].until
	}
	return t
}

// walk visits destinations in the order of their first hints until f says stop.
// It costs O(k log k) for k visits.
func (s *Leases) walk(f func(*destination) bool) {
	if len(s.order) == 0 {
		return
	}
	front := frontier{s.order, []int{0}}
	for len(front.open) > 0 {
		i := heap.Pop(&front).(int)
		if !f(s.order[i]) {
			return
		}
		for c := 2*i + 1; c <= 2*i+2 && c < len(s.order); c++ {
			heap.Push(&front, c)
		}
	}
}

// take makes a job of a destination's first hint that still holds true.
func (s *Leases) take(dest string, now, until time.Time, load Load) (queue.Job, bool, error) {
	for {
		s.mu.Lock()
		d := s.dests[dest]
		if d == nil || d.hints[0].due > now.UnixNano() {
			s.mu.Unlock()
			return queue.Job{}, false, nil
		}
		h := s.pop(d)
		s.mu.Unlock()

		w, err := load(dest, h.message)
		if err != nil {
			s.mu.Lock()
			s.add(dest, h)
			s.mu.Unlock()
			return queue.Job{}, false, err
		}
		if job, ok := s.grant(dest, h.message, w, now, until); ok {
			return job, true, nil
		}
	}
}

// grant leases what of w is due and free.
func (s *Leases) grant(dest string, message uint64, w Waiting, now, until time.Time) (queue.Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	job := w.Job
	l := &lease{dest: dest, message: message, until: until}
	for _, r := range w.Rows {
		at := slot{message, r.Index}
		if _, taken := s.taken[at]; taken || r.Held || r.Recipient.Due.After(now) {
			continue
		}
		s.taken[at] = struct{}{}
		l.indexes = append(l.indexes, r.Index)
		job.Recipients = append(job.Recipients, r.Recipient)
		job.Attempts = max(job.Attempts, r.Attempts)
	}
	if len(l.indexes) == 0 {
		return queue.Job{}, false
	}
	s.granted++
	l.id = fmt.Sprintf("%08x-%x", s.nonce, s.granted)
	s.leases[l.id] = l
	heap.Push(&s.ends, l)
	job.ID, job.Dest, job.Until = l.id, dest, until
	return job, true
}

// expire ends leases whose time is over.
func (s *Leases) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ends) > 0 && !s.ends[0].until.After(now) {
		l := heap.Pop(&s.ends).(*lease)
		if l.over {
			continue
		}
		if l.settling { // Unclaim gives it back
			l.over = true
			continue
		}
		s.free(l)
		s.add(l.dest, hint{l.until.UnixNano(), l.message})
	}
}

func (s *Leases) free(l *lease) {
	l.over = true
	delete(s.leases, l.id)
	for _, i := range l.indexes {
		delete(s.taken, slot{l.message, i})
	}
}

// Claim begins to settle a lease and returns what it holds. A lease whose time is
// over stands until somebody else could have had it. queue.ErrStale.
func (s *Leases) Claim(id string) (message uint64, indexes []uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[id]
	if l == nil || l.settling {
		return 0, nil, queue.ErrStale
	}
	l.settling = true
	return l.message, l.indexes, nil
}

// Settled ends a claimed lease; dues are when what is left of it is due.
func (s *Leases) Settled(id string, dues []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[id]
	if l == nil {
		return
	}
	s.free(l)
	last := int64(0)
	for i, due := range dues {
		if h := (hint{due.UnixNano(), l.message}); i == 0 || h.due != last {
			s.add(l.dest, h)
			last = h.due
		}
	}
	s.tidy()
}

// tidy drops the ends of settled leases once they are most of the heap.
func (s *Leases) tidy() {
	if len(s.ends) < 64 || len(s.ends) < 2*len(s.leases) {
		return
	}
	kept := s.ends[:0]
	for _, l := range s.ends {
		if !l.over {
			kept = append(kept, l)
		}
	}
	clear(s.ends[len(kept):])
	s.ends = kept
	heap.Init(&s.ends)
}

// Unclaim undoes Claim after a settlement failed.
func (s *Leases) Unclaim(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[id]
	if l == nil {
		return
	}
	l.settling = false
	if l.over { // its time ended meanwhile
		s.free(l)
		s.add(l.dest, hint{l.until.UnixNano(), l.message})
	}
}

// Leased is the number of leases that stand.
func (s *Leases) Leased() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.leases)
}
