package audit

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// dayKey is a row of daily usage of one user.
type dayKey struct {
	currency ledger.Currency
	day      int64
}

// usageRow is a row of daily usage.
type usageRow struct {
	user string
	dayKey
	amount int64
}

// countedHold is what a hold, or a withdrawal, adds to it.
type countedHold struct {
	usageRow
	subject ledger.Subject
	id      int64
}

// auditDailyUsage compares what is noted of days with what was counted: of all users or, in an incremental audit, of
// those who have a hold or a withdrawal that counts and is not sealed.
func (r *run) auditDailyUsage(ctx context.Context, shard int, t *totals) error {
	if !r.incremental || t.marks.Sealed == 0 { // nothing is sealed yet
		return r.usageOf(ctx, shard, t)
	}
	for _, from := range [][2]string{{r.tables[shard].Holds, "owner"}, {r.tables[shard].Fundings, "user"}} {
		var last int64
		for {
			var users []any
			n := 0
			err := rows.Collect(ctx, r.earlyOf(shard), func(row *sql.Rows) error {
				var user string
				var counts bool
				err := row.Scan(&last, &user, &counts)
				if n++; counts && !slices.Contains(users, any(user)) {
					users = append(users, user)
				}
				return err
			}, "SELECT id, "+from[1]+", counts_daily FROM "+from[0]+" WHERE sealed = 0 AND id > ? ORDER BY id LIMIT ?",
				last, lookupSize)
			if err != nil {
				return err
			}
			if len(users) > 0 {
				if err := r.usageOf(ctx, shard, t, users...); err != nil {
					return err
				}
			}
			if n < lookupSize {
				break
			}
		}
	}
	return nil
}

// usageOf goes through the counted holds and withdrawals of users, of all where none are given, next to what is noted
// of them. Days of which holds may be archived are left out.
func (r *run) usageOf(ctx context.Context, shard int, t *totals, users ...any) error {
	next, stop := iter.Pull2(usagePages(ctx, r.earlyOf(shard), r.tables[shard], users...))
	defer stop()
	c := &counting{run: r, shard: shard, next: next}
	if t.marks.Archived > 0 {
		c.from = mysqlledger.DayOf(shards.MadeAt(t.marks.Archived)) + 1
	}
	if err := c.advance(); err != nil {
		return err
	}
	for h, err := range countedPages(ctx, r.earlyOf(shard), r.tables[shard], users...) {
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
	*run
	shard int
	from  int64 // the first day that is compared
	user  string
	days  map[dayKey]int64

	next func() (usageRow, error, bool)
	row  usageRow
	more bool
}

func (c *counting) advance() (err error) {
	c.row, err, c.more = c.next()
	return err
}

// leave compares the owner that the walk is at with the rows of daily usage.
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
		if c.days[key] != 0 && key.day >= c.from {
			c.found(ledger.AuditDailyUsage, c.shard, usageName(c.user, key), c.days[key], "nothing noted")
		}
	}
	c.days = nil
	return nil
}

// compare deals with the next row of daily usage.
func (c *counting) compare(expected int64) error {
	if c.row.amount != expected && c.row.day >= c.from {
		c.found(ledger.AuditDailyUsage, c.shard, usageName(c.row.user, c.row.dayKey), expected, c.row.amount)
	}
	return c.advance()
}

func usageName(user string, key dayKey) string {
	return fmt.Sprintf("daily usage of %s in %s on day %d", user, key.currency, key.day)
}

// amongUsers restricts a query to some users; none are all.
func amongUsers(column string, users []any) string {
	if len(users) == 0 {
		return ""
	}
	return " AND " + column + " IN " + rows.In(len(users))
}

func usagePages(ctx context.Context, s *snapshot, t mysqlledger.Tables, users ...any) iter.Seq2[usageRow, error] {
	return rows.Pages(pageSize, func(after *usageRow) (page []usageRow, err error) {
		where, args := " WHERE 1 = 1"+amongUsers("user", users), slices.Clone(users)
		if after != nil {
			where += " AND (user > ? OR (user = ? AND (currency > ? OR (currency = ? AND day > ?))))"
			args = append(args, after.user, after.user, string(after.currency), string(after.currency), after.day)
		}
		err = rows.Collect(ctx, s, func(row *sql.Rows) error {
			var r usageRow
			err := row.Scan(&r.user, &r.currency, &r.day, &r.amount)
			page = append(page, r)
			return err
		}, "SELECT user, currency, day, amount FROM "+t.DailyUsage+where+" ORDER BY user, currency, day LIMIT ?",
			append(args, pageSize)...)
		return page, err
	})
}

func countedPages(ctx context.Context, s *snapshot, t mysqlledger.Tables,
	users ...any) iter.Seq2[countedHold, error] {
	// A part of the query for each table, of which each is read in the order of an index.
	part := func(columns, table, owner, subject, where string, after *countedHold) (query string, args []any) {
		where, args = where+amongUsers(owner, users), slices.Clone(users)
		if after != nil {
			where += " AND (" + owner + " > ? OR (" + owner + " = ? AND (" + subject + " > ? OR (" + subject +
				" = ? AND id > ?))))"
			args = append(args, after.user, after.user, string(after.subject), string(after.subject), after.id)
		}
		return "(SELECT " + owner + " AS owner, " + subject + " AS subject, id, currency, created_at, " + columns +
			" FROM " + table + " WHERE counts_daily = 1" + where + " ORDER BY 1, 2, 3 LIMIT ?)", append(args, pageSize)
	}
	return rows.Pages(pageSize, func(after *countedHold) (page []countedHold, err error) {
		holds, args := part("amount - voided", t.Holds, "owner", "subject", "", after)
		withdrawals, more := part("amount", t.Fundings, "user", "_ascii'"+string(wallet.Subject)+"' COLLATE ascii_bin",
			" AND state <> '"+string(wallet.FundingRefused)+"'", after)
		err = rows.Collect(ctx, s, func(row *sql.Rows) error {
			var h countedHold
			var created int64
			err := row.Scan(&h.user, &h.subject, &h.id, &h.currency, &created, &h.amount)
			h.day = mysqlledger.DayOf(rows.Millis(created))
			page = append(page, h)
			return err
		}, holds+" UNION ALL "+withdrawals+" ORDER BY 1, 2, 3 LIMIT ?", append(append(args, more...), pageSize)...)
		return page, err
	})
}
