package mysqlcover

import (
	"context"
	"database/sql"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// DuePurges implements cover.Purges.
func (s *Store) DuePurges(ctx context.Context, shard, limit int) ([]cover.Purge, error) {
	due, err := rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (p cover.Purge, err error) {
		var taken, hidden int64
		err = row.Scan(&p.Hash, &taken, &hidden)
		p.TakenAt, p.HiddenAt = rows.Millis(taken), timeOf(hidden)
		return p, err
	}, "SELECT hash, taken_at, hidden_at FROM "+s.tables(shard).purges+" WHERE due <= "+nowMillis+
		" ORDER BY due LIMIT ?", limit)
	return due, classify(err, "purges of shard %d", shard)
}

// InUse implements cover.Purges.
func (s *Store) InUse(ctx context.Context, hash string, states []cover.State) (bool, error) {
	args := []any{hash}
	for _, state := range states {
		args = append(args, string(state))
	}
	for shard := range s.cluster.Shards() {
		t := s.tables(shard)
		found, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[int64], "SELECT c.id FROM "+t.uses+" u JOIN "+
			t.covers+" c ON c.id = u.cover WHERE u.hash = ? AND c.state IN "+rows.In(len(states))+" LIMIT 1", args...)
		if err != nil || len(found) > 0 {
			return len(found) > 0, classify(err, "uses on shard %d", shard)
		}
	}
	return false, nil
}

// MarkGone implements cover.Purges.
func (s *Store) MarkGone(ctx context.Context, hash string, before time.Time) (uploaded bool, err error) {
	for shard := range s.cluster.Shards() {
		t, n := s.tables(shard), 0
		err := s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE "+t.images+" SET gone_at = "+nowMillis+
				" WHERE hash = ? AND gone_at = 0 AND at <= ?", hash, before.UnixMilli())
			if err != nil {
				return err
			}
			return tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.images+" WHERE hash = ? AND gone_at = 0",
				hash).Scan(&n)
		})
		if err != nil {
			return false, err
		}
		uploaded = uploaded || n > 0
	}
	return uploaded, nil
}

// Postpone implements cover.Purges.
func (s *Store) Postpone(ctx context.Context, shard int, p cover.Purge, by time.Duration, hidden bool) error {
	return s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+s.tables(shard).purges+" SET due = "+nowMillis+
			" + ?, hidden_at = IF(?, "+nowMillis+", hidden_at) WHERE hash = ? AND taken_at = ?",
			by.Milliseconds(), hidden, p.Hash, p.TakenAt.UnixMilli())
		return err
	})
}

// EndPurge implements cover.Purges.
func (s *Store) EndPurge(ctx context.Context, shard int, p cover.Purge) error {
	return s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+s.tables(shard).purges+" WHERE hash = ? AND taken_at = ?", p.Hash,
			p.TakenAt.UnixMilli())
		return err
	})
}
