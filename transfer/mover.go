package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hongbao/hongbao/wallet"

	"github.com/hongbao/hongbao/internal/loop"
)

const (
	moveBatch    = 200
	moveParallel = 8
	moveInterval = time.Second
)

// Mover makes the steps that nobody calls for: an offer whose time is over expires, an accepted transfer whose time has come
// arrives. Any number of movers may work on the same transfers: each step is made once.
type Mover struct {
	ledger Ledger
	now    func() time.Time
	logger *slog.Logger
}

// NewMover makes a mover.
func NewMover(ledger Ledger, now func() time.Time, logger *slog.Logger) *Mover {
	return &Mover{ledger: ledger, now: now, logger: logger}
}

// Run moves what is due on a shard until the context ends.
func (m *Mover) Run(ctx context.Context, shard int) {
	loop.Job{Name: "transfers", Log: m.logger.With("shard", shard), Interval: moveInterval}.Run(ctx, func(ctx context.Context) (bool, error) {
		moved, err := m.Pass(ctx, shard)
		return moved > 0, err
	})
}

// Pass looks once at every transfer that is due on a shard, and returns how many it moved: one that somebody else has
// moved at the same time does not count. One that fails does not hold up the others.
func (m *Mover) Pass(ctx context.Context, shard int) (moved int, err error) {
	now := m.now()
	var errs []error
	for after := (wallet.Hold{}); ctx.Err() == nil; {
		holds, err := m.ledger.DueHolds(ctx, shard, wallet.SubjectTransfer, now, after, moveBatch)
		if err != nil {
			return moved, errors.Join(append(errs, err)...)
		}
		n, err := m.moveAll(ctx, holds, now)
		moved, errs = moved+n, append(errs, err)
		if len(holds) < moveBatch || wallet.RefusalCode(err) == wallet.CodeUnavailable {
			break
		}
		after = holds[len(holds)-1]
	}
	return moved, errors.Join(append(errs, ctx.Err())...)
}

func (m *Mover) moveAll(ctx context.Context, holds []wallet.Hold, now time.Time) (moved int, err error) {
	done, errs := make([]bool, len(holds)), make([]error, len(holds))
	var group errgroup.Group
	group.SetLimit(moveParallel)
	for i, h := range holds {
		group.Go(func() error {
			done[i], errs[i] = m.move(ctx, h, now)
			return nil
		})
	}
	_ = group.Wait()
	for _, d := range done {
		if d {
			moved++
		}
	}
	return moved, errors.Join(errs...)
}

func (m *Mover) move(ctx context.Context, h wallet.Hold, now time.Time) (done bool, err error) {
	t, err := fromHold(h)
	if err != nil {
		return false, err
	}
	var to wallet.Stage
	switch t.State {
	case wallet.StageOffered:
		to = wallet.StageExpired
	case wallet.StageAccepted:
		to = wallet.StageArrived
	default:
		return false, fmt.Errorf("transfer %d is %s and its money is still held: the audit names it", t.ID, t.State)
	}
	step, err := stepOf(t, t.State, to, now, 0)
	if err != nil {
		return false, err
	}
	step.Due = true
	_, done, err = m.ledger.Advance(ctx, step)
	return done, err
}
