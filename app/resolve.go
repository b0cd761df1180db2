package app

import (
	"context"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// actionResolve is what the trail calls a decision about a rejection.
const actionResolve = "resolve"

// Resolve carries out what an operator decided about a post that the ledger refused; see wallet.Resolver. What cannot
// be recorded in the trail is not done.
func (a *App) Resolve(ctx context.Context, v wallet.Verdict) (resolved ledger.Resolution, err error) {
	if err := v.Check(); err != nil {
		return resolved, err
	}
	act := trail.Act{By: v.By, Action: actionResolve, Detail: map[string]any{"rejection": refusal.Clip(v.ID),
		"decision": v.Decision, "account": v.Account, "reason": v.Why}}
	err = a.Trail.Recorded(ctx, act, func() error {
		resolved, err = wallet.NewResolver(a.Ledger).Resolve(ctx, v)
		return err
	})
	return resolved, err
}

// Rejections are the posts that the ledger refused: those about which something is still to be done, or all.
func (a *App) Rejections(ctx context.Context, all bool) ([]ledger.Resolution, error) {
	return wallet.NewResolver(a.Ledger).List(ctx, all)
}
