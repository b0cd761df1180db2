package app

import (
	"context"
	"errors"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
)

// recoverWidth bounds the shards that are recovered at the same time.
const recoverWidth = 8

// Recovery says what Recover did.
type Recovery struct {
	Lost   bool `json:"lost"`   // some buckets had forgotten everything
	Filled int  `json:"filled"` // pots made from the ledger
}

// Recover makes Redis whole again from the ledger: it settles what the surviving logs hold, rebuilds the buckets that
// were lost, and fills every pot that an open hold should have, with the shares that were posted already counted as
// taken. It may be repeated, and run while the system serves: a pot that is not there yet answers `unavailable`. Wins
// that were acknowledged and neither settled nor in a surviving log are beyond recovery.
func (a *App) Recover(ctx context.Context) (Recovery, error) {
	return a.recoverWith(ctx, a.Rebuilder())
}

func (a *App) recoverWith(ctx context.Context, rebuilder *pots.Rebuilder) (Recovery, error) {
	home := a.PotsHome(ctx)
	if home != nil && !errors.Is(home, pots.ErrLost) {
		return Recovery{}, home
	}
	// Drain passes over a lost bucket: the rebuilder reads what is left of its log.
	if err := a.Drain(ctx); err != nil && !errors.Is(err, pots.ErrLost) {
		return Recovery{}, err
	}
	sweeper := envelope.NewSweeper(a.Pots, a.Ledger, a.cfg.Now, a.cfg.Log)
	filled := make([]int, a.Buckets.Shards)
	err := a.eachShard(ctx, func(ctx context.Context, shard int) error {
		rebuilt, err := rebuilder.Pass(ctx, shard, true)
		filled[shard] = rebuilt.Filled
		if err != nil {
			return err
		}
		n, err := sweeper.All(ctx, shard)
		covers, coverErr := a.stockKeeper.FillAll(ctx, shard)
		filled[shard] += n + covers
		return errors.Join(err, coverErr)
	})
	recovery := Recovery{Lost: home != nil}
	for _, n := range filled {
		recovery.Filled += n
	}
	return recovery, err
}

// Drain settles and delivers everything that is there now.
func (a *App) Drain(ctx context.Context) error {
	settler := a.settler()
	return a.eachShard(ctx, func(ctx context.Context, shard int) error {
		var lost error
		for _, drain := range []func(context.Context, int) error{settler.Drain, a.stockSettler.Drain} {
			if err := drain(ctx, shard); errors.Is(err, pots.ErrLost) {
				lost = err
			} else if err != nil {
				return err
			}
		}
		for {
			credits, err := a.Ledger.Outbox().Deliver(ctx, shard)
			if err != nil {
				return err
			}
			if credits == 0 {
				return lost
			}
		}
	})
}

// eachShard does f for every shard, some at a time, and returns the joined errors.
func (a *App) eachShard(ctx context.Context, f func(ctx context.Context, shard int) error) error {
	return loop.FanOut(a.Cluster.All(), recoverWidth, func(shard int) error { return f(ctx, shard) })
}
