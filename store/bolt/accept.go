package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// Accept makes a staged text and all of a durable in one step. The instant at
// which responsibility passes is the return of journal.flush. A repeated ID is
// known for the last 32,768 acceptances.
func (s *Store) Accept(ctx context.Context, st store.Staged, a store.Acceptance) ([]mailbox.Appended, error) {
	t, err := s.take(st)
	if err != nil {
		return nil, err
	}
	defer t.Discard() // does nothing once the operation has it
	if err := errors.Join(ctx.Err(), s.alive()); err != nil {
		return nil, err
	}
	again, placed, err := s.repeated(a)
	if again || err != nil {
		return placed, err
	}
	o, err := s.prepare(t, a)
	if err != nil {
		s.ids.fail(a.ID)
		return nil, err
	}
	if err := s.submit(o); err != nil {
		if errors.Is(err, ErrClosed) {
			s.abandon(o)
		}
		return nil, err
	}
	if !a.Wait {
		return nil, nil
	}
	return o.placed, nil
}

// repeated reports whether the ID was accepted before, and its outcome. If not,
// the ID is taken from now on.
func (s *Store) repeated(a store.Acceptance) (again bool, placed []mailbox.Appended, err error) {
	for a.ID != "" {
		state, lsn := s.ids.begin(a.ID)
		switch state {
		case idFresh:
			return false, nil, nil
		case idPending: // it passes the index before an operation that begins now does
			if err := s.update(func(*writer) error { return nil }); err != nil {
				return false, nil, err
			}
		case idKnown:
			placed, same, err := s.outcome(lsn, a.ID)
			if err != nil || same {
				if !a.Wait {
					placed = nil
				}
				return same, placed, err
			}
			s.ids.replace(a.ID)
			return false, nil, nil
		}
	}
	return false, nil, nil
}

// prepare does all that can refuse an acceptance.
func (s *Store) prepare(t *staged, a store.Acceptance) (*op, error) {
	if s.full.Load() {
		return nil, mailbox.ErrFull
	}
	if err := s.space.room(t.size + int64(len(a.Record))); err != nil {
		return nil, err
	}
	if err := s.complete(&a); err != nil {
		return nil, err
	}
	reserved, err := s.admit(a.Deposits, t.size)
	if err != nil {
		return nil, err
	}
	if err := t.seal(); err != nil {
		s.quota.release(reserved)
		return nil, err
	}
	o := &op{
		kind: typeAccept, acc: &a, record: a.Record, quota: reserved,
		wait: a.Wait || s.o.Ack == Index, done: make(chan error, 1),
	}
	t.load(o)
	return o, nil
}

// complete checks an acceptance and fills in its times, so that a replay makes the
// same rows. It keeps nothing that is the caller's: the index reads it later.
func (s *Store) complete(a *store.Acceptance) error {
	if len(a.Record) > store.MaxRecord {
		return fmt.Errorf("a record of %d bytes: %w", len(a.Record), mailbox.ErrInvalid)
	}
	if len(a.Deposits)+len(a.Relay) > maxRecipients {
		return fmt.Errorf("more than %d recipients: %w", maxRecipients, mailbox.ErrInvalid)
	}
	if a.Time.IsZero() {
		a.Time = s.o.Now()
	}
	a.Deposits = slices.Clone(a.Deposits)
	for i := range a.Deposits {
		d := &a.Deposits[i]
		if err := store.CheckKeywords(d.Keywords); err != nil {
			return err
		}
		if d.Date.IsZero() {
			d.Date = a.Time
		}
		d.Keywords = slices.Clone(d.Keywords)
	}
	a.Relay = slices.Clone(a.Relay)
	for i := range a.Relay {
		r := &a.Relay[i]
		if r.Due.IsZero() {
			r.Due = a.Time
		}
		r.Notify = slices.Clone(r.Notify)
	}
	return nil
}

// maxRecipients keeps the meta of a frame well below maxFrame.
const maxRecipients = 50000

// accept brings an accepted frame into the index. It never refuses: the message
// was acknowledged. A folder that has vanished is replaced by INBOX; an account
// that was deleted since takes the copy with it.
func (w *writer) accept(a *store.Acceptance, o *op, id uint64) ([]mailbox.Appended, error) {
	row := contentRow{
		seg: o.at.seg, off: uint32(o.at.off), rec: o.head.recLen,
		len: o.head.textLen, crc: o.head.textCRC, blob: o.head.blob,
	}
	placed, err := w.deposit(a.Deposits, id, row.len)
	if err != nil {
		return nil, err
	}
	row.refs = uint32(len(placed))
	if len(a.Relay) > 0 {
		row.refs++
		if err := w.enqueue(a, id, row.len); err != nil {
			return nil, err
		}
	}
	if a.ID != "" {
		if err := w.ids.Put(key64(id), outcomeRow(a.ID, placed)); err != nil {
			return nil, err
		}
		w.accepted = append(w.accepted, acceptedID{a.ID, id})
	}
	return placed, w.newBody(id, row)
}

// deposit puts one copy into each folder. Copies for one folder share a
// mod-sequence: they are one change.
func (w *writer) deposit(ds []mailbox.Delivery, id uint64, size uint32) ([]mailbox.Appended, error) {
	placed := make([]mailbox.Appended, 0, len(ds))
	raised := make([]mailbox.FolderID, 0, 8)
	for i := range ds {
		d := &ds[i]
		f, r, err := w.target(d)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		if !slices.Contains(raised, f) {
			r.mod++
			raised = append(raised, f)
		}
		words, _ := r.learn(d.Keywords)
		m := messageRow{flags: d.Flags, size: size, words: words, mod: r.mod, date: d.Date.Unix(), body: id}
		p, err := w.append(f, r, &m)
		if err != nil {
			return nil, err
		}
		placed = append(placed, p)
	}
	return placed, nil
}

// target finds the folder of a deposit; nil if the account is gone.
func (w *writer) target(d *mailbox.Delivery) (mailbox.FolderID, *folderRow, error) {
	if d.Folder != 0 {
		r, err := w.folder(d.Folder)
		if err != nil || r != nil && r.owner == d.User {
			return d.Folder, r, err
		}
	}
	if id, known := w.cache.inboxes[d.User]; known {
		r, err := w.folder(id)
		if err != nil || r != nil {
			return id, r, err
		}
	}
	v := w.bucket(bucketName).Get(nameKey(d.User, mailbox.Inbox))
	if v == nil && w.s.rebuilt != nil {
		return w.recreate(d.User)
	}
	if v == nil {
		return 0, nil, nil
	}
	n, err := parseName(v)
	if err != nil {
		return 0, nil, err
	}
	w.cache.inboxes[d.User] = n.id
	r, err := w.folder(n.id)
	return n.id, r, err
}

// append adds a message to a folder under its next UID.
func (w *writer) append(f mailbox.FolderID, r *folderRow, m *messageRow) (mailbox.Appended, error) {
	uid := r.next
	r.next++
	r.count++
	r.tally(m.flags, m.size, 1)
	w.touch(f)
	p := mailbox.Appended{Folder: f, UIDValidity: r.validity, UID: uid, ModSeq: m.mod}
	return p, w.box.Put(messageKey(f, uid), m.bytes())
}

// admit checks accounts and quotas and reserves the room until the index has the
// message.
func (s *Store) admit(ds []mailbox.Delivery, size int64) (reserved map[string]int64, err error) {
	limited, err := s.checkAccounts(ds, size)
	if err != nil || limited == nil {
		return nil, err
	}
	if err := s.reserve(limited); err != nil {
		return nil, err
	}
	return limited, nil
}

// checkAccounts returns what the deposits would take of accounts with a quota.
func (s *Store) checkAccounts(ds []mailbox.Delivery, size int64) (limited map[string]int64, err error) {
	for i := range ds {
		a, err := s.account(ds[i].User)
		if err != nil {
			return nil, err
		}
		if a.MaxBytes > 0 {
			if limited == nil {
				limited = map[string]int64{}
			}
			limited[a.Address] += size
		}
	}
	return limited, nil
}

// reserve takes room out of the quotas of several users, or nothing.
func (s *Store) reserve(more map[string]int64) error {
	s.quota.mu.Lock()
	defer s.quota.mu.Unlock()
	for user, n := range more {
		u, err := s.Usage(context.Background(), user)
		if err != nil {
			return err
		}
		if u.MaxBytes > 0 && u.Bytes+s.quota.bytes[user]+n > u.MaxBytes {
			return fmt.Errorf("account %q: %w", user, mailbox.ErrQuota)
		}
	}
	for user, n := range more {
		s.quota.bytes[user] += n
	}
	return nil
}

// outcomeRow keeps what an acceptance came to, for its repetition.
func outcomeRow(id string, placed []mailbox.Appended) []byte {
	b := appendString(make([]byte, 0, len(id)+4+16*len(placed)), id)
	b = binary.AppendUvarint(b, uint64(len(placed)))
	for _, p := range placed {
		b = binary.AppendUvarint(b, uint64(p.Folder))
		b = binary.AppendUvarint(b, uint64(p.UIDValidity))
		b = binary.AppendUvarint(b, uint64(p.UID))
		b = binary.AppendUvarint(b, uint64(p.ModSeq))
	}
	return b
}

func parseOutcome(b []byte) (id string, placed []mailbox.Appended, err error) {
	d := decoder{b: b}
	id = d.string()
	for n := d.count(); n > 0 && d.err == nil; n-- {
		placed = append(placed, mailbox.Appended{
			Folder: mailbox.FolderID(d.uint()), UIDValidity: uint32(d.uint()),
			UID: mailbox.UID(d.uint()), ModSeq: mailbox.ModSeq(d.uint()),
		})
	}
	return id, placed, d.err
}

// enqueue writes the rows of recipients that wait for other servers.
func (w *writer) enqueue(a *store.Acceptance, id uint64, size uint32) error {
	p := envelopeRow{message: a.ID, from: a.From, options: a.Options, accepted: a.Time, size: size}
	if err := w.queue.Put(parcelKey(id), p.bytes()); err != nil {
		return err
	}
	type hint struct {
		dest string
		due  time.Time
	}
	hinted := make(map[hint]bool, 1)
	for i := range a.Relay {
		r := waitingRow{to: a.Relay[i], held: w.s.rebuilt != nil}
		if err := w.queue.Put(waitingKey(id, uint32(i)), r.bytes()); err != nil {
			return err
		}
		if h := (hint{r.to.Dest, r.to.Due}); !hinted[h] {
			hinted[h] = true
			w.hints = append(w.hints, queueHint{r.to.Dest, id, r.to.Due})
		}
	}
	return nil
}

// resultFor finds what an attempt came to for one recipient.
func resultFor(results []queue.Result, r *waitingRow) (queue.Result, bool) {
	for i := range results {
		if results[i].Address == r.to.Address {
			return results[i], true
		}
	}
	return queue.Result{}, false
}
