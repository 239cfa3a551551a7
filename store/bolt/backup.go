package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"glassmail/atomicfile"
)

// Backup makes a copy of the store in a folder that is empty or not there, while
// the store works. The copy is a store of its own, as of some instant during the
// call: everything acknowledged before the call is in it. Files that never change
// again are hard-linked where that is possible, so that it costs little; a copy on
// the same disk does not protect from the loss of the disk.
func (s *Store) Backup(ctx context.Context, dir string) error {
	s.care.Lock()
	defer s.care.Unlock()
	s.unlinks.pause() // nothing that the copy of the index refers to may go
	defer s.unlinks.resume(s)
	if err := s.backup(ctx, dir); err != nil {
		return fmt.Errorf("backup to %s: %w", dir, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, dir string) error {
	if err := s.alive(); err != nil {
		return err
	}
	if found, err := os.ReadDir(dir); err == nil && len(found) > 0 {
		return fs.ErrExist
	}
	journal, blobs := filepath.Join(dir, "journal"), filepath.Join(dir, "blobs")
	for _, d := range []string{dir, journal, blobs} {
		if err := atomicfile.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	if err := s.copyIndex(filepath.Join(dir, "index.db")); err != nil {
		return err
	}
	// Later than the index: what lies between is brought in when the copy is opened.
	if err := s.copySegments(ctx, journal, s.end.Load()); err != nil {
		return err
	}
	if err := s.copyBlobs(ctx, blobs); err != nil {
		return err
	}
	return errors.Join(atomicfile.SyncDir(journal), atomicfile.SyncDir(blobs), atomicfile.SyncDir(dir))
}

// copySegments copies the journal up to end.
func (s *Store) copySegments(ctx context.Context, dir string, end *place) error {
	segs, err := numbered(s.o.FS, s.segments.dir, ".seg")
	for _, id := range segs {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		from, to := segmentName(s.segments.dir, uint32(id)), segmentName(dir, uint32(id))
		switch {
		case end == nil || uint32(id) > end.seg:
			return nil
		case uint32(id) == end.seg: // it goes on being written
			err = copyFile(from, to, end.end)
		default:
			err = linkFile(from, to)
		}
	}
	return err
}

func (s *Store) copyBlobs(ctx context.Context, dir string) error {
	files, err := numbered(s.o.FS, s.blobDir(), ".eml")
	for _, id := range files {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		err = linkFile(s.blobName(id), filepath.Join(dir, filepath.Base(s.blobName(id))))
		if errors.Is(err, fs.ErrNotExist) { // of an upload that was given up
			err = nil
		}
	}
	return err
}

func (s *Store) copyIndex(to string) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	return errors.Join(err, f.Sync(), f.Close())
}

// linkFile gives a file a second name, or copies it if the file system cannot.
func linkFile(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	return copyFile(from, to, -1)
}

// copyFile copies the first n bytes; -1 means all.
func copyFile(from, to string, n int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if n < 0 {
		_, err = io.Copy(out, in)
	} else {
		_, err = io.CopyN(out, in, n)
	}
	return errors.Join(err, out.Sync(), out.Close())
}
