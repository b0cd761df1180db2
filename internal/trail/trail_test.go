package trail_test

import (
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/internal/trail"
)

func open(t *testing.T) (*trail.Trail, *shards.Cluster) {
	t.Helper()
	c := shardstest.New(t, 2)
	if err := trail.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return trail.New(c, time.Now), c
}

// broken are the records at which the chain breaks.
func broken(t *testing.T, tr *trail.Trail, c *shards.Cluster) (seqs []int64) {
	t.Helper()
	err := tr.Check(t.Context(), c.DB(trail.Shard), func(r trail.Record, _ string) { seqs = append(seqs, r.Seq) })
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}

// Records that are written at once stand in one chain, and whatever is done to one of them breaks it there.
func TestTheChain(t *testing.T) {
	tr, c := open(t)
	write := func(action string) error {
		return tr.Append(t.Context(), trail.Record{Actor: "ops", Action: action, Outcome: "ok", Detail: `{"why":"面"}`})
	}
	if err := write("first"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				if err := write("x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := int64(0)
	for r, err := range tr.All(t.Context()) {
		if seen++; err != nil || r.Seq != seen || r.Actor != "ops" || r.Detail != `{"why":"面"}` || r.At.IsZero() {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if found := broken(t, tr, c); seen != 21 || len(found) > 0 {
		t.Fatalf("%d records, broken at %v", seen, found)
	}
	table := c.Table(trail.Shard, "trail")
	for _, s := range []struct {
		do, undo string
		at       int64
	}{
		{"UPDATE " + table + " SET actor = 'eve' WHERE seq = 7",
			"UPDATE " + table + " SET actor = 'ops' WHERE seq = 7", 7},
		{"UPDATE " + table + " SET at = at + 1 WHERE seq = 1", "UPDATE " + table + " SET at = at - 1 WHERE seq = 1", 1},
		{"UPDATE " + table + " SET detail = '{}' WHERE seq = 21", "UPDATE " + table +
			" SET detail = '{\"why\":\"面\"}' WHERE seq = 21", 21},
		{"DELETE FROM " + table + " WHERE seq = 9", "", 10},
	} {
		if _, err := c.DB(trail.Shard).ExecContext(t.Context(), s.do); err != nil {
			t.Fatal(err)
		}
		if found := broken(t, tr, c); len(found) != 1 || found[0] != s.at {
			t.Errorf("%s: broken at %v", s.do, found)
		}
		if s.undo == "" {
			continue
		}
		if _, err := c.DB(trail.Shard).ExecContext(t.Context(), s.undo); err != nil {
			t.Fatal(err)
		}
		if found := broken(t, tr, c); len(found) > 0 {
			t.Errorf("%s: broken at %v", s.undo, found)
		}
	}
}
