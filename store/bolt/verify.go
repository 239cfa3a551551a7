package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
)

// Findings is what Verify and Repair counted and found.
type Findings struct {
	Accounts int      `json:"accounts"`
	Folders  int      `json:"folders"`
	Messages int      `json:"messages"`
	Texts    int      `json:"texts"`
	Waiting  int      `json:"waiting"` // recipients in the queue
	Read     int64    `json:"read"`    // bytes of texts whose checksum was computed
	Problems []string `json:"problems,omitempty"`
	More     int      `json:"more,omitempty"` // problems that are not listed
}

// maxProblems bounds the list of problems.
const maxProblems = 1000

func (f *Findings) add(format string, args ...any) {
	if len(f.Problems) == maxProblems {
		f.More++
		return
	}
	f.Problems = append(f.Problems, fmt.Sprintf(format, args...))
}

// audit is a recount of everything that the index keeps twice. It takes about 50
// bytes of memory for each message text.
type audit struct {
	Findings
	tx      *bbolt.Tx
	named   map[mailbox.FolderID]string // by rows of names: user, folder
	folders map[mailbox.FolderID]*recount
	refs    map[uint64]uint32
	bodies  map[uint64]contentRow
	live    map[uint32]int64
	strays  [][]byte // message rows without a text, queue rows without a message
}

// recount is what a folder's rows add up to.
type recount struct {
	row  *folderRow
	sum  folderRow
	last mailbox.UID
}

// Verify recounts all counters and references, in one look at the index. With
// texts it also reads every message text and its record and checks them. Problems
// are findings; the error is for what kept it from looking.
func (s *Store) Verify(ctx context.Context, texts bool) (Findings, error) {
	s.care.Lock() // nothing moves meanwhile
	defer s.care.Unlock()
	var a *audit
	err := s.view(func(tx *bbolt.Tx) (err error) {
		if a, err = newAudit(tx); err == nil {
			a.compare(nil)
		}
		return err
	})
	if err != nil {
		return Findings{}, err
	}
	if texts {
		err = s.verifyTexts(ctx, a)
	}
	return a.Findings, err
}

func newAudit(tx *bbolt.Tx) (*audit, error) {
	a := &audit{
		tx: tx, named: map[mailbox.FolderID]string{}, folders: map[mailbox.FolderID]*recount{},
		refs: map[uint64]uint32{}, bodies: map[uint64]contentRow{}, live: map[uint32]int64{},
	}
	for _, step := range []func() error{a.readNames, a.readBodies, a.readBoxes, a.readQueue} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *audit) readNames() error {
	err := a.tx.Bucket([]byte(bucketAccount)).ForEach(func(_, _ []byte) error {
		a.Accounts++
		return nil
	})
	if err != nil {
		return err
	}
	return a.tx.Bucket([]byte(bucketName)).ForEach(func(k, v []byte) error {
		n, err := parseName(v)
		if err != nil {
			a.add("the name %q: %v", k, err)
			return nil
		}
		if old, twice := a.named[n.id]; twice {
			a.add("folder %d has two names, %q and %q", n.id, old, k)
		}
		a.named[n.id] = string(k)
		a.Folders++
		return nil
	})
}

func (a *audit) readBodies() error {
	blobs := a.tx.Bucket([]byte(bucketBlob))
	return a.tx.Bucket([]byte(bucketBody)).ForEach(func(k, v []byte) error {
		id := parse64(k)
		r, ok := parseBody(v)
		if !ok {
			a.add("text %s: its row is unreadable", bodyID(id))
			return nil
		}
		a.Texts++
		a.bodies[id] = r
		a.live[r.seg] += r.live()
		if r.blob != 0 && parse64(blobs.Get(key64(r.blob))) != id {
			a.add("text %s: its file %016x.eml is not listed", bodyID(id), r.blob)
		}
		return nil
	})
}

// readBoxes counts messages; those of a folder that is being purged count as
// references only.
func (a *audit) readBoxes() error {
	return a.tx.Bucket([]byte(bucketBox)).ForEach(func(k, v []byte) error {
		id := folderOf(k)
		c := a.folders[id]
		if c == nil {
			c = &recount{}
			a.folders[id] = c
		}
		switch k[8] {
		case kindMessage:
			a.countMessage(c, k, v)
		case kindGone:
			c.sum.gone += uint32(len(runs(v, nil)))
			c.sum.mod = max(c.sum.mod, mailbox.ModSeq(binary.BigEndian.Uint64(k[9:])))
		case kindFolder:
			row, err := parseFolder(v)
			if err != nil {
				a.add("folder %d: %v", id, err)
				return nil
			}
			c.row = row
		}
		return nil
	})
}

func (a *audit) countMessage(c *recount, k, v []byte) {
	r := parseMessage(v)
	if _, ok := a.bodies[r.body]; !ok {
		a.add("folder %d: message %d has no text", folderOf(k), uidOf(k))
		a.strays = append(a.strays, slices.Clone(k))
		return
	}
	a.refs[r.body]++
	a.Messages++
	c.sum.count++
	c.sum.size += int64(r.size)
	c.sum.mod = max(c.sum.mod, r.mod)
	c.last = max(c.last, uidOf(k))
	if r.flags&mailbox.Seen == 0 {
		c.sum.unseen++
	}
	if r.flags&mailbox.Deleted != 0 {
		c.sum.marked++
	}
}

func (a *audit) readQueue() error {
	parcel, waits := uint64(0), true
	lonely := func() {
		if !waits {
			a.add("queued message %s has no recipients", bodyID(parcel))
			a.strays = append(a.strays, parcelKey(parcel))
		}
	}
	err := a.tx.Bucket([]byte(bucketQueue)).ForEach(func(k, v []byte) error {
		id := parse64(k[:8])
		if k[8] == kindParcel {
			lonely()
			parcel, waits = id, false
			if _, ok := a.bodies[id]; !ok {
				a.add("queued message %s has no text", bodyID(id))
			}
			a.refs[id]++
			return nil
		}
		a.Waiting++
		if _, err := parseWaiting(v); err != nil || id != parcel {
			a.add("queue entry %s: no message, or unreadable", entryID(id, binary.BigEndian.Uint32(k[9:])))
			a.strays = append(a.strays, slices.Clone(k))
			return nil
		}
		waits = true
		return nil
	})
	lonely()
	return err
}

// compare tells where rows differ from the recount; with w it also mends them.
func (a *audit) compare(w *writer) {
	doomed := a.tx.Bucket([]byte(bucketDoomed))
	for _, id := range slices.Sorted(maps.Keys(a.folders)) {
		c := a.folders[id]
		if doomed.Get(key64(uint64(id))) == nil {
			a.compareFolder(id, c, w)
		}
	}
	for id, name := range a.named {
		if c := a.folders[id]; c == nil || c.row == nil {
			a.add("the name %q leads to folder %d, which is not there", name, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.bodies)) {
		r := a.bodies[id]
		if n := a.refs[id]; n != r.refs {
			a.add("text %s: %d references, counted %d", bodyID(id), r.refs, n)
			if w != nil {
				w.mendRefs(id, r, n)
			}
		}
	}
	b := a.tx.Bucket([]byte(bucketSegment))
	segs := maps.Clone(a.live)
	_ = b.ForEach(func(k, _ []byte) error { segs[parse32(k)] += 0; return nil })
	for _, seg := range slices.Sorted(maps.Keys(segs)) {
		if is := parseLive(b.Get(key32(seg))); is != a.live[seg] {
			a.add("segment %08x: %d bytes alive, counted %d", seg, is, a.live[seg])
			if w != nil {
				w.live[seg] += a.live[seg] - is
			}
		}
	}
}

func (a *audit) compareFolder(id mailbox.FolderID, c *recount, w *writer) {
	if c.row == nil {
		a.add("folder %d has messages and no row", id)
		return
	}
	if _, ok := a.named[id]; !ok {
		a.add("folder %d of %s has no name", id, c.row.owner)
	}
	is, sum := *c.row, c.sum
	sum.next = max(is.next, c.last+1)
	sum.mod = max(is.mod, sum.mod)
	if is.count == sum.count && is.unseen == sum.unseen && is.marked == sum.marked &&
		is.size == sum.size && is.gone == sum.gone && is.next == sum.next && is.mod == sum.mod {
		return
	}
	a.add("folder %d of %s: %d messages, %d unseen, %d deleted, %d bytes, %d expunged, UIDNEXT %d, mod-sequence %d; counted %d, %d, %d, %d, %d, %d, %d",
		id, is.owner, is.count, is.unseen, is.marked, is.size, is.gone, is.next, is.mod,
		sum.count, sum.unseen, sum.marked, sum.size, sum.gone, sum.next, sum.mod)
	if w != nil {
		if r, err := w.folder(id); err == nil && r != nil {
			r.count, r.unseen, r.marked, r.size, r.gone = sum.count, sum.unseen, sum.marked, sum.size, sum.gone
			r.next, r.mod = sum.next, sum.mod
			w.touch(id)
		}
	}
}
