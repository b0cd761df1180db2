package app_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// The audit names what is stuck though the books balance: each line sticks something, and takes it away again.
func TestTheAuditNamesWhatIsStuck(t *testing.T) {
	users := []string{"alice", "bob", "carol", "dave", "erin", "frank"}
	h := apptest.NewHarness(t, nil, users...)
	ctx := t.Context()
	send := func(shares int) (pot string, id int64) {
		t.Helper()
		v := apptest.Must(h.Envelopes.Send(ctx, "alice", envelope.Order{RequestID: h.RequestID(), Group: "g",
			Kind: string(envelope.Equal), Total: 100 * int64(shares), Count: shares, Currency: "CNY"}))
		shard, _ := h.Ledger.ShardOf(v.ID)
		return "{b" + strconv.Itoa(h.Buckets.Of(shard, v.ID)) + "}:e:" + strconv.FormatInt(v.ID, 10), v.ID
	}
	redis := func(words ...string) {
		t.Helper()
		if err := h.Redis.Do(ctx, h.Redis.B().Arbitrary(words...).Build()).Error(); err != nil {
			t.Fatalf("%v: %v", words, err)
		}
	}
	sql := func(shard int, statement string, args ...any) {
		t.Helper()
		if _, err := h.Cluster.DB(shard).ExecContext(ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	audit := func(what string, want ...string) ledger.AuditReport {
		t.Helper()
		report := apptest.Must(h.AuditWithin(ctx, 0))
		var got []string
		for _, d := range report.Discrepancies {
			got = append(got, d.Code)
		}
		if !slices.Equal(got, want) || report.Found != int64(len(want)) {
			t.Errorf("%s: the audit names %+v, want %v", what, report.Discrepancies, want)
		}
		return report
	}
	open, _ := send(2)
	drained, id := send(1)
	apptest.Must(h.Envelopes.Grab(ctx, "bob", id))
	h.Deliver()
	audit("in order")

	redis("PERSIST", open+":s")
	audit("shares that do not expire", ledger.AuditPotEndless)
	redis("EXPIRE", open+":s", "3600")
	redis("PERSIST", drained)
	audit("a pot that nobody retires", ledger.AuditPotEndless)
	redis("EXPIRE", drained, "3600")

	bucket, _ := h.Buckets.OfShard((h.Cluster.ForUser("alice") + 1) % h.Buckets.Shards) // nothing was ever in it
	quiet := "{b" + strconv.Itoa(bucket) + "}:log"
	redis("XADD", quiet, "1-1", "v", "s 1")
	audit("a win that nobody settles", ledger.AuditSettleLag)
	redis("DEL", quiet)

	rebuilds := h.Cluster.Table(1, "source_rebuilds")
	sql(1, "INSERT INTO "+rebuilds+" (number, epoch, was, settled, reason, began_at, ended_at)"+
		" VALUES (9, 'e', '', 'covers , log 7-1', 'went back', 1, 0), (8, 'e', '', 'covers , log ', 'emptied', 1, 2)")
	audit("a rebuild that does not end", ledger.AuditRebuildOpen)
	sql(1, "UPDATE "+rebuilds+" SET ended_at = 2")
	want := []string{"bucket 8, shard 1, 1970-01-01T00:00:00Z: emptied",
		"bucket 9, shard 1, 1970-01-01T00:00:00Z: went back, was settled up to log 7-1"}
	if told := audit("a rebuild that is over").Rebuilds; !slices.Equal(told, want) {
		t.Errorf("it was told as %q, want %q", told, want)
	}

	_, elsewhere := send(1)
	away := slices.IndexFunc(users, func(u string) bool { return h.Cluster.ForUser(u) != h.Cluster.ForUser("alice") })
	apptest.Must(h.Envelopes.Grab(ctx, users[away], elsewhere))
	settler := envelope.NewSettler(h.Pots, h.Pots, h.Ledger, h.Buckets, apptest.Quiet())
	if err := settler.Drain(ctx, h.Cluster.ForUser("alice")); err != nil {
		t.Fatal(err)
	}
	audit("a credit on its way")
	h.Clock.Skip(time.Hour)
	audit("a credit that does not arrive", ledger.AuditClearingOld)
	h.Deliver()
	audit("when it has arrived")
}
