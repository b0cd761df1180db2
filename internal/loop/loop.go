// Package loop runs a background job: passes that are repeated until the context ends.
package loop

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	firstBackoff = 50 * time.Millisecond
	mostBackoff  = 5 * time.Second
	// yieldFactor is how many times as long as a pass took a job rests after it while others need the machine more.
	yieldFactor = 49
	// yieldLook is how often the rest asks whether they still do.
	yieldLook = 20 * time.Millisecond
	// calmLooks is how many answers in a row must say that they do not, before the rest ends: load is bursty.
	calmLooks = 5
)

// Job is a background job whose passes are idempotent.
type Job struct {
	Name     string
	Log      *slog.Logger
	Interval time.Duration   // the pause after a pass that found nothing to do
	Wake     <-chan struct{} // ends that pause early; may be nil
	// Yield says that others need the machine more. The job then takes a fiftieth of the time only. May be nil.
	Yield func() bool
	// MostRest bounds how long the job rests for others after a pass, which may have waited for something rather than
	// used the machine; 0 for no bound.
	MostRest time.Duration
}

// ErrWaiting is what a pass returns that left alone what failed the last time, and did whatever else there was. It is
// no failure, and no sign that what failed works again.
var ErrWaiting = errors.New("what failed is left alone for now")

// Run runs passes until the context ends: again at once after a pass that worked, else after a pause. A pass that fails
// is repeated after pauses that grow from 50 ms to 5 s. The first failure of a row is logged, the others only for
// debugging, and so is the success that ends it: a server that is down for an hour is one line in the log.
func (j Job) Run(ctx context.Context, pass func(context.Context) (worked bool, err error)) {
	failures, backoff := 0, firstBackoff
	for ctx.Err() == nil {
		began := time.Now()
		worked, err := pass(ctx)
		if ctx.Err() != nil {
			return
		}
		isWaiting := errors.Is(err, ErrWaiting)
		if err != nil && !isWaiting {
			j.logFailure(failures, err)
			Wait(ctx, backoff, nil)
			failures, backoff = failures+1, min(2*backoff, mostBackoff)
			continue
		}
		if failures > 0 && !isWaiting {
			j.Log.Info("a background job works again", "job", j.Name, "failures", failures)
			failures, backoff = 0, firstBackoff
		}
		rest := yieldFactor * time.Since(began)
		if j.MostRest > 0 {
			rest = min(rest, j.MostRest)
		}
		j.yield(ctx, rest)
		if !worked {
			Wait(ctx, j.Interval, j.Wake)
		}
	}
}

// yield rests for so long, or until nobody needs the machine more any longer. Where nobody does, it does not rest at
// all.
func (j Job) yield(ctx context.Context, rest time.Duration) {
	if j.Yield == nil || !j.Yield() {
		return
	}
	for calm := 0; rest > 0 && calm < calmLooks && ctx.Err() == nil; rest -= yieldLook {
		Wait(ctx, min(rest, yieldLook), nil)
		calm++
		if j.Yield() {
			calm = 0
		}
	}
}

func (j Job) logFailure(before int, err error) {
	if before == 0 {
		attrs := []any{"job", j.Name, "error", err}
		if traced, ok := errors.AsType[*TracedError](err); ok {
			attrs = append(attrs, "trace_id", traced.TraceID)
		}
		j.Log.Error("a background job failed and will be repeated until it works", attrs...)
		return
	}
	j.Log.Debug("a background job failed again", "job", j.Name, "failures", before+1, "error", err)
}

// Wait returns after d, on a signal on wake (which may be nil), or when the context ends.
func Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}
