//go:build !linux

package bolt

import "os"

func datasync(f *os.File) error { return f.Sync() }

func allocate(*os.File, int64) error { return nil }

func flushRange(*os.File, int64, int64) {}
