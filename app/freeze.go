package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// What the trail calls freezes and thaws by command.
const (
	actionFreeze = "freeze"
	actionThaw   = "thaw"
)

// Freeze keeps an account's money where it is; see ledger.Freeze. It is for an operator at the command line: what
// cannot be recorded in the trail is not done.
func (a *App) Freeze(ctx context.Context, f ledger.Freeze) (stands ledger.Freeze, err error) {
	err = a.recordFreeze(ctx, actionFreeze, f, func() error {
		stands, err = a.Ledger.Freeze(ctx, f)
		return err
	})
	return stands, err
}

// Thaw ends the freeze of an account, and says whether there was one. f says who wants it, and why.
func (a *App) Thaw(ctx context.Context, f ledger.Freeze) (thawed bool, err error) {
	err = a.recordFreeze(ctx, actionThaw, f, func() error {
		thawed, err = a.Ledger.Thaw(ctx, f.Account)
		return err
	})
	return thawed, err
}

// recordFreeze records an action before it is carried out, and what became of it.
func (a *App) recordFreeze(ctx context.Context, action string, f ledger.Freeze, carryOut func() error) error {
	if err := f.Check(); err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]string{"account": f.Account, "reason": f.Reason})
	if err != nil {
		return err
	}
	record := trail.Record{Actor: f.By, Action: action, Outcome: "asked", Detail: string(detail)}
	if err := a.Trail.Append(ctx, record); err != nil {
		return fmt.Errorf("a %s that cannot be recorded is not carried out: %w", action, err)
	}
	err = carryOut()
	if record.Outcome = "done"; err != nil {
		if record.Outcome = refusal.CodeOf(err); record.Outcome == "" {
			record.Outcome = "failed"
		}
	}
	if said := a.Trail.Append(context.WithoutCancel(ctx), record); said != nil {
		a.cfg.Log.Error("what became of an action could not be recorded", "action", action, "by", f.By, "outcome",
			record.Outcome, "error", said)
	}
	return err
}
