package mysqlledger

import (
	"context"
	"database/sql"
	"strings"
)

// maxRows bounds the rows of one INSERT and the values of one IN list. A thousand entries are about 200 KB of
// statement, far below the 16 MB of MariaDB's default max_allowed_packet.
const maxRows = 1000

// querier is a *sql.DB, a *sql.Tx or a *sql.Conn.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// insertRows inserts len(args)/columns rows, at most maxRows a statement. head ends before VALUES, tail is what follows.
func insertRows(ctx context.Context, tx *sql.Tx, head string, columns int, args []any, tail string) error {
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	for len(args) > 0 {
		chunk := args[:min(len(args), maxRows*columns)]
		args = args[len(chunk):]
		statement := head + " VALUES " + row + strings.Repeat(","+row, len(chunk)/columns-1) + tail
		if _, err := tx.ExecContext(ctx, statement, chunk...); err != nil {
			return err
		}
	}
	return nil
}

// in is the list of an IN for n values, n > 0.
func in(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }

// collect runs a query and hands each row to scan.
func collect(ctx context.Context, q querier, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
