package bolt

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"glassmail/atomicfile"
	"glassmail/mailbox"
)

// FS is the file system under journal and texts. A test puts one below the store
// that fails, runs full, or writes down what was done.
type FS interface {
	// OpenFile is os.OpenFile.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Remove removes a file.
	Remove(name string) error
	// ReadDir lists a folder.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	// Free is how many bytes can still be written below a folder.
	Free(name string) (int64, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the length of the file.
	Size() (int64, error)
	// Truncate sets the length.
	Truncate(size int64) error
	// Sync makes content and length durable.
	Sync() error
	// Datasync makes content durable, and the length if it grew.
	Datasync() error
	// Allocate reserves room from the beginning up to size, read as zeros; where
	// the system cannot it does nothing.
	Allocate(size int64) error
	// Flush begins to write out a range and does not wait; it may do nothing.
	Flush(off, n int64)
}

// SystemFS is the file system of the operating system, for those that put faults
// over it.
func SystemFS() FS { return systemFS{} }

type systemFS struct{}

func (systemFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return systemFile{f}, nil
}

func (systemFS) Remove(name string) error                   { return os.Remove(name) }
func (systemFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (systemFS) SyncDir(name string) error                  { return atomicfile.SyncDir(name) }
func (systemFS) Free(name string) (int64, error)            { return freeSpace(name) }

type systemFile struct{ *os.File }

func (f systemFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f systemFile) Datasync() error           { return datasync(f.File) }
func (f systemFile) Allocate(size int64) error { return allocate(f.File, size) }
func (f systemFile) Flush(off, n int64)        { flushRange(f.File, off, n) }

// full turns the system's word for a full disk into the mailbox's.
func full(err error) error {
	if isFull(err) {
		return errors.Join(mailbox.ErrFull, err)
	}
	return err
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuotaExceeded) || errors.Is(err, mailbox.ErrFull)
}

// passes reports whether an error is of something that the system may have again
// in a moment: file descriptors, memory, room.
func passes(err error) bool {
	return isFull(err) || tooManyFiles(err) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.EAGAIN)
}

func tooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// sparing is a file system that gives up what can be spared when there are too
// many open files, and tries once more.
type sparing struct {
	FS
	spare func()
}

func (s sparing) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := s.FS.OpenFile(name, flag, perm)
	if tooManyFiles(err) {
		s.spare()
		return s.FS.OpenFile(name, flag, perm)
	}
	return f, err
}

func (s sparing) SyncDir(name string) error {
	err := s.FS.SyncDir(name)
	if tooManyFiles(err) { // it was not opened
		s.spare()
		return s.FS.SyncDir(name)
	}
	return err
}

func (s sparing) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := s.FS.ReadDir(name)
	if tooManyFiles(err) {
		s.spare()
		return s.FS.ReadDir(name)
	}
	return e, err
}

// writeFailed reports an error of writing, in contrast to one of flushing.
func writeFailed(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && p.Op == "write"
}

// space remembers for a moment how much room the disk has.
type space struct {
	fs      FS
	dir     string
	reserve int64
	asked   atomic.Int64 // nanoseconds since start
	free    atomic.Int64
	start   time.Time
}

// room reports mailbox.ErrFull if n more bytes would touch the reserve. It asks
// the system at most ten times a second.
func (s *space) room(n int64) error {
	if s.reserve < 0 {
		return nil
	}
	t := int64(time.Since(s.start)) + 1
	last := s.asked.Load()
	if last == 0 || t-last > int64(100*time.Millisecond) {
		if s.asked.CompareAndSwap(last, t) {
			free, err := s.fs.Free(s.dir)
			if err != nil {
				free = 1 << 62 // the system does not say; writing will
			}
			s.free.Store(free)
		}
	}
	if s.free.Load()-n < s.reserve {
		return mailbox.ErrFull
	}
	return nil
}
