// Package loop runs a background job: passes that are repeated until the context ends.
package loop

import (
	"context"
	"log/slog"
	"time"
)

const (
	firstBackoff = 50 * time.Millisecond
	mostBackoff  = 5 * time.Second
)

// Job is a background job whose passes are idempotent.
type Job struct {
	Name     string
	Log      *slog.Logger
	Interval time.Duration   // the pause after a pass that found nothing to do
	Wake     <-chan struct{} // ends that pause early; may be nil
}

// Run runs passes until the context ends: again at once after a pass that worked, else after a pause. A pass that fails
// is logged and repeated after pauses that grow from 50 ms to 5 s.
func (j Job) Run(ctx context.Context, pass func(context.Context) (worked bool, err error)) {
	backoff := firstBackoff
	for ctx.Err() == nil {
		worked, err := pass(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			j.Log.Error("a background job failed and will be repeated", "job", j.Name, "pause", backoff, "error", err)
			Wait(ctx, backoff, nil)
			backoff = min(2*backoff, mostBackoff)
		case worked:
			backoff = firstBackoff
		default:
			backoff = firstBackoff
			Wait(ctx, j.Interval, j.Wake)
		}
	}
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
