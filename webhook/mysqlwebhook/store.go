// Package mysqlwebhook keeps webhooks in the shards of a ledger, each on the shard of its owner, and takes events there
// from the outbox.
package mysqlwebhook

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Store is a webhook.Store, a webhook.Queue and a webhook.History. It is safe for concurrent use. Every method may fail
// with shards.ErrUnavailable.
type Store struct {
	cluster *shards.Cluster
	ledger  *mysqlledger.Ledger
	secrets *sealed.Keys // nil: secrets cannot be made
	metrics metrics
	now     func() time.Time
}

var (
	_ webhook.Store = (*Store)(nil)
	_ webhook.Queue = (*Store)(nil)

	_ webhook.History = (*Store)(nil)
)

// New makes a Store, which keeps secrets sealed; secrets is nil where none can be made. It makes no connection. The
// ledger must have a Consumer among its consumers. r is nil for no metrics.
func New(
	c *shards.Cluster, l *mysqlledger.Ledger, secrets *sealed.Keys, r prometheus.Registerer, now func() time.Time,
) (*Store, error) {
	m, err := newMetrics(r)
	if err != nil {
		return nil, fmt.Errorf("mysqlwebhook: metrics: %w", err)
	}
	return &Store{cluster: c, ledger: l, secrets: secrets, metrics: m, now: now}, nil
}

// Migrate brings the tables of every shard up to date, after those of the ledger; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "webhook_version"})
}

// tables are the full names of a shard's tables.
type tables struct{ endpoints, keys, owners, objects, events, deliveries, attempts string }

func tablesOf(c *shards.Cluster, shard int) tables {
	name := func(table string) string { return c.Table(shard, "webhook_"+table) }
	return tables{
		endpoints: name("endpoints"), keys: name("keys"), owners: name("owners"), objects: name("objects"),
		events: name("events"), deliveries: name("deliveries"), attempts: name("attempts"),
	}
}

// NewID implements webhook.Store.
func (s *Store) NewID(owner string) (int64, error) { return s.ledger.NewID(owner) }

// of is the shard of an owner's endpoint, with its tables. Error: webhook.ErrNotFound, where the id is not one of the
// owner's shard.
func (s *Store) of(owner string, id int64) (shard int, t tables, err error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok || shard != s.cluster.ForUser(owner) {
		return 0, tables{}, webhook.ErrNotFound
	}
	return shard, tablesOf(s.cluster, shard), nil
}

const endpointColumns = "id, owner, url, types, asymmetric, state, reason, failing_since, not_before, created_at, " +
	"changed_at"

func scanEndpoint(row *sql.Rows) (e webhook.Endpoint, err error) {
	var types []byte
	var failing, notBefore, created, changed int64
	err = row.Scan(&e.ID, &e.Owner, &e.URL, &types, &e.Asymmetric, &e.State, &e.Reason, &failing, &notBefore, &created,
		&changed)
	if err != nil {
		return e, err
	}
	e.FailingSince, e.NotBefore = millis(failing), millis(notBefore)
	e.CreatedAt, e.ChangedAt = rows.Millis(created), rows.Millis(changed)
	if err := json.Unmarshal(types, &e.Types); err != nil {
		return e, fmt.Errorf("types of webhook %d: %w", e.ID, err)
	}
	return e, nil
}

// millis is a time that is stored as Unix milliseconds, 0 for none.
func millis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return rows.Millis(ms)
}

// lock reads an endpoint and locks it. Error: webhook.ErrNotFound.
func lock(ctx context.Context, tx *sql.Tx, t tables, owner string, id int64) (webhook.Endpoint, error) {
	found, err := rows.Select(ctx, tx, scanEndpoint,
		"SELECT "+endpointColumns+" FROM "+t.endpoints+" WHERE id = ? AND owner = ? FOR UPDATE", id, owner)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	if len(found) == 0 {
		return webhook.Endpoint{}, webhook.ErrNotFound
	}
	return found[0], nil
}

// lockLive is lock for an endpoint that must not be disabled. Errors: webhook.ErrNotFound, webhook.ErrDisabled.
func lockLive(ctx context.Context, tx *sql.Tx, t tables, owner string, id int64) (webhook.Endpoint, error) {
	e, err := lock(ctx, tx, t, owner, id)
	if err == nil && e.State == webhook.StateDisabled {
		err = webhook.ErrDisabled
	}
	return e, err
}

// Create implements webhook.Store.
func (s *Store) Create(
	ctx context.Context, r ledger.Request, e webhook.Endpoint, k webhook.Key,
) (webhook.Endpoint, bool, error) {
	shard, t, err := s.of(e.Owner, e.ID)
	if err != nil {
		return webhook.Endpoint{}, false, fmt.Errorf("mysqlwebhook: webhook %d has an id of another owner's", e.ID)
	}
	types, err := json.Marshal(e.Types)
	if err != nil {
		return webhook.Endpoint{}, false, fmt.Errorf("mysqlwebhook: encode types: %w", err)
	}
	err = s.ledger.SQLTx(ctx, e.ID, func(tx *mysqlledger.Tx) error {
		if err := tx.Claim(ctx, e.Owner, r, e.ID); err != nil {
			return err
		}
		if err := mayHaveMore(ctx, tx.SQL(), t, e.Owner); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(ctx,
			"INSERT INTO "+t.endpoints+" ("+endpointColumns+", throttle) VALUES "+rows.In(12),
			e.ID, e.Owner, e.URL, types, e.Asymmetric, string(e.State), "", 0, 0, e.CreatedAt.UnixMilli(),
			e.ChangedAt.UnixMilli(), 0)
		if err != nil {
			return err
		}
		return s.insertKey(ctx, tx.SQL(), t, e.ID, k)
	})
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		e, err = s.Endpoint(ctx, e.Owner, before.Reference)
		return e, false, err
	}
	if err != nil {
		return webhook.Endpoint{}, false, fmt.Errorf("webhook on shard %d: %w", shard, err)
	}
	e, err = s.Endpoint(ctx, e.Owner, e.ID)
	return e, true, err
}

// mayHaveMore refuses an endpoint that would be one too many. The owner's row is locked, so that those who make one at
// the same time take turns.
func mayHaveMore(ctx context.Context, tx *sql.Tx, t tables, owner string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.owners+" (owner, position) VALUES (?, 0) "+
		"ON DUPLICATE KEY UPDATE position = position", owner)
	if err != nil {
		return err
	}
	if err := lockOwner(ctx, tx, t, owner); err != nil {
		return err
	}
	var n int
	err = tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.endpoints+" WHERE owner = ? AND state <> ?", owner,
		string(webhook.StateDisabled)).Scan(&n)
	if err == nil && n >= webhook.MaxEndpoints {
		err = refusal.New(webhook.CodeTooMany, "there are %d webhooks: disable one first", n)
	}
	return err
}

// lockOwner locks an owner's row, as everything does that adds or deletes events of the owner. An owner without events
// may have none.
func lockOwner(ctx context.Context, tx *sql.Tx, t tables, owner string) error {
	_, err := rows.Select(ctx, tx, rows.Scalar[int64],
		"SELECT position FROM "+t.owners+" WHERE owner = ? FOR UPDATE", owner)
	return err
}

// Endpoint implements webhook.Store.
func (s *Store) Endpoint(ctx context.Context, owner string, id int64) (webhook.Endpoint, error) {
	shard, t, err := s.of(owner, id)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	found, err := rows.Select(ctx, s.cluster.DB(shard), scanEndpoint,
		"SELECT "+endpointColumns+" FROM "+t.endpoints+" WHERE id = ? AND owner = ?", id, owner)
	if err == nil && len(found) == 0 {
		return webhook.Endpoint{}, webhook.ErrNotFound
	}
	if err == nil {
		err = s.addKeys(ctx, shard, t, found)
	}
	if err != nil {
		return webhook.Endpoint{}, shards.Classify(fmt.Errorf("webhook %d: %w", id, err))
	}
	return found[0], nil
}

// Endpoints implements webhook.Store.
func (s *Store) Endpoints(ctx context.Context, owner string, before int64, limit int) ([]webhook.Endpoint, error) {
	shard := s.cluster.ForUser(owner)
	t := tablesOf(s.cluster, shard)
	found, err := rows.Select(ctx, s.cluster.DB(shard), scanEndpoint, "SELECT "+endpointColumns+" FROM "+t.endpoints+
		" WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?", owner, rows.Below(before), limit)
	if err == nil {
		err = s.addKeys(ctx, shard, t, found)
	}
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("webhooks: %w", err))
	}
	return found, nil
}

// addKeys adds to endpoints what of their keys may be shown: no secrets.
func (s *Store) addKeys(ctx context.Context, shard int, t tables, endpoints []webhook.Endpoint) error {
	ids := make([]int64, len(endpoints))
	for i, e := range endpoints {
		ids[i] = e.ID
	}
	keys, err := s.readKeys(ctx, s.cluster.DB(shard), t, s.now(), ids...)
	for i := range endpoints {
		for _, k := range keys[endpoints[i].ID] {
			k.Secret, k.Private = nil, nil
			endpoints[i].Keys = append(endpoints[i].Keys, k)
		}
	}
	return err
}

// change runs f in a transaction on an endpoint's shard.
func (s *Store) change(ctx context.Context, owner string, id int64, f func(tx *mysqlledger.Tx, t tables) error) error {
	_, t, err := s.of(owner, id)
	if err != nil {
		return err
	}
	return s.ledger.SQLTx(ctx, id, func(tx *mysqlledger.Tx) error { return f(tx, t) })
}

// Update implements webhook.Store.
func (s *Store) Update(ctx context.Context, owner string, id int64, url string, types []string, at time.Time) error {
	encoded, err := json.Marshal(types)
	if err != nil {
		return fmt.Errorf("mysqlwebhook: encode types: %w", err)
	}
	return s.change(ctx, owner, id, func(tx *mysqlledger.Tx, t tables) error {
		if _, err := lockLive(ctx, tx.SQL(), t, owner, id); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(ctx,
			"UPDATE "+t.endpoints+" SET url = ?, types = ?, changed_at = ? WHERE id = ?",
			url, encoded, at.UnixMilli(), id)
		return err
	})
}

// SetState implements webhook.Store.
func (s *Store) SetState(
	ctx context.Context, owner string, id int64, to webhook.EndpointState, reason webhook.Reason, at time.Time,
) error {
	return s.change(ctx, owner, id, func(tx *mysqlledger.Tx, t tables) error {
		e, err := lock(ctx, tx.SQL(), t, owner, id)
		switch {
		case err != nil:
			return err
		case e.State == to:
			return nil
		case e.State == webhook.StateDisabled:
			return webhook.ErrDisabled
		}
		// Whoever resumes an endpoint starts its failures anew.
		_, err = tx.SQL().ExecContext(ctx, "UPDATE "+t.endpoints+
			" SET state = ?, reason = ?, failing_since = 0, throttle = 0, not_before = 0, changed_at = ? WHERE id = ?",
			string(to), string(reason), at.UnixMilli(), id)
		return err
	})
}

// Roll implements webhook.Store.
func (s *Store) Roll(
	ctx context.Context, r ledger.Request, owner string, id int64, k webhook.Key, until, at time.Time,
) (bool, error) {
	err := s.change(ctx, owner, id, func(tx *mysqlledger.Tx, t tables) error {
		if err := tx.Claim(ctx, owner, r, id); err != nil {
			return err
		}
		if _, err := lockLive(ctx, tx.SQL(), t, owner, id); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(ctx, "DELETE FROM "+t.keys+" WHERE endpoint = ? AND `until` <> 0", id)
		if err != nil {
			return err
		}
		next := k
		row := tx.SQL().QueryRowContext(ctx, "SELECT MAX(number) + 1 FROM "+t.keys+" WHERE endpoint = ?", id)
		if err := row.Scan(&next.Number); err != nil {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, "UPDATE "+t.keys+" SET `until` = ? WHERE endpoint = ?", until.UnixMilli(),
			id)
		if err != nil {
			return err
		}
		if err := s.insertKey(ctx, tx.SQL(), t, id, next); err != nil {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, "UPDATE "+t.endpoints+" SET changed_at = ? WHERE id = ?", at.UnixMilli(), id)
		return err
	})
	if _, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return false, nil
	}
	return err == nil, err
}

// Test implements webhook.Store.
func (s *Store) Test(ctx context.Context, r ledger.Request, e webhook.Event) error {
	err := s.change(ctx, e.Owner, e.Endpoint, func(tx *mysqlledger.Tx, _ tables) error {
		if err := tx.Claim(ctx, e.Owner, r, e.Endpoint); err != nil {
			return err
		}
		return s.Publish(ctx, tx, e)
	})
	if _, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return nil
	}
	return err
}
