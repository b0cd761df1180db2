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
	refundBatch    = 200
	refundParallel = 8
	refundInterval = time.Second
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
		_, voided, err := r.Pass(ctx, shard)
		return voided > 0, err
	})
}

// Pass looks once at every envelope that is due on a shard. Those among them whose grabs are not all settled stay due, and
// so does one that fails; neither holds up the others.
func (r *Refunder) Pass(ctx context.Context, shard int) (due, voided int, err error) {
	now := r.now()
	var errs []error
	for after := (wallet.Hold{}); ctx.Err() == nil; {
		holds, err := r.ledger.DueHolds(ctx, shard, wallet.SubjectEnvelope, now, after, refundBatch)
		if err != nil {
			return due, voided, errors.Join(append(errs, err)...)
		}
		n, err := r.refundAll(ctx, holds)
		due, voided, errs = due+len(holds), voided+n, append(errs, err)
		if len(holds) < refundBatch || serverAway(err) {
			break
		}
		after = holds[len(holds)-1]
	}
	return due, voided, errors.Join(append(errs, ctx.Err())...)
}

func (r *Refunder) refundAll(ctx context.Context, holds []wallet.Hold) (voided int, err error) {
	done, errs := make([]bool, len(holds)), make([]error, len(holds))
	var group errgroup.Group
	group.SetLimit(refundParallel)
	for i, h := range holds {
		group.Go(func() error {
			done[i], errs[i] = r.refund(ctx, h)
			return nil
		})
	}
	_ = group.Wait()
	for _, d := range done {
		if d {
			voided++
		}
	}
	return voided, errors.Join(errs...)
}

// serverAway tells an error that every envelope of a shard would meet now from one of a single envelope.
func serverAway(err error) bool {
	return errors.Is(err, ErrPotsLost) || wallet.RefusalCode(err) == wallet.CodeUnavailable
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
	// No pass looks at this hold again, so a worker that is told to stop still ends the pot.
	return true, r.pot.Retire(context.WithoutCancel(ctx), []Retirement{{Envelope: h.ID, Refunded: h.Voided}})
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
