package envelope

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hongbao/hongbao/wallet"

	"github.com/hongbao/hongbao/internal/loop"
)

const (
	refundBatch       = 200
	refundParallel    = 8
	refundInterval    = time.Second
	unsettledInterval = 100 * time.Millisecond
)

// Refunder returns to the sender what was not taken in time. The pot decides, atomically with Take, what was taken; the
// ledger voids the rest once it has posted exactly that much. Whether one refunder or several do this, and wherever one
// dies, each void happens once.
type Refunder struct {
	pot    Pot
	ledger Ledger
	now    func() time.Time
	logger *slog.Logger
}

// NewRefunder makes a refunder. now decides when to look; whether a grab comes too late is decided by the pot's clock.
func NewRefunder(pot Pot, ledger Ledger, now func() time.Time, logger *slog.Logger) *Refunder {
	return &Refunder{pot: pot, ledger: ledger, now: now, logger: logger}
}

// Run refunds what is due on a shard until the context ends.
func (r *Refunder) Run(ctx context.Context, shard int) {
	loop.Job{Name: "refund", Log: r.logger.With("shard", shard), Interval: refundInterval}.Run(ctx, func(ctx context.Context) (bool, error) {
		due, voided, err := r.Pass(ctx, shard)
		if err == nil && due > voided { // not settled yet: that is a matter of milliseconds
			loop.Wait(ctx, unsettledInterval, nil)
		}
		return due > 0, err
	})
}

// Pass looks once at the envelopes that are due on a shard. Those among them whose grabs are not all settled stay due.
func (r *Refunder) Pass(ctx context.Context, shard int) (due, voided int, err error) {
	holds, err := r.ledger.DueHolds(ctx, shard, wallet.SubjectEnvelope, r.now(), refundBatch)
	if err != nil {
		return 0, 0, err
	}
	done := make([]bool, len(holds))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(refundParallel)
	for i, h := range holds {
		group.Go(func() error {
			var err error
			done[i], err = r.refund(ctx, h)
			return err
		})
	}
	err = group.Wait()
	for _, d := range done {
		if d {
			voided++
		}
	}
	return len(holds), voided, err
}

// refund closes one envelope and voids its rest. done is false while grabs are still to be settled.
func (r *Refunder) refund(ctx context.Context, h wallet.Hold) (done bool, err error) {
	pot, err := r.pot.Close(ctx, h.ID)
	if errors.Is(err, ErrNoPot) { // never filled: the sender's process died after the hold
		if err := fillFromLedger(ctx, r.pot, r.ledger, h); err != nil {
			return false, err
		}
		pot, err = r.pot.Close(ctx, h.ID)
	}
	if err != nil {
		return false, err
	}
	taken := int64(0)
	for _, t := range pot.Taken {
		taken += t.Minor
	}
	h, done, err = r.ledger.Void(ctx, h.ID, taken)
	if err != nil || !done {
		return false, err
	}
	return true, r.pot.Retire(ctx, []Retirement{{Envelope: h.ID, Refunded: h.Voided}})
}

// fillFromLedger makes the pot of an open hold as the ledger knows it.
func fillFromLedger(ctx context.Context, pot Pot, ledger Ledger, h wallet.Hold) error {
	e, err := fromHold(h)
	if err != nil {
		return err
	}
	posts, err := ledger.Posts(ctx, h.ID)
	if err != nil {
		return err
	}
	return pot.Fill(ctx, e, takesOf(posts))
}
