package transfer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

const (
	keepBatch    = 100
	keepInterval = time.Second
)

// Keeper ends payments into collections that stopped in the middle, and reminds those who have not paid. Any number of
// keepers may work on the same collections.
type Keeper struct {
	collections *Collections
	logger      *slog.Logger
}

// NewKeeper makes a keeper.
func NewKeeper(c *Collections, logger *slog.Logger) *Keeper {
	return &Keeper{collections: c, logger: logger}
}

// Run keeps a shard's collections until the context ends.
func (k *Keeper) Run(ctx context.Context, shard int) {
	loop.Job{Name: "collections", Log: k.logger.With("shard", shard), Interval: keepInterval}.Run(ctx, func(ctx context.Context) (bool, error) {
		done, err := k.Pass(ctx, shard)
		return done > 0, err
	})
}

// Pass looks once at the idle claims and the due reminders of a shard, and returns how many it dealt with. One that
// fails, as its payer's shard is down, does not hold up the others.
func (k *Keeper) Pass(ctx context.Context, shard int) (done int, err error) {
	claims, err := k.settleIdle(ctx, shard)
	reminders, remindErr := k.remind(ctx, shard)
	return claims + reminders, errors.Join(err, remindErr)
}

func (k *Keeper) settleIdle(ctx context.Context, shard int) (done int, err error) {
	c := k.collections
	claims, err := c.ledger.IdleClaims(ctx, shard, c.now().Add(-c.rules.ClaimIdle), keepBatch)
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

func (k *Keeper) remind(ctx context.Context, shard int) (done int, err error) {
	c := k.collections
	due, err := c.ledger.DueReminders(ctx, shard, c.now(), keepBatch)
	errs := []error{err}
	for _, id := range due {
		reminded, err := c.ledger.Remind(ctx, id, reminderNotices)
		if reminded {
			done++
		}
		errs = append(errs, err)
	}
	return done, errors.Join(errs...)
}
