package audit

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// auditFundings checks that top-ups and withdrawals have moved what their state says, and adds up what they brought in.
func (r *run) auditFundings(ctx context.Context, shard int, t *totals) error {
	early, tables := r.earlyOf(shard), r.tables[shard]
	for orders, err := range fundingPages(ctx, early, tables, r.unsealed()) {
		if err != nil {
			return err
		}
		own, users, err := r.entriesOfFundings(ctx, shard, orders)
		if err != nil {
			return err
		}
		if err := r.checkOrders(ctx, shard, t, orders, own); err != nil {
			return err
		}
		for _, o := range orders {
			wanted := movements(o)
			if ledger.IsTestAccount(o.User) {
				t.funded[o.Amount.Currency] += wanted.outside
			} else {
				t.fundings[o.Amount.Currency] += wanted.outside
			}
			name := fmt.Sprintf("%s %d, %s", o.Kind, o.ID, o.State)
			if got := own.account[accountKey{mysqlledger.FundingAccount(o.ID), o.Amount.Currency}]; got != wanted.own {
				r.found(ledger.AuditFunding, shard, name+": account "+mysqlledger.FundingAccount(o.ID), wanted.own, got)
			}
			if got := users[fundingKey{o.ID, o.User, o.Amount.Currency}]; got != wanted.user {
				r.found(ledger.AuditFunding, shard, name+": statement of "+o.User, wanted.user, got)
			}
		}
	}
	return nil
}

// checkOrders compares orders that are sealed with their seals. An incremental audit reads none, and adds up what is on
// the accounts of the others.
func (r *run) checkOrders(ctx context.Context, shard int, t *totals, orders []wallet.FundingOrder,
	own accountBooks) error {
	if r.incremental {
		for key, minor := range own.account {
			t.entries[key.currency] += minor
		}
		r.report.Entries += own.entries
		return nil
	}
	ids := make([]int64, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	sealed, err := sealedOf(ctx, r.earlyOf(shard), r.tables[shard].Fundings, ids)
	if err != nil {
		return err
	}
	digests, err := seal.Units(ctx, r.earlyOf(shard), r.tables[shard], ids)
	if err != nil {
		return err
	}
	for i := range orders {
		unit := &seal.Unit{Order: &orders[i], Entries: own.entriesOf[mysqlledger.FundingAccount(orders[i].ID)]}
		r.checkUnit(shard, t, unit, sealed[orders[i].ID], digests)
	}
	return nil
}

// moved is what an order should have changed: the wallet, its own account, and the outside.
type moved struct{ user, own, outside int64 }

func movements(o wallet.FundingOrder) moved {
	n := o.Amount.Minor
	switch {
	case o.Kind == ledger.EntryTopUp && o.State == wallet.FundingSettled:
		return moved{user: n, outside: -n}
	case o.Kind == ledger.EntryWithdrawal && o.State == wallet.FundingSettled:
		return moved{user: -n, outside: n}
	case o.Kind == ledger.EntryWithdrawal && o.State == wallet.FundingPending:
		return moved{user: -n, own: n}
	}
	return moved{}
}

type fundingKey struct {
	id       int64
	user     string
	currency ledger.Currency
}

// entriesOfFundings adds up what the orders' own accounts and their users' statements show of them.
func (r *run) entriesOfFundings(ctx context.Context, shard int,
	orders []wallet.FundingOrder) (own accountBooks, users map[fundingKey]int64, err error) {
	users = map[fundingKey]int64{}
	var accounts, legs []any
	for _, o := range orders {
		accounts = append(accounts, mysqlledger.FundingAccount(o.ID))
		for _, kind := range []ledger.EntryKind{ledger.EntryTopUp, ledger.EntryWithdrawal, ledger.EntryVoid} {
			legs = append(legs, o.User, string(kind), string(wallet.Subject), o.ID)
		}
	}
	table := r.tables[shard].Entries
	if own, err = readAccounts(ctx, r.earlyOf(shard), table, accounts); err != nil {
		return own, nil, err
	}
	err = rows.Collect(ctx, r.earlyOf(shard), func(row *sql.Rows) error {
		var k fundingKey
		var amount int64
		err := row.Scan(&k.id, &k.user, &k.currency, &amount)
		users[k] += amount
		return err
	}, "SELECT "+byLeg(table)+"reference, account, currency, amount FROM "+table+" WHERE "+
		rows.AnyOf("account = ? AND kind = ? AND subject = ? AND reference = ?", len(legs)/4), legs...)
	return own, users, err
}
