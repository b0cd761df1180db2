package shardmove

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/hongbao/hongbao/internal/shards"
)

// session is a connection that has a lock of its server for as long as it lives.
type session struct {
	*sql.Conn
	id   int64   // that the server gave it
	pool *sql.DB // of the same server
}

// openSession connects to a server and takes a lock there. It waits for one that a dead mover's connection still has.
func openSession(ctx context.Context, c *shards.Cluster, server int, lock string) (*session, error) {
	conn, err := c.ServerDB(server).Conn(ctx)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("server %s: %w", c.ServerAddress(server), err))
	}
	s := &session{Conn: conn, pool: c.ServerDB(server)}
	_, err = s.ExecContext(ctx, "SET SESSION lock_wait_timeout = ?", tableWait)
	if err == nil {
		err = s.live(ctx, sessionLife)
	}
	if err == nil {
		err = s.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&s.id)
	}
	if err != nil {
		s.end()
		return nil, shards.Classify(err)
	}
	for range lockWait {
		var got sql.NullInt64
		if err := s.QueryRowContext(ctx, "SELECT GET_LOCK(?, 1)", lock).Scan(&got); err != nil {
			s.end()
			return nil, shards.Classify(err)
		}
		if got.Int64 == 1 {
			return s, nil
		}
	}
	s.end()
	return nil, fmt.Errorf("%w: somebody else moves this shard: %s has the lock %s", ErrBusy,
		c.ServerAddress(server), lock)
}

// end ends the connection, and with it the lock.
func (s *session) end() {
	if s == nil {
		return
	}
	_ = s.Raw(func(any) error { return driver.ErrBadConn }) // so that it is not used again
	_ = s.Close()
}

// live says how long the server keeps the connection, and its lock, when it hears nothing of it.
func (s *session) live(ctx context.Context, life time.Duration) error {
	return s.exec(ctx, "SET SESSION wait_timeout = ?", int(life.Seconds()))
}

// exec runs a statement.
func (s *session) exec(ctx context.Context, statement string, args ...any) error {
	_, err := s.ExecContext(ctx, statement, args...)
	return err
}

// changed runs an UPDATE and says whether it found a row.
func (s *session) changed(ctx context.Context, statement string, args ...any) (bool, error) {
	done, err := s.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

// names runs a query for names.
func (s *session) names(ctx context.Context, query string, args ...any) (all []string, err error) {
	found, err := s.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var name string
		if err := found.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, found.Err()
}

// tablesOf are the tables of a schema, in order.
func (s *session) tablesOf(ctx context.Context, schema string) ([]string, error) {
	return s.names(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name",
		schema)
}

func isNumber(err error, numbers ...uint16) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
	}
	return false
}

// quote quotes names, joined by dots.
func quote(names ...string) (quoted string) {
	for i, name := range names {
		if i > 0 {
			quoted += "."
		}
		quoted += "`" + name + "`"
	}
	return quoted
}
