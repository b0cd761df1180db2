package envelope

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// NewRefunder makes the job that returns to the sender what was not taken in time. The pot decides, atomically with
// Take, what was taken. What it gave and the ledger posted are compared as sets: a take that the ledger lacks is
// posted, a post that the pot lacks counts as taken, and the ledger voids the rest. Whether one refunder or several do
// this, and wherever one dies, each void happens once. The clock of the hold's shard says when to look, and that of the
// pot whether the time is over: no refunder's clock decides anything. A lost bucket holds up no other.
func NewRefunder(pot Pot, l Ledger, b pots.Buckets, log *slog.Logger) *ledger.DuePass {
	return &ledger.DuePass{
		Name: "refund", Holds: l, Subject: Subject, Log: log,
		End: func(ctx context.Context, h ledger.Hold) (bool, error) { return refund(ctx, pot, l, b, log, h) },
	}
}

// refund closes one envelope and voids its rest. done is false where a settler is at work at the same time, or
// the pot's time is not over.
func refund(ctx context.Context, pot Pot, l Ledger, b pots.Buckets, log *slog.Logger, h ledger.Hold) (done bool,
	err error) {
	shard, _ := l.ShardOf(h.ID)
	from, err := l.Source(ctx, shard, b.Of(shard, h.ID), LogName) // before the pot: what is posted is of this epoch
	if err != nil {
		return false, err
	}
	state, err := pot.Close(ctx, h.ID)
	if errors.Is(err, ErrNoPot) { // never filled: the sender's process died after the hold
		if err := fillFromLedger(ctx, pot, l, h); err != nil {
			return false, err
		}
		state, err = pot.Close(ctx, h.ID)
	}
	if errors.Is(err, ErrNotDue) { // the pot's clock is behind that of the shard
		return false, nil
	}
	if err != nil {
		return false, err
	}
	posted, err := l.Posts(ctx, h.ID)
	if err != nil {
		return false, err
	}
	if missing := lacking(h.ID, state.Taken, posted); len(missing) > 0 {
		settled, err := l.Settle(ctx, shard, missing, from, from.UpTo)
		if errors.Is(err, ledger.ErrSourceMoved) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for _, r := range settled.Rejected {
			log.Error("the pot gave away what the ledger refuses to pay", "envelope", r.Hold, "share", r.Part, "user",
				r.Payee, "minor", r.Minor, "reason", r.Reason)
		}
		if posted, err = l.Posts(ctx, h.ID); err != nil {
			return false, err
		}
		if len(lacking(h.ID, state.Taken, posted)) > len(settled.Rejected) { // the ledger forgot some of them again
			return false, nil
		}
	}
	taken := int64(0)
	for _, p := range posted {
		taken += p.Minor
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
