package seal

import (
	"context"
	"database/sql"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// Forget takes all seals of a shard back, but what is archived, in transactions of up to Batch accounts or units. The
// next audit reads all that is there, and seals it as it is then. A process may die in the middle: audits start from
// what is left, and a second call ends it.
func Forget(ctx context.Context, c *shards.Cluster, shard int) error {
	t := mysqlledger.TablesOf(c, shard)
	err := c.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+t.SealMarks+" WHERE name = ?", MarkSealed)
		return err
	})
	for _, step := range []func(context.Context, *sql.Tx, mysqlledger.Tables) (int, error){
		forgetHolds, forgetOrders, forgetAccounts, forgetRest,
	} {
		for n := 1; err == nil && n > 0; {
			err = c.Tx(ctx, shard, func(tx *sql.Tx) (err error) {
				n, err = step(ctx, tx, t)
				return err
			})
		}
	}
	return err
}

func forgetHolds(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables) (int, error) {
	holds, err := mysqlledger.SelectHolds(ctx, tx, t, "WHERE sealed = 1 ORDER BY id LIMIT ? FOR UPDATE", Batch)
	units := make([]Unit, len(holds))
	for i := range holds {
		units[i].Hold = &holds[i]
	}
	if err != nil {
		return 0, err
	}
	return forgetUnits(ctx, tx, t, t.Holds, units)
}

func forgetOrders(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables) (int, error) {
	orders, err := mysqlledger.SelectFundings(ctx, tx, t, "WHERE sealed = 1 ORDER BY id LIMIT ? FOR UPDATE", Batch)
	units := make([]Unit, len(orders))
	for i := range orders {
		units[i].Order = &orders[i]
	}
	if err != nil {
		return 0, err
	}
	return forgetUnits(ctx, tx, t, t.Fundings, units)
}

func forgetUnits(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables, table string, units []Unit) (int, error) {
	if len(units) == 0 {
		return 0, nil
	}
	var ids []any
	totals := map[ledger.Currency]Totals{}
	for i := range units {
		ids = append(ids, units[i].ID())
		currency, of := units[i].Totals()
		less := totals[currency]
		less.Add(Totals{-of.Posted, -of.Outside, -of.Tests})
		totals[currency] = less
	}
	for _, statement := range []string{"UPDATE " + table + " SET sealed = 0 WHERE id IN ",
		"DELETE FROM " + t.UnitSeals + " WHERE id IN "} {
		if _, err := tx.ExecContext(ctx, statement+rows.In(len(ids)), ids...); err != nil {
			return 0, err
		}
	}
	return len(units), addTotals(ctx, tx, t, totals, false)
}

// forgetAccounts goes back to what is archived of accounts.
func forgetAccounts(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables) (int, error) {
	seals, err := Select(ctx, tx, t, "WHERE seq <> archived_seq OR digest <> archived_digest OR balance <> "+
		"archived_balance OR credits <> archived_credits OR entries <> archived_entries LIMIT ? FOR UPDATE", Batch)
	for _, s := range seals {
		if err != nil {
			return 0, err
		}
		if s.Archived.Seq == 0 {
			_, err = tx.ExecContext(ctx, "DELETE FROM "+t.Seals+" WHERE account = ? AND currency = ?", s.Account,
				string(s.Currency))
			continue
		}
		_, err = tx.ExecContext(ctx, "UPDATE "+t.Seals+" SET seq = archived_seq, entries = archived_entries, "+
			"balance = archived_balance, credits = archived_credits, digest = archived_digest "+
			"WHERE account = ? AND currency = ?", s.Account, string(s.Currency))
	}
	return len(seals), err
}

// forgetRest ends what contradicted itself: seals of units that are not sealed, and totals.
func forgetRest(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables) (int, error) {
	done, err := tx.ExecContext(ctx, "DELETE FROM "+t.UnitSeals+" ORDER BY id LIMIT ?", Batch)
	if err != nil {
		return 0, err
	}
	n, err := done.RowsAffected()
	if err != nil || n > 0 {
		return int(n), err
	}
	_, err = tx.ExecContext(ctx, "UPDATE "+t.SealTotals+" SET posted = archived_posted, outside = archived_outside, "+
		"tests = archived_tests")
	return 0, err
}
