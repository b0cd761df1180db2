package shards

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNotEmpty says that a schema has tables already.
var ErrNotEmpty = errors.New("shards: a schema is not empty")

// ServerDSN is how a server is reached, for tools that make connections of their own. It holds the password.
func (c *Cluster) ServerDSN(server int) string { return c.servers[server].dsn }

// LockMigrations keeps anybody from migrating a shard until the connection ends; conn is one to the shard's server. It
// waits for a migration that runs, up to five minutes.
func (c *Cluster) LockMigrations(ctx context.Context, conn *sql.Conn, shard int) error {
	return takeLock(ctx, conn, migrationLock+c.schemas[shard])
}

// HasLockedMigrations says whether the connection still has the lock of LockMigrations.
func (c *Cluster) HasLockedMigrations(ctx context.Context, conn *sql.Conn, shard int) (bool, error) {
	var ours sql.NullBool
	err := conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?) = CONNECTION_ID()",
		migrationLock+c.schemas[shard]).Scan(&ours)
	return ours.Bool, err
}

// CheckEmpty returns ErrNotEmpty where the schema of a shard has tables.
func (c *Cluster) CheckEmpty(ctx context.Context, shard int) error {
	var n int
	err := c.DB(shard).QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ?",
		c.schemas[shard]).Scan(&n)
	if err != nil {
		return Classify(fmt.Errorf("look at shard %d: %w", shard, err))
	}
	if n > 0 {
		return fmt.Errorf("%w: %s on server %d (counted from 0) has %d tables", ErrNotEmpty, c.schemas[shard],
			c.ServerOf(shard), n)
	}
	return nil
}

// MakeEmpty makes the schema of a shard whose tables somebody else is about to make. Error: ErrNotEmpty.
func (c *Cluster) MakeEmpty(ctx context.Context, shard int) error {
	if err := c.create(ctx, shard); err != nil {
		return Classify(fmt.Errorf("make shard %d: %w", shard, err))
	}
	return c.CheckEmpty(ctx, shard)
}

// Adopt makes the record of an installation whose tables were copied here without it. From then on it can be opened.
func (c *Cluster) Adopt(ctx context.Context, in Installation) error {
	_, err := c.DB(0).ExecContext(ctx, "INSERT INTO "+c.Table(0, "installation")+
		" (one, id, shards, buckets_per_shard, sandbox, pots_ready, created_at) VALUES (1, ?, ?, ?, ?, ?, ?)",
		in.ID, in.Shards, in.BucketsPerShard, in.Sandbox, in.PotsReady, in.CreatedAt.UnixMilli())
	if err != nil {
		return Classify(fmt.Errorf("adopt the installation: %w", err))
	}
	return nil
}

// ForgetPlaces makes the configuration say again where the shards are, for shards that were copied to where it says.
func (c *Cluster) ForgetPlaces(ctx context.Context) error {
	_, err := c.DB(0).ExecContext(ctx, "DELETE FROM "+c.Table(0, "placements"))
	if isGone(err) {
		return nil // the copy is of an earlier version
	}
	return Classify(err)
}
