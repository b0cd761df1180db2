package shards

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/hongbao/hongbao/internal/loop"
)

// ErrShardMissing says that a shard that was made before is not on the server where the configuration looks for it:
// Placement or the order of DSNs is wrong. Making it anew would lose sight of the money in it.
var ErrShardMissing = errors.New("shards: a shard is not on the server that the configuration names")

const (
	migrateWidth  = 4 // shards migrated at a time
	migrateConns  = 3 // connections for each of them
	migrationLock = "hongbao-migrate-"
	lockPoll      = 1 // seconds that one GET_LOCK waits, far below the read timeout
	lockTimeout   = 5 * time.Minute
	unlockTimeout = 5 * time.Second
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are a package's tables: numbered goose SQL files in the root of FS, of which each runs once in each
// schema. Table keeps the versions; each package has its own.
//
// DDL is not transactional in MySQL, so a file should be safe to run again after a crash in the middle of it.
type Migrations struct {
	FS    fs.FS
	Table string
}

// MigrateAll migrates every shard, shard 0 first and then a few at a time. A shard that cannot be reached does not
// hold up the others; the errors are joined, so errors.Is(err, ErrUnavailable) says that some are left to be done.
func (c *Cluster) MigrateAll(ctx context.Context, m Migrations) error {
	if c.recorded != nil {
		*c.recorded = append(*c.recorded, m)
		return nil
	}
	migrate := func(shard int) error { return c.Migrate(ctx, shard, m) }
	return errors.Join(migrate(0), loop.FanOut(c.All()[1:], migrateWidth, migrate))
}

// Migrate makes the schema of a shard if there is none and brings a package's tables in it up to date. Processes that
// migrate at the same time take turns. Errors: ErrUnavailable, ErrShardMissing.
func (c *Cluster) Migrate(ctx context.Context, shard int, m Migrations) error {
	if err := c.make(ctx, shard); err != nil {
		return Classify(fmt.Errorf("make shard %d: %w", shard, err))
	}
	if err := c.migrate(ctx, shard, m); err != nil {
		return Classify(fmt.Errorf("migrate shard %d: %w", shard, err))
	}
	return nil
}

// make makes the schema of a shard, unless it is known to exist elsewhere, and then makes it known.
func (c *Cluster) make(ctx context.Context, shard int) error {
	there, err := c.exists(ctx, shard)
	if err != nil || there && shard != 0 {
		return err
	}
	if shard == 0 {
		if !there {
			if err := c.create(ctx, shard); err != nil {
				return err
			}
		}
		return c.migrateBase(ctx)
	}
	if err := c.make(ctx, 0); err != nil {
		return err
	}
	known, err := c.known(ctx, shard)
	if err != nil {
		return err
	}
	if there, err = c.exists(ctx, shard); err != nil || there {
		return err // another process has just made it
	}
	if known {
		at := c.ServerOf(shard)
		if err := c.Refresh(ctx); err != nil || c.ServerOf(shard) != at { // it has just been moved
			return err
		}
		return fmt.Errorf("%w: %s is not on server %d (counted from 0)", ErrShardMissing, c.schemas[shard],
			c.ServerOf(shard))
	}
	if err := c.create(ctx, shard); err != nil {
		return err
	}
	_, err = c.DB(0).ExecContext(ctx, "INSERT INTO "+c.Table(0,
		"known_shards")+" (shard) VALUES (?) ON DUPLICATE KEY UPDATE shard = VALUES(shard)", shard)
	return err
}

// Missing are the shards that were made before and are not where the configuration says, as far as servers answer; see
// ErrShardMissing. Error: ErrUnavailable if shard 0 cannot be reached.
func (c *Cluster) Missing(ctx context.Context) (missing []int, err error) {
	for _, shard := range c.All() {
		there, err := c.exists(ctx, shard)
		if there || err != nil && shard != 0 {
			continue // found, or its server does not answer
		}
		known := err == nil
		if known {
			known, err = c.known(ctx, shard)
		}
		if err != nil {
			return nil, Classify(fmt.Errorf("look for shard %d: %w", shard, err))
		}
		if known {
			missing = append(missing, shard)
		}
	}
	return missing, nil
}

func (c *Cluster) exists(ctx context.Context, shard int) (bool, error) {
	var n int
	err := c.DB(shard).QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?",
		c.schemas[shard]).Scan(&n)
	return n > 0, err
}

func (c *Cluster) create(ctx context.Context, shard int) error {
	_, err := c.DB(shard).ExecContext(ctx,
		"CREATE DATABASE IF NOT EXISTS `"+c.schemas[shard]+"` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return err
}

func (c *Cluster) known(ctx context.Context, shard int) (bool, error) {
	var n int
	err := c.DB(0).QueryRowContext(ctx, "SELECT COUNT(*) FROM "+c.Table(0, "known_shards")+" WHERE shard = ?",
		shard).Scan(&n)
	return n > 0, err
}

// migrateBase makes this package's own tables in shard 0, once in each process.
func (c *Cluster) migrateBase(ctx context.Context) error {
	c.base.Lock()
	defer c.base.Unlock()
	if c.baseDone {
		return nil
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	err = c.migrate(ctx, 0, Migrations{FS: files, Table: baseVersions})
	c.baseDone = err == nil
	return err
}

// errMovedMeanwhile says that a shard was moved while its migration waited.
var errMovedMeanwhile = errors.New("shards: the shard was moved meanwhile")

// migrate migrates a shard where it is when nobody moves it.
func (c *Cluster) migrate(ctx context.Context, shard int, m Migrations) error {
	for {
		err := c.migrateOn(ctx, c.ServerOf(shard), shard, m)
		if !errors.Is(err, errMovedMeanwhile) {
			return err
		}
	}
}

func (c *Cluster) migrateOn(ctx context.Context, server, shard int, m Migrations) error {
	// The lock is taken around all of it: goose's own leaves out the making of its version table. Its connection
	// selects no schema, so it can be made while there is none: a shard that was moved away.
	locks, err := openPool(c.servers[server].dsn, "", 1, c.volatile)
	if err != nil {
		return err
	}
	defer locks.Close()
	lock, err := locks.Conn(ctx)
	if err != nil {
		return err
	}
	defer lock.Close() // and with it the lock
	if err := takeLock(ctx, lock, migrationLock+c.schemas[shard]); err != nil {
		return err
	}
	if shard != 0 { // whoever moves a shard has this lock
		if err := c.Refresh(ctx); err != nil {
			return err
		}
		if c.ServerOf(shard) != server {
			return errMovedMeanwhile
		}
	}
	// goose names no schema, so it gets connections of its own that have one selected.
	db, err := openPool(c.servers[server].dsn, c.schemas[shard], migrateConns, c.volatile)
	if err != nil {
		return err
	}
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectMySQL, db, m.FS, goose.WithTableName(m.Table),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return errors.Join(err, releaseLock(ctx, lock, migrationLock+c.schemas[shard]))
}

// takeLock waits for a lock of the server: GET_LOCK, which MariaDB, MySQL 8 and TiDB all have. The server gives it back
// when the connection ends. Names are at most 64 characters.
func takeLock(ctx context.Context, conn *sql.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	for {
		var got sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, lockPoll).Scan(&got); err != nil {
			return fmt.Errorf("wait for the migration lock: %w", err)
		}
		if got.Int64 == 1 {
			return nil
		}
	}
}

func releaseLock(ctx context.Context, conn *sql.Conn, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_, err := conn.ExecContext(ctx, "DO RELEASE_LOCK(?)", name)
	return err
}
