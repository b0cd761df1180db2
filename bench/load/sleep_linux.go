package load

import (
	"syscall"
	"time"
)

// preciseSleep sleeps with the precision of the kernel's timers, about 60 µs. Timers of the Go runtime are up to a
// millisecond late while all else is idle, because it then waits in epoll, which counts in milliseconds.
func preciseSleep(d time.Duration) {
	spec := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&spec, nil) // a signal ends it early: who sleeps here looks at the clock again
}
