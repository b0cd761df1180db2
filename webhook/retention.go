package webhook

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

// Retention is how long events are kept, with their deliveries and attempts. It is longer than Schedule: only what a
// paused endpoint has not got by then is lost to it.
const Retention = 30 * 24 * time.Hour

// Bounds of a pass of a Forgetter.
const (
	forgetOwners   = 100
	forgetBatch    = 500 // events of an owner
	forgetInterval = 10 * time.Minute
)

// History is what a Forgetter needs of a store.
type History interface {
	// Old returns up to limit owners on a shard who have events of before a time.
	Old(ctx context.Context, shard int, before time.Time, limit int) (owners []string, err error)

	// Forget deletes an owner's first events, as long as they are of before a time, at most limit, with their
	// deliveries and attempts. It locks the owner's row.
	Forget(ctx context.Context, owner string, before time.Time, limit int) (forgotten int, err error)
}

// Forgetter deletes what is older than Retention. Any number of processes may run it on a shard.
type Forgetter struct {
	history History
	now     func() time.Time
	log     *slog.Logger
}

// NewForgetter makes a forgetter.
func NewForgetter(h History, now func() time.Time, log *slog.Logger) *Forgetter {
	return &Forgetter{history: h, now: now, log: log}
}

// Run deletes until the context ends.
func (f *Forgetter) Run(ctx context.Context, shard int) {
	job := loop.Job{Name: "old webhook events", Log: f.log.With("shard", shard), Interval: forgetInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := f.Pass(ctx, shard)
		return n > 0, err
	})
}

// Pass deletes a batch of each of some owners, and returns how many events it deleted.
func (f *Forgetter) Pass(ctx context.Context, shard int) (forgotten int, err error) {
	before := f.now().Add(-Retention)
	owners, err := f.history.Old(ctx, shard, before, forgetOwners)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, owner := range owners {
		n, err := f.history.Forget(ctx, owner, before, forgetBatch)
		forgotten += n
		errs = append(errs, err)
	}
	return forgotten, errors.Join(errs...)
}
