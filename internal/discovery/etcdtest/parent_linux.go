package etcdtest

import "syscall"

// withParent makes a process that this one takes along when it dies, and that Ctrl-C does not reach.
func withParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
