package mysqlledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const dayLength = 24 * time.Hour

// DayOf is the day of a time, as days of UTC since 1970.
func DayOf(at time.Time) int64 { return at.UnixMilli() / dayLength.Milliseconds() }

// usage is what counts towards what a user may move out in a day.
type usage struct {
	user   string
	amount ledger.Amount
	at     time.Time // of that day
}

func usageOf(h ledger.Hold) usage { return usage{h.Owner, h.Amount, h.CreatedAt} }

// count counts towards a day; limit 0 means no bound. Refusal: daily_limit_exceeded.
func count(ctx context.Context, tx *sql.Tx, t Tables, u usage, limit int64) error {
	table, currency, day := t.DailyUsage, string(u.amount.Currency), DayOf(u.at)
	query := "UPDATE " + table + " SET amount = amount + ? WHERE user = ? AND currency = ? AND day = ?"
	args := []any{u.amount.Minor, u.user, currency, day}
	if limit > 0 {
		query, args = query+" AND amount <= ?", append(args, limit-u.amount.Minor)
	}
	counted := func() (bool, error) {
		done, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return false, err
		}
		n, err := done.RowsAffected()
		return n == 1, err
	}
	if ok, err := counted(); ok || err != nil {
		return err
	}
	// The first of the day, or too much: make sure that there is a row, and ask again.
	_, err := tx.ExecContext(rows.Later(ctx), "INSERT INTO "+table+
		" (user, currency, day, amount) VALUES (?, ?, ?, 0) ON DUPLICATE KEY UPDATE amount = amount", u.user, currency,
		day)
	if err != nil {
		return err
	}
	if ok, err := counted(); ok || err != nil {
		return err
	}
	var used int64
	err = tx.QueryRowContext(ctx, "SELECT amount FROM "+table+" WHERE user = ? AND currency = ? AND day = ?",
		u.user, currency, day).Scan(&used)
	if err != nil {
		return err
	}
	return ledger.DailyLimitExceeded(u.amount.Currency, limit, used)
}

// uncount takes what comes back off its day again. No refund fails because the row is missing or holds less: the audit
// checks that.
func uncount(ctx context.Context, tx *sql.Tx, t Tables, u usage, minor int64) error {
	_, err := tx.ExecContext(rows.Later(ctx),
		"UPDATE "+t.DailyUsage+" SET amount = amount - ? WHERE user = ? AND currency = ? AND day = ?",
		minor, u.user, string(u.amount.Currency), DayOf(u.at))
	return err
}
