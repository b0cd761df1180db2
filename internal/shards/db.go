package shards

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// DB is the database of one shard, wherever it is: its calls follow the shard to another server. A statement that found
// no table has done nothing, so it is safe to repeat there.
type DB struct {
	c     *Cluster
	shard int
	own   *ownPools // nil: the cluster's
}

// ownPools are pools that others do not use, by server.
type ownPools struct {
	mu    sync.Mutex
	conns int
	open  map[int]*sql.DB
}

// OpenShard is the database of a shard over connections of its own, at most conns to a server, for calls that must not
// wait for others. The caller closes it.
func (c *Cluster) OpenShard(shard, conns int) *DB {
	return &DB{c: c, shard: shard, own: &ownPools{conns: conns, open: map[int]*sql.DB{}}}
}

// Close closes the connections of OpenShard.
func (d *DB) Close() error {
	if d.own == nil {
		return nil
	}
	d.own.mu.Lock()
	defer d.own.mu.Unlock()
	var errs []error
	for _, db := range d.own.open {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

func (d *DB) pool(server int) (*sql.DB, error) {
	if d.own == nil {
		return d.c.servers[server].db, nil
	}
	d.own.mu.Lock()
	defer d.own.mu.Unlock()
	if db, ok := d.own.open[server]; ok {
		return db, nil
	}
	db, err := openPool(d.c.servers[server].dsn, "", d.own.conns, d.c.volatile)
	if err == nil {
		d.own.open[server] = db
	}
	return db, err
}

func (d *DB) follow(ctx context.Context, do func(*sql.DB) error) error {
	return d.c.follow(ctx, d.shard, func(server int) error {
		db, err := d.pool(server)
		if err != nil {
			return err
		}
		return do(db)
	})
}

// QueryContext is that of *sql.DB.
func (d *DB) QueryContext(ctx context.Context, query string, args ...any) (found *sql.Rows, err error) {
	err = d.follow(ctx, func(db *sql.DB) error {
		found, err = db.QueryContext(ctx, query, args...)
		return err
	})
	return found, err
}

// QueryRowContext is that of *sql.DB.
func (d *DB) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	err := d.follow(ctx, func(db *sql.DB) error {
		row = db.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if err != nil {
		return failedRow(ctx, err)
	}
	return row
}

// failedRow is a row that says an error when it is scanned.
func failedRow(ctx context.Context, err error) *sql.Row {
	db := sql.OpenDB(refusing{err})
	defer db.Close()
	return db.QueryRowContext(ctx, "")
}

// refusing makes no connections.
type refusing struct{ err error }

// Connect implements driver.Connector.
func (r refusing) Connect(context.Context) (driver.Conn, error) { return nil, r.err }

// Driver implements driver.Connector.
func (r refusing) Driver() driver.Driver { return nil }

// ExecContext is that of *sql.DB.
func (d *DB) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = d.follow(ctx, func(db *sql.DB) error {
		result, err = db.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// Conn is that of *sql.DB. It does not follow the shard.
func (d *DB) Conn(ctx context.Context) (*sql.Conn, error) {
	db, err := d.pool(d.c.ServerOf(d.shard))
	if err != nil {
		return nil, err
	}
	return db.Conn(ctx)
}
