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
// request_conflict.
func (l *Ledger) OpenFunding(
	ctx context.Context, r ledger.Request, o wallet.FundingOrder,
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
	o.State, o.Balance, o.CreatedAt = wallet.FundingPending, 0, millis(o.CreatedAt)
	err := l.onShard(ctx, n, func(tx *transaction) (err error) {
		if err := tx.claim(o.User, r, o.ID); err != nil {
			before, repeated := errors.AsType[*ledger.RepeatedError](err)
			if !repeated {
				return err
			}
			if o, ok = tx.fundings[before.Reference]; !ok {
				return errNoFunding
			}
			return nil
		}
		if _, exists := tx.fundings[o.ID]; exists {
			return ErrIDExists
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

var errNoFunding = errors.New("memledger: there is no such funding")

func fundingEntry(o wallet.FundingOrder, kind ledger.EntryKind, at time.Time) entry {
	return entry{Entry: ledger.Entry{Minor: o.Amount.Minor, Kind: kind, Subject: wallet.Subject, Reference: o.ID, At: at}}
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
			return errNoFunding
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
		tx.addTo(fundingAccount(o.ID), c, -o.Amount.Minor)
		o.Balance = tx.credit(o.User, c, fundingEntry(*o, ledger.EntryVoid, tx.ledger.now()))
	}
}

// PendingFundings returns pending orders of a shard that were created before a time, with an id above after, in the
// order of ids.
func (l *Ledger) PendingFundings(
	ctx context.Context, n int, before time.Time, after int64, limit int,
) (orders []wallet.FundingOrder, err error) {
	err = l.read(ctx, n, func(s *state) {
		for _, o := range s.fundings {
			if o.State == wallet.FundingPending && o.ID > after && o.CreatedAt.UnixMilli() < before.UnixMilli() {
				orders = append(orders, o)
			}
		}
	})
	slices.SortFunc(orders, func(a, b wallet.FundingOrder) int { return cmp.Compare(a.ID, b.ID) })
	return orders[:min(limit, len(orders))], err
}
