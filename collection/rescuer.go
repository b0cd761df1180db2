package collection

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

const (
	rescueBatch    = 100
	rescueInterval = time.Second
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

func (r *Rescuer) settleIdle(ctx context.Context, shard int) (done int, err error) {
	c := r.service
	claims, err := c.store.IdleClaims(ctx, shard, c.now().Add(-c.rules.ClaimIdle), rescueBatch)
	errs := []error{err}
	for _, claim := range claims {
		_, _, err := c.settle(ctx, claim)
		if err == nil {
			done++
		}
		errs = append(errs, err)
	}
	return done, errors.Join(errs...)
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
