//go:build unix

package wire

import (
	"errors"
	"syscall"
)

func isInUse(err error) bool     { return errors.Is(err, syscall.EADDRINUSE) }
func isForbidden(err error) bool { return errors.Is(err, syscall.EACCES) }
func isNoAddress(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }
