package shards_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
)

// nowhere is a cluster of n shards on a server that is not there: enough for what asks no server.
func nowhere(t *testing.T, n int) *shards.Cluster {
	t.Helper()
	return open(t, shards.Config{DSNs: []string{"root@tcp(127.0.0.1:1)/"}, Shards: n})
}

func newIDs(t *testing.T, c *shards.Cluster, node int) *shards.IDs {
	t.Helper()
	ids, err := shards.NewIDs(c, node)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// Two processes make ids for many users: no id comes twice, each carries its user's shard, and those of one process and
// shard ascend.
func TestIDs(t *testing.T) {
	c := nowhere(t, 4)
	seen := map[int64]bool{}
	for _, ids := range []*shards.IDs{newIDs(t, c, 0), newIDs(t, c, shards.MaxNode)} {
		last := make([]int64, c.Shards())
		for i := range 2000 {
			user := fmt.Sprintf("user-%d", i)
			id, err := ids.ForUser(user)
			shard, ok := c.ShardOf(id)
			if err != nil || seen[id] || !ok || shard != c.ForUser(user) || id <= last[shard] {
				t.Fatalf("id %d of %s after %v: shard %d, %v, %v, seen %v", id, user, last, shard, ok, err, seen[id])
			}
			seen[id], last[shard] = true, id
		}
	}
	for _, id := range []int64{0, -1, 1<<20 | 4, 1<<20 | 1023} {
		if _, ok := c.ShardOf(id); ok {
			t.Errorf("id %d passes for one of ours", id)
		}
	}
	for _, node := range []int{-1, shards.MaxNode + 1} {
		if _, err := shards.NewIDs(c, node); err == nil {
			t.Errorf("node %d was accepted", node)
		}
	}
}

func TestAnIDSaysWhenItWasMade(t *testing.T) {
	before := time.Now()
	id, err := newIDs(t, nowhere(t, 1), 7).New(0)
	if err != nil {
		t.Fatal(err)
	}
	const unit = 10 * time.Millisecond
	if at := shards.MadeAt(id); at.Before(before.Add(-unit)) || at.After(time.Now().Add(unit)) {
		t.Errorf("made at %v, but it was between %v and now", at, before)
	}
}

func TestAllNamesEveryShard(t *testing.T) {
	if all := nowhere(t, 5).All(); !slices.Equal(all, []int{0, 1, 2, 3, 4}) {
		t.Errorf("all shards: %v", all)
	}
}
