//go:build !linux

package load

import "time"

// alarm is as precise as the runtime's timers.
type alarm struct{}

func newAlarm() *alarm               { return &alarm{} }
func (*alarm) sleep(d time.Duration) { time.Sleep(d) }
func (*alarm) close()                {}
