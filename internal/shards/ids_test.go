package shards_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
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

// lease is a number that a process has for a while.
type lease shards.Node

func (l *lease) Node(int) (shards.Node, error) { return shards.Node(*l), nil }

// Ids are made of times within the lease alone, whatever the clock says, and a new lease goes on above.
func TestIDsKeepWithinTheLease(t *testing.T) {
	now := time.Now()
	l := &lease{Number: 7, From: now.Add(-time.Minute), Until: now.Add(time.Minute)}
	ids := shards.NewIDsOf(nowhere(t, 2), l)
	first, err := ids.New(1)
	if err != nil {
		t.Fatal(err)
	}
	if end := ids.End(0); !end.After(shards.MadeAt(first)) || end.After(time.Now().Add(time.Second)) {
		t.Errorf("the last was made before %v, the one at %v", end, shards.MadeAt(first))
	}
	for what, other := range map[string]lease{
		"one that is over":         {Number: 8, Until: now.Add(-time.Second)},
		"one that has yet to come": {Number: 9, From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)},
	} {
		*l = other
		if id, err := ids.New(1); !errors.Is(err, shards.ErrClock) || refusal.CodeOf(err) != refusal.CodeUnavailable {
			t.Errorf("%s: %d, %v", what, id, err)
		}
	}
	*l = lease{Number: 3}
	if next, err := ids.New(1); err != nil || next <= first {
		t.Errorf("%d, %v after %d", next, err, first)
	}
}

// An id that was made when they had 6 bits of node still says when and where; those of today are above it.
func TestNarrowIDs(t *testing.T) {
	const narrow = 47597842763612163 // of 22 November 2026
	c := nowhere(t, 4)
	if shard, ok := c.ShardOf(narrow); shard != 3 || !ok {
		t.Errorf("shard %d, %t", shard, ok)
	}
	if at := shards.MadeAt(narrow); at.Format(time.DateOnly) != "2026-11-25" {
		t.Errorf("made at %v", at)
	}
	if id, err := newIDs(t, c, 0).New(0); err != nil || id <= narrow {
		t.Errorf("%d, %v", id, err)
	}
}
