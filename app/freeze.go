package app

import (
	"context"

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

// HasWallet says whether an account has any wallet. One without may be frozen for when it has, but may as well be a
// typing error that leaves a thief free.
func (a *App) HasWallet(ctx context.Context, account string) (bool, error) {
	wallets, err := a.Ledger.Balances(ctx, account)
	return len(wallets) > 0, err
}

// Thaw ends the freeze of an account, and says whether there was one. f says who wants it, and why.
func (a *App) Thaw(ctx context.Context, f ledger.Freeze) (thawed bool, err error) {
	err = a.recordFreeze(ctx, actionThaw, f, func() error {
		thawed, err = a.Ledger.Thaw(ctx, f.Account)
		return err
	})
	return thawed, err
}

// recordFreeze carries out an action that the trail records.
func (a *App) recordFreeze(ctx context.Context, action string, f ledger.Freeze, carryOut func() error) error {
	if err := f.Check(); err != nil {
		return err
	}
	return a.Trail.Recorded(ctx, trail.Act{By: f.By, Action: action,
		Detail: map[string]any{"account": f.Account, "reason": f.Reason}}, carryOut)
}
