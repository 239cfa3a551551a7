package bolt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"glassmail/mailbox"
	"glassmail/store"
)

// op is one operation on its way: first through the journal, if it has a frame,
// then through the index.
type op struct {
	kind   byte              // of the frame; 0: none
	head   head              // of the frame
	at     place             // of the frame
	acc    *store.Acceptance // of an accepted frame
	record []byte
	body   []byte  // the text, if it goes into the frame
	buffer *[]byte // to be given back once the body is written
	moved  uint64  // of a moved frame: the message
	meta   []byte  // of a moved frame: its acceptance

	apply func(*writer) error // what to do in the index besides
	wait  bool                // answered after the index commit, else after the flush
	quota map[string]int64    // reserved bytes, by user

	placed []mailbox.Appended
	err    error
	done   chan error // capacity 1
}

// weight is about how many bytes the operation adds to the journal.
func (o *op) weight() int {
	n := frameHead + len(o.record) + len(o.body) + len(o.meta)
	if a := o.acc; a != nil {
		n += 128 + 96*len(a.Deposits) + 160*len(a.Relay)
	}
	return n
}

// runJournal gathers operations into groups, makes each group's frames durable
// with one flush, answers those that wait for no more, and passes the group on.
func (s *Store) runJournal() {
	defer s.loops.Done()
	defer close(s.groups)
	g := gatherer{ops: s.ops}
	for {
		group := g.next()
		if len(group) == 0 {
			return
		}
		start := time.Now()
		err := s.journalGroup(group)
		g.took(time.Since(start))
		if err != nil {
			group = s.refuseFrames(group, err)
		}
		for _, o := range group {
			s.giveBack(o)
			if !o.wait {
				o.done <- nil
			}
		}
		if len(group) > 0 {
			s.groups <- group
		}
	}
}

// journalGroup makes the frames of a group durable. What fails before the first
// byte of a frame is written refuses the group and nothing else: the next one tries
// again. After a failed write or flush nobody knows what the disk has, and the store
// stops.
func (s *Store) journalGroup(group []*op) error {
	if err := s.alive(); errors.Is(err, ErrStopped) {
		return err
	}
	size, frames := 0, 0
	for _, o := range group {
		if o.kind != 0 {
			size += o.weight()
			frames++
		}
	}
	if frames == 0 {
		return nil
	}
	if err := s.journal.reserve(int64(size)); err != nil {
		return full(err)
	}
	for _, o := range group {
		if o.kind != 0 {
			s.addFrame(o)
		}
	}
	switch err := s.journal.flush(); {
	case err == nil:
		s.counts.flushes.Add(1)
		s.setEnd()
		return nil
	case isFull(err):
		return full(err)
	default:
		return s.stop(err)
	}
}

// setEnd tells others how far the journal is durable.
func (s *Store) setEnd() {
	if j := &s.journal; j.f != nil {
		s.end.Store(&place{seg: j.seg, end: j.off, lsn: j.synced})
	}
}

func (s *Store) addFrame(o *op) {
	o.head.kind = o.kind
	o.at = s.journal.add(&o.head, o.record, o.body, func(b []byte) []byte {
		switch o.kind {
		case typeAccept, typeText:
			return appendAcceptance(b, o.acc)
		case typeMove:
			return append(append(b, key64(o.moved)...), o.meta...)
		}
		return b
	})
}

// refuseFrames answers the operations whose frames could not be written, and those
// without a frame too if the store has stopped; it returns those that go on.
func (s *Store) refuseFrames(group []*op, err error) (rest []*op) {
	for _, o := range group {
		if o.kind == 0 && !errors.Is(err, ErrStopped) {
			rest = append(rest, o)
			continue
		}
		s.giveBack(o)
		s.abandon(o)
		if o.head.blob != 0 && o.kind != typeMove && !errors.Is(err, ErrStopped) {
			_ = s.o.FS.Remove(s.blobName(o.head.blob)) // or the next start does
		}
		o.done <- err
	}
	return rest
}

// giveBack lets go of a text that the journal has.
func (s *Store) giveBack(o *op) {
	o.body, o.record, o.meta = nil, nil, nil
	if o.buffer != nil {
		s.buffers.Put(o.buffer)
		o.buffer = nil
	}
}

// abandon undoes what an operation that will never be in the index reserved.
func (s *Store) abandon(o *op) {
	s.quota.release(o.quota)
	if o.acc != nil {
		s.ids.fail(o.acc.ID)
	}
}

// runIndex brings groups into the index, several in one commit. While the disk is
// full, acknowledged operations stay in the backlog and are tried again; nothing
// new is accepted meanwhile.
func (s *Store) runIndex() {
	defer s.loops.Done()
	var backlog []*op
	for open := true; open; {
		group := backlog
		if len(backlog) == 0 {
			next, ok := <-s.groups
			if !ok {
				return
			}
			group, open = s.company(next)
		} else {
			retry := time.NewTimer(100 * time.Millisecond)
			select {
			case next, ok := <-s.groups:
				group, open = append(group, next...), ok
			case <-retry.C:
			}
			retry.Stop()
		}
		backlog = s.index(group)
		s.full.Store(len(backlog) > 0)
	}
}

// crowd is how many operations in one Delay are so many that it pays to wait for
// three more: a commit writes each page once, however many rows of it changed.
const crowd = 64

// company waits a moment for more if nobody waits for this group, a longer one if
// there is a crowd, and takes what is there.
func (s *Store) company(group []*op) (_ []*op, open bool) {
	var delay <-chan time.Time
	var timer *time.Timer
	if s.o.Delay > 0 {
		timer = time.NewTimer(s.o.Delay)
		defer timer.Stop()
		delay = timer.C
	}
	longer := false
	for len(group) < maxCommit {
		select {
		case more, ok := <-s.groups:
			if !ok {
				return group, false
			}
			group = append(group, more...)
			continue
		default:
		}
		if delay == nil || urgent(group) {
			break
		}
		select {
		case more, ok := <-s.groups:
			if !ok {
				return group, false
			}
			group = append(group, more...)
		case <-delay:
			if delay = nil; len(group) >= crowd && !longer {
				longer, delay = true, timer.C
				timer.Reset(3 * s.o.Delay)
			}
		}
	}
	return group, true
}

func urgent(group []*op) bool {
	for _, o := range group {
		if o.wait {
			return true
		}
	}
	return false
}

// index commits a group. An operation that fails before anything is written, and
// that nobody was promised, is refused alone. If the system lacks something that may
// come back, room above all, operations that were not acknowledged fail; those that
// were are returned, to be tried again. At the end they may be left: the journal has
// them, and the next start brings them in.
func (s *Store) index(group []*op) (backlog []*op) {
	for {
		err := s.alive()
		if !errors.Is(err, ErrStopped) {
			err = s.commit(group)
		}
		if err == nil {
			return nil
		}
		var one opError
		switch {
		case isFull(err):
			return s.failUnacknowledged(group, err)
		case errors.As(err, &one) && !one.op.promised():
			s.failUnacknowledged([]*op{one.op}, one.error)
			group = slices.DeleteFunc(group, func(o *op) bool { return o == one.op })
			continue
		case errors.As(err, &one) && passes(err):
			return s.failUnacknowledged(group, err)
		}
		return s.failUnacknowledged(group, s.stop(err))
	}
}

// opError is the fault of one operation, in a transaction of which nothing was
// written.
type opError struct {
	op *op
	error
}

func (e opError) Unwrap() error { return e.error }

// promised reports whether an operation is in the journal and must get into the
// index.
func (o *op) promised() bool { return o.kind == typeAccept || o.kind == typeMove }

// failUnacknowledged answers err to the operations whose effect nobody was promised,
// and returns those that are in the journal and must get into the index. Who waits
// to see one of these waits no longer: it is accepted, and a repetition by its ID
// is the same delivery.
func (s *Store) failUnacknowledged(group []*op, err error) (rest []*op) {
	stopped := errors.Is(err, ErrStopped)
	for _, o := range group {
		keep := o.promised()
		switch {
		case !o.wait:
		case keep && !stopped && o.acc != nil && !o.acc.Wait: // it waited for the index to be safe, and is
			o.done <- nil
		default:
			if !keep {
				s.abandon(o)
			}
			o.done <- err
		}
		o.wait = false
		if keep && !stopped {
			rest = append(rest, o)
		}
	}
	return rest
}

// commit applies a group in one transaction and then does what follows from it.
func (s *Store) commit(group []*op) (err error) {
	defer func() {
		if err != nil {
			s.rows = newRowCache()
		}
	}()
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	w := s.newWriter(tx)
	for _, o := range group {
		if err := w.run(o); err != nil {
			_ = tx.Rollback() // it fails only where there is none
			return opError{o, err}
		}
	}
	if err := w.finish(); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := s.o.commit(tx.Commit); err != nil {
		_ = tx.Rollback() // if the commit has not done so
		return commitError(err)
	}
	s.counts.commits.Add(1)
	s.follow(&w.after)
	for _, o := range group {
		s.quota.release(o.quota)
		if o.wait {
			o.done <- o.err
		}
	}
	return nil
}

// commitError tells a full disk, noticed while pages were written and rolled back
// by bbolt, from a failed flush, after which bbolt may show what is not durable.
func commitError(err error) error {
	if writeFailed(err) && isFull(err) {
		return full(err)
	}
	return fmt.Errorf("index: %w", flushError{err})
}

// run applies one operation; an error means that the transaction is lost.
func (w *writer) run(o *op) (err error) {
	o.err, o.placed = nil, o.placed[:0]
	switch o.kind {
	case typeAccept:
		o.placed, err = w.accept(o.acc, o, o.at.lsn)
	case typeMove:
		err = w.moved(o.moved, o.at.seg, o.at.off)
	}
	if err == nil && o.apply != nil {
		err = o.apply(w)
	}
	var r refusal
	if errors.As(err, &r) {
		o.err, err = r.error, nil
		if o.kind == typeText && o.head.blob != 0 {
			w.blobs = append(w.blobs, o.head.blob)
		}
	}
	if o.kind != 0 {
		w.at = checkpoint{o.at.seg, o.at.end, o.at.lsn}
	}
	return err
}

// follow does what a durable commit entails.
func (s *Store) follow(a *after) {
	for _, h := range a.hints {
		s.schedule.Add(h.dest, h.message, h.due)
	}
	if a.accounts {
		s.accounts.forget()
	}
	s.ids.commit(a.accepted)
	s.watchers.notify(a.touched)
	if a.wake || len(a.hints) > 0 {
		poke(s.wake)
	}
	if a.purge {
		poke(s.purge)
	}
	s.unlinks.remove(s, a.blobs)
	if a.dead > 0 && s.counts.dead.Add(a.dead) > s.o.SegmentSize {
		poke(s.purge)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
