package memledger_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/memledger"
)

func TestConfig(t *testing.T) {
	for what, cfg := range map[string]memledger.Config{
		"no shard":        {Now: time.Now, NewID: memledger.Count()},
		"too many shards": {Shards: memledger.MaxShards + 1, Now: time.Now, NewID: memledger.Count()},
		"no clock":        {Shards: 1, NewID: memledger.Count()},
		"no ids":          {Shards: 1, Now: time.Now},
	} {
		if _, err := memledger.New(cfg); err == nil {
			t.Errorf("%s: made", what)
		}
	}
}

// A source that loses the deletion of a message delivers it again: it has its effect once. A destination that loses
// an arrival is what the audit finds.
func TestRestore(t *testing.T) {
	b, l := openLedger(t, 2)
	ctx := t.Context()
	bob := b.Elsewhere("alice")
	source, dest := b.ShardOfUser("alice"), b.ShardOfUser(bob)
	b.TopUp("alice", 1000)
	h := b.Gift("alice", 30, 20)
	b.PostAll(ledgertest.Pay(h, 0, bob))
	posted, before := l.Snapshot(source), l.Snapshot(dest)
	b.DeliverAll()
	for range 2 {
		l.Restore(source, posted)
		b.WantBalanced(0) // what is in an inbox has arrived, whatever the outbox says
		b.PostAll(ledgertest.Pay(h, 1, "alice"))
		if n, err := l.Deliver(ctx, source); n != 1 || err != nil {
			t.Errorf("deliver: %d, %v", n, err)
		}
		b.DeliverAll()
		b.WantBalances(map[string]int64{"alice": 970, bob: 30})
		b.WantBalanced(0)
	}
	l.Restore(dest, before)
	r := b.Audited()
	if !slices.ContainsFunc(r.Discrepancies,
		func(d ledger.Discrepancy) bool { return d.Code == ledger.AuditClearing }) {
		t.Errorf("the audit does not miss what a shard has lost: %+v", r)
	}
}

// Two snapshots, and the shard itself, go on from the same statement without writing into each other.
func TestSnapshotsAreApart(t *testing.T) {
	b, l := openLedger(t, 1)
	for minor := range int64(5) { // so that the statement's array has room for more
		b.TopUp("alice", 1+minor)
	}
	first := l.Snapshot(0)
	b.TopUp("alice", 100)
	second := l.Snapshot(0)
	l.Restore(0, first)
	b.TopUp("alice", 7)
	b.WantBalances(map[string]int64{"alice": 22})
	l.Restore(0, second)
	b.WantBalances(map[string]int64{"alice": 115})
	b.WantBalanced(0)
}

// A transaction that panics, or goes on after an error, leaves nothing, and the shard goes on.
func TestATransactionThatGoesWrong(t *testing.T) {
	b, l := openLedger(t, 2)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	h := b.Draft("alice", 10)
	hold := func(tx ledger.Tx) error { _, err := tx.Hold(ctx, h, ledger.HoldOptions{}); return err }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = l.Tx(ctx, h.ID, func(tx ledger.Tx) error {
			if err := hold(tx); err != nil {
				t.Error(err)
			}
			panic("on purpose")
		})
	}()
	err := l.Tx(ctx, h.ID, func(tx ledger.Tx) error {
		if err := hold(tx); err != nil {
			t.Error(err)
		}
		if err := tx.Publish(ctx, ledger.Event{}); err == nil {
			t.Error("an event without a topic was accepted")
		}
		if err := tx.Publish(ctx, ledger.Event{Topic: "x", Body: []byte("{}")}); err == nil {
			t.Error("a method went on after the error of another")
		}
		return nil // the error is swallowed
	})
	if err == nil {
		t.Error("a transaction was committed after an error of a method")
	}
	var kept ledger.Tx
	if err := l.Tx(ctx, h.ID, func(tx ledger.Tx) error { kept = tx; return nil }); err != nil {
		t.Error(err)
	}
	if err := hold(kept); err == nil {
		t.Error("a transaction was used after its end")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := l.Tx(cancelled, h.ID, hold); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	b.WantBalances(map[string]int64{"alice": 1000})
	b.WantBalanced(0)
}

// A publisher that dies between publishing and forgetting publishes again.
func TestPublishedAtLeastOnce(t *testing.T) {
	b, l := openLedger(t, 1)
	b.TopUp("alice", 1000)
	b.Offer("alice", "bob")
	told, inbox := l.Snapshot(0), new(ledgertest.Inbox)
	b.PublishAll(inbox)
	l.Restore(0, told)
	if n := b.PublishAll(inbox); n != 1 {
		t.Errorf("%d published again", n)
	}
	if got := inbox.Bodies(ledger.UserTopic("bob")); len(got) != 2 || got[0] != got[1] {
		t.Errorf("bob heard %v", got)
	}
}

// What a caller gets, and what it gave, can be changed without changing the ledger.
func TestNothingIsShared(t *testing.T) {
	b := open(t, 1)
	b.TopUp("alice", 1000)
	h := b.Draft("alice", 60, 40)
	want := h
	want.Parts, want.Detail = slices.Clone(h.Parts), slices.Clone(h.Detail)
	got := ledgertest.Must(b.Hold(t.Context(), ledgertest.Request(t, "r", 1), h))
	read := ledgertest.Must(b.GetHold(t.Context(), h.ID))
	for _, mine := range []ledger.Hold{h, got, read} {
		mine.Parts[0], mine.Detail[0] = 99, 'x'
	}
	if now := ledgertest.Must(b.GetHold(t.Context(), h.ID)); !ledgertest.SameHold(now, want) {
		t.Errorf("%+v, want %+v", now, want)
	}
}
