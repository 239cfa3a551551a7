package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// looksInside is the size from which a file is looked at for room that is not
// written.
const looksInside = 1 << 20

// fileUse is the number of bytes that a file or folder takes on the disk.
func fileUse(path string, d fs.DirEntry) (int64, error) {
	info, err := d.Info()
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Size(), nil
	}
	use := st.Blocks * 512
	if !info.Mode().IsRegular() || use < looksInside {
		return use, nil
	}
	written, err := writtenBytes(path)
	return min(use, written), err
}

// writtenBytes adds up the parts of a file that hold data (lseek(2), SEEK_DATA):
// room from fallocate(2) is none of it.
func writtenBytes(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var sum, at int64
	for {
		data, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // no data after at
			return sum, nil
		} else if err != nil {
			return 0, err
		}
		if at, err = f.Seek(data, unix.SEEK_HOLE); err != nil {
			return 0, err
		}
		sum += at - data
	}
}
