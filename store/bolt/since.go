package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
)

// bury remembers expunged UIDs. Beyond maxGone the oldest half is forgotten, and
// floor tells from which mod-sequence on all are known (RFC 7162 §3.2.6 allows a
// server that forgot to tell too many).
func (w *writer) bury(id mailbox.FolderID, f *folderRow, uids []mailbox.UID, mod mailbox.ModSeq) error {
	if len(uids) > maxGone {
		f.floor = mod
		return w.forget(id, f, 0)
	}
	for part := range slices.Chunk(uids, runSize) {
		if err := w.box.Put(goneKey(id, mod, part[0]), appendRuns(nil, part)); err != nil {
			return err
		}
	}
	f.gone += uint32(len(uids))
	if f.gone > maxGone {
		return w.forget(id, f, maxGone/2)
	}
	return nil
}

// forget drops the oldest remembered UIDs until no more than keep are left, and
// never a part of what one change expunged.
func (w *writer) forget(id mailbox.FolderID, f *folderRow, keep uint32) error {
	first := goneKey(id, 0, 0)
	var keys [][]byte
	last := mailbox.ModSeq(0)
	c := w.box.Cursor()
	for k, v := c.Seek(first); k != nil && bytes.Equal(k[:9], first[:9]); k, v = c.Next() {
		mod := mailbox.ModSeq(binary.BigEndian.Uint64(k[9:]))
		if f.gone <= keep && mod != last {
			break
		}
		keys = append(keys, bytes.Clone(k))
		f.gone -= min(f.gone, uint32(len(runs(v, nil))))
		last = mod
	}
	f.floor = max(f.floor, last)
	for _, k := range keys {
		if err := w.box.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// Since reports what happened after a mod-sequence. It is one look at the index:
// what it says fits together.
func (s *Store) Since(ctx context.Context, id mailbox.FolderID, m mailbox.ModSeq) (d mailbox.Delta, err error) {
	if err := ctx.Err(); err != nil {
		return d, err
	}
	var names contentNames
	err = s.view(func(tx *bbolt.Tx) error {
		f, err := readFolder(tx, id)
		if err != nil {
			return err
		}
		d = mailbox.Delta{ModSeq: f.mod, UIDNext: f.next, Gap: m < f.floor}
		if m >= f.mod {
			return nil
		}
		c := tx.Bucket([]byte(bucketBox)).Cursor()
		first := messageKey(id, 0)
		k, v := c.Seek(first)
		for ; k != nil && bytes.Equal(k[:9], first[:9]); k, v = c.Next() {
			if r := parseMessage(v); r.mod > m {
				d.Changed = append(d.Changed, r.message(uidOf(k), f.words))
				names.add(r.body)
			}
		}
		first = goneKey(id, m+1, 0)
		for k, v = c.Seek(first); k != nil && bytes.Equal(k[:9], first[:9]); k, v = c.Next() {
			d.Expunged = runs(v, d.Expunged)
		}
		slices.Sort(d.Expunged)
		return nil
	})
	names.give(d.Changed)
	return d, err
}
