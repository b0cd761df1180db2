package mysqlledger_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// A process whose clock is two days off, either way, finds due what the database's clock says, and makes no other step.
func TestTheDatabaseSaysWhatIsDue(t *testing.T) {
	b := ledgertest.OpenMySQLOn(t, shardstest.New(t, 1), 0)
	b.TopUp("alice", 10_000)
	ctx := t.Context()
	for node, off := range map[int]time.Duration{1: 48 * time.Hour, 2: -48 * time.Hour} {
		name := "its clock is off by " + off.String()
		l, err := mysqlledger.New(mysqlledger.Config{Cluster: b.Cluster, Log: slog.New(slog.DiscardHandler),
			IDs: ledgertest.Must(shards.NewIDs(b.Cluster, node)), Now: func() time.Time { return time.Now().Add(off) }})
		if err != nil {
			t.Fatal(err)
		}
		open, over := b.OfferDraft("alice", "bob"), b.OfferDraft("alice", "bob")
		over.CreatedAt = over.CreatedAt.Add(-2 * time.Hour)
		over.StagedAt, over.ExpiresAt = over.CreatedAt, over.CreatedAt.Add(time.Hour)
		for _, h := range []ledger.Hold{open, over} {
			ledgertest.Must(b.Make(h, ledger.HoldOptions{}))
		}
		due := ledgertest.Must(l.DueHolds(ctx, 0, ledgertest.Offer, ledger.Hold{}, 10))
		if len(due) != 1 || due[0].ID != over.ID {
			t.Errorf("%s: due are %+v, want %d alone", name, due, over.ID)
		}
		for _, line := range []struct {
			what      string
			hold      ledger.Hold
			due, want bool
		}{
			{"expires early", open, true, false}, {"accepted late", over, false, false},
			{"accepted in time", open, false, true}, {"expires", over, true, true},
		} {
			to := ledgertest.Arrived
			if line.due {
				to = ledgertest.Returned
			}
			step := ledgertest.StepOf(line.hold, ledgertest.Offered, to)
			step.Due = line.due
			var done bool
			err := l.Tx(ctx, line.hold.ID, func(tx ledger.Tx) (err error) {
				_, done, err = tx.Advance(ctx, step)
				return err
			})
			if done != line.want || err != nil {
				t.Errorf("%s, %s: %v, %v", name, line.what, done, err)
			}
		}
	}
	b.DeliverAll()
	b.WantBalanced(0)
}
