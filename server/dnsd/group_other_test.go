//go:build !unix

package dnsd_test

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }
