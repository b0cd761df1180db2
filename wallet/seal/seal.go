package seal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// Batch is how many accounts or units one transaction seals, or deletes.
const Batch = 200

// State is an account after some of its entries, from the first on.
type State struct {
	Seq     int64  `json:"seq"`     // of the last of them; 0 for none
	Entries int64  `json:"entries"` // how many
	Balance int64  `json:"balance"` // their sum
	Credits int64  `json:"credits"` // the sum of those that are credits of posts
	Digest  Digest `json:"digest"`
}

// Add is the state after one more entry.
func (s *State) Add(e Entry) {
	s.Seq, s.Entries, s.Balance, s.Digest = e.Seq, s.Entries+1, s.Balance+e.Amount, s.Digest.Entry(e)
	if e.Kind == ledger.EntryPost {
		s.Credits += e.Amount
	}
}

// Key names an account in one currency.
type Key struct {
	Account  string          `json:"account"`
	Currency ledger.Currency `json:"currency"`
}

// Seal is that of an account. Archived is the part of it whose entries are gone.
type Seal struct {
	Key
	State
	Archived State
}

const sealColumns = "account, currency, seq, entries, balance, credits, digest, archived_seq, archived_entries, " +
	"archived_balance, archived_credits, archived_digest"

func scanSeal(row *sql.Rows) (s Seal, err error) {
	a := &s.Archived
	err = row.Scan(&s.Account, &s.Currency, &s.Seq, &s.Entries, &s.Balance, &s.Credits, &s.Digest, &a.Seq, &a.Entries,
		&a.Balance, &a.Credits, &a.Digest)
	return s, err
}

// Select reads the seals of a shard that rest (WHERE, ORDER BY, LIMIT) asks for.
func Select(ctx context.Context, q rows.Querier, t mysqlledger.Tables, rest string, args ...any) ([]Seal, error) {
	return rows.Select(ctx, q, scanSeal, "SELECT "+sealColumns+" FROM "+t.Seals+" "+rest, args...)
}

// SelectOf reads the seals of accounts, at most rows.Max. What has none is not in the answer.
func SelectOf(ctx context.Context, q rows.Querier, t mysqlledger.Tables, keys []Key) (map[Key]Seal, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var args []any
	for _, k := range keys {
		args = append(args, k.Account, string(k.Currency))
	}
	all, err := Select(ctx, q, t, "WHERE "+rows.AnyOf("account = ? AND currency = ?", len(keys)), args...)
	found := map[Key]Seal{}
	for _, s := range all {
		found[s.Key] = s
	}
	return found, err
}

// Units are the digests of sealed units, at most rows.Max of them.
func Units(ctx context.Context, q rows.Querier, t mysqlledger.Tables, ids []int64) (map[int64]Digest, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found := map[int64]Digest{}
	err := rows.Collect(ctx, q, func(row *sql.Rows) error {
		var id int64
		var d Digest
		err := row.Scan(&id, &d)
		found[id] = d
		return err
	}, "SELECT id, digest FROM "+t.UnitSeals+" WHERE id IN "+rows.In(len(ids)), rows.Args(ids)...)
	return found, err
}

// ShardTotals are the totals of a shard's sealed units, and of those of them that are archived.
type ShardTotals struct{ Sealed, Archived Totals }

// TotalsOf reads the totals of a shard.
func TotalsOf(ctx context.Context, q rows.Querier, t mysqlledger.Tables) (map[ledger.Currency]ShardTotals, error) {
	all := map[ledger.Currency]ShardTotals{}
	err := rows.Collect(ctx, q, func(row *sql.Rows) error {
		var c ledger.Currency
		var s ShardTotals
		err := row.Scan(&c, &s.Sealed.Posted, &s.Sealed.Outside, &s.Sealed.Tests, &s.Archived.Posted,
			&s.Archived.Outside, &s.Archived.Tests)
		all[c] = s
		return err
	}, "SELECT currency, posted, outside, tests, archived_posted, archived_outside, archived_tests FROM "+t.SealTotals)
	return all, err
}

// Marks are ids that only rise.
type Marks struct {
	Sealed   int64 // below it each unit is sealed
	Archived int64 // below it each unit that could be archived is
}

// Names of marks.
const (
	MarkSealed   = "sealed"
	MarkArchived = "archived"
)

// MarksOf reads the marks of a shard.
func MarksOf(ctx context.Context, q rows.Querier, t mysqlledger.Tables) (m Marks, err error) {
	err = rows.Collect(ctx, q, func(row *sql.Rows) error {
		var name string
		var value int64
		err := row.Scan(&name, &value)
		switch name {
		case MarkSealed:
			m.Sealed = value
		case MarkArchived:
			m.Archived = value
		}
		return err
	}, "SELECT name, value FROM "+t.SealMarks)
	return m, err
}

// Raise lets a mark rise.
func Raise(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables, name string, value int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.SealMarks+" (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE "+
		"value = GREATEST(value, VALUES(value))", name, value)
	return err
}

// RaiseMark is Raise in a transaction of its own.
func RaiseMark(ctx context.Context, c *shards.Cluster, shard int, name string, value int64) error {
	return c.Tx(ctx, shard, func(tx *sql.Tx) error {
		return Raise(ctx, tx, mysqlledger.TablesOf(c, shard), name, value)
	})
}

// Step is the seal of an account from the state in which an audit found it to a later one.
type Step struct {
	Key
	From, To State
}

// Accounts writes the seals of up to Batch accounts of a shard, of those whose seals are still where the steps begin,
// and returns how many.
func Accounts(ctx context.Context, c *shards.Cluster, shard int, steps []Step) (sealed int64, err error) {
	table := mysqlledger.TablesOf(c, shard).Seals
	err = c.Tx(ctx, shard, func(tx *sql.Tx) error {
		sealed = 0
		var first []any
		for _, s := range steps {
			to, none := s.To, Digest{}
			if s.From.Seq == 0 {
				first = append(first, s.Account, string(s.Currency), to.Seq, to.Entries, to.Balance, to.Credits,
					to.Digest[:], 0, 0, 0, 0, none[:])
				continue
			}
			done, err := tx.ExecContext(ctx, "UPDATE "+table+" SET seq = ?, entries = ?, balance = ?, credits = ?, "+
				"digest = ? WHERE account = ? AND currency = ? AND seq = ? AND digest = ?", to.Seq, to.Entries,
				to.Balance, to.Credits, to.Digest[:], s.Account, string(s.Currency), s.From.Seq, s.From.Digest[:])
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			sealed += n
		}
		sealed += int64(len(first) / 12)
		// Whoever sealed it first has it.
		return rows.Insert(ctx, tx, "INSERT INTO "+table+" ("+sealColumns+")", 12, first,
			" ON DUPLICATE KEY UPDATE account = VALUES(account)")
	})
	return sealed, err
}

// errSealed says that another worker has sealed some of the units, or that they changed.
var errSealed = errors.New("seal: the units are not as they were")

// SealUnits seals up to Batch units of a kind (all holds, or all orders) of a shard, unless another worker has sealed
// one of them: then it returns 0, and the next audit finds the rest.
func SealUnits(ctx context.Context, c *shards.Cluster, shard int, units []Unit) (sealed int, err error) {
	if len(units) == 0 {
		return 0, nil
	}
	t := mysqlledger.TablesOf(c, shard)
	table, final := t.Fundings, "state IN ('settled', 'refused')"
	if units[0].Hold != nil {
		table, final = t.Holds, "is_open = 0"
	}
	err = c.Tx(ctx, shard, func(tx *sql.Tx) error {
		var ids, digests []any
		totals := map[ledger.Currency]Totals{}
		for i := range units {
			d := units[i].Digest()
			ids, digests = append(ids, units[i].ID()), append(digests, units[i].ID(), d[:])
			currency, more := units[i].Totals()
			sum := totals[currency]
			sum.Add(more)
			totals[currency] = sum
		}
		done, err := tx.ExecContext(ctx, "UPDATE "+table+" SET sealed = 1 WHERE sealed = 0 AND "+final+" AND id IN "+
			rows.In(len(ids)), ids...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != int64(len(units)) {
			return errors.Join(err, errSealed)
		}
		if err := rows.Insert(ctx, tx, "INSERT INTO "+t.UnitSeals+" (id, digest)", 2, digests, ""); err != nil {
			return err
		}
		return addTotals(ctx, tx, t, totals, false)
	})
	if errors.Is(err, errSealed) || shards.IsDuplicate(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return len(units), nil
}

// addTotals adds to the totals of a shard, or to the archived part of them.
func addTotals(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables, totals map[ledger.Currency]Totals,
	archived bool) error {
	var args []any
	currencies := make([]ledger.Currency, 0, len(totals))
	for c := range totals {
		currencies = append(currencies, c)
	}
	slices.Sort(currencies) // the order of locks
	for _, c := range currencies {
		values := make([]any, 6)
		for i := range values {
			values[i] = int64(0)
		}
		at := 0
		if archived {
			at = 3
		}
		values[at], values[at+1], values[at+2] = totals[c].Posted, totals[c].Outside, totals[c].Tests
		args = append(append(args, string(c)), values...)
	}
	columns := []string{"posted", "outside", "tests", "archived_posted", "archived_outside", "archived_tests"}
	tail := " ON DUPLICATE KEY UPDATE "
	for i, column := range columns {
		if i > 0 {
			tail += ", "
		}
		tail += column + " = " + column + " + VALUES(" + column + ")"
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+t.SealTotals+" (currency, posted, outside, tests, archived_posted, "+
		"archived_outside, archived_tests)", 7, args, tail)
}

// Archived says in the totals of a shard that units are gone.
func Archived(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables, units []*Unit) error {
	totals := map[ledger.Currency]Totals{}
	for _, u := range units {
		currency, more := u.Totals()
		sum := totals[currency]
		sum.Add(more)
		totals[currency] = sum
	}
	return addTotals(ctx, tx, t, totals, true)
}

// ArchiveEntries says in the seal of an account that the entries of a step are gone. It returns false if they were gone
// before, and an error if the step does not begin where those that are gone end.
func ArchiveEntries(ctx context.Context, tx *sql.Tx, t mysqlledger.Tables, s Step) (bool, error) {
	done, err := tx.ExecContext(ctx, "UPDATE "+t.Seals+" SET archived_seq = ?, archived_entries = ?, "+
		"archived_balance = ?, archived_credits = ?, archived_digest = ? WHERE account = ? AND currency = ? AND "+
		"archived_seq = ? AND archived_digest = ? AND seq >= ?", s.To.Seq, s.To.Entries, s.To.Balance, s.To.Credits,
		s.To.Digest[:], s.Account, string(s.Currency), s.From.Seq, s.From.Digest[:], s.To.Seq)
	if err != nil {
		return false, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return n == 1, err
	}
	is, err := Select(ctx, tx, t, "WHERE account = ? AND currency = ?", s.Account, string(s.Currency))
	if err == nil && (len(is) != 1 || is[0].Archived.Seq < s.To.Seq) {
		err = fmt.Errorf("seal: entries of %s, %s, from %d to %d do not follow those that are gone", s.Account,
			s.Currency, s.From.Seq, s.To.Seq)
	}
	return false, err
}
