package bolt

import (
	"bytes"
	"errors"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
)

// runPurge removes what deleted folders left, in small steps between which
// deliveries get through, and compacts the journal when a segment's worth has
// died. At the start it also removes files of texts that were never accepted, up to
// number blobs: later ones are on their way in.
func (s *Store) runPurge(blobs uint64) {
	defer s.loops.Done()
	_ = s.sweep(blobs) // what it could not remove, the next start does
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.purge:
		}
		for s.purgeStep() {
		}
		if s.counts.dead.Load() > s.o.SegmentSize {
			s.counts.dead.Store(0)
			_, _ = s.Compact(s.ctx, compactBelow) // what it could not do, the next time does
		}
	}
}

// purgeStep removes some rows and reports whether there is more to do. After a
// fault it waits for the next occasion.
func (s *Store) purgeStep() (more bool) {
	err := errors.Join(s.alive(), s.view(func(tx *bbolt.Tx) error {
		k, _ := tx.Bucket([]byte(bucketDoomed)).Cursor().First()
		more = k != nil
		return nil
	}))
	if err != nil || !more {
		return false
	}
	err = s.update(func(w *writer) (err error) {
		more, err = w.purgeSome()
		return err
	})
	return more && err == nil
}

func (w *writer) purgeSome() (more bool, err error) {
	doomed := w.bucket(bucketDoomed)
	k, _ := doomed.Cursor().First()
	if k == nil {
		return false, nil
	}
	folder := bytes.Clone(k)
	var keys [][]byte
	var bodies []uint64
	c := w.box.Cursor()
	for k, v := c.Seek(folder); k != nil && bytes.HasPrefix(k, folder) && len(keys) < purgeChunk; k, v = c.Next() {
		keys = append(keys, bytes.Clone(k))
		if k[8] == kindMessage {
			bodies = append(bodies, parseMessage(v).body)
		}
	}
	for _, k := range keys {
		if err := w.box.Delete(k); err != nil {
			return false, err
		}
	}
	for _, b := range bodies {
		if err := w.refs(b, -1); err != nil {
			return false, err
		}
	}
	if len(keys) == purgeChunk {
		return true, nil
	}
	if err := doomed.Delete(folder); err != nil {
		return false, err
	}
	k, _ = doomed.Cursor().First()
	return k != nil, nil
}

// folderRow reads a folder's row.
func (s *Store) folderRow(id mailbox.FolderID) (r *folderRow, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		r, err = readFolder(tx, id)
		return err
	})
	return r, err
}
