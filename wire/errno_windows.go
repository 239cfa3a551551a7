package wire

import (
	"errors"
	"syscall"
)

// Winsock's numbers: syscall does not name them.
const (
	wsaEACCES        = syscall.Errno(10013)
	wsaEADDRINUSE    = syscall.Errno(10048)
	wsaEADDRNOTAVAIL = syscall.Errno(10049)
)

func isInUse(err error) bool     { return errors.Is(err, wsaEADDRINUSE) }
func isForbidden(err error) bool { return errors.Is(err, wsaEACCES) }
func isNoAddress(err error) bool { return errors.Is(err, wsaEADDRNOTAVAIL) }
