package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/wire"
)

// text is a message text in memory.
type text struct{ *bytes.Reader }

func (text) Close() error { return nil }

// fakeStore is a queue.Store in a slice. Every message has a number, and every
// lease ends by Settle or by the clock.
type fakeStore struct {
	clock wire.Clock
	wake  chan struct{}

	mu      sync.Mutex
	leases  int
	texts   map[mail.ContentID]string
	waiting []*waiting
	done    []queue.Result
	reports []queue.Report
	history [][]queue.Result
	settle  func() error  // asked before each Settle; nil is fine
	settled chan struct{} // one for each Settle that succeeded
	leased  chan struct{} // one for each Lease
}

type waiting struct {
	job   queue.Job
	rcpt  queue.Recipient
	tries int
	until time.Time
	lease string
}

func newFakeStore(clock wire.Clock) *fakeStore {
	return &fakeStore{
		clock: clock, wake: make(chan struct{}, 1), texts: map[mail.ContentID]string{},
		settled: make(chan struct{}, 10000), leased: make(chan struct{}, 10000),
	}
}

// add queues a message. Each recipient's Dest is its route.
func (f *fakeStore) add(id, msg string, from mail.Address, o mail.Options, to ...mail.Recipient) {
	f.mu.Lock()
	now := f.clock.Now()
	f.texts[mail.ContentID(id)] = msg
	for _, r := range to {
		f.waiting = append(f.waiting, &waiting{
			job:  queue.Job{Message: id, From: from, Options: o, Body: mail.ContentID(id), Accepted: now, Dest: r.Route()},
			rcpt: queue.Recipient{Recipient: r, Dest: r.Route(), Due: now},
		})
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *fakeStore) Lease(_ context.Context, now time.Time, n int, d time.Duration, skip func(string) bool) ([]queue.Job, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case f.leased <- struct{}{}:
	default:
	}
	var jobs []queue.Job
	var next time.Time
	index := map[string]int{}
	for _, w := range f.waiting {
		at := w.rcpt.Due
		if w.lease != "" {
			at = w.until
		}
		if at.After(now) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			continue
		}
		key := w.job.Message + " " + w.job.Dest
		i, ok := index[key]
		if !ok {
			if len(jobs) == n || skip(w.job.Dest) {
				index[key] = -1 // a message goes to a destination as a whole, whatever skip says next
				continue
			}
			i = len(jobs)
			index[key] = i
			f.leases++
			j := w.job
			j.ID, j.Until, j.Attempts = fmt.Sprint("lease", f.leases), now.Add(d), w.tries
			jobs = append(jobs, j)
		}
		if i < 0 {
			continue
		}
		w.lease, w.until = jobs[i].ID, jobs[i].Until
		jobs[i].Recipients = append(jobs[i].Recipients, w.rcpt)
	}
	return jobs, next, nil
}

func (f *fakeStore) Settle(_ context.Context, j queue.Job, results []queue.Result, report *queue.Report) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.settle != nil {
		if err := f.settle(); err != nil {
			return err
		}
	}
	for _, r := range results {
		i := 0
		for i < len(f.waiting) && (f.waiting[i].lease != j.ID || f.waiting[i].rcpt.Address != r.Address) {
			i++
		}
		if i == len(f.waiting) {
			return queue.ErrStale
		}
		w := f.waiting[i]
		w.lease = ""
		w.tries++
		w.rcpt.Due = r.Retry
		if r.Status != queue.Deferred {
			f.waiting = append(f.waiting[:i], f.waiting[i+1:]...)
			f.done = append(f.done, r)
		}
	}
	f.history = append(f.history, results)
	if report != nil {
		f.reports = append(f.reports, *report)
	}
	select {
	case f.settled <- struct{}{}:
	default:
	}
	return nil
}

func (f *fakeStore) Wake() <-chan struct{} { return f.wake }

func (f *fakeStore) Entries(context.Context, string) iter.Seq2[queue.Entry, error] {
	return func(func(queue.Entry, error) bool) {}
}

func (f *fakeStore) Amend(context.Context, []string, queue.Amendment, time.Time) (int, error) {
	return 0, nil
}

func (f *fakeStore) Body(_ context.Context, id mail.ContentID) (mail.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.texts[id]
	if !ok {
		return nil, errors.New("no such body")
	}
	return text{bytes.NewReader([]byte(s))}, nil
}

// snapshot returns the latest results, newest last, and the reports.
func (f *fakeStore) snapshot() (history [][]queue.Result, reports []queue.Report, left int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]queue.Result(nil), f.history...), append([]queue.Report(nil), f.reports...), len(f.waiting)
}
