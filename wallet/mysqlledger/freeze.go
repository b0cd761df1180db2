package mysqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Freeze keeps an account's money where it is, and returns the freeze that stands: an earlier one stays. Once it has
// returned, nothing leaves the account. After shards.ErrUnavailable it may stand or not; repeat the call.
//
// Whoever takes money locks the wallet's row first and reads the freezes then. So after the row of the freeze has
// committed, whoever has not seen it has its wallet locked, and is waited for.
func (l *Ledger) Freeze(ctx context.Context, f ledger.Freeze) (stands ledger.Freeze, err error) {
	if err := f.Check(); err != nil {
		return ledger.Freeze{}, err
	}
	shard := l.cluster.ForUser(f.Account)
	t := l.tables[shard]
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+t.Freezes+" (account, frozen_by, reason, frozen_at) VALUES "+
			rows.In(4)+" ON DUPLICATE KEY UPDATE account = VALUES(account)", f.Account, f.By, f.Reason,
			f.At.UnixMilli())
		if err != nil {
			return err
		}
		found, err := selectFreezes(ctx, tx, t, "WHERE account = ?", f.Account)
		if err == nil {
			stands = found[0]
		}
		return err
	})
	if err == nil {
		err = l.awaitWallets(ctx, shard, f.Account)
	}
	return stands, wrap(err, "freeze %s", f.Account)
}

// awaitWallets returns once every transaction has ended that had locked a wallet of the account before.
func (l *Ledger) awaitWallets(ctx context.Context, shard int, account string) error {
	return l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		return rows.Collect(ctx, tx, func(row *sql.Rows) error { return row.Scan(new(string)) },
			"SELECT currency FROM "+l.tables[shard].Accounts+" WHERE account = ? FOR UPDATE", account)
	})
}

// Thaw ends the freeze of an account, and says whether there was one. Error: shards.ErrUnavailable.
func (l *Ledger) Thaw(ctx context.Context, account string) (thawed bool, err error) {
	if err := ledger.CheckAccount("account", account); err != nil {
		return false, err
	}
	shard := l.cluster.ForUser(account)
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM "+l.tables[shard].Freezes+" WHERE account = ?", account)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		thawed = n == 1
		return err
	})
	return thawed, wrap(err, "thaw %s", account)
}

// Freezes returns freezes of accounts behind after ("": from the first), in the order of accounts, of all shards.
// Error: shards.ErrUnavailable.
func (l *Ledger) Freezes(ctx context.Context, after string, limit int) ([]ledger.Freeze, error) {
	var all []ledger.Freeze
	for _, shard := range l.cluster.All() {
		some, err := selectFreezes(ctx, l.cluster.DB(shard), l.tables[shard],
			"WHERE account > ? ORDER BY account LIMIT ?", after, limit)
		if err != nil {
			return nil, shards.Classify(fmt.Errorf("freezes of shard %d: %w", shard, err))
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b ledger.Freeze) int { return cmp.Compare(a.Account, b.Account) })
	return all[:min(limit, len(all))], nil
}

func selectFreezes(ctx context.Context, q rows.Querier, t Tables, rest string, args ...any) ([]ledger.Freeze, error) {
	return rows.Select(ctx, q, func(row *sql.Rows) (f ledger.Freeze, err error) {
		var at int64
		err = row.Scan(&f.Account, &f.By, &f.Reason, &at)
		f.At = rows.Millis(at)
		return f, err
	}, "SELECT account, frozen_by, reason, frozen_at FROM "+t.Freezes+" "+rest, args...)
}

// frozenOf are those of locked accounts that are frozen.
func frozenOf(ctx context.Context, tx *sql.Tx, t Tables, keys []accountKey) (map[string]bool, error) {
	frozen := map[string]bool{}
	for some := range slices.Chunk(keys, rows.Max) {
		names := make([]any, len(some))
		for i, key := range some {
			names[i] = key.account
		}
		err := rows.Collect(ctx, tx, func(row *sql.Rows) error {
			var account string
			err := row.Scan(&account)
			frozen[account] = true
			return err
		}, "SELECT account FROM "+t.Freezes+" WHERE account IN "+rows.In(len(names)), names...)
		if err != nil {
			return nil, err
		}
	}
	return frozen, nil
}
