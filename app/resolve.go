package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// actionResolve is what the trail calls a decision about a rejection.
const actionResolve = "resolve"

// Resolve carries out what an operator decided about a post that the ledger refused; see wallet.Resolver. What cannot
// be recorded in the trail is not done.
func (a *App) Resolve(ctx context.Context, v wallet.Verdict) (ledger.Resolution, error) {
	if err := v.Check(); err != nil {
		return ledger.Resolution{}, err
	}
	detail, err := json.Marshal(map[string]string{"rejection": refusal.Clip(v.ID), "decision": string(v.Decision),
		"account": v.Account, "reason": v.Why})
	if err != nil {
		return ledger.Resolution{}, err
	}
	record := trail.Record{Actor: v.By, Action: actionResolve, Outcome: "asked", Detail: string(detail)}
	if err := a.Trail.Append(ctx, record); err != nil {
		return ledger.Resolution{}, fmt.Errorf("a decision that cannot be recorded is not carried out: %w", err)
	}
	resolved, err := wallet.NewResolver(a.Ledger).Resolve(ctx, v)
	if record.Outcome = "done"; err != nil {
		if record.Outcome = refusal.CodeOf(err); record.Outcome == "" {
			record.Outcome = "failed"
		}
	}
	if said := a.Trail.Append(context.WithoutCancel(ctx), record); said != nil {
		a.cfg.Log.Error("what became of a decision could not be recorded", "by", v.By, "outcome", record.Outcome,
			"error", said)
	}
	return resolved, err
}

// Rejections are the posts that the ledger refused: those about which something is still to be done, or all.
func (a *App) Rejections(ctx context.Context, all bool) ([]ledger.Resolution, error) {
	return wallet.NewResolver(a.Ledger).List(ctx, all)
}
