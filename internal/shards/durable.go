package shards

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
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

// What each store says about itself. A server answers for the variables that it has.
const (
	promiseQuery = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'innodb_flush_log_at_trx_commit', " +
		"'log_bin', 'sync_binlog', 'tidb_config')"
	redoQuery = "SHOW GLOBAL STATUS WHERE Variable_name = 'Innodb_redo_log_enabled'" // MySQL's: see ALTER INSTANCE
)

// Promise is what a server says about how durable its commits are. What it does not know is empty.
type Promise struct {
	Version             string
	FlushLogAtTrxCommit string // MariaDB and MySQL: 1 is on disk
	SyncBinlog          string // MariaDB and MySQL with a binary log: 1 is on disk
	RedoLog             string // MySQL: OFF after ALTER INSTANCE DISABLE INNODB REDO_LOG
	Store               string // TiDB: tikv has a commit on the disks of most replicas; the others are for trying out
}

// Check finds a server that may lose commits. Error: ErrVolatile.
func (p Promise) Check() error {
	switch {
	case p.Store != "" && p.Store != "tikv":
		return fmt.Errorf("%w (TiDB with the store %q): give it a TiKV, or say --volatile-mysql", ErrVolatile, p.Store)
	case p.RedoLog == "OFF":
		return fmt.Errorf("%w (Innodb_redo_log_enabled %q): say ALTER INSTANCE ENABLE INNODB REDO_LOG, or "+
			"--volatile-mysql", ErrVolatile, p.RedoLog)
	case p.FlushLogAtTrxCommit != "" && p.FlushLogAtTrxCommit != "1" || p.SyncBinlog != "" && p.SyncBinlog != "1":
		return fmt.Errorf("%w (innodb_flush_log_at_trx_commit %q, sync_binlog %q): set "+
			"innodb_flush_log_at_trx_commit and, with a binary log, sync_binlog to 1, or say --volatile-mysql",
			ErrVolatile, p.FlushLogAtTrxCommit, p.SyncBinlog)
	}
	return nil
}

// AskPromise asks a server.
func AskPromise(ctx context.Context, db *sql.DB) (Promise, error) {
	return askPromise(func(query string) (map[string]string, error) { return NamedValues(ctx, db, query) })
}

// askPromise asks with a query whose rows are names and values.
func askPromise(ask func(query string) (map[string]string, error)) (Promise, error) {
	said, err := ask(promiseQuery)
	p := Promise{Version: said["version"]}
	if err != nil {
		return p, err
	}
	if strings.Contains(p.Version, "TiDB") {
		// It has InnoDB's variables too, for those who look at them. They say nothing.
		var config struct{ Store string }
		if err := json.Unmarshal([]byte(said["tidb_config"]), &config); err != nil {
			return p, fmt.Errorf("read tidb_config: %w", err)
		}
		p.Store = config.Store
		return p, nil
	}
	p.FlushLogAtTrxCommit = said["innodb_flush_log_at_trx_commit"]
	if hasLog := said["log_bin"]; strings.EqualFold(hasLog, "ON") || hasLog == "1" {
		p.SyncBinlog = said["sync_binlog"]
	}
	if !strings.Contains(p.Version, "MariaDB") {
		said, err = ask(redoQuery)
		p.RedoLog = said["innodb_redo_log_enabled"]
	}
	return p, err
}

// askDurable asks the server of a new connection. Error: ErrVolatile.
func askDurable(ctx context.Context, conn driver.QueryerContext) error {
	p, err := askPromise(func(query string) (map[string]string, error) {
		rows, err := conn.QueryContext(ctx, query, nil)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		said, row := map[string]string{}, make([]driver.Value, len(rows.Columns()))
		for {
			err := rows.Next(row)
			if errors.Is(err, io.EOF) {
				return said, nil
			}
			if err != nil {
				return nil, err
			}
			said[strings.ToLower(text(row[0]))] = text(row[1])
		}
	})
	if err != nil {
		return err
	}
	return p.Check()
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
	p, err := AskPromise(ctx, s.db)
	if err != nil {
		return err // of a new connection: ErrVolatile
	}
	return p.Check()
}

// NamedValues are the rows of a SHOW, by name in lower case.
func NamedValues(ctx context.Context, db *sql.DB, query string) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	said := map[string]string{}
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		said[strings.ToLower(name)] = value.String
	}
	return said, rows.Err()
}
