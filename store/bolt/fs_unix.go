//go:build unix

package bolt

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func freeSpace(name string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

const errQuotaExceeded = unix.EDQUOT

// lockFile takes the lock that keeps two processes out of one folder. It ends
// with the process, however that ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, err
		}
		b := make([]byte, 64)
		n, _ := f.ReadAt(b, 0)
		return nil, fmt.Errorf("%w (%s)", ErrInUse, strings.TrimSpace(string(b[:n])))
	}
	return f, nil
}
