package mysqlwebhook

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/webhook"
)

// oldest bounds the events that Old looks at.
const oldest = 10_000

// Old implements webhook.History. It names the owners of the oldest events.
func (s *Store) Old(ctx context.Context, shard int, before time.Time, limit int) ([]string, error) {
	owners, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[string], "SELECT DISTINCT owner FROM "+
		"(SELECT owner FROM "+tablesOf(s.cluster, shard).events+" WHERE at < ? ORDER BY at LIMIT ?) AS old LIMIT ?",
		before.UnixMilli(), oldest, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("owners of old events on shard %d: %w", shard, err))
	}
	return owners, nil
}

// Forget implements webhook.History. Events go in the order of their positions, so that those which are left have no
// gaps. Locks: the owner, deliveries, attempts, events, objects.
func (s *Store) Forget(ctx context.Context, owner string, before time.Time, limit int) (forgotten int, err error) {
	shard := s.cluster.ForUser(owner)
	t := tablesOf(s.cluster, shard)
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		if err := lockOwner(ctx, tx, t, owner); err != nil {
			return err
		}
		old, err := firstOf(ctx, tx, t, owner, before, limit)
		if forgotten = len(old); err != nil || forgotten == 0 {
			return err
		}
		ids, upTo := make([]int64, len(old)), map[string]int64{}
		for i, e := range old {
			ids[i], upTo[e.Object] = e.ID, e.Sequence
		}
		for _, from := range []string{
			t.deliveries + " WHERE event", t.attempts + " WHERE event", t.events + " WHERE id",
		} {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+from+" IN "+rows.In(len(ids)), rows.Args(ids)...)
			if err != nil {
				return err
			}
		}
		for object, sequence := range upTo {
			_, err := tx.ExecContext(ctx, "UPDATE "+t.objects+" SET forgotten = ? WHERE owner = ? AND object = ?",
				sequence, owner, object)
			if err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE "+t.owners+" SET forgotten = ? WHERE owner = ?",
			old[len(old)-1].Position, owner)
		return err
	})
	if err != nil {
		return 0, shards.Classify(fmt.Errorf("forget events of %s: %w", owner, err))
	}
	return forgotten, nil
}

// firstOf reads an owner's first events up to one that is not of before a time, without their payloads.
func firstOf(
	ctx context.Context, tx *sql.Tx, t tables, owner string, before time.Time, limit int,
) ([]webhook.Record, error) {
	first, err := rows.Select(ctx, tx, func(row *sql.Rows) (r webhook.Record, err error) {
		var at int64
		err = row.Scan(&r.ID, &r.Position, &r.Object, &r.Sequence, &at)
		r.At = rows.Millis(at)
		return r, err
	}, "SELECT id, position, object, sequence, at FROM "+t.events+" WHERE owner = ? ORDER BY position LIMIT ?",
		owner, limit)
	for i, e := range first {
		if !e.At.Before(before) {
			return first[:i], err
		}
	}
	return first, err
}
