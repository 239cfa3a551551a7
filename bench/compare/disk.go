package main

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// diskUse is the number of bytes that a folder takes on the disk, folders
// themselves included. Room that a file has set aside but not written yet does
// not count. Files that disappear meanwhile count nothing.
func diskUse(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			var n int64
			n, err = fileUse(path, d)
			sum += n
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return sum, err
}
