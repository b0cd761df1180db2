package envelope

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
)

const (
	retireBatch    = 500
	retireInterval = 10 * time.Second
)

// Retirer ends the pots of envelopes whose money is back already: a refunder that stopped between the ledger's Void and
// Retire, or a Redis that forgot its newest writes, leaves a hold at which no refunder looks again, a pot that is kept
// for ever and a group that was not told. The pots themselves know since Fill when their time is over, so whatever is
// forgotten after that, they are found.
type Retirer struct {
	pot     Pot
	ledger  Ledger
	buckets pots.Buckets
	logger  *slog.Logger
}

// NewRetirer makes a retirer.
func NewRetirer(pot Pot, l Ledger, b pots.Buckets, logger *slog.Logger) *Retirer {
	return &Retirer{pot: pot, ledger: l, buckets: b, logger: logger}
}

// Run retires what is left over on a shard until the context ends.
func (r *Retirer) Run(ctx context.Context, shard int) {
	loop.Job{Name: "retire", Log: r.logger.With("shard", shard), Interval: retireInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			retired, err := r.Pass(ctx, shard)
			if retired > 0 {
				r.logger.Info("ended pots that a crash had left over", "shard", shard, "pots", retired)
			}
			return false, err
		})
}

// Pass looks once at every envelope of a shard whose time is over and whose pot has not ended, and returns how many it
// retired. A lost bucket does not hold up the others.
func (r *Retirer) Pass(ctx context.Context, shard int) (retired int, err error) {
	from, to := r.buckets.OfShard(shard)
	var errs []error
	for bucket := from; bucket < to; bucket++ {
		n, err := r.bucket(ctx, bucket)
		retired, errs = retired+n, append(errs, err)
	}
	return retired, errors.Join(errs...)
}

func (r *Retirer) bucket(ctx context.Context, bucket int) (retired int, err error) {
	for skip := 0; ; {
		ids, err := r.pot.Unretired(ctx, bucket, skip, retireBatch)
		if err != nil {
			return retired, err
		}
		holds, err := r.ledger.GetHolds(ctx, ids)
		if err != nil {
			return retired, err
		}
		ended := over(holds) // an open one is the refunder's
		if err := r.pot.Retire(ctx, ended); err != nil {
			return retired, err
		}
		retired, skip = retired+len(ended), skip+len(ids)-len(ended)
		if len(ids) < retireBatch {
			return retired, nil
		}
	}
}
