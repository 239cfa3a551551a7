package bolt

import (
	"bytes"
	"context"

	"glassmail/mailbox"
)

// Repair is Verify without the texts, and mends what it finds in one step:
// counters and references become what was counted, messages without a text are
// expunged, queue rows without a message and names without a folder are removed.
// Problems are what it found; a Verify afterwards tells what is left.
func (s *Store) Repair(ctx context.Context) (found Findings, err error) {
	if err := ctx.Err(); err != nil {
		return found, err
	}
	s.care.Lock()
	defer s.care.Unlock()
	err = s.update(func(w *writer) (err error) {
		found, err = w.repair()
		return err
	})
	return found, err
}

func (w *writer) repair() (Findings, error) {
	if err := w.flushRows(); err != nil { // others share the transaction
		return Findings{}, err
	}
	a, err := newAudit(w.tx)
	if err != nil {
		return Findings{}, err
	}
	a.compare(w)
	return a.Findings, w.mend(a)
}

// flushRows writes rows that are kept back, so that a recount sees them.
func (w *writer) flushRows() error {
	for id := range w.dirty {
		if r := w.cache.folders[id]; r != nil {
			if err := w.box.Put(folderKey(id), r.bytes()); err != nil {
				return err
			}
		}
	}
	b := w.bucket(bucketSegment)
	for seg, by := range w.live {
		if by == 0 {
			continue
		}
		if err := b.Put(key32(seg), key64(uint64(max(0, parseLive(b.Get(key32(seg)))+by)))); err != nil {
			return err
		}
	}
	clear(w.live)
	return nil
}

// mendRefs makes a text's references what was counted.
func (w *writer) mendRefs(id uint64, r contentRow, n uint32) {
	r.refs = n
	var err error
	if k := key64(id); n > 0 {
		err = w.body.Put(k, r.bytes())
	} else {
		err = w.dropBody(k, r)
	}
	if err != nil {
		w.s.counts.faults.Add(1)
	}
}

// mend removes rows that refer to nothing.
func (w *writer) mend(a *audit) error {
	gone := map[mailbox.FolderID][]mailbox.UID{}
	for _, k := range a.strays {
		b := w.queue
		if len(k) == 13 && k[8] == kindMessage {
			b = w.box
			gone[folderOf(k)] = append(gone[folderOf(k)], uidOf(k))
		}
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	for id, uids := range gone {
		r, err := w.folder(id)
		if err != nil || r == nil {
			continue
		}
		r.mod++
		w.touch(id)
		if err := w.bury(id, r, uids, r.mod); err != nil {
			return err
		}
	}
	names := w.bucket(bucketName)
	for id, name := range a.named {
		if c := a.folders[id]; c != nil && c.row != nil || bytes.HasSuffix([]byte(name), []byte("\x00"+mailbox.Inbox)) {
			continue
		}
		if err := names.Delete([]byte(name)); err != nil {
			return err
		}
	}
	return nil
}
