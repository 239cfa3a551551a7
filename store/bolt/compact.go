package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"go.etcd.io/bbolt"
)

// compactBelow is the share of a segment that must be alive; below it the store
// compacts by itself.
const compactBelow = 0.5

// Compacted tells what Compact did, in bytes.
type Compacted struct {
	Moved int64 `json:"moved"` // written again
	Freed int64 `json:"freed"` // of files that were removed
}

// Compact gives room of expunged messages back while the store works: it writes
// what is alive in segments that are less than below (0 to 1) alive to the end of
// the journal, and removes segments in which nothing is.
//
// At any instant a text is at the place its row names: it is durable at the new
// place before the row says so, and the old place goes only after that.
func (s *Store) Compact(ctx context.Context, below float64) (c Compacted, err error) {
	s.care.Lock()
	defer s.care.Unlock()
	segs, err := s.sealed()
	if err != nil {
		return c, err
	}
	for _, x := range segs {
		if x.Live == 0 || float64(x.Live) >= below*float64(x.Size) {
			continue
		}
		n, err := s.moveOut(ctx, x.Number)
		c.Moved += n
		if err != nil {
			return c, fmt.Errorf("compact segment %08x: %w", x.Number, err)
		}
	}
	if segs, err = s.sealed(); err != nil {
		return c, err
	}
	for _, x := range segs {
		if x.Live > 0 {
			continue
		}
		err := s.update(func(w *writer) error { return w.bucket(bucketSegment).Delete(key32(x.Number)) })
		if err == nil {
			err = s.segments.remove(x.Number)
		}
		if err != nil {
			return c, fmt.Errorf("remove segment %08x: %w", x.Number, err)
		}
		c.Freed += x.Size
	}
	return c, nil
}

// Segment is one file of the journal.
type Segment struct {
	Number uint32 `json:"number"`
	Size   int64  `json:"size"` // bytes of the file
	Live   int64  `json:"live"` // bytes that messages refer to
}

// sealed lists the segments that are wholly in the index and are not written any more.
func (s *Store) sealed() ([]Segment, error) {
	all, cp, err := s.listSegments()
	for i := range all {
		if all[i].Number >= cp.seg {
			return all[:i], err
		}
	}
	return all, err
}

func (s *Store) listSegments() (all []Segment, cp checkpoint, err error) {
	ids, err := numbered(s.o.FS, s.segments.dir, ".seg")
	if err != nil {
		return nil, cp, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		cp = parseCheckpoint(tx.Bucket([]byte(bucketMeta)).Get([]byte(metaCheckpoint)))
		b := tx.Bucket([]byte(bucketSegment))
		for _, id := range ids {
			all = append(all, Segment{Number: uint32(id), Live: parseLive(b.Get(key32(uint32(id))))})
		}
		return nil
	})
	there := all[:0]
	for _, x := range all {
		if err != nil {
			break
		}
		x.Size, err = s.segmentSize(x.Number)
		if errors.Is(err, fs.ErrNotExist) { // compaction removed it meanwhile
			err = nil
			continue
		}
		there = append(there, x)
	}
	return there, cp, err
}

func (s *Store) segmentSize(seg uint32) (int64, error) {
	h, err := s.segments.get(seg)
	if err != nil {
		return 0, err
	}
	size, err := h.Size()
	return size, errors.Join(err, s.segments.put(h))
}

// moveOut writes everything alive in a segment to the end of the journal.
func (s *Store) moveOut(ctx context.Context, seg uint32) (moved int64, err error) {
	h, err := s.segments.get(seg)
	if err != nil {
		return 0, err
	}
	defer s.segments.put(h)
	in, err := newFrameReader(h, seg, segmentHead)
	if err != nil {
		return 0, err
	}
	var batch []*op
	size := 0
	for {
		fr, err := in.next()
		if err == io.EOF {
			return moved, s.move(batch)
		}
		if err != nil {
			return moved, errors.Join(fmt.Errorf("at %d: %w: %w", in.off, ErrDamaged, err), s.move(batch))
		}
		id, alive, err := s.current(fr)
		if err != nil || ctx.Err() != nil {
			return moved, errors.Join(err, ctx.Err(), s.move(batch))
		}
		if !alive {
			continue
		}
		o := &op{
			kind: typeMove, moved: id, wait: true, done: make(chan error, 1),
			record: bytes.Clone(fr.record), body: bytes.Clone(fr.body), meta: bytes.Clone(fr.acceptance()),
			head: head{textCRC: fr.textCRC, textLen: fr.textLen, blob: fr.blob},
		}
		batch = append(batch, o)
		moved += int64(len(fr.record) + len(fr.body))
		if size += o.weight(); size > maxFlush/4 {
			if err := s.move(batch); err != nil {
				return moved, err
			}
			batch, size = batch[:0], 0
		}
	}
}

// current reports whether a message's row points to this very frame.
func (s *Store) current(fr *frame) (id uint64, alive bool, err error) {
	id = fr.message()
	err = s.view(func(tx *bbolt.Tx) error {
		r, ok := parseBody(tx.Bucket([]byte(bucketBody)).Get(key64(id)))
		alive = ok && r.seg == fr.seg && int64(r.off) == fr.off
		return nil
	})
	return id, alive, err
}

// move hands a batch over at once, so that it shares flushes, and waits for it.
func (s *Store) move(batch []*op) error {
	var errs []error
	var sent []*op
	for _, o := range batch {
		if err := s.send(o); err != nil {
			errs = append(errs, err)
			break
		}
		sent = append(sent, o)
	}
	for _, o := range sent {
		if err := <-o.done; err != nil && len(errs) == 0 {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
