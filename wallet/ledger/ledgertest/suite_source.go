package ledgertest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Each line settles a batch of source 7 on the shard of a hold of 30, 20, 20, 10 by alice.
func testSources(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 1000)
	h := b.Gift("alice", 30, 20, 20, 10)
	shard, _ := b.ShardOf(h.ID)
	at := func(epoch, upTo string) ledger.SourceLog {
		return ledger.SourceLog{Source: 7, Log: "log", Epoch: epoch, UpTo: upTo}
	}
	settle := func(what string, from ledger.SourceLog, upTo string, posted int, want error, posts ...ledger.Post) {
		t.Helper()
		r, err := b.Settle(t.Context(), shard, posts, from, upTo)
		if !errors.Is(err, want) || r.Posted != posted {
			t.Errorf("%s: posted %d, %v; want %d, %v", what, r.Posted, err, posted, want)
		}
	}
	settle("a batch without posts", at("", ""), "1", 0, nil)
	settle("a batch", at("", "1"), "2", 1, nil, Pay(h, 0, "bob"))
	settle("the same batch again", at("", "1"), "2", 0, ledger.ErrSourceMoved, Pay(h, 0, "bob"))
	settle("from the beginning", at("", ""), "1", 0, ledger.ErrSourceMoved, Pay(h, 1, "carol"))
	settle("nothing further", at("", "2"), "2", 1, nil, Pay(h, 1, "carol"), Pay(h, 0, "bob"))
	settle("an epoch that has not begun", at("e1", "2"), "3", 0, ledger.ErrSourceMoved, Pay(h, 2, "dave"))
	settle("another log", ledger.SourceLog{Source: 7, Log: "other"}, "9", 0, nil)

	logs := []string{"log", "other"}
	begin := func(was, epoch string, want bool) {
		t.Helper()
		if begun, err := b.BeginEpoch(t.Context(), shard, 7, logs, was, epoch, "a test"); begun != want || err != nil {
			t.Errorf("new epoch %s after %q: %t, %v; want %t", epoch, was, begun, err, want)
		}
	}
	begin("", "e1", true)
	begin("", "e2", false)
	settle("what was read before", at("", "2"), "3", 0, ledger.ErrSourceMoved, Pay(h, 2, "dave"))
	settle("the other log in its old epoch", ledger.SourceLog{Source: 7, Log: "other", UpTo: "9"}, "10", 0,
		ledger.ErrSourceMoved)
	wantSource(t, b, shard, ledger.SourceLog{Source: 7, Log: "log", Epoch: "e1", Rebuilding: true})
	settle("drained into the new epoch", at("e1", ""), "", 1, nil, Pay(h, 2, "dave"))
	settle("the new epoch", at("e1", ""), "1", 1, nil, Pay(h, 3, "erin"))
	if err := b.EndRebuild(t.Context(), shard, 7, ""); err != nil { // of an epoch that is over
		t.Fatal(err)
	}
	wantSource(t, b, shard, ledger.SourceLog{Source: 7, Log: "log", Epoch: "e1", UpTo: "1", Rebuilding: true})
	for range 2 {
		if err := b.EndRebuild(t.Context(), shard, 7, "e1"); err != nil {
			t.Fatal(err)
		}
	}
	wantSource(t, b, shard, ledger.SourceLog{Source: 7, Log: "log", Epoch: "e1", UpTo: "1"})
	wantSource(t, b, shard, ledger.SourceLog{Source: 7, Log: "other", Epoch: "e1"})
	wantSource(t, b, shard, ledger.SourceLog{Source: 8, Log: "log"}) // of which nothing is known

	if all, err := b.Sources(t.Context(), shard, "log"); err != nil || len(all) != 1 || all[0].Epoch != "e1" {
		t.Errorf("sources: %+v, %v", all, err)
	}

	begin("e1", "e2", true)
	all, err := b.Rebuilds(t.Context(), shard, 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("rebuilds: %+v, %v", all, err)
	}
	for _, r := range all {
		want := map[string]ledger.Rebuild{
			"e1": {Was: "", Settled: "log 2, other 9"}, "e2": {Was: "e1", Settled: "log 1, other "},
		}[r.Epoch]
		if r.Source != 7 || r.Shard != shard || r.Was != want.Was || r.Settled != want.Settled ||
			r.Reason != "a test" || r.Began == 0 || (r.Ended == 0) != (r.Epoch == "e2") {
			t.Errorf("rebuild %+v", r)
		}
	}
	b.DeliverAll()
	b.WantBalanced(0)
}

func wantSource(t *testing.T, b *Book, shard int, want ledger.SourceLog) {
	t.Helper()
	if got, err := b.Source(t.Context(), shard, want.Source, want.Log); got != want || err != nil {
		t.Errorf("source is %+v, %v; want %+v", got, err, want)
	}
}

// Several settlers of a log settle each record once, and one of several rebuilders begins the epoch.
func testConcurrentSources(t *testing.T, open Open) {
	b := open(t, 1)
	b.TopUp("alice", 1000)
	h := b.Gift("alice", 1, 1, 1, 1, 1, 1)
	var settled, begun atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			first := ledger.SourceLog{Log: "log"}
			_, err := b.Settle(t.Context(), 0, []ledger.Post{Pay(h, 0, "bob")}, first, "1")
			if err == nil {
				settled.Add(1)
			} else if !errors.Is(err, ledger.ErrSourceMoved) {
				t.Errorf("settle: %v", err)
			}
		})
	}
	all.Wait()
	for i := range 4 {
		all.Go(func() {
			ok, err := b.BeginEpoch(t.Context(), 0, 0, []string{"log"}, "", string(rune('a'+i)), "a test")
			if err != nil {
				t.Errorf("new epoch: %v", err)
			}
			if ok {
				begun.Add(1)
			}
		})
	}
	all.Wait()
	if settled.Load() != 1 || begun.Load() != 1 {
		t.Errorf("settled %d times, begun %d times; want once each", settled.Load(), begun.Load())
	}
}
