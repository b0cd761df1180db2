package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
)

// auditFundings checks that top-ups and withdrawals have moved what their state says, and adds up what they brought in.
func (a *auditor) auditFundings(ctx context.Context, shard int, t *totals) error {
	for orders, err := range fundingPages(ctx, a.earlyOf(shard), a.l.tables[shard]) {
		if err != nil {
			return err
		}
		own, users, err := a.entriesOfFundings(ctx, shard, orders)
		if err != nil {
			return err
		}
		for _, o := range orders {
			wanted := movements(o)
			t.fundings[o.Amount.Currency] += wanted.outside
			name := fmt.Sprintf("%s %d, %s", o.Kind, o.ID, o.State)
			if got := own[accountKey{fundingAccount(o.ID), o.Amount.Currency}]; got != wanted.own {
				a.found(wallet.AuditFunding, shard, name+": account "+fundingAccount(o.ID), wanted.own, got)
			}
			if got := users[fundingKey{o.ID, o.User, o.Amount.Currency}]; got != wanted.user {
				a.found(wallet.AuditFunding, shard, name+": statement of "+o.User, wanted.user, got)
			}
		}
	}
	return nil
}

// moved is what an order should have changed: the wallet, its own account, and the outside.
type moved struct{ user, own, outside int64 }

func movements(o wallet.FundingOrder) moved {
	n := o.Amount.Minor
	switch {
	case o.Kind == wallet.EntryTopUp && o.State == wallet.FundingSettled:
		return moved{user: n, outside: -n}
	case o.Kind == wallet.EntryWithdrawal && o.State == wallet.FundingSettled:
		return moved{user: -n, outside: n}
	case o.Kind == wallet.EntryWithdrawal && o.State == wallet.FundingPending:
		return moved{user: -n, own: n}
	}
	return moved{}
}

type fundingKey struct {
	id       int64
	user     string
	currency wallet.Currency
}

// entriesOfFundings adds up what the orders' own accounts and their users' statements show of them.
func (a *auditor) entriesOfFundings(ctx context.Context, shard int, orders []wallet.FundingOrder) (own map[accountKey]int64, users map[fundingKey]int64, err error) {
	own, users = map[accountKey]int64{}, map[fundingKey]int64{}
	var accounts, legs []any
	for _, o := range orders {
		accounts = append(accounts, fundingAccount(o.ID))
		for _, kind := range []wallet.EntryKind{wallet.EntryTopUp, wallet.EntryWithdrawal, wallet.EntryVoid} {
			legs = append(legs, o.User, string(kind), string(wallet.SubjectFunding), o.ID)
		}
	}
	table := a.l.tables[shard].entries
	if err := sumAccounts(ctx, a.earlyOf(shard), table, accounts, own); err != nil {
		return nil, nil, err
	}
	err = collect(ctx, a.earlyOf(shard), func(rows *sql.Rows) error {
		var k fundingKey
		var amount int64
		err := rows.Scan(&k.id, &k.user, &k.currency, &amount)
		users[k] += amount
		return err
	}, "SELECT reference, account, currency, amount FROM "+table+" WHERE "+
		anyOf("account = ? AND kind = ? AND subject = ? AND reference = ?", len(legs)/4), legs...)
	return own, users, err
}
