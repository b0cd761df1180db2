package system

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/loop"
)

// recoverParallel bounds the shards that are recovered at the same time.
const recoverParallel = 8

// Recovery says what Recover did.
type Recovery struct {
	Lost   bool `json:"lost"`   // some buckets had forgotten everything
	Filled int  `json:"filled"` // pots made from the ledger
}

// Recover makes Redis whole again from the ledger: it settles what the surviving logs hold, marks the buckets that were
// lost as ours again, and fills every pot that an open hold should have, with the shares that were posted already counted as taken.
// It may be repeated, and run while the system serves: a pot that is not there yet answers `unavailable`. A settler that
// read its batch before the loss may still be posting it, so what was lost is marked only after RecoverPause. Wins that
// were acknowledged and neither settled nor in a surviving log are beyond recovery.
func (s *System) Recover(ctx context.Context) (Recovery, error) {
	home := s.PotsHome(ctx)
	if home != nil && !errors.Is(home, envelope.ErrPotsLost) {
		return Recovery{}, home
	}
	// Drain passes over a lost bucket: it has no log.
	if err := s.Drain(ctx); err != nil && !errors.Is(err, envelope.ErrPotsLost) {
		return Recovery{}, err
	}
	if home != nil {
		loop.Wait(ctx, s.cfg.RecoverPause, nil)
		if err := s.Pots.Install(ctx); err != nil {
			return Recovery{}, err
		}
	}
	sweeper := envelope.NewSweeper(s.Pots, s.Ledger, s.cfg.Now, s.cfg.Log)
	filled := make([]int, s.Buckets.Shards)
	err := s.eachShard(ctx, func(ctx context.Context, shard int) (err error) {
		filled[shard], err = sweeper.All(ctx, shard)
		return err
	})
	recovery := Recovery{Lost: home != nil}
	for _, n := range filled {
		recovery.Filled += n
	}
	return recovery, err
}

// Drain settles and delivers everything that is there now.
func (s *System) Drain(ctx context.Context) error {
	settler := envelope.NewSettler(s.Pots, s.Pots, s.Ledger, s.cfg.Log, func(int, int) {})
	return s.eachShard(ctx, func(ctx context.Context, shard int) error {
		lost := settler.Drain(ctx, s.Buckets, shard)
		if lost != nil && !errors.Is(lost, envelope.ErrPotsLost) {
			return lost
		}
		for {
			credits, err := s.Ledger.Deliver(ctx, shard)
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
func (s *System) eachShard(ctx context.Context, f func(ctx context.Context, shard int) error) error {
	errs := make([]error, s.Buckets.Shards)
	var group errgroup.Group
	group.SetLimit(recoverParallel)
	for shard := range s.Buckets.Shards {
		group.Go(func() error {
			errs[shard] = f(ctx, shard)
			return nil
		})
	}
	_ = group.Wait()
	return errors.Join(errs...)
}
