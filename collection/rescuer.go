package collection

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	rescueBatch    = 100
	rescueInterval = time.Second
	rescueWidth    = 8
	// rescueTimeout is how long one claim may take. A payer's server that does not answer costs a pass this long.
	rescueTimeout = 5 * time.Second
)

// Rescuer ends payments into collections that stopped in the middle, and reminds those who have not paid. Any number of
// rescuers may work on the same collections.
type Rescuer struct {
	service *Service
	logger  *slog.Logger
}

// NewRescuer makes a rescuer.
func NewRescuer(c *Service, logger *slog.Logger) *Rescuer {
	return &Rescuer{service: c, logger: logger}
}

// Run works on a shard's collections until the context ends.
func (r *Rescuer) Run(ctx context.Context, shard int) {
	loop.Job{Name: "collections", Log: r.logger.With("shard", shard), Interval: rescueInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			done, err := r.Pass(ctx, shard)
			return done > 0, err
		})
}

// Pass looks once at the idle claims and the due reminders of a shard, and returns how many it dealt with. One that
// fails, as its payer's shard is down, does not hold up the others.
func (r *Rescuer) Pass(ctx context.Context, shard int) (done int, err error) {
	claims, err := r.settleIdle(ctx, shard)
	reminders, remindErr := r.remind(ctx, shard)
	return claims + reminders, errors.Join(err, remindErr)
}

// settleIdle settles all idle claims of a shard. A payer's server that does not answer is not asked again in this pass,
// so it holds up nobody whose wallet is elsewhere.
func (r *Rescuer) settleIdle(ctx context.Context, shard int) (done int, err error) {
	before := r.service.now().Add(-r.service.rules.ClaimIdle)
	var settled atomic.Int64
	var away sync.Map // servers
	var errs []error
	for after := (IdleClaim{}); ctx.Err() == nil; {
		claims, err := r.service.store.IdleClaims(ctx, shard, before, after, rescueBatch)
		errs = append(errs, err, loop.FanOut(claims, rescueWidth, func(c IdleClaim) error {
			if _, is := away.Load(c.Server); is {
				return nil
			}
			bound, cancel := context.WithTimeout(ctx, rescueTimeout)
			defer cancel()
			_, _, err := r.service.settle(bound, c.Claim)
			switch {
			case err == nil:
				settled.Add(1)
			case bound.Err() != nil || refusal.CodeOf(err) == refusal.CodeUnavailable:
				away.Store(c.Server, true)
			}
			return err
		}))
		if len(claims) < rescueBatch {
			break
		}
		after = claims[len(claims)-1]
	}
	return int(settled.Load()), errors.Join(errs...)
}

func (r *Rescuer) remind(ctx context.Context, shard int) (done int, err error) {
	c := r.service
	due, err := c.store.DueReminders(ctx, shard, c.now(), rescueBatch)
	errs := []error{err}
	for _, id := range due {
		reminded, err := c.store.Remind(ctx, id, reminderEvents)
		if reminded {
			done++
		}
		errs = append(errs, err)
	}
	return done, errors.Join(errs...)
}
