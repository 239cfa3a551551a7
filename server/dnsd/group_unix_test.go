//go:build unix

package dnsd_test

import "syscall"

// ownGroup puts a program and its children into a process group of their own.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
