package memledger

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Freeze keeps an account's money where it is, and returns the freeze that stands: an earlier one stays.
func (l *Ledger) Freeze(ctx context.Context, f ledger.Freeze) (stands ledger.Freeze, err error) {
	if err := f.Check(); err != nil {
		return ledger.Freeze{}, err
	}
	f.At = millis(f.At)
	err = l.onShard(ctx, l.forUser(f.Account), func(tx *transaction) error {
		if _, frozen := tx.freezes[f.Account]; !frozen {
			put(tx, tx.freezes, f.Account, f)
		}
		stands = tx.freezes[f.Account]
		return nil
	})
	return stands, err
}

// Thaw ends the freeze of an account, and says whether there was one.
func (l *Ledger) Thaw(ctx context.Context, account string) (thawed bool, err error) {
	if err := ledger.CheckAccount("account", account); err != nil {
		return false, err
	}
	err = l.onShard(ctx, l.forUser(account), func(tx *transaction) error {
		if _, thawed = tx.freezes[account]; thawed {
			left := maps.Clone(tx.freezes)
			delete(left, account)
			set(tx, &tx.freezes, left)
		}
		return nil
	})
	return thawed, err
}

// Freezes returns freezes of accounts behind after, in the order of accounts, of all shards.
func (l *Ledger) Freezes(ctx context.Context, after string, limit int) (all []ledger.Freeze, err error) {
	for n := range l.shards {
		err := l.read(ctx, n, func(s *state) {
			for account, f := range s.freezes {
				if account > after {
					all = append(all, f)
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b ledger.Freeze) int { return cmp.Compare(a.Account, b.Account) })
	return all[:min(limit, len(all))], nil
}
