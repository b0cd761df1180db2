package mysqlwebhook

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/webhook"
)

// Keys of endpoints are kept sealed: their secret, and their seed where they have one, each for its endpoint and
// number. Those that were stored before there was a key to seal with are not, until Reseal finds them.

const (
	resealBatch    = 100
	resealInterval = time.Minute
	triedSecrets   = 10 // of each key, on each shard, at the start
)

// storedKey is a row of webhook_keys.
type storedKey struct {
	endpoint     int64
	number       int
	secret, seed []byte
	until        int64
	by           string
}

const keyColumns = "endpoint, number, secret, seed, `until`, sealed_by"

func scanKey(row *sql.Rows) (k storedKey, err error) {
	err = row.Scan(&k.endpoint, &k.number, &k.secret, &k.seed, &k.until, &k.by)
	return k, err
}

func (k storedKey) of(what string) string {
	return fmt.Sprintf("webhook %d key %d %s", k.endpoint, k.number, what)
}

// seal is a key as it is stored. Refusal: unavailable, without a key to seal with.
func (s *Store) seal(k storedKey) (storedKey, error) {
	if s.secrets == nil {
		return k, refusal.New(refusal.CodeUnavailable,
			"this installation has no key to keep secrets with: its operator has to give --secret-keys")
	}
	k.secret, k.by = s.secrets.Seal(k.secret, k.of("secret")), s.secrets.First()
	if len(k.seed) > 0 {
		k.seed = s.secrets.Seal(k.seed, k.of("seed"))
	}
	return k, nil
}

// open is the inverse of seal. Error: *sealed.NoKeyError.
func (s *Store) open(k storedKey) (storedKey, error) {
	if k.by == "" {
		return k, nil
	}
	secret, err := s.secrets.Open(k.by, k.secret, k.of("secret"))
	if err == nil && len(k.seed) > 0 {
		k.seed, err = s.secrets.Open(k.by, k.seed, k.of("seed"))
	}
	if err != nil {
		return k, fmt.Errorf("key %d of webhook %d: %w", k.number, k.endpoint, err)
	}
	k.secret, k.by = secret, ""
	return k, nil
}

func (s *Store) insertKey(ctx context.Context, tx *sql.Tx, t tables, endpoint int64, k webhook.Key) error {
	row := storedKey{endpoint: endpoint, number: k.Number, secret: k.Secret, seed: []byte{}}
	if k.Private != nil {
		row.seed = k.Private.Seed()
	}
	row, err := s.seal(row)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+t.keys+" ("+keyColumns+") VALUES "+rows.In(6), row.endpoint, row.number,
		row.secret, row.seed, 0, row.by)
	return err
}

// readKeys reads the keys of endpoints that sign at a time, newest first. Error: *sealed.NoKeyError.
func (s *Store) readKeys(
	ctx context.Context, q rows.Querier, t tables, at time.Time, endpoints ...int64,
) (map[int64][]webhook.Key, error) {
	keys := map[int64][]webhook.Key{}
	if len(endpoints) == 0 {
		return keys, nil
	}
	err := rows.Collect(ctx, q, func(row *sql.Rows) error {
		stored, err := scanKey(row)
		if err == nil {
			stored, err = s.open(stored)
		}
		if err != nil {
			return err
		}
		k := webhook.Key{Number: stored.number, Secret: stored.secret, Until: millis(stored.until)}
		if len(stored.seed) > 0 {
			k.Private = ed25519.NewKeyFromSeed(stored.seed)
			k.Public = k.Private.Public().(ed25519.PublicKey)
		}
		keys[stored.endpoint] = append(keys[stored.endpoint], k)
		return nil
	}, "SELECT "+keyColumns+" FROM "+t.keys+" WHERE endpoint IN "+rows.In(len(endpoints))+
		" AND (`until` = 0 OR `until` > ?) ORDER BY endpoint, number DESC",
		append(rows.Args(endpoints), at.UnixMilli())...)
	return keys, err
}

// CheckSecrets finds secrets that are sealed with a key that is not among ours, or not the one that has its name here.
// Shards that are down are passed over. Errors: *sealed.NoKeyError, sealed.ErrForged.
func (s *Store) CheckSecrets(ctx context.Context) error {
	for shard := range s.cluster.Shards() {
		by, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[string], "SELECT DISTINCT sealed_by FROM "+
			tablesOf(s.cluster, shard).keys+" WHERE sealed_by <> ''")
		if err = shards.Classify(err); errors.Is(err, shards.ErrUnavailable) {
			continue
		}
		if err != nil {
			return fmt.Errorf("secrets of webhooks on shard %d: %w", shard, err)
		}
		for _, name := range by {
			if s.secrets == nil || !s.secrets.Has(name) {
				return fmt.Errorf("secrets of webhooks on shard %d: %w", shard, &sealed.NoKeyError{Key: name})
			}
			if err := s.tryKey(ctx, shard, name); err != nil {
				return fmt.Errorf("secrets of webhooks on shard %d, by the key %s: %w", shard, name, err)
			}
		}
	}
	return nil
}

// tryKey opens some of the secrets that a key has sealed. One that was damaged keeps nobody from starting: it is an
// error where none can be opened.
func (s *Store) tryKey(ctx context.Context, shard int, name string) error {
	some, err := rows.Select(ctx, s.cluster.DB(shard), scanKey, "SELECT "+keyColumns+" FROM "+
		tablesOf(s.cluster, shard).keys+" WHERE sealed_by = ? LIMIT ?", name, triedSecrets)
	if err != nil {
		return err
	}
	for _, k := range some {
		if _, err = s.open(k); err == nil {
			return nil
		}
	}
	return err
}

// Reseal seals secrets of a shard with the first key that are not, some at a time, and returns how many. It is safe to
// repeat, and beside others that do it.
func (s *Store) Reseal(ctx context.Context, shard int) (done int, err error) {
	if s.secrets == nil {
		return 0, nil
	}
	t, db := tablesOf(s.cluster, shard), s.cluster.DB(shard)
	found, err := rows.Select(ctx, db, scanKey, "SELECT "+keyColumns+" FROM "+t.keys+
		" WHERE sealed_by < ? OR sealed_by > ? LIMIT ?", s.secrets.First(), s.secrets.First(), resealBatch)
	for _, was := range found {
		if err != nil {
			break
		}
		var is storedKey
		if is, err = s.open(was); err != nil {
			break
		}
		if is, err = s.seal(is); err != nil {
			break
		}
		_, err = db.ExecContext(ctx, "UPDATE "+t.keys+" SET secret = ?, seed = ?, sealed_by = ? WHERE endpoint = ? "+
			"AND number = ? AND sealed_by = ?", is.secret, is.seed, is.by, was.endpoint, was.number, was.by)
		done++
	}
	if err != nil {
		return done, shards.Classify(fmt.Errorf("seal secrets of shard %d: %w", shard, err))
	}
	return done, nil
}

// RunResealer runs Reseal on a shard until the context ends.
func (s *Store) RunResealer(ctx context.Context, shard int, log *slog.Logger) {
	job := loop.Job{Name: "seal secrets", Log: log.With(slog.Int("shard", shard)), Interval: resealInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := s.Reseal(ctx, shard)
		return n == resealBatch, err
	})
}
