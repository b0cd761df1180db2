package envelope_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// TestTheEndOfAPotIsForgotten has the pots lose that a pot was closed and retired after its rest went back. No refunder
// looks at its hold again.
func TestTheEndOfAPotIsForgotten(t *testing.T) {
	l := newLife(t, 0)
	l.over = true // nothing dies by chance
	v := ledgertest.Must(l.service.Send(t.Context(), "user000", order("user000:0", 600, 3)))
	shard, _ := l.ledger.ShardOf(v.ID)
	ledgertest.Must(l.service.Grab(t.Context(), "user001", v.ID))
	l.must(l.settler.Drain(t.Context(), shard))
	l.clock = l.clock.Add(25 * time.Hour)
	bucket := l.buckets.Of(shard, v.ID)
	kept := ledgertest.Must(l.pots.Snapshot(bucket))
	if due, ended, err := l.refunder.Pass(t.Context(), shard); due != 1 || ended != 1 || err != nil {
		t.Fatalf("refund: %d of %d, %v", ended, due, err)
	}
	l.must(l.pots.Restore(bucket, kept))
	if due, _, err := l.refunder.Pass(t.Context(), shard); due != 0 || err != nil {
		t.Errorf("a refunder looks at %d holds, %v", due, err)
	}
	for _, want := range []int{1, 0} {
		if n := ledgertest.Must(l.retirer.Pass(t.Context(), shard)); n != want {
			t.Errorf("%d pots were retired, want %d", n, want)
		}
	}
}
