package shards_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// GetAll asks each shard for its own ids in bounded pieces, leaves out what does not exist and keeps the order of ids.
func TestGetAll(t *testing.T) {
	c := nowhere(t, 3)
	const missing = 2 << 10 // of shard 0
	ids := []int64{1023, 0}
	for n := int64(2*rows.Max + 1); n > 0; n-- {
		ids = append(ids, n<<10|n%3)
	}
	want := slices.DeleteFunc(slices.Clone(ids[2:]), func(id int64) bool { return id == missing|2 })
	var mu sync.Mutex
	asked := map[int]int{}
	same := func(id int64) int64 { return id }
	got, err := shards.GetAll(t.Context(), c, ids, same, func(_ context.Context, shard int, some []int64) ([]int64,
		error) {
		mu.Lock()
		defer mu.Unlock()
		asked[shard]++
		if len(some) > rows.Max {
			t.Errorf("%d ids in one read of shard %d", len(some), shard)
		}
		found := slices.DeleteFunc(slices.Clone(some), func(id int64) bool { return id == missing|2 })
		slices.Reverse(found) // a server may answer in any order
		return found, nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d records, %v, want %d in the order of the ids", len(got), err, len(want))
	}
	if len(asked) != 3 {
		t.Errorf("shards asked: %v", asked)
	}
}

func TestGetAllFailsIfOneShardDoes(t *testing.T) {
	broken := errors.New("broken")
	c := nowhere(t, 2)
	get := func(_ context.Context, shard int, ids []int64) ([]int64, error) {
		if shard == 1 {
			return nil, broken
		}
		return ids, nil
	}
	got, err := shards.GetAll(t.Context(), c, []int64{1 << 10, 1<<10 | 1}, func(id int64) int64 { return id }, get)
	if !errors.Is(err, broken) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}
