package shards

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Bounds of a connection.
const (
	dialTimeout     = 3 * time.Second
	readTimeout     = 30 * time.Second // for each read, so it bounds a statement's time to its first row
	writeTimeout    = 30 * time.Second
	connMaxLifetime = 30 * time.Minute
	connMaxIdle     = 5 * time.Minute
)

// session is what every connection is told first. READ COMMITTED: guarded updates need no gap locks, and a statement
// sees what was committed before it. Strict mode: a value that does not fit is an error, never clipped. A statement
// outside a transaction commits by itself, whatever the server's default is. A lock that is waited for longer than 5 s
// is given up, well before the read timeout. A statement about more than 200 keys is planned by looking at each of
// them, as with fewer, and not by what its index has on average, which for a wallet with many entries means reading all
// of them. All of it is understood by MariaDB, MySQL 8 and TiDB.
//
// What stands in /*T! */ is TiDB's and a comment elsewhere: its transactions take locks as they go, whatever its
// operator chose, so that a guarded update waits and counts as on the others, and a second key is refused where it is
// written rather than at the commit.
var session = [...]string{
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	"SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', SESSION " +
		"autocommit = 1, SESSION innodb_lock_wait_timeout = 5, SESSION eq_range_index_dive_limit = 0 /*T!, SESSION " +
		"tidb_txn_mode = 'pessimistic', SESSION tidb_constraint_check_in_place_pessimistic = 1 */",
}

// openPool makes a pool for a server; schema may be empty.
func openPool(dsn, schema string, conns int, volatile bool) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg.DBName = schema
	cfg.InterpolateParams = true // one round trip for each statement
	cfg.ClientFoundRows = true   // the row count of an UPDATE says how many rows its guard let through
	cfg.ParseTime = false        // times are integers: Unix milliseconds
	cfg.MultiStatements = true   // what waits goes with the next statement, see pipeline
	cfg.Timeout = dialTimeout
	cfg.ReadTimeout = readTimeout
	cfg.WriteTimeout = writeTimeout
	cfg.Logger = &mysql.NopLogger{} // what it would say comes back as an error
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(sessionConnector{connector, volatile})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(connMaxLifetime)
	db.SetConnMaxIdleTime(connMaxIdle)
	return db, nil
}

// sessionConnector sets up each new connection once, which saves two round trips in each transaction. It makes none to
// a server that may lose commits, unless that is accepted.
type sessionConnector struct {
	driver.Connector
	volatile bool
}

func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if !c.volatile {
		if err := askDurable(ctx, conn.(driver.QueryerContext)); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	for _, statement := range session {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return pipelined(conn)
}
