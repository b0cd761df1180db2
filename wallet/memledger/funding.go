package memledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// OpenFunding records a pending order; a withdrawal debits the wallet in the same transaction. If the request was
// already carried out, the order of that time is returned as it is now. Refusals: insufficient_balance,
// account_frozen, daily_limit_exceeded, request_conflict.
func (l *Ledger) OpenFunding(
	ctx context.Context, r ledger.Request, o wallet.FundingOrder, dailyLimit int64,
) (wallet.FundingOrder, error) {
	n, ok := l.ShardOf(o.ID)
	if !ok || n != l.forUser(o.User) {
		return wallet.FundingOrder{}, fmt.Errorf("memledger: funding %d: the id is not one for user %q", o.ID, o.User)
	}
	if o.Kind != ledger.EntryTopUp && o.Kind != ledger.EntryWithdrawal {
		return wallet.FundingOrder{}, fmt.Errorf("memledger: funding %d: kind %q", o.ID, o.Kind)
	}
	if _, err := ledger.NewAmount(o.Amount.Minor, string(o.Amount.Currency)); err != nil {
		return wallet.FundingOrder{}, err
	}
	if err := o.CheckDaily(dailyLimit); err != nil {
		return wallet.FundingOrder{}, err
	}
	o.State, o.Balance = wallet.FundingPending, 0
	o.CreatedAt, o.QueryAt = millis(o.CreatedAt), millis(o.QueryAt)
	err := l.onShard(ctx, n, func(tx *transaction) (err error) {
		if err := tx.claim(o.User, r, o.ID); err != nil {
			before, repeated := errors.AsType[*ledger.RepeatedError](err)
			if !repeated {
				return err
			}
			if o, ok = tx.fundings[before.Reference]; !ok {
				return wallet.ErrFundingNotFound
			}
			return nil
		}
		if _, exists := tx.fundings[o.ID]; exists {
			return ErrIDExists
		}
		if o.CountsDaily {
			if err := tx.count(usageOfOrder(o), o.Amount.Minor, dailyLimit); err != nil {
				return err
			}
		}
		if o.Kind == ledger.EntryWithdrawal {
			if o.Balance, err = tx.debit(o.User, o.Amount, fundingEntry(o, o.Kind, o.CreatedAt)); err != nil {
				return err
			}
			tx.addTo(fundingAccount(o.ID), o.Amount.Currency, o.Amount.Minor)
		}
		put(tx, tx.fundings, o.ID, o)
		return nil
	})
	if err != nil {
		return wallet.FundingOrder{}, err
	}
	return o, nil
}

func usageOfOrder(o wallet.FundingOrder) usageKey {
	return usageKey{o.User, o.Amount.Currency, dayOf(o.CreatedAt)}
}

func fundingEntry(o wallet.FundingOrder, kind ledger.EntryKind, at time.Time) entry {
	return entry{Entry: ledger.Entry{Minor: o.Amount.Minor, Kind: kind, Subject: wallet.Subject, Reference: o.ID,
		At: at}}
}

// CloseFunding makes a pending order settled or refused and moves its money accordingly. An order that is no longer
// pending is returned as it is.
func (l *Ledger) CloseFunding(
	ctx context.Context, id int64, to wallet.FundingState,
) (o wallet.FundingOrder, err error) {
	n, ok := l.ShardOf(id)
	if !ok || to != wallet.FundingSettled && to != wallet.FundingRefused {
		return o, fmt.Errorf("memledger: funding %d cannot become %q", id, to)
	}
	err = l.onShard(ctx, n, func(tx *transaction) error {
		if o, ok = tx.fundings[id]; !ok {
			return wallet.ErrFundingNotFound
		}
		if o.State == wallet.FundingPending {
			o.State = to
			tx.moveFunding(&o)
			put(tx, tx.fundings, id, o)
		}
		return nil
	})
	return o, err
}

// moveFunding moves what an order's new state asks for: a settled top-up comes from outside into the wallet, a settled
// withdrawal goes from its own account to outside, a refused one from there back to the wallet.
func (tx *transaction) moveFunding(o *wallet.FundingOrder) {
	settled, c := o.State == wallet.FundingSettled, o.Amount.Currency
	switch {
	case o.Kind == ledger.EntryTopUp && settled:
		tx.addTo(outsideAccount, c, -o.Amount.Minor)
		o.Balance = tx.credit(o.User, c, fundingEntry(*o, o.Kind, tx.ledger.now()))
	case o.Kind == ledger.EntryTopUp: // nothing has moved
	case settled:
		tx.addTo(fundingAccount(o.ID), c, -o.Amount.Minor)
		tx.addTo(outsideAccount, c, o.Amount.Minor)
	default:
		if o.CountsDaily {
			put(tx, tx.usage, usageOfOrder(*o), tx.usage[usageOfOrder(*o)]-o.Amount.Minor)
		}
		tx.addTo(fundingAccount(o.ID), c, -o.Amount.Minor)
		o.Balance = tx.credit(o.User, c, fundingEntry(*o, ledger.EntryVoid, tx.ledger.now()))
	}
}

// Funding returns an order. Error: wallet.ErrFundingNotFound.
func (l *Ledger) Funding(ctx context.Context, id int64) (o wallet.FundingOrder, err error) {
	n, ok := l.ShardOf(id)
	if !ok {
		return o, wallet.ErrFundingNotFound
	}
	if err := l.read(ctx, n, func(s *state) { o, ok = s.fundings[id] }); err != nil {
		return o, err
	}
	if !ok {
		err = wallet.ErrFundingNotFound
	}
	return o, err
}

// DueFundings returns pending orders of a shard whose QueryAt has come by a time, the longest due first.
func (l *Ledger) DueFundings(ctx context.Context, n int, by time.Time,
	limit int) (orders []wallet.FundingOrder, err error) {
	err = l.read(ctx, n, func(s *state) {
		for _, o := range s.fundings {
			if o.State == wallet.FundingPending && o.QueryAt.UnixMilli() <= by.UnixMilli() {
				orders = append(orders, o)
			}
		}
	})
	slices.SortFunc(orders, func(a, b wallet.FundingOrder) int {
		return cmp.Or(a.QueryAt.Compare(b.QueryAt), cmp.Compare(a.ID, b.ID))
	})
	return orders[:min(limit, len(orders))], err
}

// DeferFunding moves the QueryAt of a pending order from what o says to a later time. It returns false where the order
// is no longer pending or has another QueryAt.
func (l *Ledger) DeferFunding(ctx context.Context, o wallet.FundingOrder, until time.Time) (deferred bool, err error) {
	n, ok := l.ShardOf(o.ID)
	if !ok || !until.After(o.QueryAt) {
		return false, fmt.Errorf("memledger: funding %d cannot be deferred to %v", o.ID, until)
	}
	err = l.onShard(ctx, n, func(tx *transaction) error {
		now, ok := tx.fundings[o.ID]
		deferred = ok && now.State == wallet.FundingPending && now.QueryAt.Equal(o.QueryAt)
		if deferred {
			now.QueryAt = millis(until)
			put(tx, tx.fundings, o.ID, now)
		}
		return nil
	})
	return deferred, err
}
