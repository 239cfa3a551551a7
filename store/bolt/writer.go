package bolt

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
)

// refusal is what an operation says of its caller's request. An operation refuses
// before it writes anything: the index has no savepoints, and others share its
// transaction.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// rowCache keeps rows of folders between transactions. It belongs to whoever
// commits, and is thrown away when a transaction is rolled back.
type rowCache struct {
	folders map[mailbox.FolderID]*folderRow
	inboxes map[string]mailbox.FolderID // by user; the folder may be gone
}

// maxCached bounds the cache between transactions, in folders.
const maxCached = 8192

func newRowCache() *rowCache {
	return &rowCache{folders: map[mailbox.FolderID]*folderRow{}, inboxes: map[string]mailbox.FolderID{}}
}

// writer is one index transaction. Changed folder rows and segment counters are
// kept and written once, at its end.
type writer struct {
	s  *Store
	tx *bbolt.Tx

	box, body, queue, ids *bbolt.Bucket

	cache *rowCache
	dirty map[mailbox.FolderID]bool
	live  map[uint32]int64 // change of bytes alive
	at    checkpoint
	blob  uint64 // highest file number used
	after        // what is done when the transaction has become durable
}

// after is what follows from a commit outside of the index.
type after struct {
	blobs    []uint64 // files that nobody refers to
	touched  map[mailbox.FolderID]bool
	hints    []queueHint
	accepted []acceptedID
	accounts bool // some were changed
	wake     bool
	purge    bool
	dead     int64 // bytes of segments that nobody refers to any more
}

type queueHint struct {
	dest    string
	message uint64
	due     time.Time
}

func (s *Store) newWriter(tx *bbolt.Tx) *writer {
	if len(s.rows.folders) > maxCached || len(s.rows.inboxes) > maxCached {
		s.rows = newRowCache()
	}
	w := &writer{
		s: s, tx: tx,
		box: tx.Bucket([]byte(bucketBox)), body: tx.Bucket([]byte(bucketBody)),
		queue: tx.Bucket([]byte(bucketQueue)), ids: tx.Bucket([]byte(bucketID)),
		cache: s.rows,
		dirty: map[mailbox.FolderID]bool{},
		live:  map[uint32]int64{},
		after: after{touched: map[mailbox.FolderID]bool{}},
	}
	w.box.FillPercent, w.body.FillPercent, w.ids.FillPercent = 0.7, 0.95, 0.95
	return w
}

func (w *writer) bucket(name string) *bbolt.Bucket { return w.tx.Bucket([]byte(name)) }

// folder returns a folder's row, nil if there is none. Who changes it says so by
// touch.
func (w *writer) folder(id mailbox.FolderID) (*folderRow, error) {
	if r := w.cache.folders[id]; r != nil {
		return r, nil
	}
	v := w.box.Get(folderKey(id))
	if v == nil {
		return nil, nil
	}
	r, err := parseFolder(v)
	if err != nil {
		return nil, fmt.Errorf("folder %d: %w", id, err)
	}
	w.cache.folders[id] = r
	return r, nil
}

// touch says that a folder's row differs and that its watchers shall know.
func (w *writer) touch(id mailbox.FolderID) {
	w.dirty[id], w.touched[id] = true, true
}

// finish writes what was kept back.
func (w *writer) finish() error {
	for id := range w.dirty {
		r := w.cache.folders[id]
		if r == nil {
			continue // it went
		}
		if err := w.box.Put(folderKey(id), r.bytes()); err != nil {
			return err
		}
	}
	b := w.bucket(bucketSegment)
	for seg, by := range w.live {
		if by == 0 {
			continue
		}
		live := parseLive(b.Get(key32(seg))) + by
		if live < 0 {
			w.s.counts.faults.Add(1)
			live = 0
		}
		if err := b.Put(key32(seg), key64(uint64(live))); err != nil {
			return err
		}
	}
	if err := w.trimIDs(); err != nil {
		return err
	}
	m := w.bucket(bucketMeta)
	if w.at.lsn > 0 {
		if err := m.Put([]byte(metaCheckpoint), w.at.bytes()); err != nil {
			return err
		}
	}
	if w.blob > parse64(m.Get([]byte(metaBlob))) {
		return m.Put([]byte(metaBlob), key64(w.blob))
	}
	return nil
}

func parseLive(v []byte) int64 { return int64(parse64(v)) }

func parse64(v []byte) uint64 {
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func parse32(v []byte) uint32 {
	if len(v) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(v)
}

// count gives out the next number of a counter in meta.
func (w *writer) count(name string) (uint64, error) {
	m := w.bucket(bucketMeta)
	n := parse64(m.Get([]byte(name))) + 1
	return n, m.Put([]byte(name), key64(n))
}

// validityNow gives out a UIDVALIDITY that was never given out before.
func (w *writer) validityNow() (uint32, error) {
	m := w.bucket(bucketMeta)
	v := max(parse32(m.Get([]byte(metaValidity)))+1, uint32(w.s.o.Now().Unix()))
	return v, m.Put([]byte(metaValidity), key32(v))
}

// refs changes how many refer to a message text, which goes with the last. A row
// that is missing is for Verify to tell and for Repair to mend: it must not keep
// others from their mail.
func (w *writer) refs(id uint64, by int) error {
	k := key64(id)
	r, ok := parseBody(w.body.Get(k))
	if !ok {
		w.s.counts.faults.Add(1)
		return nil
	}
	if r.refs = uint32(int64(r.refs) + int64(by)); r.refs > 0 {
		return w.body.Put(k, r.bytes())
	}
	return w.dropBody(k, r)
}

func (w *writer) dropBody(k []byte, r contentRow) error {
	w.live[r.seg] -= r.live()
	w.dead += r.live()
	if r.blob != 0 {
		w.blobs = append(w.blobs, r.blob)
		if err := w.bucket(bucketBlob).Delete(key64(r.blob)); err != nil {
			return err
		}
	}
	return w.body.Delete(k)
}

// newBody makes the row of an accepted text.
func (w *writer) newBody(id uint64, r contentRow) error {
	if r.refs == 0 {
		if r.blob != 0 {
			w.blobs = append(w.blobs, r.blob)
		}
		return nil
	}
	w.live[r.seg] += r.live()
	if r.blob != 0 {
		w.blob = max(w.blob, r.blob)
		if err := w.bucket(bucketBlob).Put(key64(r.blob), key64(id)); err != nil {
			return err
		}
	}
	return w.body.Put(key64(id), r.bytes())
}

// moved points a text to the place where compaction put it.
func (w *writer) moved(id uint64, seg uint32, off int64) error {
	k := key64(id)
	r, ok := parseBody(w.body.Get(k))
	if !ok {
		return nil // it went meanwhile
	}
	w.live[r.seg] -= r.live()
	w.live[seg] += r.live()
	r.seg, r.off = seg, uint32(off)
	return w.body.Put(k, r.bytes())
}
