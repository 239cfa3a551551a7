package memory

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// Lease returns jobs that are due at now.
func (s *Store) Lease(ctx context.Context, now time.Time, n int, d time.Duration, skip func(string) bool) ([]queue.Job, time.Time, error) {
	if err := s.enter(ctx); err != nil {
		return nil, time.Time{}, err
	}
	s.mu.Unlock()
	return s.schedule.Lease(now, n, d, skip, s.lease(ctx))
}

// Settle records results and accepts the report in the same step.
func (s *Store) Settle(ctx context.Context, j queue.Job, results []queue.Result, report *store.Report) error {
	var text []byte
	if report != nil {
		t, ok := report.Text.(*staged)
		if !ok || t.done {
			return fmt.Errorf("the report's text is not of this store, or is used up: %w", mailbox.ErrInvalid)
		}
		text = t.consume()
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	message, indexes, err := s.schedule.Claim(j.ID)
	if err != nil {
		return err
	}
	if report != nil {
		if err := s.acceptable(report.Acceptance, int64(len(text)), false); err != nil {
			s.schedule.Unclaim(j.ID)
			return err
		}
		s.accept(text, report.Acceptance)
	}
	s.schedule.Settled(j.ID, s.settle(message, indexes, results))
	poke(s.wake)
	return nil
}

// settle applies results to the leased recipients and returns when what is left
// of them is due.
func (s *Store) settle(message uint64, indexes []uint32, results []queue.Result) (dues []time.Time) {
	p := s.parcels[message]
	if p == nil {
		return nil
	}
	for _, i := range indexes {
		k := slices.IndexFunc(p.rows, func(r *waiting) bool { return r.Index == i })
		if k < 0 {
			continue // the operator removed it meanwhile
		}
		w := p.rows[k]
		if r, ok := resultFor(results, w); ok {
			if r.Status != queue.Deferred {
				s.removeRow(message, p, k)
				continue
			}
			w.Attempts++
			w.lastReply, w.lastHost = r.Reply.Error(), r.Host
			if w.Recipient.Due = r.Retry; r.Retry.IsZero() {
				w.Recipient.Due = s.now()
			}
		}
		dues = append(dues, w.Recipient.Due)
	}
	return dues
}

func resultFor(results []queue.Result, w *waiting) (queue.Result, bool) {
	for _, r := range results {
		if r.Address == w.Recipient.Address {
			return r, true
		}
	}
	return queue.Result{}, false
}

func (s *Store) removeRow(message uint64, p *parcel, k int) {
	p.rows = slices.Delete(p.rows, k, k+1)
	if len(p.rows) == 0 {
		delete(s.parcels, message)
	}
	s.unref(message)
}

// Wake receives when something was added or amended.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Entries lists waiting recipients in the order in which they were accepted.
func (s *Store) Entries(ctx context.Context, dest string) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		all, err := s.entries(ctx, dest)
		if err != nil {
			yield(queue.Entry{}, err)
			return
		}
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *Store) entries(ctx context.Context, dest string) (all []queue.Entry, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, m := range slices.Sorted(maps.Keys(s.parcels)) {
		p := s.parcels[m]
		for _, w := range p.rows {
			if dest != "" && w.Recipient.Dest != dest {
				continue
			}
			all = append(all, queue.Entry{
				ID: entryID(m, w.Index), Message: p.message, From: p.from, To: w.Recipient.Address,
				Dest: w.Recipient.Dest, Size: int64(len(s.bodies[m].text)), Accepted: p.accepted,
				Due: w.Recipient.Due, Attempts: w.Attempts, LastReply: w.lastReply, LastHost: w.lastHost,
				Held: w.Held, Body: bodyID(m),
			})
		}
	}
	return all, nil
}

func entryID(message uint64, index uint32) string { return fmt.Sprintf("%08x-%04x", message, index) }

// Amend holds, releases, retries or removes entries; nil means all.
func (s *Store) Amend(ctx context.Context, ids []string, a queue.Amendment, now time.Time) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	named := map[string]bool{}
	for _, id := range ids {
		named[id] = true
	}
	n := 0
	for _, m := range slices.Sorted(maps.Keys(s.parcels)) {
		p := s.parcels[m]
		for k := len(p.rows) - 1; k >= 0; k-- {
			if ids != nil && !named[entryID(m, p.rows[k].Index)] {
				continue
			}
			n++
			s.amend(m, p, k, a, now)
		}
	}
	if n > 0 {
		poke(s.wake)
	}
	return n, nil
}

func (s *Store) amend(message uint64, p *parcel, k int, a queue.Amendment, now time.Time) {
	w := p.rows[k]
	switch a {
	case queue.Hold:
		w.Held = true
	case queue.Release, queue.RetryNow:
		released := a == queue.Release && w.Held
		if a == queue.Release {
			w.Held = false
		}
		if released || w.Recipient.Due.After(now) {
			w.Recipient.Due = now
			s.schedule.Add(w.Recipient.Dest, message, now)
		}
	case queue.Remove:
		s.removeRow(message, p, k)
	}
}
