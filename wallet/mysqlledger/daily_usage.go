package mysqlledger

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const dayLength = 24 * time.Hour

// DayOf is the day of a time, as days of UTC since 1970.
func DayOf(at time.Time) int64 { return at.UnixMilli() / dayLength.Milliseconds() }

// count counts a hold towards what its owner may send in its day; limit 0 means no bound. Refusal:
// daily_limit_exceeded.
func (tx *Tx) count(ctx context.Context, h ledger.Hold, limit int64) error {
	table, user, currency, day := tx.tables.DailyUsage, h.Owner, string(h.Amount.Currency), DayOf(h.CreatedAt)
	query := "UPDATE " + table + " SET amount = amount + ? WHERE user = ? AND currency = ? AND day = ?"
	args := []any{h.Amount.Minor, user, currency, day}
	if limit > 0 {
		query, args = query+" AND amount <= ?", append(args, limit-h.Amount.Minor)
	}
	counted := func() (bool, error) {
		done, err := tx.sql.ExecContext(ctx, query, args...)
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
	_, err := tx.sql.ExecContext(ctx, "INSERT INTO "+table+
		" (user, currency, day, amount) VALUES (?, ?, ?, 0) ON DUPLICATE KEY UPDATE amount = amount", user, currency,
		day)
	if err != nil {
		return err
	}
	if ok, err := counted(); ok || err != nil {
		return err
	}
	var used int64
	err = tx.sql.QueryRowContext(ctx, "SELECT amount FROM "+table+" WHERE user = ? AND currency = ? AND day = ?",
		user, currency, day).Scan(&used)
	if err != nil {
		return err
	}
	return refusal.New(refusal.CodeDailyLimitExceeded,
		"you may send and pay %d minor units of %s in a day (UTC), of which %d are left today", limit, currency, max(0,
			limit-used))
}

// uncount takes what is voided of a hold off its day again. No refund fails because the row is missing or holds less:
// the audit checks that.
func (tx *Tx) uncount(ctx context.Context, h ledger.Hold, minor int64) error {
	_, err := tx.sql.ExecContext(ctx,
		"UPDATE "+tx.tables.DailyUsage+" SET amount = amount - ? WHERE user = ? AND currency = ? AND day = ?",
		minor, h.Owner, string(h.Amount.Currency), DayOf(h.CreatedAt))
	return err
}
