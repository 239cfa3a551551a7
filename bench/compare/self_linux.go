package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// ownCPU is the processor time that this process has taken, without its children.
func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
