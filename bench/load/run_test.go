package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// within allows for what a histogram rounds.
func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if off := (got - want).Abs(); off > want/200+time.Microsecond {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

func TestOpenKeepsItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		seen := make(map[int64]time.Duration)
		var points []Point
		r := Open(t.Context(), Even(Segment{For: 10 * time.Second, Rate: 100}), Options{
			sleep: time.Sleep, Observe: func(p Point) { points = append(points, p) },
		}, func(_ int, n int64) error {
			mu.Lock()
			seen[n] = time.Since(began)
			mu.Unlock()
			time.Sleep(3 * time.Millisecond)
			return nil
		})
		if r.Done != 1000 || r.Errors != 0 || r.Waited != 0 || r.Unsent != 0 {
			t.Errorf("%d done, %d errors, %d waited, %d unsent", r.Done, r.Errors, r.Waited, r.Unsent)
		}
		for n, at := range seen {
			if due := time.Duration(n) * 10 * time.Millisecond; at < due-time.Nanosecond || at > due+pacerTick {
				t.Errorf("request %d left at %v", n, at)
			}
		}
		if r.Elapsed != 10*time.Second || r.PerSecond() != 100 {
			t.Errorf("%v, %v a second", r.Elapsed, r.PerSecond())
		}
		within(t, "p50", r.Quantile(.5), 3*time.Millisecond)
		if len(points) < 9 || len(points) > 11 || points[3].PerSecond < 98 || points[3].PerSecond > 102 {
			t.Errorf("%d points, the fourth with %v a second", len(points), points[3].PerSecond)
		}
	})
}

// TestOpenCountsFromTheSchedule lets the target stand still for a second: every request of that second has waited,
// though few of them were outstanding at once.
func TestOpenCountsFromTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		stall := func(int, int64) error {
			if at := time.Since(began); at >= 4*time.Second && at < 5*time.Second {
				time.Sleep(5*time.Second - at)
			}
			return nil
		}
		open := Open(t.Context(), Even(Segment{For: 10 * time.Second, Rate: 100}),
			Options{Places: 4, sleep: time.Sleep}, stall)
		if open.Waited < 90 || open.Unsent != 0 {
			t.Errorf("%d waited for a place, %d never left", open.Waited, open.Unsent)
		}
		// 100 of 1,000 requests waited up to a second, evenly: 5 % of all for over half of it.
		within(t, "p95", open.Quantile(.95), 500*time.Millisecond)
		within(t, "max", open.Quantile(1), time.Second)
		if lag := Quantile(open.Lag, 1); lag > time.Millisecond {
			t.Errorf("the target stood still, and the generator takes the blame for %v", lag)
		}

		began = time.Now()
		closed := Closed(t.Context(), 4, 10*time.Second, Options{}, func(worker int, n int64) error {
			time.Sleep(40 * time.Millisecond)
			return stall(worker, n)
		})
		if p := closed.Quantile(.95); p > 50*time.Millisecond {
			t.Errorf("a closed loop is known to miss this, and saw a p95 of %v", p)
		}
	})
}

func TestOpenNeverExceedsItsPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outstanding, most atomic.Int64
		r := Open(t.Context(), Even(Segment{For: time.Second, Rate: 1000}), Options{Places: 5, sleep: time.Sleep},
			func(int, int64) error {
				n := outstanding.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				time.Sleep(100 * time.Millisecond)
				outstanding.Add(-1)
				return nil
			})
		if most.Load() != 5 {
			t.Errorf("%d at once", most.Load())
		}
		if r.Done+r.Unsent != 1000 || r.Done < 45 || r.Done > 55 || r.Waited < r.Done/2 {
			t.Errorf("%d done, %d waited, %d unsent", r.Done, r.Waited, r.Unsent)
		}
	})
}

// TestOpenOwnsUpToItsLag has a pacer that oversleeps: that is the generator's lag, not the target's.
func TestOpenOwnsUpToItsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Open(t.Context(), Even(Segment{For: time.Second, Rate: 100}), Options{
			sleep: func(d time.Duration) { time.Sleep(d + 20*time.Millisecond) },
		}, func(int, int64) error { return nil })
		if lag := Quantile(r.Lag, .99); lag < 10*time.Millisecond || r.Waited != 0 {
			t.Errorf("lag %v, %d waited", lag, r.Waited)
		}
		if r.Quantile(.99) < 10*time.Millisecond {
			t.Error("the lag is not part of the latency")
		}
	})
}

// TestOpenGivesUpOnAnImpossibleRate asks for more than any generator can do.
func TestOpenGivesUpOnAnImpossibleRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := Open(t.Context(), Even(Segment{For: 2 * time.Second, Rate: 1e5}), Options{
			sleep: func(time.Duration) { time.Sleep(4 * time.Second) },
		}, func(int, int64) error { time.Sleep(10 * time.Millisecond); return nil })
		if r.Done+r.Unsent != 2e5 || r.Unsent == 0 || time.Since(began) > 5*time.Second {
			t.Errorf("%d done, %d unsent after %v", r.Done, r.Unsent, time.Since(began))
		}
	})
}

func TestErrorsAreCountedByCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Closed(t.Context(), 3, time.Second,
			Options{Code: func(err error) string { return err.Error()[:4] }, Interval: 100 * time.Millisecond},
			func(_ int, n int64) error {
				time.Sleep(time.Millisecond)
				switch n % 10 {
				case 0:
					return errors.New("slow: a")
				case 1, 2:
					return errors.New("gone: b")
				}
				return nil
			})
		if r.Codes["slow"] == 0 || r.Codes["gone"] < r.Codes["slow"] || r.Errors != r.Codes["slow"]+r.Codes["gone"] ||
			r.Example["gone"] != "gone: b" {
			t.Errorf("%v %v", r.Codes, r.Example)
		}
		if good := r.PerSecond() * r.Elapsed.Seconds(); int64(good+.5) != r.Done-r.Errors {
			t.Errorf("%v a second", r.PerSecond())
		}
		for _, p := range r.Series {
			if p.Errors == 0 || p.PerSecond > 1.1*r.PerSecond() {
				t.Errorf("a moment with %d errors has %v a second, where all have %v", p.Errors, p.PerSecond,
					r.PerSecond())
			}
		}
	})
}

func TestKindsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := func(n int64) int { return int(n % 2) }
		r := Open(t.Context(), Even(Segment{For: time.Second, Rate: 100}),
			Options{Kinds: 2, Kind: kind, sleep: time.Sleep}, func(_ int, n int64) error {
				time.Sleep(time.Duration(1+kind(n)) * 10 * time.Millisecond)
				return nil
			})
		if len(r.Kinds) != 2 || r.Kinds[0].TotalCount() != 50 || r.Kinds[1].TotalCount() != 50 {
			t.Fatalf("%d kinds", len(r.Kinds))
		}
		within(t, "p50 of one", Quantile(r.Kinds[0], .5), 10*time.Millisecond)
		within(t, "p50 of the other", Quantile(r.Kinds[1], .5), 20*time.Millisecond)
	})
}

func TestRunsEndWhenDryOrStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dry := func(_ int, n int64) error {
			if n >= 7 {
				return ErrDry
			}
			time.Sleep(time.Millisecond)
			return nil
		}
		began := time.Now()
		if r := Open(t.Context(), Even(Segment{For: time.Hour, Rate: 10}), Options{sleep: time.Sleep},
			dry); r.Done != 7 || r.Errors != 0 || time.Since(began) > time.Minute {
			t.Errorf("open: %d done, %d errors after %v", r.Done, r.Errors, time.Since(began))
		}
		if r := Closed(t.Context(), 2, time.Hour, Options{}, dry); r.Done != 7 || r.Errors != 0 {
			t.Errorf("closed: %d done, %d errors", r.Done, r.Errors)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began = time.Now()
		if r := Open(ctx, Even(Segment{For: time.Hour, Rate: .01}), Options{sleep: time.Sleep},
			dry); time.Since(began) > 4*time.Second || r.Done != 1 {
			t.Errorf("stopped after %v, %d done", time.Since(began), r.Done)
		}
	})
}

// TestAlarm is about real time: the kernel's timers are far better than a millisecond.
func TestAlarm(t *testing.T) {
	a := newAlarm()
	defer a.close()
	best := time.Hour
	for range 20 {
		began := time.Now()
		a.sleep(200 * time.Microsecond)
		took := time.Since(began)
		if took < 200*time.Microsecond {
			t.Fatalf("slept %v", took)
		}
		best = min(best, took)
	}
	if best > 900*time.Microsecond {
		t.Errorf("the best of 20 sleeps of 200 µs took %v", best)
	}
}
