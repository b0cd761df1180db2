package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// group is an account that has entries: the numbers of the first and of the last of them.
type group struct {
	accountKey
	first, last int64
}

// behindSize is how many wallets are looked behind in one query.
const behindSize = 50

// scan finds the accounts that have entries without reading their entries: from one account to the next, by keys. No
// server can be relied on to do that for a GROUP BY.
type scan struct {
	ctx      context.Context
	s        *snapshot
	accounts string
	entries  string // with the index to use
}

// groupPages are the accounts that have entries, in their order. Accounts of holds and orders below the mark are left
// out.
func groupPages(ctx context.Context, s *snapshot, t mysqlledger.Tables, mark int64) iter.Seq2[group, error] {
	from := strconv.FormatInt(mark, 10)
	if newest := strconv.FormatInt(shards.FirstAt(s.at), 10); len(newest) != len(from) {
		from = "" // numbers of different lengths are in another order as text
	}
	g := &scan{ctx: ctx, s: s, accounts: t.Accounts, entries: t.Entries + " e FORCE INDEX (PRIMARY)"}
	behind := func(prefix string) string { return strings.TrimSuffix(prefix, ":") + ";" } // the next character
	return func(yield func(group, error) bool) {
		for _, part := range []iter.Seq2[group, error]{
			g.one("", mysqlledger.FundingPrefix), // few accounts, with many entries
			g.many(mysqlledger.FundingPrefix+from, behind(mysqlledger.FundingPrefix)),
			g.one(behind(mysqlledger.FundingPrefix), mysqlledger.HoldPrefix),
			g.many(mysqlledger.HoldPrefix+from, behind(mysqlledger.HoldPrefix)),
			g.wallets(behind(mysqlledger.HoldPrefix)),
		} {
			for found, err := range part {
				if !yield(found, err) || err != nil {
					return
				}
			}
		}
	}
}

// many are accounts from one to below another that have a few entries each, all of which the server reads.
func (g *scan) many(from, below string) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		for {
			page, err := rows.Select(g.ctx, g.s, func(row *sql.Rows) (found group, err error) {
				err = row.Scan(&found.account, &found.currency, &found.first, &found.last)
				return found, err
			}, "SELECT account, currency, MIN(seq), MAX(seq) FROM "+g.entries+
				" WHERE account >= ? AND account < ? GROUP BY account, currency ORDER BY account, currency LIMIT ?",
				from, below, pageSize)
			if err != nil {
				yield(group{}, err)
				return
			}
			for _, found := range page {
				// The last account of a full page may have more currencies: the next page begins with it.
				if len(page) == pageSize && found.account == page[pageSize-1].account {
					break
				}
				if !yield(found, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			from = page[pageSize-1].account
		}
	}
}

// one are accounts from one to below another, one after the other.
func (g *scan) one(from, below string) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		for key, more, err := g.first(from); ; key, more, err = g.next(key) {
			if err != nil {
				yield(group{}, err)
				return
			}
			if !more || key.account >= below {
				return
			}
			if found, err := g.bounds(key); !yield(found, err) || err != nil {
				return
			}
		}
	}
}

// first is the first account, from a name on, that has entries.
func (g *scan) first(from string) (key accountKey, more bool, err error) {
	return g.key("account >= ? ORDER BY account, currency", from)
}

// next is the account behind another one.
func (g *scan) next(after accountKey) (key accountKey, more bool, err error) {
	key, more, err = g.key("account = ? AND currency > ? ORDER BY currency", after.account, string(after.currency))
	if more || err != nil {
		return key, more, err
	}
	return g.key("account > ? ORDER BY account, currency", after.account)
}

func (g *scan) key(where string, args ...any) (key accountKey, more bool, err error) {
	err = g.s.QueryRowContext(g.ctx, "SELECT account, currency FROM "+g.entries+" WHERE "+where+" LIMIT 1",
		args...).Scan(&key.account, &key.currency)
	if errors.Is(err, sql.ErrNoRows) {
		return accountKey{}, false, nil
	}
	return key, err == nil, err
}

// bounds are the first and the last number of an account that has entries.
func (g *scan) bounds(key accountKey) (group, error) {
	found := group{accountKey: key}
	one := "(SELECT seq FROM " + g.entries + " WHERE account = ? AND currency = ? ORDER BY seq%s LIMIT 1)"
	err := g.s.QueryRowContext(g.ctx, "SELECT "+fmt.Sprintf(one, "")+", "+fmt.Sprintf(one, " DESC"), key.account,
		string(key.currency), key.account, string(key.currency)).Scan(&found.first, &found.last)
	return found, err
}

// walletRow is an account of the accounts table, with its first and last entry, if it has any, and the account that
// has entries behind it.
type walletRow struct {
	accountKey
	first, last sql.NullInt64
	behind      *accountKey // nil for none
}

// wallets are the accounts from a name on. Those of the accounts table are looked up together; others that have entries
// lie between one of these and the next.
func (g *scan) wallets(from string) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		next, more, err := g.first(from)
		// others are accounts with entries, up to the next of the accounts table; nil: all the rest.
		others := func(until *accountKey) bool {
			for err == nil && more && (until == nil || compareKeys(next, *until) < 0) {
				var found group
				if found, err = g.bounds(next); err == nil && !yield(found, nil) {
					return false
				}
				if err == nil {
					next, more, err = g.next(next)
				}
			}
			return true
		}
		pages := rows.Pages(pageSize, func(after *walletRow) ([]walletRow, error) { return g.page(from, after) })
		for w, pageErr := range pages {
			if err = errors.Join(err, pageErr); err != nil {
				break
			}
			if !w.first.Valid {
				continue
			}
			if !others(&w.accountKey) {
				return
			}
			if err != nil {
				break
			}
			if !yield(group{w.accountKey, w.first.Int64, w.last.Int64}, nil) {
				return
			}
			if more = w.behind != nil; more {
				next = *w.behind
			}
		}
		if err == nil && !others(nil) {
			return
		}
		if err != nil {
			yield(group{}, err)
		}
	}
}

func (g *scan) page(from string, after *walletRow) ([]walletRow, error) {
	where, args := "a.account >= ?", []any{from}
	if after != nil {
		where = "(a.account > ? OR (a.account = ? AND a.currency > ?))"
		args = []any{after.account, after.account, string(after.currency)}
	}
	own := "(SELECT e.seq FROM " + g.entries +
		" WHERE e.account = a.account AND e.currency = a.currency ORDER BY e.seq"
	page, err := rows.Select(g.ctx, g.s, func(row *sql.Rows) (w walletRow, err error) {
		err = row.Scan(&w.account, &w.currency, &w.first, &w.last)
		return w, err
	}, "SELECT a.account, a.currency, "+own+" LIMIT 1), "+own+" DESC LIMIT 1) FROM "+g.accounts+" a WHERE "+where+
		" ORDER BY a.account, a.currency LIMIT ?", append(args, pageSize)...)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(page, behindSize) {
		if err := g.lookBehind(some); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// lookBehind finds the accounts that have entries behind wallets: of the same name, or the next. The key is read from
// the index for each of them; a subquery that depends on the wallet would make servers read the index from its start.
func (g *scan) lookBehind(page []walletRow) error {
	var parts []string
	var args []any
	for i, w := range page {
		for _, where := range []string{"account = ? AND currency > ? ORDER BY currency",
			"account > ? ORDER BY account, currency"} {
			parts = append(parts, fmt.Sprintf("(SELECT %d, account, currency FROM %s WHERE %s LIMIT 1)", i, g.entries,
				where))
		}
		args = append(args, w.account, string(w.currency), w.account)
	}
	return rows.Collect(g.ctx, g.s, func(row *sql.Rows) error {
		var i int
		var key accountKey
		if err := row.Scan(&i, &key.account, &key.currency); err != nil {
			return err
		}
		if of := &page[i]; of.behind == nil || compareKeys(key, *of.behind) < 0 {
			of.behind = &key
		}
		return nil
	}, strings.Join(parts, " UNION ALL "), args...)
}
