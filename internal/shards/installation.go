package shards

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ErrNotInstalled says that the servers hold no installation yet.
var ErrNotInstalled = errors.New("shards: nothing is installed on these servers")

// ErrInstalledOtherwise says that the installation was made with other numbers than it is now opened with.
var ErrInstalledOtherwise = errors.New("shards: the installation was made otherwise")

// MaxBuckets is the maximum of Redis buckets of one shard.
const MaxBuckets = 4096

// Installation is what was decided when the system was installed. It is kept in shard 0.
type Installation struct {
	ID              string // random, 32 hex digits
	Shards          int
	BucketsPerShard int
	Sandbox         bool // money is not real: wallet.Sandbox funds the wallets
	PotsReady       bool // the pots have been filled once; from then on their absence means that they were lost
	CreatedAt       time.Time
}

// Installation returns the record, and reads where the shards are. Errors: ErrNotInstalled, ErrUnavailable,
// ErrServerUnknown, and ErrInstalledOtherwise where its number of shards is not the cluster's.
func (c *Cluster) Installation(ctx context.Context) (Installation, error) {
	var in Installation
	var created int64
	err := c.DB(0).QueryRowContext(ctx,
		"SELECT id, shards, buckets_per_shard, sandbox, pots_ready, created_at FROM "+c.Table(0,
			"installation")+" WHERE one = 1").
		Scan(&in.ID, &in.Shards, &in.BucketsPerShard, &in.Sandbox, &in.PotsReady, &created)
	if errors.Is(err, sql.ErrNoRows) || isGone(err) {
		return Installation{}, ErrNotInstalled
	}
	if err != nil {
		return Installation{}, Classify(fmt.Errorf("read the installation: %w", err))
	}
	in.CreatedAt = time.UnixMilli(created).UTC()
	if in.Shards != c.Shards() {
		return Installation{}, fmt.Errorf("%w: with %d shards, now opened with %d: the number never changes",
			ErrInstalledOtherwise, in.Shards, c.Shards())
	}
	return in, c.Refresh(ctx)
}

// Install makes the record if there is none and returns the one that is there, so processes that install at the same
// time agree. Error: ErrInstalledOtherwise if that one has another number of shards or buckets, or another sandbox. The
// ID, PotsReady and CreatedAt of want are ignored; its Shards may be 0 for the cluster's.
func (c *Cluster) Install(ctx context.Context, want Installation) (Installation, error) {
	if want.Shards == 0 {
		want.Shards = c.Shards()
	}
	if want.Shards != c.Shards() {
		return Installation{}, fmt.Errorf("%w: %d shards are asked for and %d configured", ErrInstalledOtherwise,
			want.Shards, c.Shards())
	}
	if want.BucketsPerShard < 1 || want.BucketsPerShard > MaxBuckets {
		return Installation{}, fmt.Errorf("shards: %d buckets a shard are out of range: give 1 to %d",
			want.BucketsPerShard, MaxBuckets)
	}
	if err := c.make(ctx, 0); err != nil {
		return Installation{}, Classify(fmt.Errorf("install: %w", err))
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	_, err := c.DB(0).ExecContext(ctx, "INSERT INTO "+c.Table(0, "installation")+
		" (one, id, shards, buckets_per_shard, sandbox, pots_ready, created_at) VALUES (1, ?, ?, ?, ?, 0, ?) ON "+
		"DUPLICATE KEY UPDATE one = VALUES(one)",
		hex.EncodeToString(id), want.Shards, want.BucketsPerShard, want.Sandbox, time.Now().UnixMilli())
	if err != nil {
		return Installation{}, Classify(fmt.Errorf("install: %w", err))
	}
	got, err := c.Installation(ctx)
	if err != nil {
		return Installation{}, err
	}
	if got.BucketsPerShard != want.BucketsPerShard || got.Sandbox != want.Sandbox {
		return Installation{}, fmt.Errorf("%w: with %d buckets a shard and sandbox %t, now opened with %d and %t",
			ErrInstalledOtherwise,
			got.BucketsPerShard, got.Sandbox, want.BucketsPerShard, want.Sandbox)
	}
	return got, nil
}

// SetPotsReady records that the pots have been filled. Errors: ErrNotInstalled, ErrUnavailable.
func (c *Cluster) SetPotsReady(ctx context.Context) error {
	done, err := c.DB(0).ExecContext(ctx, "UPDATE "+c.Table(0, "installation")+" SET pots_ready = 1 WHERE one = 1")
	if err != nil {
		return Classify(fmt.Errorf("record that the pots are ready: %w", err))
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNotInstalled)
	}
	return nil
}
