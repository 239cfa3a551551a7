package api

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"glassmail/mailbox"
)

// spoolPrefix begins the names of spools.
const spoolPrefix = "upload-"

// spool is a temporary file with what one request brings along, so that no more than
// a buffer of it is in memory. It is made when there is something to write. remove
// takes it away; ClearUploads takes away what a crash left.
type spool struct {
	dir  string // "" is the system's folder for such files
	file *os.File
	size int64
	err  error // the first failure to write
}

// Write appends.
func (s *spool) Write(p []byte) (int, error) {
	if s.err == nil && s.file == nil {
		s.file, s.err = os.CreateTemp(s.dir, spoolPrefix)
	}
	if s.err != nil {
		s.err = spoolFault(s.err)
		return 0, s.err
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		s.err = spoolFault(err)
	}
	return n, s.err
}

// spoolFault says what the system lacks, where it is that.
func spoolFault(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return errors.Join(mailbox.ErrFull, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fault(http.StatusServiceUnavailable, "too many files are open at this time; try again")
	}
	return fmt.Errorf("keep an attachment while it is read: %w", err)
}

// take appends all of r, and returns what was appended.
func (s *spool) take(r io.Reader) (content, error) {
	at := s.size
	_, err := io.Copy(s, r)
	if s.err != nil {
		return content{}, s.err
	}
	return content{s, at, s.size - at}, err
}

// remove closes the file and takes it away.
func (s *spool) remove() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
		s.file = nil
	}
}

// content is a stretch of a spool.
type content struct {
	spool    *spool
	at, size int64
}

// open reads the stretch from its beginning, as often as it is asked for.
func (c content) open() io.Reader {
	if c.size == 0 {
		return strings.NewReader("")
	}
	return io.NewSectionReader(c.spool.file, c.at, c.size)
}

// ClearUploads makes the folder for what requests bring along, and takes away what a
// process that was cut off has left there. No other process may use the folder.
func ClearUploads(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder for uploads: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, spoolPrefix+"*"))
	for _, name := range left {
		if gone := os.Remove(name); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	if err != nil {
		return fmt.Errorf("take away old uploads: %w", err)
	}
	return nil
}
