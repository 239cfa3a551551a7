package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A segment file begins with
//
//	 0  magic    "GLASSJNL"
//	 8  format   1
//	12  number   of the segment, as in its name
//	16  store    16 random bytes, the same in all files of one store
//	32  base     LSN of its first frame
//	40  CRC      CRC-32C of bytes 0 to 39
//	44           zeros
//	64  frames
const (
	segmentMagic  = "GLASSJNL"
	segmentFormat = 1
	segmentHead   = 64
)

type storeID [16]byte

func segmentName(dir string, seg uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%08x.seg", seg))
}

// numbered lists the files in dir that are called by a hexadecimal number.
func numbered(fsys FS, dir, suffix string) ([]uint64, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var ids []uint64
	for _, e := range entries {
		if hex, ok := strings.CutSuffix(e.Name(), suffix); ok {
			if id, err := strconv.ParseUint(hex, 16, 64); err == nil {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func segmentHeader(seg uint32, id storeID, base uint64) []byte {
	b := make([]byte, segmentHead)
	le := binary.LittleEndian
	copy(b, segmentMagic)
	le.PutUint32(b[8:], segmentFormat)
	le.PutUint32(b[12:], seg)
	copy(b[16:], id[:])
	le.PutUint64(b[32:], base)
	le.PutUint32(b[40:], checksum(b[:40]))
	return b
}

// wholeHeader reports whether a segment has an undamaged header, of whatever store.
func wholeHeader(f io.ReaderAt) (bool, error) {
	b := make([]byte, segmentHead)
	if n, err := f.ReadAt(b, 0); n < segmentHead {
		if err == io.EOF {
			err = nil
		}
		return false, err
	}
	return string(b[:8]) == segmentMagic && binary.LittleEndian.Uint32(b[40:]) == checksum(b[:40]), nil
}

// checkSegment reads a segment's header and returns the LSN of its first frame.
func checkSegment(f io.ReaderAt, seg uint32, id storeID) (base uint64, err error) {
	b := make([]byte, segmentHead)
	switch _, err := f.ReadAt(b, 0); {
	case err == io.EOF:
		return 0, fmt.Errorf("segment %08x: %w: it is shorter than its header", seg, ErrDamaged)
	case err != nil:
		return 0, fmt.Errorf("segment %08x: its header cannot be read: %w", seg, err)
	}
	le := binary.LittleEndian
	switch {
	case string(b[:8]) != segmentMagic || le.Uint32(b[40:]) != checksum(b[:40]):
		return 0, fmt.Errorf("segment %08x: %w: its header is not one", seg, ErrDamaged)
	case le.Uint32(b[8:]) != segmentFormat:
		return 0, fmt.Errorf("segment %08x has format %d, this version knows up to %d: %w", seg, le.Uint32(b[8:]), segmentFormat, ErrFormat)
	case le.Uint32(b[12:]) != seg || storeID(b[16:32]) != id:
		return 0, fmt.Errorf("segment %08x: %w: it belongs to another store or place", seg, ErrDamaged)
	}
	return le.Uint64(b[32:]), nil
}

// frameReader reads a segment's frames one after the other.
type frameReader struct {
	f    io.ReaderAt
	seg  uint32
	off  int64 // of the next frame
	size int64 // of the file
	win  []byte
	at   int64 // offset of win
	fr   frame
}

const readWindow = 1 << 20

func newFrameReader(f File, seg uint32, off int64) (*frameReader, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return &frameReader{f: f, seg: seg, off: max(off, segmentHead), size: size}, nil
}

// badFrame says that bytes that should be a frame are none.
type badFrame struct{ cause error }

func (e badFrame) Error() string { return e.cause.Error() }

// next returns the next frame; io.EOF where the segment ends, badFrame where
// something else stands.
func (r *frameReader) next() (*frame, error) {
	if r.off+frameHead > r.size {
		if r.off < r.size && !r.zero(r.size-r.off) {
			return nil, badFrame{errors.New("a piece of a frame")}
		}
		return nil, io.EOF
	}
	b, err := r.window(frameHead)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(b) == 0 {
		return nil, io.EOF
	}
	h, err := parseHead(b)
	if err != nil {
		return nil, badFrame{err}
	}
	if r.off+h.size() > r.size {
		return nil, badFrame{fmt.Errorf("frame %d is longer than its file", h.lsn)}
	}
	if b, err = r.window(h.size()); err != nil {
		return nil, err
	}
	r.fr = frame{head: h, seg: r.seg, off: r.off}
	if err := r.fr.split(b[:frameHead], b[frameHead:]); err != nil {
		return nil, badFrame{err}
	}
	r.off += h.size()
	return &r.fr, nil
}

// window returns n bytes at r.off.
func (r *frameReader) window(n int64) ([]byte, error) {
	if r.off >= r.at && r.off+n <= r.at+int64(len(r.win)) {
		return r.win[r.off-r.at:][:n], nil
	}
	want := min(max(n, readWindow), r.size-r.off)
	if int64(cap(r.win)) < want {
		r.win = make([]byte, want)
	}
	r.win, r.at = r.win[:want], r.off
	got, err := r.f.ReadAt(r.win, r.off)
	if int64(got) < n && err != nil {
		r.win = nil
		return nil, fmt.Errorf("segment %08x: %w", r.seg, err)
	}
	r.win = r.win[:got]
	return r.win[:n], nil
}

// zero reports whether the next n bytes are all zero.
func (r *frameReader) zero(n int64) bool {
	zeros := make([]byte, 64<<10)
	for n > 0 {
		k := min(n, int64(len(zeros)))
		b, err := r.window(k)
		if err != nil || !bytes.Equal(b, zeros[:k]) {
			return false
		}
		r.off += k
		n -= k
	}
	return true
}

// skip goes on to the next frame that can be read and is later than lsn.
func (r *frameReader) skip(lsn uint64) bool {
	return r.find(func(fr *frame) bool { return fr.lsn > lsn })
}

// claims looks for frames after r.off that say that lsn was durable when they
// were written.
func (r *frameReader) claims(lsn uint64) bool {
	return r.find(func(fr *frame) bool { return fr.synced >= lsn })
}

// find goes on to the next readable frame that is wanted.
func (r *frameReader) find(wanted func(*frame) bool) bool {
	magic := binary.LittleEndian.AppendUint32(nil, frameMagic)
	for r.off = (r.off + 7) &^ 7; r.off+frameHead <= r.size; {
		b, err := r.window(min(readWindow/2, r.size-r.off))
		if err != nil {
			return false
		}
		i := bytes.Index(b, magic)
		if i < 0 {
			r.off += max(8, int64(len(b)-len(magic))&^7)
			continue
		}
		r.off += int64(i) &^ 7
		if i&7 == 0 {
			at := r.off
			fr, err := r.next()
			r.off = at
			if err == nil && wanted(fr) {
				return true
			}
		}
		r.off += 8
	}
	return false
}

// segments keeps the segment files that readers have open.
type segments struct {
	fs  FS
	dir string

	mu   sync.Mutex
	open map[uint32]*segment
}

// segment is an open segment file. It is closed when it is neither used nor kept.
type segment struct {
	File
	users int
	kept  bool
}

// maxOpen is how many segment files stay open while nobody reads them.
const maxOpen = 64

// get opens a segment for reading; the caller gives it back by put.
func (s *segments) get(seg uint32) (*segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.open[seg]; h != nil {
		h.users++
		return h, nil
	}
	f, err := s.fs.OpenFile(segmentName(s.dir, seg), os.O_RDONLY, 0)
	if tooManyFiles(err) {
		s.closeIdle()
		f, err = s.fs.OpenFile(segmentName(s.dir, seg), os.O_RDONLY, 0)
	}
	if err != nil {
		return nil, err
	}
	for id, h := range s.open {
		if len(s.open) < maxOpen {
			break
		}
		if h.users == 0 {
			s.forget(id, h)
		}
	}
	h := &segment{File: f, users: 1, kept: true}
	s.open[seg] = h
	return h, nil
}

func (s *segments) put(h *segment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	if h.users == 0 && !h.kept {
		return h.Close()
	}
	return nil
}

// forget lets a segment go; its last reader closes it.
func (s *segments) forget(seg uint32, h *segment) {
	delete(s.open, seg)
	h.kept = false
	if h.users == 0 {
		h.Close()
	}
}

// remove unlinks a segment. Readers that have it open go on reading.
func (s *segments) remove(seg uint32) error {
	s.mu.Lock()
	if h := s.open[seg]; h != nil {
		s.forget(seg, h)
	}
	s.mu.Unlock()
	err := s.fs.Remove(segmentName(s.dir, seg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// spare closes the files that nobody reads at this time.
func (s *segments) spare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeIdle()
}

func (s *segments) closeIdle() {
	for id, h := range s.open {
		if h.users == 0 {
			s.forget(id, h)
		}
	}
}

func (s *segments) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, h := range s.open {
		s.forget(id, h)
	}
}
