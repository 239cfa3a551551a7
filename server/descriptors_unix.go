//go:build unix

package server

import (
	"math"
	"syscall"
)

// fileLimit is how many file descriptors the process may have; 0 if it has no
// limit that matters. Go's runtime has raised the soft limit to the hard one.
func fileLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil || uint64(r.Cur) > math.MaxInt32 {
		return 0
	}
	return int(r.Cur)
}
