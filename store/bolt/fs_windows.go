package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

const errQuotaExceeded = windows.ERROR_DISK_FULL

func freeSpace(name string) (int64, error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(free), nil
}

// lockFile takes the lock that keeps two processes out of one folder. It ends
// with the process, however that ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	const far = 1 << 30 // beyond what is written: a lock here keeps nobody from reading
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: far})
	if err == nil {
		return f, nil
	}
	defer f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		b, _ := os.ReadFile(filepath.Clean(name))
		return nil, fmt.Errorf("%w (%s)", ErrInUse, b)
	}
	return nil, err
}
