package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const fundingColumns = "id, user, kind, currency, amount, state, balance, created_at, query_at, counts_daily"

// OpenFunding records a pending order; a withdrawal debits the wallet in the same transaction. If the request was
// already carried out, the order of that time is returned as it is now. Refusals: insufficient_balance,
// account_frozen, daily_limit_exceeded, request_conflict.
func (l *Ledger) OpenFunding(ctx context.Context, r ledger.Request, o wallet.FundingOrder,
	dailyLimit int64) (wallet.FundingOrder, error) {
	shard, ok := l.ShardOf(o.ID)
	if !ok || shard != l.cluster.ForUser(o.User) {
		return wallet.FundingOrder{}, fmt.Errorf("mysqlledger: funding %d: the id is not one for user %q", o.ID, o.User)
	}
	if o.Kind != ledger.EntryTopUp && o.Kind != ledger.EntryWithdrawal {
		return wallet.FundingOrder{}, fmt.Errorf("mysqlledger: funding %d: kind %q", o.ID, o.Kind)
	}
	if _, err := ledger.NewAmount(o.Amount.Minor, string(o.Amount.Currency)); err != nil {
		return wallet.FundingOrder{}, err
	}
	if err := o.CheckDaily(dailyLimit); err != nil {
		return wallet.FundingOrder{}, err
	}
	t := l.tables[shard]
	err := l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		if err := l.claim(ctx, tx, t, o.User, r, o.ID); err != nil {
			return err
		}
		return openFunding(ctx, tx, t, &o, dailyLimit)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return l.getFunding(ctx, shard, before.Reference)
	}
	if err != nil {
		return wallet.FundingOrder{}, fmt.Errorf("funding %d: %w", o.ID, err)
	}
	return o, nil
}

func openFunding(ctx context.Context, tx *sql.Tx, t Tables, o *wallet.FundingOrder, dailyLimit int64) error {
	o.State, o.Balance = wallet.FundingPending, 0
	o.CreatedAt, o.QueryAt = rows.Millis(o.CreatedAt.UnixMilli()), rows.Millis(o.QueryAt.UnixMilli())
	at := o.CreatedAt.UnixMilli()
	if o.CountsDaily {
		if err := count(ctx, tx, t, usage{o.User, o.Amount, o.CreatedAt}, dailyLimit); err != nil {
			return err
		}
	}
	if o.Kind == ledger.EntryWithdrawal {
		after, err := debit(ctx, tx, t, o.User, o.Amount)
		if err != nil {
			return err
		}
		o.Balance = after.balance
		from, to := fundingEntry(*o, o.Kind, at), fundingEntry(*o, o.Kind, at)
		from.account, from.seq, from.amount, from.balance = o.User, after.seq, -o.Amount.Minor, after.balance
		to.account, to.seq, to.amount = FundingAccount(o.ID), o.ID, o.Amount.Minor
		if err := writeEntries(ctx, tx, t, []entry{from, to}); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.Fundings+" ("+fundingColumns+") VALUES "+rows.In(10),
		o.ID, o.User, string(o.Kind), string(o.Amount.Currency), o.Amount.Minor, string(o.State), o.Balance, at,
		o.QueryAt.UnixMilli(), o.CountsDaily)
	if shards.IsDuplicate(err) {
		return ErrIDExists
	}
	return err
}

func fundingEntry(o wallet.FundingOrder, kind ledger.EntryKind, at int64) entry {
	return entry{currency: o.Amount.Currency, kind: kind, subject: wallet.Subject, reference: o.ID, at: at}
}

// CloseFunding makes a pending order settled or refused and moves its money accordingly. An order that is no longer
// pending is returned as it is.
func (l *Ledger) CloseFunding(ctx context.Context, id int64,
	to wallet.FundingState) (o wallet.FundingOrder, err error) {
	shard, ok := l.ShardOf(id)
	if !ok || to != wallet.FundingSettled && to != wallet.FundingRefused {
		return o, fmt.Errorf("mysqlledger: funding %d cannot become %q", id, to)
	}
	txID, err := l.ids.New(shard)
	if err != nil {
		return o, err
	}
	t := l.tables[shard]
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		orders, err := SelectFundings(ctx, tx, t, "WHERE id = ? FOR UPDATE", id)
		if err != nil {
			return err
		}
		if len(orders) == 0 {
			return wallet.ErrFundingNotFound
		}
		if o = orders[0]; o.State != wallet.FundingPending {
			return nil
		}
		o.State = to
		if err := l.moveFunding(ctx, tx, t, txID, &o); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, "UPDATE "+t.Fundings+" SET state = ?, balance = ? WHERE id = ? AND state = ?",
			string(o.State), o.Balance, id, string(wallet.FundingPending))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, errors.New("mysqlledger: it changed under its lock"))
		}
		return nil
	})
	if err != nil {
		return wallet.FundingOrder{}, fmt.Errorf("close funding %d: %w", id, err)
	}
	return o, nil
}

// moveFunding writes the entries that an order's new state asks for: a settled top-up comes from outside into the
// wallet, a settled withdrawal goes from its own account to outside, a refused one from there back to the wallet.
func (l *Ledger) moveFunding(ctx context.Context, tx *sql.Tx, t Tables, txID int64, o *wallet.FundingOrder) error {
	settled := o.State == wallet.FundingSettled
	if o.Kind == ledger.EntryTopUp && !settled {
		return nil // nothing has moved
	}
	kind, source := o.Kind, FundingAccount(o.ID)
	switch {
	case o.Kind == ledger.EntryTopUp:
		source = outside(o.User)
	case !settled:
		kind = ledger.EntryVoid
	}
	if o.CountsDaily && !settled {
		if err := uncount(ctx, tx, t, usage{o.User, o.Amount, o.CreatedAt}, o.Amount.Minor); err != nil {
			return err
		}
	}
	from, to := fundingEntry(*o, kind, l.now().UnixMilli()), fundingEntry(*o, kind, l.now().UnixMilli())
	from.account, from.seq, from.amount = source, txID, -o.Amount.Minor
	to.amount = o.Amount.Minor
	if o.Kind == ledger.EntryWithdrawal && settled {
		from.part = 1 // part 0 of this account is the debit
		to.account, to.seq = outside(o.User), txID
		return writeEntries(ctx, tx, t, []entry{from, to})
	}
	after, err := credit(ctx, tx, t, o.User, o.Amount)
	if err != nil {
		return err
	}
	o.Balance = after.balance
	to.account, to.seq, to.balance = o.User, after.seq, after.balance
	return writeEntries(ctx, tx, t, []entry{from, to})
}

// Funding returns an order. Error: wallet.ErrFundingNotFound.
func (l *Ledger) Funding(ctx context.Context, id int64) (wallet.FundingOrder, error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return wallet.FundingOrder{}, fmt.Errorf("funding %d: %w", id, wallet.ErrFundingNotFound)
	}
	return l.getFunding(ctx, shard, id)
}

// DueFundings returns pending orders of a shard whose QueryAt has come by a time, the longest due first.
func (l *Ledger) DueFundings(ctx context.Context, shard int, by time.Time, limit int) ([]wallet.FundingOrder, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	orders, err := SelectFundings(ctx, l.cluster.DB(shard), l.tables[shard],
		"WHERE state = ? AND query_at <= ? ORDER BY query_at, id LIMIT ?", string(
			wallet.FundingPending), by.UnixMilli(),
		limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("due fundings of shard %d: %w", shard, err))
	}
	return orders, nil
}

// DeferFunding moves the QueryAt of a pending order from what o says to a later time. It returns false where the order
// is no longer pending or has another QueryAt, so of several workers with the same o one gets true.
func (l *Ledger) DeferFunding(ctx context.Context, o wallet.FundingOrder, until time.Time) (bool, error) {
	shard, ok := l.ShardOf(o.ID)
	if !ok || !until.After(o.QueryAt) {
		return false, fmt.Errorf("mysqlledger: funding %d cannot be deferred to %v", o.ID, until)
	}
	t, deferred := l.tables[shard], false
	err := l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		// The row is locked before its indexes, as CloseFunding does it.
		now, err := SelectFundings(ctx, tx, t, "WHERE id = ? FOR UPDATE", o.ID)
		deferred = err == nil && len(now) == 1 && now[0].State == wallet.FundingPending &&
			now[0].QueryAt.Equal(o.QueryAt)
		if !deferred {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE "+t.Fundings+" SET query_at = ? WHERE id = ?", until.UnixMilli(), o.ID)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("defer funding %d: %w", o.ID, err)
	}
	return deferred, nil
}

func (l *Ledger) getFunding(ctx context.Context, shard int, id int64) (wallet.FundingOrder, error) {
	orders, err := SelectFundings(ctx, l.cluster.DB(shard), l.tables[shard], "WHERE id = ?", id)
	if err == nil && len(orders) == 0 {
		err = wallet.ErrFundingNotFound
	}
	if err != nil {
		return wallet.FundingOrder{}, shards.Classify(fmt.Errorf("funding %d: %w", id, err))
	}
	return orders[0], nil
}

// SelectFundings reads the orders that the rest of a SELECT names: its WHERE, ORDER BY, LIMIT and lock.
func SelectFundings(ctx context.Context, q rows.Querier, t Tables, rest string,
	args ...any) ([]wallet.FundingOrder, error) {
	var orders []wallet.FundingOrder
	err := rows.Collect(ctx, q, func(row *sql.Rows) error {
		var o wallet.FundingOrder
		var created, query int64
		err := row.Scan(&o.ID, &o.User, &o.Kind, &o.Amount.Currency, &o.Amount.Minor, &o.State, &o.Balance, &created,
			&query, &o.CountsDaily)
		o.CreatedAt, o.QueryAt = rows.Millis(created), rows.Millis(query)
		orders = append(orders, o)
		return err
	}, "SELECT "+fundingColumns+" FROM "+t.Fundings+" "+rest, args...)
	return orders, err
}
