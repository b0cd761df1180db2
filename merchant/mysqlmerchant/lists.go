package mysqlmerchant

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
)

// InState implements merchant.Store.
func (s *Store) InState(
	ctx context.Context, state merchant.State, before int64, limit int,
) ([]merchant.Merchant, error) {
	return s.everywhere(ctx, before, limit, "state = ?", string(state))
}

// Find implements merchant.Store.
func (s *Store) Find(ctx context.Context, q merchant.Search) ([]merchant.Merchant, error) {
	some := "%" + literal(strings.ToLower(q.Text)) + "%"
	where, args := "(LOWER(name) LIKE ? OR LOWER(legal_id) LIKE ?", []any{some, some}
	if id, err := strconv.ParseInt(q.Text, 10, 64); err == nil {
		where, args = where+" OR id = ?", append(args, id)
	}
	if where += ")"; q.State != "" {
		where, args = where+" AND state = ?", append(args, string(q.State))
	}
	return s.everywhere(ctx, q.Before, q.Limit, where, args...)
}

// literal is a text in a LIKE that stands for itself.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// TestClocks implements merchant.Store.
func (s *Store) TestClocks(ctx context.Context, shard int, after int64, limit int) ([]merchant.TestClock, error) {
	clocks, err := rows.Select(ctx, s.cluster.DB(shard), func(row *sql.Rows) (c merchant.TestClock, err error) {
		var ahead int64
		err = row.Scan(&c.Merchant, &ahead)
		c.Ahead = time.Duration(ahead) * time.Millisecond
		return c, err
	}, "SELECT id, test_ahead FROM "+s.tables(shard).merchants+" WHERE test_ahead > 0 AND id > ? ORDER BY id LIMIT ?",
		after, limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("clocks of shard %d: %w", shard, err))
	}
	return clocks, nil
}

// everywhere reads the merchants of all shards that a condition is true of, the highest id first, below before (0: the
// highest).
func (s *Store) everywhere(
	ctx context.Context, before int64, limit int, where string, args ...any,
) ([]merchant.Merchant, error) {
	args = append(slices.Clone(args), rows.Below(before), limit)
	var all []merchant.Merchant
	for shard := range s.cluster.Shards() { // an operator's page, so one shard after another will do
		some, err := rows.Select(ctx, s.cluster.DB(shard), scanMerchant, "SELECT "+merchantColumns+" FROM "+
			s.tables(shard).merchants+" WHERE "+where+" AND id < ? ORDER BY id DESC LIMIT ?", args...)
		if err != nil {
			return nil, shards.Classify(fmt.Errorf("merchants of shard %d: %w", shard, err))
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b merchant.Merchant) int { return cmp.Compare(b.ID, a.ID) })
	return all[:min(limit, len(all))], nil
}
