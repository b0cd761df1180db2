// Package rows is what every store on the shards does with rows: insert many in one statement, read them one by one or
// page by page, and name many keys in one query.
package rows

import (
	"context"
	"database/sql"
	"iter"
	"math"
	"strings"
	"time"
)

// Max bounds the rows of one INSERT and the values of one IN list. A thousand entries are about 200 KB of statement,
// far below the 16 MB of MariaDB's default max_allowed_packet.
const Max = 1000

// Querier is a *sql.DB, a *sql.Tx or a *sql.Conn.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Later makes what is executed with ctx in a transaction wait for its next statement, or for the commit, and go to the
// server with it. The result says nothing; an error of the server comes with that next statement, and what follows is
// not carried out. For writes that are always carried out whole or not at all.
func Later(ctx context.Context) context.Context { return context.WithValue(ctx, laterKey{}, true) }

// IsLater says whether Later made ctx.
func IsLater(ctx context.Context) bool { return ctx.Value(laterKey{}) != nil }

type laterKey struct{}

// Insert inserts len(args)/columns rows, at most Max a statement, Later. head ends before VALUES; tail follows the
// values.
func Insert(ctx context.Context, tx *sql.Tx, head string, columns int, args []any, tail string) error {
	return InsertNow(Later(ctx), tx, head, columns, args, tail)
}

// InsertNow is Insert for those who look at its error, for example whether a row is there already.
func InsertNow(ctx context.Context, tx *sql.Tx, head string, columns int, args []any, tail string) error {
	row := In(columns)
	for len(args) > 0 {
		chunk := args[:min(len(args), Max*columns)]
		args = args[len(chunk):]
		statement := head + " VALUES " + row + strings.Repeat(","+row, len(chunk)/columns-1) + tail
		if _, err := tx.ExecContext(ctx, statement, chunk...); err != nil {
			return err
		}
	}
	return nil
}

// In is a list of n placeholders in parentheses, n > 0: of an IN, or of the VALUES of one row.
func In(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }

// AnyOf repeats a condition for n keys, n > 0, joined by OR: every optimizer turns this form into n index reads.
func AnyOf(condition string, n int) string {
	return "(" + condition + ")" + strings.Repeat(" OR ("+condition+")", n-1)
}

// Collect runs a query and hands each row to scan.
func Collect(ctx context.Context, q Querier, scan func(*sql.Rows) error, query string, args ...any) error {
	found, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := scan(found); err != nil {
			return err
		}
	}
	return found.Err()
}

// Select runs a query and returns what scan makes of each row.
func Select[T any](ctx context.Context, q Querier, scan func(*sql.Rows) (T, error), query string,
	args ...any) ([]T, error) {
	var all []T
	err := Collect(ctx, q, func(row *sql.Rows) error {
		v, err := scan(row)
		all = append(all, v)
		return err
	}, query, args...)
	return all, err
}

// Scalar scans a row of one column.
func Scalar[T any](row *sql.Rows) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// Pages reads a table in the order of a key, one page at a time; each query ends before the next begins. fetch returns
// up to size rows after the given one, nil for the first page.
func Pages[T any](size int, fetch func(after *T) ([]T, error)) iter.Seq2[T, error] {
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

// Chunks groups a sequence into slices of up to size.
func Chunks[T any](seq iter.Seq2[T, error], size int) iter.Seq2[[]T, error] {
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

// Millis is a time that is stored as Unix milliseconds.
func Millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Below is the bound of a page that goes down from a cursor; the cursor 0 means from the highest.
func Below(cursor int64) int64 {
	if cursor == 0 {
		return math.MaxInt64
	}
	return cursor
}

// Args turns values into arguments of a query.
func Args[T any](values []T) []any {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return args
}
