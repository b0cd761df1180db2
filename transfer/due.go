package transfer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// NewDuePass makes the job for the steps that nobody calls for: an offer whose time is over expires, and an accepted
// transfer whose time has come arrives. Any number of processes may run it for the same transfers: each step is made
// once.
func NewDuePass(l Ledger, log *slog.Logger) *ledger.DuePass {
	return &ledger.DuePass{Name: "transfers", Holds: l, Subject: Subject, Log: log,
		End: func(ctx context.Context, h ledger.Hold) (bool, error) { return endStage(ctx, l, h) }}
}

// endStage makes the step that is due for a transfer. done is false where somebody else has made it.
func endStage(ctx context.Context, l Ledger, h ledger.Hold) (done bool, err error) {
	t, err := fromHold(h)
	if err != nil {
		return false, err
	}
	var to State
	switch t.State {
	case StateOffered:
		to = StateExpired
	case StateAccepted:
		to = StateArrived
	default:
		return false, fmt.Errorf("transfer %d is %s and its money is still held: the audit names it", t.ID, t.State)
	}
	_, done, err = advance(ctx, l, t, t.State, to, stepTime{due: true})
	return done, err
}
