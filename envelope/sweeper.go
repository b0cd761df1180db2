package envelope

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	sweepBatch    = 500
	sweepInterval = 10 * time.Second
	// A hold younger than sweepYoung may be between Hold and Fill in a process that lives. One younger than
	// sweepSettled is looked at again in the next pass, as ids made by several machines come a little out of order.
	sweepYoung   = 5 * time.Second
	sweepSettled = 30 * time.Second
	// sweepAgain is how often the sweeper goes back to where it stood so long ago: a transaction that took long, or a
	// clock that is off, makes a hold appear below those that were looked at already.
	sweepAgain = 10 * time.Minute
)

// Sweeper makes the pots that are missing: a process that died between Hold and Fill has left an open hold that nobody
// can grab. It walks the open holds of a shard in the order of their ids, again and again only at the young end, so
// each hold costs a few look-ups in its life.
type Sweeper struct {
	pot    Pot
	ledger Ledger
	now    func() time.Time
	logger *slog.Logger
}

// NewSweeper makes a sweeper.
func NewSweeper(pot Pot, ledger Ledger, now func() time.Time, logger *slog.Logger) *Sweeper {
	return &Sweeper{pot: pot, ledger: ledger, now: now, logger: logger}
}

// Run sweeps a shard until the context ends, beginning with its oldest open hold.
func (s *Sweeper) Run(ctx context.Context, shard int) {
	after, before, since := int64(0), int64(0), s.now()
	loop.Job{Name: "sweep", Log: s.logger.With("shard", shard), Interval: sweepInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			if now := s.now(); now.Sub(since) >= sweepAgain {
				after, before, since = before, after, now
			}
			filled, err := s.sweep(ctx, shard, &after, s.now().Add(-sweepYoung), everywhere)
			if filled > 0 {
				s.logger.Info("filled pots that a crash had left out", "shard", shard, "pots", filled)
			}
			return false, err
		})
}

// All makes every pot that is missing on a shard and returns how many that were.
func (s *Sweeper) All(ctx context.Context, shard int) (filled int, err error) {
	after := int64(0)
	return s.sweep(ctx, shard, &after, s.now().Add(time.Hour), everywhere)
}

// In makes every pot that is missing on a shard for the ids for which in holds, and returns how many that were.
func (s *Sweeper) In(ctx context.Context, shard int, in func(id int64) bool) (filled int, err error) {
	after := int64(0)
	return s.sweep(ctx, shard, &after, s.now().Add(time.Hour), in)
}

func everywhere(int64) bool { return true }

// sweep walks from after to the last hold created before until, and leaves in after where the next walk begins: not
// beyond a hold that failed, which does not hold up those behind it.
func (s *Sweeper) sweep(ctx context.Context, shard int, after *int64, until time.Time,
	in func(id int64) bool) (filled int, err error) {
	settled := s.now().Add(-sweepSettled)
	var failed error
	for at := *after; ; {
		holds, err := s.ledger.OpenHolds(ctx, shard, Subject, at, sweepBatch)
		if err != nil || len(holds) == 0 {
			return filled, errors.Join(failed, err)
		}
		last := holds[len(holds)-1]
		at = last.ID
		holds = slices.DeleteFunc(holds, func(h ledger.Hold) bool { return !in(h.ID) })
		n, err := s.fillMissing(ctx, holds, until)
		filled += n
		if failed = errors.Join(failed, err); unavailable(err) || ctx.Err() != nil {
			return filled, failed
		}
		if failed == nil && last.CreatedAt.Before(settled) {
			*after = at
		}
	}
}

func (s *Sweeper) fillMissing(ctx context.Context, holds []ledger.Hold, until time.Time) (filled int, err error) {
	byID := make(map[int64]ledger.Hold, len(holds))
	ids := make([]int64, 0, len(holds))
	for _, h := range holds {
		if h.CreatedAt.Before(until) {
			byID[h.ID] = h
			ids = append(ids, h.ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	missing, failed := s.pot.Missing(ctx, ids)
	if errors.Is(failed, pots.ErrLost) {
		missing = s.missingBeside(ctx, ids)
	} else if failed != nil {
		return 0, failed
	}
	for _, id := range missing {
		switch err := fillFromLedger(ctx, s.pot, s.ledger, byID[id]); {
		case err == nil:
			filled++
		case unavailable(err) || ctx.Err() != nil:
			return filled, errors.Join(failed, err)
		default:
			failed = errors.Join(failed, fmt.Errorf("fill envelope %d: %w", id, err))
		}
	}
	return filled, failed
}

// missingBeside asks for each of the ids alone, where some of them are in a lost bucket: those of the others get their
// pots.
func (s *Sweeper) missingBeside(ctx context.Context, ids []int64) (missing []int64) {
	for _, id := range ids {
		if some, err := s.pot.Missing(ctx, []int64{id}); err == nil {
			missing = append(missing, some...)
		}
	}
	return missing
}

// unavailable tells an error that every envelope of a shard would meet now.
func unavailable(err error) bool { return refusal.CodeOf(err) == refusal.CodeUnavailable }
