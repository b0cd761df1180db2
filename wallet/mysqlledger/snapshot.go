package mysqlledger

import (
	"context"
	"database/sql"
	"iter"
	"strings"
	"time"

	"github.com/hongbao/hongbao/wallet"
)

// Sizes of what the audit reads at a time.
const (
	auditPage   = 1000
	auditOutbox = 16  // outbox rows, each of which may have thousands of legs
	auditLookup = 200 // keys of one lookup
)

const rollbackPatience = 2 * time.Second

// snapshot is a connection that sees one server as it was at one moment.
type snapshot struct{ *sql.Conn }

func takeSnapshot(ctx context.Context, db *sql.DB) (*snapshot, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{conn}
	// The first statement is for the next transaction only.
	for _, statement := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *snapshot) close() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackPatience) // also when the audit was cancelled
	defer cancel()
	_, _ = s.ExecContext(ctx, "ROLLBACK") // a connection on which that fails is broken and not used again
	_ = s.Close()
}

// pages reads a table in the order of a key, a page at a time, each query done before the next begins. fetch returns up
// to size rows after the given one, nil for the first page.
func pages[T any](size int, fetch func(after *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for {
			page, err := fetch(last)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

// anyOf repeats a condition for n keys, joined by OR: the form of lookup that every optimizer turns into n index reads.
func anyOf(condition string, n int) string {
	return "(" + condition + ")" + strings.Repeat(" OR ("+condition+")", n-1)
}

func entryPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[entry, error] {
	return pages(auditPage, func(after *entry) (page []entry, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE account > ? OR (account = ? AND (currency > ? OR (currency = ? AND seq > ?)))"
			args = []any{after.account, after.account, string(after.currency), string(after.currency), after.seq}
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var e entry
			err := rows.Scan(&e.account, &e.currency, &e.seq, &e.amount, &e.balance, &e.kind, &e.subject, &e.reference, &e.part)
			page = append(page, e)
			return err
		}, "SELECT account, currency, seq, amount, balance, kind, subject, reference, part FROM "+t.entries+where+
			" ORDER BY account, currency, seq LIMIT ?", append(args, auditPage)...)
		return page, err
	})
}

// accountRow is a row of accounts.
type accountRow struct {
	accountKey
	state
}

func accountPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[accountRow, error] {
	return pages(auditPage, func(after *accountRow) (page []accountRow, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE account > ? OR (account = ? AND currency > ?)"
			args = []any{after.account, after.account, string(after.currency)}
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var r accountRow
			err := rows.Scan(&r.account, &r.currency, &r.balance, &r.seq)
			page = append(page, r)
			return err
		}, "SELECT account, currency, balance, seq FROM "+t.accounts+where+" ORDER BY account, currency LIMIT ?", append(args, auditPage)...)
		return page, err
	})
}

func holdPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[wallet.Hold, error] {
	return pages(auditLookup, func(after *wallet.Hold) (page []wallet.Hold, err error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return selectHolds(ctx, s, t, "WHERE id > ? ORDER BY id LIMIT ?", id, auditLookup)
	})
}

// postRow is a row of posts.
type postRow struct {
	wallet.Post
	outbox int64
}

func postPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[postRow, error] {
	return pages(auditPage, func(after *postRow) (page []postRow, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE hold > ? OR (hold = ? AND part > ?)"
			args = []any{after.Hold, after.Hold, after.Part}
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var p postRow
			var at int64
			err := rows.Scan(&p.Hold, &p.Part, &p.Payee, &p.Minor, &at, &p.outbox)
			page = append(page, p)
			return err
		}, "SELECT "+postColumns+", outbox FROM "+t.posts+where+" ORDER BY hold, part LIMIT ?", append(args, auditPage)...)
		return page, err
	})
}

func fundingPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[[]wallet.FundingOrder, error] {
	return chunks(pages(auditLookup, func(after *wallet.FundingOrder) ([]wallet.FundingOrder, error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return selectFundings(ctx, s, t, "WHERE id > ? ORDER BY id LIMIT ?", id, auditLookup)
	}), auditLookup)
}

func rejectionPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[wallet.Rejection, error] {
	return pages(auditPage, func(after *wallet.Rejection) (page []wallet.Rejection, err error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE hold > ? OR (hold = ? AND (part > ? OR (part = ? AND (payee > ? OR (payee = ? AND amount > ?)))))"
			payee := []byte(after.Payee)
			args = []any{after.Hold, after.Hold, after.Part, after.Part, payee, payee, after.Minor}
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var r wallet.Rejection
			err := rows.Scan(&r.Hold, &r.Part, &r.Payee, &r.Minor, &r.Reason)
			page = append(page, r)
			return err
		}, "SELECT hold, part, payee, amount, reason FROM "+t.rejections+where+" ORDER BY hold, part, payee, amount LIMIT ?", append(args, auditPage)...)
		return page, err
	})
}

// chunks groups a sequence into slices of up to size.
func chunks[T any](seq iter.Seq2[T, error], size int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var chunk []T
		for v, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if chunk = append(chunk, v); len(chunk) == size {
				if !yield(chunk, nil) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk, nil)
		}
	}
}
