package envelope

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// NewRefunder makes the job that returns to the sender what was not taken in time. The pot decides, atomically with
// Take, what was taken; the ledger voids the rest once it has posted exactly that much. Envelopes whose grabs are not
// all settled stay due. Whether one refunder or several do this, and wherever one dies, each void happens once. now
// decides when to look; whether a grab comes too late is decided by the pot's clock.
func NewRefunder(pot Pot, l Ledger, now func() time.Time, log *slog.Logger) *ledger.DuePass {
	return &ledger.DuePass{
		Name: "refund", Holds: l, Subject: Subject, Now: now, Log: log,
		End:  func(ctx context.Context, h ledger.Hold) (bool, error) { return refund(ctx, pot, l, h) },
		Away: away,
	}
}

// away tells an error that every envelope of a shard would meet now from one of a single envelope.
func away(err error) bool {
	return errors.Is(err, pots.ErrLost) || refusal.CodeOf(err) == refusal.CodeUnavailable
}

// refund closes one envelope and voids its rest. done is false while grabs are still to be settled.
func refund(ctx context.Context, pot Pot, l Ledger, h ledger.Hold) (done bool, err error) {
	state, err := pot.Close(ctx, h.ID)
	if errors.Is(err, ErrNoPot) { // never filled: the sender's process died after the hold
		if err := fillFromLedger(ctx, pot, l, h); err != nil {
			return false, err
		}
		state, err = pot.Close(ctx, h.ID)
	}
	if err != nil {
		return false, err
	}
	taken := int64(0)
	for _, t := range state.Taken {
		taken += t.Minor
	}
	h, done, err = l.Void(ctx, h.ID, taken)
	if err != nil || !done {
		return false, err
	}
	// No pass looks at this hold again, so a worker that is told to stop still ends the pot. Where it dies, a Retirer
	// does.
	return true, pot.Retire(context.WithoutCancel(ctx), []Retirement{{Envelope: h.ID, Refunded: h.Voided}})
}

// fillFromLedger makes the pot of an open hold as the ledger knows it.
func fillFromLedger(ctx context.Context, pot Pot, l Ledger, h ledger.Hold) error {
	e, err := fromHold(h)
	if err != nil {
		return err
	}
	posts, err := l.Posts(ctx, h.ID)
	if err != nil {
		return err
	}
	return pot.Fill(ctx, e, takesOf(posts))
}
