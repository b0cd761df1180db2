package load

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm wakes its one owner with the precision of the kernel's timers, some 60 µs. Timers of the Go runtime are up to a
// millisecond late while all else is idle, because it then waits in epoll, which counts in milliseconds; a timer of the
// kernel ends that wait. Sleeping in the kernel instead would keep one of the GOMAXPROCS places meanwhile.
type alarm struct{ timer *os.File } // nil where the kernel gives none

func newAlarm() *alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return &alarm{}
	}
	return &alarm{timer: os.NewFile(uintptr(fd), "timerfd")}
}

// sleep may end early: who sleeps looks at the clock again.
func (a *alarm) sleep(d time.Duration) {
	if a.timer == nil || !a.set(d) {
		time.Sleep(d)
		return
	}
	var expirations [8]byte
	_, _ = a.timer.Read(expirations[:])
}

func (a *alarm) set(d time.Duration) bool {
	raw, err := a.timer.SyscallConn()
	if err != nil {
		return false
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		setErr = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, d.Nanoseconds()))},
			nil)
	})
	return err == nil && setErr == nil
}

func (a *alarm) close() {
	if a.timer != nil {
		_ = a.timer.Close()
	}
}
