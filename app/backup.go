package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/backup"
	"github.com/hongbao/hongbao/internal/pots"
)

// ErrRedisNotEmpty says that a Redis has keys where none may be.
var ErrRedisNotEmpty = errors.New("app: Redis is not empty")

// backupNotes are what a backup keeps of Redis: all else in it is made again from the ledger, or needs no keeping.
type backupNotes struct {
	Revoked map[string]int64 `json:"revoked"` // token id → Unix second until which it is kept
}

// Backup copies the installation, while it serves, into a folder: all shards as of one moment, and the tokens that are
// revoked. Every call that was acknowledged before Backup began is in it, with its money; a grab too, for it is waited
// until the ledger has settled it. Of what is acknowledged while it runs, grabs that are not settled at the moment may
// be missing. Images of covers and the keys of secrets are files beside the installation, and not in it.
func (a *App) Backup(ctx context.Context, dir string) (backup.Manifest, error) {
	if err := a.settleUntil(ctx, time.Now()); err != nil {
		return backup.Manifest{}, fmt.Errorf("settle what was won: %w", err)
	}
	return backup.Create(ctx, a.Cluster, dir, func(ctx context.Context) (any, error) {
		revoked, err := a.Revoked.All(ctx)
		return backupNotes{revoked}, err
	})
}

// settleUntil returns when every win that was acknowledged before a time is posted in the ledger. More may be won
// meanwhile, faster than it is settled. Ages are by Redis's clock, and so is the time that passes until they are asked.
func (a *App) settleUntil(ctx context.Context, before time.Time) error {
	envelopes := a.settler()
	logs := []struct {
		backlog func(context.Context, int, pots.Reader) (int64, time.Duration, error)
		reader  pots.Reader
		settle  func(ctx context.Context, shard, bucket int, wait time.Duration) (int, error)
	}{
		{a.Pots.Backlog, envelope.ReaderSettler, envelopes.Pass},
		{a.CoverPots.Backlog, stock.ReaderSettler, a.stockSettler.Pass},
	}
	return a.eachShard(ctx, func(ctx context.Context, shard int) error {
		from, to := a.Buckets.OfShard(shard)
		for bucket := from; bucket < to; bucket++ {
			for _, log := range logs {
				for {
					since := time.Since(before) // asked first, so that what comes later is younger
					entries, age, err := log.backlog(ctx, bucket, log.reader)
					if err == nil && (entries == 0 || age+clockGrain < since) {
						break
					}
					if err == nil {
						_, err = log.settle(ctx, shard, bucket, 0)
					}
					if errors.Is(err, pots.ErrLost) {
						return fmt.Errorf("%w: run hongbao recover first", err)
					}
					if err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// clockGrain is how far the age of a record may be off, which is told in whole milliseconds.
const clockGrain = 2 * time.Millisecond

// Restored says what Restore did.
type Restored struct {
	Backup   backup.Manifest
	Recovery Recovery
}

// Restore makes the installation of a backup on servers that hold nothing, brings its tables up to date, and fills its
// pots in an empty Redis, in a new epoch. The shards may lie elsewhere than they did, under another prefix. After an
// error from Recover on, Recover finishes it. Errors: backup.ErrNone, backup.ErrDamaged, ErrRedisNotEmpty,
// shards.ErrNotEmpty, shards.ErrInstalledOtherwise, shards.ErrTablesNewer.
func Restore(ctx context.Context, cfg Config, dir string) (r Restored, err error) {
	if r.Backup, err = backup.Read(ctx, dir); err != nil {
		return r, err
	}
	var notes backupNotes
	if err := json.Unmarshal(r.Backup.Notes, &notes); err != nil {
		return r, fmt.Errorf("%w: its notes: %w", backup.ErrDamaged, err)
	}
	if err := checkRedisEmpty(ctx, cfg); err != nil {
		return r, err
	}
	cluster, err := openCluster(cfg)
	if err != nil {
		return r, err
	}
	defer cluster.Close()
	if err := backup.Restore(ctx, cluster, dir, r.Backup); err != nil {
		return r, err
	}
	in := r.Backup.Installation
	if err := Install(ctx, cfg, in.BucketsPerShard, in.Sandbox); err != nil {
		return r, err
	}
	cfg.Registerer = prometheus.NewRegistry() // the caller opens it once more
	a, err := Open(ctx, cfg)
	if err != nil {
		return r, err
	}
	defer a.Close()
	for id, until := range notes.Revoked {
		if err := a.Revoked.Add(ctx, id, time.Unix(until, 0)); err != nil {
			return r, err
		}
	}
	rebuilder := a.Rebuilder()
	rebuilder.Restored = true
	r.Recovery, err = a.recoverWith(ctx, rebuilder)
	return r, err
}

// checkRedisEmpty finds keys: those of a later time than the backup's would contradict it.
func checkRedisEmpty(ctx context.Context, cfg Config) error {
	option, err := RedisOption(cfg.Redis)
	if err != nil {
		return err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	defer client.Close()
	for node, one := range client.Nodes() {
		keys, err := one.Do(ctx, one.B().Dbsize().Build()).AsInt64()
		if err != nil {
			return fmt.Errorf("redis: %w", err)
		}
		if keys > 0 {
			return fmt.Errorf("%w: %s has %d keys, and a backup is restored beside a new one", ErrRedisNotEmpty, node,
				keys)
		}
	}
	return nil
}
