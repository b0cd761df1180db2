package loop

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunPausesOnlyWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, passes := time.Now(), 0
		Job{Name: "test", Log: slog.New(slog.DiscardHandler), Interval: time.Minute}.Run(ctx,
			func(context.Context) (bool, error) {
				passes++
				if passes == 6 {
					cancel()
				}
				return passes <= 3, nil // 1, 2, 3 work; 4 and 5 pause
			})
		if took := time.Since(start); passes != 6 || took != 2*time.Minute {
			t.Errorf("%d passes in %v, want 6 in 2m0s", passes, took)
		}
	})
}

func TestRunBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, passes := time.Now(), 0
		var at []time.Duration
		Job{Name: "test", Log: slog.New(slog.DiscardHandler), Interval: time.Second}.Run(ctx,
			func(context.Context) (bool, error) {
				at = append(at, time.Since(start))
				passes++
				switch passes {
				case 1, 2, 5:
					return false, errors.New("down")
				case 6:
					cancel()
				}
				return true, nil
			})
		want := []time.Duration{0, 50 * time.Millisecond, 150 * time.Millisecond, 150 * time.Millisecond,
			150 * time.Millisecond, 200 * time.Millisecond}
		for i := range want {
			if at[i] != want[i] {
				t.Fatalf("passes at %v, want %v", at, want)
			}
		}
	})
}

// A pass that leaves alone what failed is no success: the failure is logged once until what failed works again.
func TestWaitingIsNoSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log bytes.Buffer
		start, passes := time.Now(), 0
		Job{Name: "test", Log: slog.New(slog.NewTextHandler(&log, nil)), Interval: time.Second}.Run(ctx,
			func(context.Context) (bool, error) {
				passes++
				switch passes {
				case 1, 4:
					return false, errors.New("down")
				case 2, 3, 5: // pauses after 3 and 5
					return passes == 2, ErrWaiting
				case 7:
					cancel()
				}
				return true, nil
			})
		failed, works := strings.Count(log.String(), "level=ERROR"), strings.Count(log.String(), "works again")
		if failed != 1 || works != 1 {
			t.Errorf("logged %d failures and %d times that it works again, want one each:\n%s", failed, works, &log)
		}
		if took, want := time.Since(start), 2*time.Second+150*time.Millisecond; took != want {
			t.Errorf("the passes took %v, want %v", took, want)
		}
	})
}

func TestWakeEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		wake := make(chan struct{}, 1)
		start, passes := time.Now(), 0
		Job{Name: "test", Log: slog.New(slog.DiscardHandler), Interval: time.Hour, Wake: wake}.Run(ctx,
			func(context.Context) (bool, error) {
				passes++
				if passes == 2 {
					cancel()
				}
				wake <- struct{}{}
				return false, nil
			})
		if took := time.Since(start); took != 0 {
			t.Errorf("the pause lasted %v", took)
		}
	})
}

// A job that waited for something in its pass does not rest fifty times as long.
func TestYieldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, passes := time.Now(), 0
		Job{Name: "test", Log: slog.New(slog.DiscardHandler), Yield: func() bool { return true },
			MostRest: 10 * time.Second}.Run(ctx, func(context.Context) (bool, error) {
			if passes++; passes == 4 {
				cancel()
			}
			time.Sleep(2 * time.Second)
			return true, nil
		})
		if took := time.Since(start); took != 3*12*time.Second+2*time.Second {
			t.Errorf("four passes took %v", took)
		}
	})
}

func TestYieldLeavesTheMachineToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		var at []time.Duration
		crowded := func() bool { return time.Since(start) < 105*time.Second }
		Job{Name: "test", Log: slog.New(slog.DiscardHandler), Yield: crowded}.Run(ctx,
			func(context.Context) (bool, error) {
				at = append(at, time.Since(start))
				if len(at) == 5 {
					cancel()
				}
				time.Sleep(time.Second)
				return true, nil
			})
		// A fiftieth of the time, until the crowd is gone: then the rest of the pause is dropped.
		want := []time.Duration{0, 50 * time.Second, 100 * time.Second, 105*time.Second + 80*time.Millisecond,
			106*time.Second + 80*time.Millisecond}
		for i := range want {
			if at[i] != want[i] {
				t.Fatalf("passes at %v, want %v", at, want)
			}
		}
	})
}
