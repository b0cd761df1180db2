package mysqlcover

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
)

// AddImage implements cover.Images.
func (s *Store) AddImage(ctx context.Context, i cover.Image) error {
	shard, ok := s.cluster.ShardOf(i.Merchant)
	if !ok {
		return fmt.Errorf("mysqlcover: an image of merchant %d, which has no shard", i.Merchant)
	}
	sizes, err := json.Marshal(i.Sizes)
	if err != nil {
		return err
	}
	t := s.tables(shard)
	return s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		n, err := countImages(ctx, tx, t, i.Merchant, i.Mode)
		if err == nil && n >= cover.MaxImages {
			err = cover.ErrTooMany
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO "+t.images+
			" (merchant, mode, hash, media_type, sizes, uploaded_by, side, at, gone_at) VALUES (?, ?, ?, ?, ?, ?, ?, "+
			nowMillis+", 0) ON DUPLICATE KEY UPDATE at = VALUES(at), gone_at = 0",
			i.Merchant, string(i.Mode), i.Hash, i.Type, sizes, i.By, string(i.Side))
		return err
	})
}

// CountImages implements cover.Images.
func (s *Store) CountImages(ctx context.Context, of int64, m merchant.Mode) (int, error) {
	shard, ok := s.cluster.ShardOf(of)
	if !ok {
		return 0, nil
	}
	n, err := countImages(ctx, s.cluster.DB(shard), s.tables(shard), of, m)
	return n, classify(err, "images of merchant %d", of)
}

func countImages(ctx context.Context, q rows.Querier, t tables, of int64, m merchant.Mode) (n int, err error) {
	err = q.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.images+" WHERE merchant = ? AND mode = ?", of,
		string(m)).Scan(&n)
	return n, err
}

// images writes what an edit means for images. Error: *cover.UnknownImageError.
func images(ctx context.Context, tx *sql.Tx, t tables, e cover.Edit) error {
	if err := haveImages(ctx, tx, t, e.Cover, e.Needs); err != nil {
		return err
	}
	if e.Redesigned {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.uses+" WHERE cover = ?", e.ID); err != nil {
			return err
		}
		for _, hash := range e.Images() {
			_, err := tx.ExecContext(ctx, "INSERT INTO "+t.uses+" (hash, cover) VALUES (?, ?)", hash, e.ID)
			if err != nil {
				return err
			}
		}
	}
	for _, hash := range e.Hide {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+t.purges+" (hash, taken_at, hidden_at, due) VALUES (?, ?, 0, ?) "+
			"ON DUPLICATE KEY UPDATE taken_at = VALUES(taken_at), hidden_at = 0, due = VALUES(due)",
			hash, e.Change.At.UnixMilli(), e.Change.At.UnixMilli())
		if err != nil {
			return err
		}
	}
	return nil
}

// haveImages refuses images that the cover's side has not, or no longer. Error: *cover.UnknownImageError.
func haveImages(ctx context.Context, tx *sql.Tx, t tables, c cover.Cover, needs []string) error {
	if len(needs) == 0 {
		return nil
	}
	args := append([]any{c.Merchant, string(c.Mode)}, rows.Args(needs)...)
	have, err := rows.Select(ctx, tx, rows.Scalar[string], "SELECT hash FROM "+t.images+
		" WHERE merchant = ? AND mode = ? AND gone_at = 0 AND hash IN "+rows.In(len(needs)), args...)
	if err != nil {
		return err
	}
	for _, hash := range needs {
		if !slices.Contains(have, hash) {
			return &cover.UnknownImageError{Hash: hash}
		}
	}
	return nil
}

// HasImage implements cover.Images.
func (s *Store) HasImage(ctx context.Context, of int64, m merchant.Mode, hash string) (bool, error) {
	shard, ok := s.cluster.ShardOf(of)
	if !ok {
		return false, nil
	}
	found, err := rows.Select(ctx, s.cluster.DB(shard), rows.Scalar[int64], "SELECT merchant FROM "+
		s.tables(shard).images+" WHERE merchant = ? AND (? = '' OR mode = ?) AND hash = ? AND gone_at = 0 LIMIT 1",
		of, string(m), string(m), hash)
	return len(found) > 0, classify(err, "images of merchant %d", of)
}
