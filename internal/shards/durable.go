package shards

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ErrVolatile says that a server may lose what it has committed, when it or its machine stops.
var ErrVolatile = errors.New("shards: this MySQL server may lose what it has committed")

// promiseTimeout bounds the look at one server's promises.
const promiseTimeout = 5 * time.Second

const promiseQuery = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'log_bin', " +
	"'sync_binlog')"

// checkPromises finds commits that are not flushed, and a binary log that is not. A server without these variables
// (TiDB) has no way to promise less.
func checkPromises(said map[string]string) error {
	flush, hasLog, sync := said["innodb_flush_log_at_trx_commit"], said["log_bin"], said["sync_binlog"]
	isBinlogLoose := (strings.EqualFold(hasLog, "ON") || hasLog == "1") && sync != "1" && sync != ""
	if flush != "" && flush != "1" || isBinlogLoose {
		return fmt.Errorf("%w (innodb_flush_log_at_trx_commit %q, log_bin %q, sync_binlog %q): set "+
			"innodb_flush_log_at_trx_commit and, with a binary log, sync_binlog to 1, or say --volatile-mysql",
			ErrVolatile, flush, hasLog, sync)
	}
	return nil
}

// askDurable asks the server of a new connection. Error: ErrVolatile.
func askDurable(ctx context.Context, conn driver.QueryerContext) error {
	rows, err := conn.QueryContext(ctx, promiseQuery, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	said, row := map[string]string{}, make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return checkPromises(said)
		}
		if err != nil {
			return err
		}
		said[strings.ToLower(text(row[0]))] = text(row[1])
	}
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// CheckPromises looks at the servers that answer. One that may lose commits gets its connections closed, as soon as
// nobody uses them, and no new ones, until a later look finds that it keeps them. Where the cluster was opened with
// Volatile, that is only told. Error: ErrVolatile.
func (c *Cluster) CheckPromises(ctx context.Context) error {
	var errs []error
	for n, s := range c.servers {
		err := s.promises(ctx)
		if errors.Is(err, ErrVolatile) {
			errs = append(errs, fmt.Errorf("server %d: %w", n, err))
		}
		switch {
		case c.volatile:
		case errors.Is(err, ErrVolatile):
			s.db.SetMaxIdleConns(0)
		case err == nil:
			s.db.SetMaxIdleConns(c.maxConns)
		}
	}
	return errors.Join(errs...)
}

func (s *server) promises(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, promiseTimeout)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, promiseQuery)
	if err != nil {
		return err // of a new connection: ErrVolatile
	}
	defer rows.Close()
	said := map[string]string{}
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		said[strings.ToLower(name)] = value.String
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return checkPromises(said)
}
