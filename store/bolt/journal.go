package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// journal appends frames to the newest segment. It belongs to one goroutine.
//
// At any instant everything up to synced is durable, and no frame is in a segment
// before one of a lower number. Frames in buf have numbers but are nowhere yet.
type journal struct {
	fs   FS
	dir  string
	id   storeID
	size int64 // of a segment

	f      File
	seg    uint32
	off    int64  // where buf goes
	lsn    uint64 // given out last
	synced uint64 // durable up to here
	buf    []byte
}

// place is where a frame is.
type place struct {
	seg uint32
	off int64
	end int64
	lsn uint64
}

// add numbers a frame and puts it into the buffer.
func (j *journal) add(h *head, record, body []byte, meta func([]byte) []byte) place {
	j.lsn++
	h.lsn, h.synced = j.lsn, j.synced
	p := place{seg: j.seg, off: j.off + int64(len(j.buf)), lsn: j.lsn}
	j.buf = appendFrame(j.buf, h, record, body, meta)
	p.end = j.off + int64(len(j.buf))
	return p
}

// reserve begins a new segment if n more bytes are too many for this one.
func (j *journal) reserve(n int64) error {
	if j.f != nil && (j.off == segmentHead || j.off+n <= j.size) {
		return nil
	}
	return j.roll()
}

// roll goes on in a new segment. Everything in the old one is durable already, and
// nothing is in the new one: an error leaves the journal as it was.
func (j *journal) roll() error {
	seg := j.seg + 1
	f, err := j.create(segmentName(j.dir, seg))
	if err != nil {
		return fmt.Errorf("new segment: %w", err)
	}
	if err := j.prepare(f, seg); err != nil {
		return errors.Join(fmt.Errorf("new segment: %w", err), f.Close(), j.fs.Remove(segmentName(j.dir, seg)))
	}
	if j.f != nil {
		// What was reserved and not used; of no consequence if it stays, and all that
		// was used was flushed before.
		_, _ = j.f.Truncate(j.off), j.f.Close()
	}
	j.f, j.seg, j.off = f, seg, segmentHead
	return nil
}

// create makes the file of a segment that follows the last one. One that is there
// is from an attempt that failed, and could not be removed then.
func (j *journal) create(name string) (File, error) {
	f, err := j.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := j.fs.Remove(name); err != nil {
		return nil, err
	}
	return j.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (j *journal) prepare(f File, seg uint32) error {
	if err := f.Allocate(j.size); err != nil {
		return err
	}
	if _, err := f.WriteAt(segmentHeader(seg, j.id, j.lsn+1), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return j.fs.SyncDir(j.dir)
}

// flush makes the buffer durable. A full disk leaves the journal as it was before
// the first add since the last flush; any other error leaves it unusable.
func (j *journal) flush() error {
	if len(j.buf) == 0 {
		return nil
	}
	if _, err := j.f.WriteAt(j.buf, j.off); err != nil {
		if isFull(err) {
			return j.undo(err)
		}
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.f.Datasync(); err != nil {
		return fmt.Errorf("journal: flush: %w", flushError{err})
	}
	j.off += int64(len(j.buf))
	j.synced = j.lsn
	j.empty()
	return nil
}

// empty drops the buffer, and its memory if a large group made it large.
func (j *journal) empty() {
	if cap(j.buf) > 2<<20 {
		j.buf = nil
	}
	j.buf = j.buf[:0]
}

// undo takes back frames that did not fit on the disk. What was written of them
// must never be taken for frames that were accepted.
func (j *journal) undo(cause error) error {
	j.empty()
	j.lsn = j.synced
	if err := j.f.Truncate(j.off); err != nil {
		return fmt.Errorf("journal: take back after %v: %w", cause, flushError{err})
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("journal: take back after %v: %w", cause, flushError{err})
	}
	return full(cause)
}

// flushError is an error after which nobody knows what is on the disk. It hides
// what it wraps, so that a full disk noticed by a flush is not taken for one that
// was noticed by a write.
type flushError struct{ cause error }

func (e flushError) Error() string { return e.cause.Error() }

// close gives back what was reserved and not used.
func (j *journal) close() error {
	if j.f == nil {
		return nil
	}
	return errors.Join(j.f.Truncate(j.off), j.f.Sync(), j.f.Close())
}
