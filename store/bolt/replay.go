package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// replay brings what the journal holds beyond the index into the index, and makes
// the journal ready to be written.
//
// A frame that cannot be read is the end of the journal if it is in the last
// segment and no later frame says that it was durable: then it was never
// acknowledged, and is cut off. Otherwise it was, and is damaged.
func (s *Store) replay() error {
	cp, err := s.startingPoint()
	if err != nil {
		return err
	}
	ids, err := numbered(s.o.FS, s.segments.dir, ".seg")
	if err != nil {
		return err
	}
	if ids, err = s.dropUnborn(ids, cp); err != nil {
		return err
	}
	r := replayer{s: s, lsn: cp.lsn}
	s.journal.lsn, s.journal.synced, s.journal.seg = cp.lsn, cp.lsn, cp.seg
	if err := r.segments(ids, cp); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	s.journal.lsn, s.journal.synced = r.lsn, r.lsn
	s.opened.Replayed = r.accepted
	return nil
}

// startingPoint reads the checkpoint and the number of the newest file of a text.
func (s *Store) startingPoint() (cp checkpoint, err error) {
	var blob uint64
	err = s.view(func(tx *bbolt.Tx) error {
		m := tx.Bucket([]byte(bucketMeta))
		cp = parseCheckpoint(m.Get([]byte(metaCheckpoint)))
		blob = parse64(m.Get([]byte(metaBlob)))
		return nil
	})
	if err != nil {
		return cp, err
	}
	files, err := numbered(s.o.FS, s.blobDir(), ".eml")
	if n := len(files); n > 0 {
		blob = max(blob, files[n-1])
	}
	s.blobs.Store(blob)
	return cp, err
}

// dropUnborn removes a last segment whose creation a crash interrupted: it has no
// header, and the index has no frame of it, so no frame was ever written to it.
func (s *Store) dropUnborn(ids []uint64, cp checkpoint) ([]uint64, error) {
	if len(ids) == 0 {
		return ids, nil
	}
	last := uint32(ids[len(ids)-1])
	name := segmentName(s.segments.dir, last)
	f, err := s.o.FS.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, bad := checkSegment(f, last, s.id)
	if bad == nil || !errors.Is(bad, ErrDamaged) {
		return ids, bad
	}
	r, err := newFrameReader(f, last, segmentHead)
	if err != nil {
		return nil, err
	}
	if r.claims(0) || last <= cp.seg && cp.off > segmentHead {
		if s.rebuilt != nil {
			return ids, nil
		}
		return nil, bad
	}
	if whole, err := wholeHeader(f); whole || err != nil {
		return nil, errors.Join(err, bad) // of another store, perhaps
	}
	if err := s.o.FS.Remove(name); err != nil {
		return nil, err
	}
	return ids[:len(ids)-1], s.o.FS.SyncDir(s.segments.dir)
}

// replayer is one replay.
type replayer struct {
	s        *Store
	lsn      uint64 // of the last frame
	expect   uint64 // number of the next segment
	batch    []*op
	accepted int
	done     int64 // bytes of segments that were read
	total    int64 // bytes of all of them; 0 if nobody wants to know
}

// segments replays those from the checkpoint on; none may be missing.
func (r *replayer) segments(ids []uint64, cp checkpoint) error {
	r.expect = uint64(cp.seg)
	if err := r.measure(ids, cp); err != nil {
		return err
	}
	for i, id := range ids {
		if id < uint64(cp.seg) {
			continue
		}
		if r.expect != 0 && id != r.expect && !r.s.lost("segment %08x and what follows, up to %08x: missing", r.expect, id) {
			return fmt.Errorf("journal: %w: segment %08x is missing", ErrDamaged, r.expect)
		}
		from := int64(segmentHead)
		if uint32(id) == cp.seg {
			from = cp.off
		}
		if err := r.segment(uint32(id), from, i == len(ids)-1); err != nil {
			return err
		}
		r.expect = id + 1
	}
	r.tell(r.total)
	if cp.seg != 0 && r.expect == uint64(cp.seg) && !r.s.lost("segment %08x: missing", cp.seg) {
		return fmt.Errorf("journal: %w: segment %08x is missing", ErrDamaged, cp.seg)
	}
	return nil
}

// measure adds up what is to be read, if somebody wants to know.
func (r *replayer) measure(ids []uint64, cp checkpoint) error {
	if r.s.progress == nil {
		return nil
	}
	for _, id := range ids {
		if id < uint64(cp.seg) {
			continue
		}
		n, err := r.s.segmentSize(uint32(id))
		if err != nil {
			return err
		}
		r.total += n
	}
	return nil
}

func (r *replayer) tell(done int64) {
	if r.total > 0 {
		r.s.progress(min(done, r.total), r.total)
	}
}

// segment replays one segment from an offset; of the last it makes the journal.
func (r *replayer) segment(seg uint32, from int64, last bool) error {
	f, err := r.s.o.FS.OpenFile(segmentName(r.s.segments.dir, seg), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	end, err := r.frames(f, seg, from, last)
	r.done += end
	if err != nil || !last {
		return errors.Join(err, f.Close())
	}
	j := &r.s.journal
	j.f, j.seg, j.off = f, seg, end
	if err := f.Allocate(j.size); err != nil && !isFull(err) {
		return fmt.Errorf("segment %08x: %w", seg, err)
	}
	return nil
}

func (r *replayer) frames(f File, seg uint32, from int64, last bool) (end int64, err error) {
	in, err := r.enter(f, seg, from)
	if err != nil {
		return 0, err
	}
	for {
		end = in.off
		fr, err := in.next()
		if err == nil && fr.lsn != r.lsn+1 && !(fr.lsn > r.lsn && r.s.lost("frames %d to %d", r.lsn+1, fr.lsn-1)) {
			err = badFrame{fmt.Errorf("frame %d follows frame %d", fr.lsn, r.lsn)}
		}
		if err == nil {
			if err := r.frame(fr); err != nil {
				return end, err
			}
			continue
		}
		if goOn, err := r.atEnd(f, in, end, err, last); !goOn {
			return end, err
		}
	}
}

// atEnd decides what it means that no frame could be read at an offset.
func (r *replayer) atEnd(f File, in *frameReader, end int64, cause error, last bool) (goOn bool, err error) {
	var bad badFrame
	if cause != io.EOF && !errors.As(cause, &bad) {
		return false, cause
	}
	if in.off = end; r.s.rebuilt != nil && in.skip(r.lsn) {
		return r.s.lost("segment %08x, bytes %d to %d: %v", in.seg, end, in.off, cause), nil
	}
	switch {
	case last:
		return false, r.cut(f, in, end, cause)
	case cause == io.EOF || r.s.lost("segment %08x, from %d: %v", in.seg, end, cause):
		return false, nil
	}
	return false, fmt.Errorf("segment %08x at %d: %w: %w", in.seg, end, ErrDamaged, cause)
}

// enter checks a segment's header and begins to read at an offset.
func (r *replayer) enter(f File, seg uint32, from int64) (*frameReader, error) {
	base, err := checkSegment(f, seg, r.s.id)
	if errors.Is(err, ErrDamaged) && r.s.lost("%v", err) {
		base = r.lsn + 1
		_, err = f.WriteAt(segmentHeader(seg, r.s.id, base), 0)
	}
	if err != nil {
		return nil, err
	}
	if from == segmentHead && base != r.lsn+1 && !r.s.lost("frames %d to %d", r.lsn+1, base-1) {
		return nil, fmt.Errorf("segment %08x: %w: it begins with frame %d, not %d", seg, ErrDamaged, base, r.lsn+1)
	}
	in, err := newFrameReader(f, seg, from)
	if err == nil && in.size < from && !r.s.lost("segment %08x, from %d", seg, in.size) {
		err = fmt.Errorf("segment %08x: %w: it ends before %d", seg, ErrDamaged, from)
	}
	return in, err
}

// cut ends the journal at an offset, if what follows was never acknowledged.
// Nothing of it may stay: later frames would make it look like their successors.
func (r *replayer) cut(f File, in *frameReader, end int64, cause error) error {
	in.off = end
	if r.s.rebuilt == nil && in.claims(r.lsn+1) {
		return fmt.Errorf("segment %08x at %d: %w: an acknowledged frame cannot be read: %w", in.seg, end, ErrDamaged, cause)
	}
	in.off = end
	if rest := in.size - end; rest > 0 && !in.zero(rest) {
		r.s.opened.Torn = rest
	}
	if in.size == end {
		return nil
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	return f.Sync()
}

// frame turns a frame back into the operation it was.
func (r *replayer) frame(fr *frame) error {
	o := &op{
		kind: fr.kind, head: fr.head, done: make(chan error, 1),
		at: place{seg: fr.seg, off: fr.off, end: fr.off + fr.size(), lsn: fr.lsn},
	}
	var err error
	switch fr.kind {
	case typeAccept:
		if o.acc, err = decodeAcceptance(fr.meta); err == nil {
			err = r.blobThere(fr)
		}
		r.accepted++
	case typeMove:
		if o.moved = fr.message(); len(fr.meta) < 8 {
			err = errCodec
		}
	case typeText:
	default:
		return fmt.Errorf("frame %d is of a kind (%q) that this version does not know: %w", fr.lsn, fr.kind, ErrFormat)
	}
	if err == nil && r.s.rebuilt != nil {
		err = r.rebuild(fr, o)
	}
	if passes(err) { // it says nothing about the frame
		return fmt.Errorf("frame %d: %w", fr.lsn, err)
	}
	if err != nil {
		err = fmt.Errorf("frame %d: %w: %w", fr.lsn, ErrDamaged, err)
		if !r.s.lost("%v", err) {
			return err
		}
		o.kind, o.acc = typeText, nil
	}
	r.lsn = fr.lsn
	if r.batch = append(r.batch, o); len(r.batch) >= maxRows {
		return r.flush()
	}
	return nil
}

// blobThere checks that the file of a text exists in full: it was durable before
// the frame.
func (r *replayer) blobThere(fr *frame) error {
	if fr.blob == 0 {
		return nil
	}
	r.s.blobs.Store(max(r.s.blobs.Load(), fr.blob))
	f, err := r.s.o.FS.OpenFile(r.s.blobName(fr.blob), os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("its text: %w", err)
	}
	size, err := f.Size()
	if err = errors.Join(err, f.Close()); err == nil && size != int64(fr.textLen) {
		err = fmt.Errorf("its text %016x.eml has %d of %d bytes", fr.blob, size, fr.textLen)
	}
	return err
}

func (r *replayer) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	err := r.s.commit(r.batch)
	r.tell(r.done + r.batch[len(r.batch)-1].at.end)
	r.batch = r.batch[:0]
	return err
}
