// Package atomicfile writes small files, such as keys, tokens and addresses, so
// that a loss of power leaves either the old file or the whole new one.
//
// A file is written under a temporary name, flushed, and given its name; then the
// folder is flushed, since a name is part of the folder and not of the file. What
// a crash leaves of a file that was not finished ends in ".new" and is of no use.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Private is the mode of files that only their owner may read: keys, tokens, and
// all that shows what people wrote.
const Private fs.FileMode = 0o600

// Write puts content into the file called name, in place of what was there. When
// it returns nil, the file is on the disk; on an error the old file is as it was,
// unless only the last step failed, the flush of the folder.
func Write(name string, content []byte, mode fs.FileMode) error {
	f, err := Create(name, mode)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Commit()
}

// File is a file on its way. It has its name once Commit has returned nil.
type File struct {
	*os.File
	name string
	over bool
}

// Create begins a file that Commit will call name.
func Create(name string, mode fs.FileMode) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.new")
	if err != nil {
		return nil, err
	}
	file := &File{File: f, name: name}
	if mode != Private { // the mode that CreateTemp gives
		if err := f.Chmod(mode); err != nil {
			file.Discard()
			return nil, err
		}
	}
	return file, nil
}

// Commit makes the file durable and gives it its name.
func (f *File) Commit() error {
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.File.Name(), f.name)
	}
	if err != nil {
		return err
	}
	f.over = true
	return SyncDir(filepath.Dir(f.name))
}

// Discard throws the file away; after a Commit that gave it its name it does
// nothing.
func (f *File) Discard() {
	if f.over {
		return
	}
	f.over = true
	f.Close()
	os.Remove(f.File.Name())
}

// MkdirAll makes a folder and those above it that are missing, durably.
func MkdirAll(dir string, mode fs.FileMode) error {
	dir = filepath.Clean(dir)
	var within []string // folders that get a new name in them
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || filepath.Dir(d) == d {
			break
		}
		within = append(within, filepath.Dir(d))
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	for _, d := range within {
		if err := SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}
