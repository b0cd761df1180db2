package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// stage checks that a hold's money is where its stage says.
func (r *reading) stage(h *wallet.Hold, name string) {
	if (h.Subject == wallet.SubjectTransfer) != (h.Stage.Fate() != 0) {
		r.found(wallet.AuditHoldStage, r.shard, name+", a "+string(h.Subject), "a stage of a transfer, and of no other", fmt.Sprintf("%q", h.Stage))
		return
	}
	var posted, voided int64
	switch h.Stage.Fate() {
	case 0:
		return
	case wallet.FatePosted:
		posted = h.Amount.Minor
	case wallet.FateVoided:
		voided = h.Amount.Minor
	}
	if h.Posted != posted || h.Voided != voided {
		r.found(wallet.AuditHoldStage, r.shard, fmt.Sprintf("%s, %s", name, h.Stage), fmt.Sprintf("%d posted, %d voided", posted, voided),
			fmt.Sprintf("%d posted, %d voided", h.Posted, h.Voided))
	}
}

// dayKey is a row of spent of one user.
type dayKey struct {
	currency wallet.Currency
	day      int64
}

// spentRow is a row of spent.
type spentRow struct {
	user string
	dayKey
	amount int64
}

// countedHold is what a hold adds to spent.
type countedHold struct {
	spentRow
	subject wallet.Subject
	id      int64
}

// auditSpent goes through the counted holds, owner by owner, next to what is noted of them in spent.
func (a *auditor) auditSpent(ctx context.Context, shard int, _ *totals) error {
	next, stop := iter.Pull2(spentPages(ctx, a.earlyOf(shard), a.l.tables[shard]))
	defer stop()
	c := &counting{auditor: a, shard: shard, next: next}
	if err := c.advance(); err != nil {
		return err
	}
	for h, err := range countedPages(ctx, a.earlyOf(shard), a.l.tables[shard]) {
		if err != nil {
			return err
		}
		if h.user != c.user {
			if err := c.leave(); err != nil {
				return err
			}
			c.user, c.days = h.user, map[dayKey]int64{}
		}
		c.days[h.dayKey] += h.amount
	}
	if err := c.leave(); err != nil {
		return err
	}
	for c.more {
		if err := c.compare(0); err != nil {
			return err
		}
	}
	return nil
}

// counting is a walk over owners; days is what the holds of the one it is at sum to.
type counting struct {
	*auditor
	shard int
	user  string
	days  map[dayKey]int64

	next func() (spentRow, error, bool)
	row  spentRow
	more bool
}

func (c *counting) advance() (err error) {
	c.row, err, c.more = c.next()
	return err
}

// leave compares the owner that the walk is at with the rows of spent.
func (c *counting) leave() error {
	for c.more && c.row.user <= c.user {
		expected := int64(0)
		if c.row.user == c.user {
			expected = c.days[c.row.dayKey]
			delete(c.days, c.row.dayKey)
		}
		if err := c.compare(expected); err != nil {
			return err
		}
	}
	left := slices.SortedFunc(maps.Keys(c.days), func(a, b dayKey) int { return int(a.day - b.day) })
	for _, key := range left {
		if c.days[key] != 0 {
			c.found(wallet.AuditSpent, c.shard, spentName(c.user, key), c.days[key], "nothing noted")
		}
	}
	c.days = nil
	return nil
}

// compare deals with the next row of spent.
func (c *counting) compare(expected int64) error {
	if c.row.amount != expected {
		c.found(wallet.AuditSpent, c.shard, spentName(c.row.user, c.row.dayKey), expected, c.row.amount)
	}
	return c.advance()
}

func spentName(user string, key dayKey) string {
	return fmt.Sprintf("spent by %s in %s on day %d", user, key.currency, key.day)
}

func spentPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[spentRow, error] {
	return pages(auditPage, func(after *spentRow) (page []spentRow, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE user > ? OR (user = ? AND (currency > ? OR (currency = ? AND day > ?)))"
			args = []any{after.user, after.user, string(after.currency), string(after.currency), after.day}
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var r spentRow
			err := rows.Scan(&r.user, &r.currency, &r.day, &r.amount)
			page = append(page, r)
			return err
		}, "SELECT user, currency, day, amount FROM "+t.spent+where+" ORDER BY user, currency, day LIMIT ?", append(args, auditPage)...)
		return page, err
	})
}

func countedPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[countedHold, error] {
	return pages(auditPage, func(after *countedHold) (page []countedHold, err error) {
		where, args := " WHERE subject IN (?, ?)", []any{string(wallet.SubjectTransfer), string(wallet.SubjectCollection)}
		if after != nil {
			where += " AND (owner > ? OR (owner = ? AND (subject > ? OR (subject = ? AND id > ?))))"
			args = append(args, after.user, after.user, string(after.subject), string(after.subject), after.id)
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var h countedHold
			var created int64
			err := rows.Scan(&h.user, &h.subject, &h.id, &h.currency, &created, &h.amount)
			h.day = dayOf(millis(created))
			page = append(page, h)
			return err
		}, "SELECT owner, subject, id, currency, created_at, amount - voided FROM "+t.holds+where+" ORDER BY owner, subject, id LIMIT ?", append(args, auditPage)...)
		return page, err
	})
}
