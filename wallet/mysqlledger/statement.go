package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Balances returns what a user owns, one amount for each currency ever used, ordered by currency.
func (l *Ledger) Balances(ctx context.Context, user string) ([]ledger.Amount, error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, err
	}
	shard := l.cluster.ForUser(user)
	var amounts []ledger.Amount
	err := rows.Collect(ctx, l.cluster.DB(shard), func(row *sql.Rows) error {
		var a ledger.Amount
		err := row.Scan(&a.Currency, &a.Minor)
		amounts = append(amounts, a)
		return err
	}, "SELECT currency, balance FROM "+l.tables[shard].Accounts+" WHERE account = ? ORDER BY currency", user)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("balances: %w", err))
	}
	return amounts, nil
}

// Entries returns a user's statement in one currency, newest first, with a seq below before (0: from the newest).
func (l *Ledger) Entries(ctx context.Context, user string, c ledger.Currency, before int64,
	limit int) ([]ledger.Entry, error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, err
	}
	shard := l.cluster.ForUser(user)
	entries, err := l.selectEntries(ctx, shard, "account = ? AND currency = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
		user, string(c), rows.Below(before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("statement: %w", err))
	}
	return entries, nil
}

// scanWindow bounds the entries that one call looks through for those of a time.
const scanWindow = 10_000

// EntriesBetween is Entries with only what happened from one time (zero: from the first) to before another (zero: to
// the newest). next is the before of the next page, 0 where there is none. Entries are in the order of their seq, and
// only nearly in that of their times, so all of them are looked through, a bounded number in one call: a page may have
// none and not be the last.
func (l *Ledger) EntriesBetween(ctx context.Context, user string, c ledger.Currency, before int64, limit int, from,
	to time.Time) (entries []ledger.Entry, next int64, err error) {
	if from.IsZero() && to.IsZero() {
		entries, err = l.Entries(ctx, user, c, before, limit)
		// seq has no gaps, and begins with 1 or behind what was archived.
		if n := len(entries); n > 0 && n == limit && entries[n-1].Seq > 1 {
			next = entries[n-1].Seq
		}
		return entries, next, err
	}
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, 0, err
	}
	if to.IsZero() {
		to = rows.Millis(math.MaxInt64)
	}
	entries, next, err = l.scanEntries(ctx, user, c, before, limit, from, to)
	if err != nil {
		return nil, 0, shards.Classify(fmt.Errorf("statement: %w", err))
	}
	return entries, next, nil
}

func (l *Ledger) scanEntries(ctx context.Context, user string, c ledger.Currency, before int64, limit int, from,
	to time.Time) (entries []ledger.Entry, next int64, err error) {
	shard := l.cluster.ForUser(user)
	if before == 0 {
		err := l.cluster.DB(shard).QueryRowContext(ctx,
			"SELECT seq + 1 FROM "+l.tables[shard].Accounts+" WHERE account = ? AND currency = ?", user, string(
				c)).Scan(&before)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
	archived, err := l.archivedUpTo(ctx, user, c)
	if err != nil {
		return nil, 0, err
	}
	oldest := archived + 1
	first := max(oldest, before-scanWindow)
	entries, err = l.selectEntries(ctx, shard,
		"account = ? AND currency = ? AND seq < ? AND seq >= ? AND at >= ? AND at < ? ORDER BY seq DESC LIMIT ?",
		user, string(c), before, first, from.UnixMilli(), to.UnixMilli(), limit)
	if n := len(entries); n == limit {
		first = entries[n-1].Seq
	}
	if first > oldest {
		next = first
	}
	return entries, next, err
}

// archivedUpTo is the seq of the newest of an account's entries that were archived; 0 for none.
func (l *Ledger) archivedUpTo(ctx context.Context, user string, c ledger.Currency) (seq int64, err error) {
	shard := l.cluster.ForUser(user)
	err = l.cluster.DB(shard).QueryRowContext(ctx, "SELECT archived_seq FROM "+l.tables[shard].Seals+
		" WHERE account = ? AND currency = ?", user, string(c)).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

func (l *Ledger) selectEntries(ctx context.Context, shard int, where string, args ...any) ([]ledger.Entry, error) {
	var entries []ledger.Entry
	err := rows.Collect(ctx, l.cluster.DB(shard), func(row *sql.Rows) error {
		var e ledger.Entry
		var at int64
		err := row.Scan(&e.Seq, &e.Minor, &e.Balance, &e.Kind, &e.Subject, &e.Reference, &e.Counterparty, &e.Note, &at)
		e.At = rows.Millis(at)
		entries = append(entries, e)
		return err
	}, "SELECT seq, amount, balance, kind, subject, reference, counterparty, note, at FROM "+l.tables[shard].Entries+
		" WHERE "+where, args...)
	return entries, err
}

// Credits returns what a user was credited of holds of a subject, newest hold first, with a hold id below before (0:
// the newest). At is when the part was taken, as in the post.
func (l *Ledger) Credits(ctx context.Context, user string, s ledger.Subject, before int64,
	limit int) ([]ledger.Credit, error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return nil, err
	}
	shard := l.cluster.ForUser(user)
	var credits []ledger.Credit
	err := rows.Collect(ctx, l.cluster.DB(shard), func(row *sql.Rows) error {
		c := ledger.Credit{Post: ledger.Post{Payee: user}}
		var at int64
		err := row.Scan(&c.Hold, &c.Part, &c.Minor, &c.Currency, &c.From, &c.Note, &at)
		c.At = rows.Millis(at)
		credits = append(credits, c)
		return err
	}, "SELECT reference, part, amount, currency, counterparty, note, at FROM "+l.tables[shard].Entries+
		" WHERE account = ? AND kind = ? AND subject = ? AND reference < ? ORDER BY reference DESC LIMIT ?",
		user, string(ledger.EntryPost), string(s), rows.Below(before), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("credits: %w", err))
	}
	return credits, nil
}
