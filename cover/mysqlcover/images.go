package mysqlcover

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

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
			" (merchant, mode, hash, media_type, sizes, uploaded_by, side, at) VALUES (?, ?, ?, ?, ?, ?, ?, "+nowMillis+
			") ON DUPLICATE KEY UPDATE hash = hash",
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
