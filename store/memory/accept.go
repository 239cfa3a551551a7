package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"glassmail/mailbox"
	"glassmail/store"
)

// staged is a text on its way in.
type staged struct {
	b    bytes.Buffer
	done bool
}

// Stage opens room for one message text.
func (s *Store) Stage(ctx context.Context, hint int64) (store.Staged, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.mu.Unlock()
	return &staged{}, nil
}

func (t *staged) Write(p []byte) (int, error) {
	if t.done {
		return 0, fmt.Errorf("the text was accepted or discarded: %w", mailbox.ErrInvalid)
	}
	return t.b.Write(p)
}

func (t *staged) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(t.b.Bytes()).ReadAt(p, off)
}

func (t *staged) Size() int64 { return int64(t.b.Len()) }

func (t *staged) Discard() { t.consume() }

// consume returns the text and leaves nothing.
func (t *staged) consume() []byte {
	b := t.b.Bytes()
	t.b, t.done = bytes.Buffer{}, true
	return b
}

// Accept makes a staged text and all of a part of the store. A repeated ID is
// known for the last 65,536 acceptances.
func (s *Store) Accept(ctx context.Context, st store.Staged, a store.Acceptance) ([]mailbox.Appended, error) {
	t, ok := st.(*staged)
	if !ok || t.done {
		return nil, fmt.Errorf("the text is not of this store, or is used up: %w", mailbox.ErrInvalid)
	}
	text := t.consume()
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if err := s.acceptable(a, int64(len(text)), true); err != nil {
		return nil, err
	}
	placed := s.accept(text, a)
	if !a.Wait {
		return nil, nil
	}
	return placed, nil
}

// acceptable checks everything that can refuse an acceptance.
func (s *Store) acceptable(a store.Acceptance, size int64, quota bool) error {
	if _, again := s.seen[a.ID]; again && a.ID != "" {
		return nil
	}
	if len(a.Record) > store.MaxRecord {
		return fmt.Errorf("a record of %d bytes: %w", len(a.Record), mailbox.ErrInvalid)
	}
	copies := map[string]int64{}
	for _, d := range a.Deposits {
		if s.accounts[d.User] == nil {
			return fmt.Errorf("account %q: %w", d.User, mailbox.ErrNotFound)
		}
		if err := store.CheckKeywords(d.Keywords); err != nil {
			return err
		}
		copies[d.User]++
	}
	for user, n := range copies {
		if quota && s.over(user, n*size) {
			return fmt.Errorf("account %q: %w", user, mailbox.ErrQuota)
		}
	}
	return nil
}

// accept cannot fail: see acceptable.
func (s *Store) accept(text []byte, a store.Acceptance) []mailbox.Appended {
	if placed, again := s.seen[a.ID]; again && a.ID != "" {
		return slices.Clone(placed)
	}
	s.last++
	id := s.last
	if a.Time.IsZero() {
		a.Time = s.now()
	}
	refs := len(a.Deposits) + len(a.Relay)
	if refs > 0 {
		s.bodies[id] = &body{text: text, record: bytes.Clone(a.Record), refs: refs}
	}
	placed := s.deposit(a.Deposits, id, int64(len(text)))
	s.relay(a, id)
	if a.ID != "" {
		s.remember(a.ID, placed)
	}
	return slices.Clone(placed)
}

// deposit puts one copy into each folder. Copies for one folder share a
// mod-sequence: they are one change.
func (s *Store) deposit(ds []mailbox.Delivery, id uint64, size int64) []mailbox.Appended {
	placed := make([]mailbox.Appended, 0, len(ds))
	mods := map[*folder]mailbox.ModSeq{}
	for _, d := range ds {
		f := s.folders[d.Folder]
		if f == nil || f.user != d.User {
			f = s.accounts[d.User].folders[mailbox.Inbox]
		}
		if mods[f] == 0 {
			f.ModSeq++
			mods[f] = f.ModSeq
		}
		date := d.Date
		if date.IsZero() {
			date = s.now()
		}
		placed = append(placed, f.put(mailbox.Message{
			ModSeq: mods[f], Flags: d.Flags, Keywords: f.learn(d.Keywords),
			Date: date.Truncate(time.Second), Size: size, Body: bodyID(id),
		}))
	}
	for f := range mods {
		f.notify()
	}
	return placed
}

func (s *Store) relay(a store.Acceptance, id uint64) {
	if len(a.Relay) == 0 {
		return
	}
	p := &parcel{message: a.ID, from: a.From, options: a.Options, accepted: a.Time}
	for i, r := range a.Relay {
		if r.Due.IsZero() {
			r.Due = a.Time
		}
		r.Notify = slices.Clone(r.Notify)
		p.rows = append(p.rows, &waiting{WaitingRow: store.WaitingRow{Index: uint32(i), Recipient: r}})
		s.schedule.Add(r.Dest, id, r.Due)
	}
	s.parcels[id] = p
	poke(s.wake)
}

// remember keeps the outcome of an acceptance for its repetition.
func (s *Store) remember(id string, placed []mailbox.Appended) {
	s.seen[id] = placed
	s.seenIDs = append(s.seenIDs, id)
	if len(s.seenIDs) > maxIDs {
		delete(s.seen, s.seenIDs[0])
		s.seenIDs = s.seenIDs[1:]
	}
}
