package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const sameRejection = "d.hold = r.hold AND d.part = r.part AND d.payee = r.payee AND d.amount = r.amount"

// SelectResolutions reads the rejections of a shard, with what was decided about them, that rest (WHERE, ORDER BY,
// LIMIT) asks for. They are named r, their decisions d.
func SelectResolutions(ctx context.Context, q rows.Querier, t Tables, rest string, args ...any) ([]ledger.Resolution,
	error) {
	return rows.Select(ctx, q, scanResolution, "SELECT r.hold, r.part, r.payee, r.amount, r.at, r.reason, "+
		"COALESCE(d.currency, h.currency, ''), COALESCE(d.decision, ''), COALESCE(d.account, ''), "+
		"COALESCE(d.decided_by, ''), COALESCE(d.reason, ''), COALESCE(d.decided_at, 0), COALESCE(d.payment, 0) FROM "+
		t.Rejections+" r LEFT JOIN "+t.Resolutions+" d ON "+sameRejection+" LEFT JOIN "+t.Holds+
		" h ON h.id = r.hold "+rest, args...)
}

func scanResolution(row *sql.Rows) (r ledger.Resolution, err error) {
	var at, decided int64
	err = row.Scan(&r.Hold, &r.Part, &r.Payee, &r.Minor, &at, &r.Reason, &r.Currency, &r.Decision, &r.Account, &r.By,
		&r.Why, &decided, &r.Payment)
	r.Post.At = rows.Millis(at)
	if r.Decision != "" {
		r.At = rows.Millis(decided)
	}
	return r, err
}

// Resolutions are the rejections of a shard after one, at most limit, in the order of hold, part, payee and amount:
// all, or those about which something is still to be done. Error: shards.ErrUnavailable.
func (l *Ledger) Resolutions(ctx context.Context, shard int, all bool, after ledger.Rejection,
	limit int) ([]ledger.Resolution, error) {
	if err := l.checkShard(shard); err != nil {
		return nil, err
	}
	found, err := SelectResolutions(ctx, l.cluster.DB(shard), l.tables[shard],
		"WHERE (? OR d.decision IS NULL OR d.decision = ? AND d.payment = 0) AND r.hold >= ? AND "+
			"(r.hold, r.part, r.payee, r.amount) > (?, ?, ?, ?) ORDER BY r.hold, r.part, r.payee, r.amount LIMIT ?",
		all, string(ledger.DecisionPay), after.Hold, after.Hold, after.Part, []byte(after.Payee), after.Minor, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("rejections of shard %d: %w", shard, err))
	}
	return found, nil
}

// errNoRejection says that the ledger keeps no such post aside.
var errNoRejection = errors.New("mysqlledger: there is no such rejection")

// Decide keeps a decision about a rejection of a shard, unless there is one, and returns the one that stands. Error:
// shards.ErrUnavailable.
func (l *Ledger) Decide(ctx context.Context, shard int, r ledger.Resolution) (stands ledger.Resolution, err error) {
	err = l.changeResolution(ctx, shard, r, &stands, func(tx *Tx) error {
		return rows.Insert(ctx, tx.sql, "INSERT INTO "+tx.tables.Resolutions+" (hold, part, payee, amount, decision, "+
			"account, currency, decided_by, reason, decided_at, payment)", 11, []any{r.Hold, r.Part, []byte(r.Payee),
			r.Minor, string(r.Decision), r.Account, string(r.Currency), r.By, r.Why, r.At.UnixMilli(), 0},
			" ON DUPLICATE KEY UPDATE hold = VALUES(hold)")
	})
	return stands, err
}

// Paid notes the hold that paid a rejection, and returns what stands. Error: shards.ErrUnavailable.
func (l *Ledger) Paid(ctx context.Context, shard int, r ledger.Resolution) (stands ledger.Resolution, err error) {
	err = l.changeResolution(ctx, shard, r, &stands, func(tx *Tx) error {
		_, err := tx.sql.ExecContext(ctx, "UPDATE "+tx.tables.Resolutions+" SET payment = ? WHERE hold = ? "+
			"AND part = ? AND payee = ? AND amount = ? AND decision = ? AND payment = 0", r.Payment, r.Hold,
			r.Part, []byte(r.Payee), r.Minor, string(ledger.DecisionPay))
		return err
	})
	return stands, err
}

func (l *Ledger) changeResolution(ctx context.Context, shard int, r ledger.Resolution, stands *ledger.Resolution,
	change func(*Tx) error) error {
	if err := l.checkShard(shard); err != nil {
		return err
	}
	err := l.SQLTxOn(ctx, shard, func(tx *Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		found, err := SelectResolutions(ctx, tx.sql, tx.tables, "WHERE r.hold = ? AND r.part = ? AND r.payee = ? AND "+
			"r.amount = ?", r.Hold, r.Part, []byte(r.Payee), r.Minor)
		if err == nil && len(found) == 0 {
			err = errNoRejection
		}
		if err != nil {
			return err
		}
		*stands = found[0]
		return nil
	})
	return wrap(err, "decide about a post of hold %d", r.Hold)
}

// Time is the time by the clock of a shard's database. Error: shards.ErrUnavailable.
func (l *Ledger) Time(ctx context.Context, shard int) (time.Time, error) {
	if err := l.checkShard(shard); err != nil {
		return time.Time{}, err
	}
	now, err := l.clockOf(ctx, l.cluster.DB(shard))
	return now, shards.Classify(err)
}
