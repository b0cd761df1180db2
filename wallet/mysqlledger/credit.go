package mysqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// creditEntries are the payees' entries of parcels, sorted by account and currency, without seq and balance.
func creditEntries(parcels []*parcel) []entry {
	var entries []entry
	for _, b := range parcels {
		for _, g := range b.contents.Legs {
			h := b.contents.Holds[g.Hold]
			entries = append(entries, entry{account: g.Payee, currency: b.currency, amount: g.Amount, kind: wallet.EntryPost,
				subject: h.Subject, reference: h.ID, part: g.Part, counterparty: h.Owner, note: h.Note, at: g.At})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.currency, b.currency))
	})
	return entries
}

type accountKey struct {
	account  string
	currency wallet.Currency
}

// runBalances adds sorted entries to their accounts, in that order, which is the order of locks, and then gives each
// entry its seq and running balance.
func runBalances(ctx context.Context, tx *sql.Tx, t tables, entries []entry) error {
	var keys []accountKey
	var args []any
	for rest := entries; len(rest) > 0; {
		key := accountKey{rest[0].account, rest[0].currency}
		var sum, n int64
		for len(rest) > 0 && rest[0].account == key.account && rest[0].currency == key.currency {
			sum, n, rest = sum+rest[0].amount, n+1, rest[1:]
		}
		keys = append(keys, key)
		args = append(args, key.account, string(key.currency), sum, n)
	}
	if err := insertRows(ctx, tx, "INSERT INTO "+t.accounts+" (account, currency, balance, seq)", 4, args, addToAccount); err != nil {
		return err
	}
	after, err := readAccounts(ctx, tx, t, keys)
	if err != nil {
		return err
	}
	// The accounts are locked by our own change of them, so counting back from what they are now is exact.
	for i := range slices.Backward(entries) {
		e := &entries[i]
		s := after[accountKey{e.account, e.currency}]
		e.seq, e.balance = s.seq, s.balance
		after[accountKey{e.account, e.currency}] = state{balance: s.balance - e.amount, seq: s.seq - 1}
	}
	return nil
}

// readAccounts reads accounts that this transaction has locked by changing them.
func readAccounts(ctx context.Context, tx *sql.Tx, t tables, keys []accountKey) (map[accountKey]state, error) {
	accounts := map[wallet.Currency][]any{}
	for _, k := range keys {
		accounts[k.currency] = append(accounts[k.currency], k.account)
	}
	states := make(map[accountKey]state, len(keys))
	for currency, names := range accounts {
		for chunk := range slices.Chunk(names, maxRows) {
			err := collect(ctx, tx, func(rows *sql.Rows) error {
				k, s := accountKey{currency: currency}, state{}
				err := rows.Scan(&k.account, &s.balance, &s.seq)
				states[k] = s
				return err
			}, "SELECT account, balance, seq FROM "+t.accounts+" WHERE account IN "+in(len(chunk))+" AND currency = ?",
				append(slices.Clone(chunk), string(currency))...)
			if err != nil {
				return nil, err
			}
		}
	}
	return states, nil
}
