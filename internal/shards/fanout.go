package shards

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// All are the numbers of the cluster's shards.
func (c *Cluster) All() []int {
	all := make([]int, c.Shards())
	for shard := range all {
		all[shard] = shard
	}
	return all
}

// readWidth is how many shards GetAll asks at a time.
const readWidth = 8

// GetAll reads records by ids that lie on several shards, and returns those that exist in the order of ids. get reads
// those of one shard, up to rows.Max at a time. Error: ErrUnavailable, and whatever get returns.
func GetAll[T any](
	ctx context.Context, c *Cluster, ids []int64, idOf func(T) int64,
	get func(ctx context.Context, shard int, ids []int64) ([]T, error),
) ([]T, error) {
	byShard := map[int][]int64{}
	for _, id := range ids {
		if shard, ok := c.ShardOf(id); ok {
			byShard[shard] = append(byShard[shard], id)
		}
	}
	asked := make([]int, 0, len(byShard))
	for shard := range byShard {
		asked = append(asked, shard)
	}
	var mu sync.Mutex
	found := make(map[int64]T, len(ids))
	err := loop.FanOut(asked, readWidth, func(shard int) error {
		for chunk := range slices.Chunk(byShard[shard], rows.Max) {
			records, err := get(ctx, shard, chunk)
			if err != nil {
				return Classify(fmt.Errorf("read records of shard %d: %w", shard, err))
			}
			mu.Lock()
			for _, r := range records {
				found[idOf(r)] = r
			}
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	records := make([]T, 0, len(ids))
	for _, id := range ids {
		if r, ok := found[id]; ok {
			records = append(records, r)
		}
	}
	return records, nil
}
