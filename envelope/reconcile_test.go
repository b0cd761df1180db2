package envelope_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// TestTheLedgerGoesBack has a ledger lose its newest commits, as a MySQL server does that flushes them once a second.
// The records are acknowledged and gone from the log, so that the pots alone know who won.
func TestTheLedgerGoesBack(t *testing.T) {
	l := newLife(t, 0)
	l.over = true // nothing dies by chance
	v := ledgertest.Must(l.service.Send(t.Context(), "user000", order("user000:0", 600, 3)))
	shard, _ := l.ledger.ShardOf(v.ID)
	l.must(l.settler.Drain(t.Context(), shard))
	ledgertest.Must(l.service.Grab(t.Context(), "user001", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	kept := l.ledger.Snapshot(shard)
	ledgertest.Must(l.service.Grab(t.Context(), "user002", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	if n := len(ledgertest.Must(l.ledger.Posts(t.Context(), v.ID))); n != 2 {
		t.Fatalf("%d posts before the loss, want 2", n)
	}
	l.ledger.Restore(shard, kept)
	l.must(l.settler.Drain(t.Context(), shard))
	ledgertest.Must(l.service.Grab(t.Context(), "user003", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	paid := map[string]bool{}
	for _, p := range ledgertest.Must(l.ledger.Posts(t.Context(), v.ID)) {
		paid[p.Payee] = true
	}
	for _, user := range []string{"user001", "user002", "user003"} {
		if !paid[user] {
			t.Errorf("%s won and was not paid; paid were %v", user, paid)
		}
	}
	l.clock = l.clock.Add(25 * time.Hour)
	if h := ledgertest.Must(l.ledger.GetHold(t.Context(), v.ID)); h.Open || h.Posted != 600 {
		t.Errorf("the hold has posted %d, pending %d", h.Posted, h.Pending())
	}
}

// TestTheLedgerForgetsItsFirstCommit loses all that the ledger has noted of a log, so that it knows no position.
func TestTheLedgerForgetsItsFirstCommit(t *testing.T) {
	l := newLife(t, 0)
	l.over = true
	v := ledgertest.Must(l.service.Send(t.Context(), "user000", order("user000:0", 600, 3)))
	shard, _ := l.ledger.ShardOf(v.ID)
	kept := l.ledger.Snapshot(shard)
	ledgertest.Must(l.service.Grab(t.Context(), "user001", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	l.ledger.Restore(shard, kept)
	l.must(l.settler.Drain(t.Context(), shard))
	if posts := ledgertest.Must(l.ledger.Posts(t.Context(), v.ID)); len(posts) != 1 || posts[0].Payee != "user001" {
		t.Errorf("posted are %+v, want the win of user001", posts)
	}
}

// TestTheLedgerForgetsAHold loses a send with what was paid of it: nobody can pay the winner, so the win is named, and
// the pot ends.
func TestTheLedgerForgetsAHold(t *testing.T) {
	l := newLife(t, 0)
	l.over = true
	shard, _ := l.ledger.ShardOf(ledgertest.Must(l.ledger.NewID("user000")))
	kept := l.ledger.Snapshot(shard)
	v := ledgertest.Must(l.service.Send(t.Context(), "user000", order("user000:0", 600, 3)))
	ledgertest.Must(l.service.Grab(t.Context(), "user001", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	l.ledger.Restore(shard, kept)
	l.must(l.settler.Drain(t.Context(), shard))
	if n := ledgertest.Must(l.retirer.Pass(t.Context(), shard)); n != 0 {
		t.Errorf("%d pots were retired before their time", n)
	}
	l.clock = l.clock.Add(25 * time.Hour)
	for _, want := range []int{1, 0} {
		if n := ledgertest.Must(l.retirer.Pass(t.Context(), shard)); n != want {
			t.Errorf("%d pots were retired, want %d", n, want)
		}
	}
	all := ledgertest.Must(l.ledger.Rejections(t.Context(), shard))
	if len(all) != 1 || all[0].Hold != v.ID || all[0].Payee != "user001" {
		t.Errorf("named are %+v, want the win of user001", all)
	}
}

// TestTheLogComesInItsTurn has the ledger go back while the log has a win that nobody has settled: the pots say only
// what the log has no more, so that the position goes with what is settled.
func TestTheLogComesInItsTurn(t *testing.T) {
	l := newLife(t, 0)
	l.over = true
	v := ledgertest.Must(l.service.Send(t.Context(), "user000", order("user000:0", 600, 3)))
	shard, _ := l.ledger.ShardOf(v.ID)
	kept := l.ledger.Snapshot(shard)
	ledgertest.Must(l.service.Grab(t.Context(), "user001", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	ledgertest.Must(l.service.Grab(t.Context(), "user002", v.ID))
	l.ledger.Restore(shard, kept)
	for _, want := range []int{1, 2} { // posts after each pass
		ledgertest.Must(l.settler.Pass(t.Context(), shard, l.buckets.Of(shard, v.ID), 0))
		if n := len(ledgertest.Must(l.ledger.Posts(t.Context(), v.ID))); n != want {
			t.Errorf("%d posts, want %d", n, want)
		}
	}
}
