package envelope

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	retireBatch    = 500
	retireInterval = 10 * time.Second
)

// Retirer ends the pots of envelopes whose money is back already: a refunder that stopped between the ledger's Void and
// Retire, or a Redis that forgot its newest writes, leaves a hold at which no refunder looks again, a pot that is kept
// for ever and a group that was not told. The pots themselves know since Fill when their time is over, so whatever is
// forgotten after that, they are found. So is a pot whose hold a ledger has forgotten that went back in time: what was
// won of it cannot be paid, and is kept as rejections, for an operator to decide.
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
		n, err := r.bucket(ctx, shard, bucket)
		retired, errs = retired+n, append(errs, err)
	}
	return retired, errors.Join(errs...)
}

func (r *Retirer) bucket(ctx context.Context, shard, bucket int) (retired int, failed error) {
	for skip := 0; ; {
		ids, err := r.pot.Unretired(ctx, bucket, skip, retireBatch)
		if err != nil {
			return retired, errors.Join(failed, err)
		}
		holds, err := r.ledger.GetHolds(ctx, ids)
		if err != nil {
			return retired, errors.Join(failed, err)
		}
		ended := over(holds) // an open one is the refunder's
		for _, id := range without(ids, holds) {
			if err := r.reject(ctx, shard, bucket, id); err != nil {
				failed = errors.Join(failed, err) // the others go on
				continue
			}
			ended = append(ended, Retirement{Envelope: id})
		}
		if err := r.pot.Retire(ctx, ended); err != nil {
			return retired, errors.Join(failed, err)
		}
		retired, skip = retired+len(ended), skip+len(ids)-len(ended)
		if len(ids) < retireBatch {
			return retired, failed
		}
	}
}

// without are the ids of which there is no hold.
func without(ids []int64, holds []ledger.Hold) []int64 {
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool {
		return slices.ContainsFunc(holds, func(h ledger.Hold) bool { return h.ID == id })
	})
}

// reject keeps what was taken from a pot without a hold as rejections in the ledger.
func (r *Retirer) reject(ctx context.Context, shard, bucket int, id int64) error {
	from, err := r.ledger.Source(ctx, shard, bucket, LogName) // before the pot: what is rejected is of this epoch
	if err != nil {
		return err
	}
	state, err := r.pot.Close(ctx, id)
	if errors.Is(err, ErrNoPot) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = r.ledger.Settle(ctx, shard, lacking(id, state.Taken, nil), from, from.UpTo)
	if err == nil {
		r.logger.Error("the ledger has forgotten the hold of an envelope: what was won of it is rejected",
			"envelope", id, "shares", len(state.Taken))
	}
	return err
}
