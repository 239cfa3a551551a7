package bolt

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
	"glassmail/store"
)

// staged is a text on its way in: in memory while it is small, else in a file of
// its own, of which buf is the piece not yet written.
type staged struct {
	s    *Store
	buf  *[]byte
	file File
	blob uint64
	done int64 // bytes in file
	size int64
	crc  uint32
	used bool
}

// Stage opens room for one message text.
func (s *Store) Stage(ctx context.Context, hint int64) (store.Staged, error) {
	if err := errors.Join(ctx.Err(), s.alive()); err != nil {
		return nil, err
	}
	if hint > MaxText {
		return nil, fmt.Errorf("a text of %d bytes: %w", hint, mailbox.ErrInvalid)
	}
	if err := s.space.room(max(hint, 0)); err != nil {
		return nil, err
	}
	buf, _ := s.buffers.Get().(*[]byte)
	if buf == nil {
		b := make([]byte, 0, 8<<10)
		buf = &b
	}
	*buf = (*buf)[:0]
	t := &staged{s: s, buf: buf}
	if hint > int64(s.o.InlineSize) {
		if err := t.spill(); err != nil {
			t.Discard()
			return nil, err
		}
	}
	return t, nil
}

// Size is the number of bytes written so far.
func (t *staged) Size() int64 { return t.size }

// Write adds to the text.
func (t *staged) Write(p []byte) (int, error) {
	if t.used {
		return 0, errUsed
	}
	if t.size+int64(len(p)) > MaxText {
		return 0, fmt.Errorf("a text of more than %d bytes: %w", int64(MaxText), mailbox.ErrInvalid)
	}
	t.crc = crc32.Update(t.crc, castagnoli(), p)
	t.size += int64(len(p))
	n := len(p)
	for len(p) > 0 {
		if len(*t.buf) == t.s.o.InlineSize {
			if err := t.writeOut(); err != nil {
				return n - len(p), err
			}
		}
		k := min(len(p), t.s.o.InlineSize-len(*t.buf))
		*t.buf = append(*t.buf, p[:k]...)
		p = p[k:]
	}
	return n, nil
}

var errUsed = fmt.Errorf("the text was accepted or discarded: %w", mailbox.ErrInvalid)

// ReadAt reads back what was written.
func (t *staged) ReadAt(p []byte, off int64) (int, error) {
	if t.used {
		return 0, errUsed
	}
	if off < 0 {
		return 0, fmt.Errorf("offset %d: %w", off, mailbox.ErrInvalid)
	}
	n := 0
	if off < t.done {
		k, err := t.file.ReadAt(p[:min(int64(len(p)), t.done-off)], off)
		if n += k; err != nil && err != io.EOF {
			return n, err
		}
	}
	if at := off + int64(n) - t.done; n < len(p) && at >= 0 && at < int64(len(*t.buf)) {
		n += copy(p[n:], (*t.buf)[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// spill makes the text's own file.
func (t *staged) spill() (err error) {
	for {
		t.blob = t.s.blobs.Add(1)
		t.file, err = t.s.o.FS.OpenFile(t.s.blobName(t.blob), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return full(err)
		}
	}
}

// writeOut empties the buffer into the file and gets the disk going, so that the
// flush at the end is short: all others' flushes would wait for it.
func (t *staged) writeOut() error {
	if t.file == nil {
		if err := t.spill(); err != nil {
			return err
		}
	}
	if err := t.s.space.room(int64(len(*t.buf))); err != nil {
		return err
	}
	if _, err := t.file.WriteAt(*t.buf, t.done); err != nil {
		return full(err)
	}
	const step = 1 << 20
	end := t.done + int64(len(*t.buf))
	if from, to := t.done&^(step-1), end&^(step-1); to > from {
		t.file.Flush(from, to-from)
	}
	t.done, *t.buf = end, (*t.buf)[:0]
	return nil
}

// seal makes a text with its own file durable.
func (t *staged) seal() error {
	if t.file == nil {
		return nil
	}
	if len(*t.buf) > 0 {
		if err := t.writeOut(); err != nil {
			return err
		}
	}
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("flush of a message text: %w", full(err))
	}
	if err := t.file.Close(); err != nil {
		return err
	}
	t.file = nil
	return t.s.o.FS.SyncDir(t.s.blobDir())
}

// Discard throws the text away; after Accept it does nothing.
func (t *staged) Discard() {
	if t.used {
		return
	}
	t.used = true
	t.recycle()
	if t.file != nil {
		t.file.Close()
	}
	if t.blob != 0 {
		_ = t.s.o.FS.Remove(t.s.blobName(t.blob)) // or the next start does
	}
}

func (t *staged) recycle() {
	if t.buf != nil {
		t.s.buffers.Put(t.buf)
		t.buf = nil
	}
}

// take checks that a text is this store's and is fresh.
func (s *Store) take(st store.Staged) (*staged, error) {
	t, ok := st.(*staged)
	if !ok || t.s != s {
		return nil, fmt.Errorf("the text is not of this store: %w", mailbox.ErrInvalid)
	}
	if t.used {
		return nil, errUsed
	}
	return t, nil
}

// load moves a sealed text into an operation; the text is used up.
func (t *staged) load(o *op) {
	t.used = true
	o.head.textCRC, o.head.textLen, o.head.blob = t.crc, uint32(t.size), t.blob
	if t.blob != 0 {
		t.recycle()
		return
	}
	o.body, o.buffer, t.buf = *t.buf, t.buf, nil
}

func (s *Store) blobDir() string { return filepath.Join(s.dir, "blobs") }

func (s *Store) blobName(n uint64) string {
	return filepath.Join(s.blobDir(), fmt.Sprintf("%016x.eml", n))
}

// unlinks removes files of texts that nobody refers to, but not while a backup
// collects files.
type unlinks struct {
	mu     sync.Mutex
	paused bool
	later  []uint64
}

func (u *unlinks) remove(s *Store, blobs []uint64) {
	if len(blobs) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.paused {
		u.later = append(u.later, blobs...)
		return
	}
	for _, b := range blobs {
		_ = s.o.FS.Remove(s.blobName(b)) // or the next start does
	}
}

func (u *unlinks) pause() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.paused = true
}

func (u *unlinks) resume(s *Store) {
	u.mu.Lock()
	u.paused = false
	later := u.later
	u.later = nil
	u.mu.Unlock()
	u.remove(s, later)
}

// sweep removes files of texts that were never accepted, left by a crash. It looks
// only at files from before the start.
func (s *Store) sweep(upTo uint64) error {
	files, err := numbered(s.o.FS, s.blobDir(), ".eml")
	if err != nil {
		return err
	}
	for len(files) > 0 && files[0] <= upTo {
		var orphans []uint64
		chunk := files[:min(len(files), maxRows)]
		files = files[len(chunk):]
		err := s.view(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucketBlob))
			for _, f := range chunk {
				if f <= upTo && b.Get(key64(f)) == nil {
					orphans = append(orphans, f)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.unlinks.remove(s, orphans)
	}
	return nil
}
