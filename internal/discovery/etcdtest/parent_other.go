//go:build !linux

package etcdtest

import "syscall"

// withParent makes a process that Ctrl-C does not reach.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
