//go:build !linux

package main

import "io/fs"

// fileUse is the length of a file.
func fileUse(_ string, d fs.DirEntry) (int64, error) {
	info, err := d.Info()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
