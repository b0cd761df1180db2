package transfer_test

import (
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// rig is an installation without workers, with what a test does to transfers in few words.
type rig struct{ *apptest.Harness }

func newRig(t *testing.T, change func(*app.Config), users ...string) *rig {
	t.Helper()
	return &rig{apptest.NewHarness(t, change, users...)}
}

// offer offers 100 CNY cents.
func (r *rig) offer(sender, to, arrives string) transfer.Transfer {
	r.T.Helper()
	t, err := r.Transfers.Offer(r.T.Context(), sender, transfer.Offer{
		RequestID: r.RequestID(), To: to, Minor: 100, Currency: "CNY", Note: "午饭", ArrivesIn: arrives,
	})
	if err != nil {
		r.T.Fatalf("offer: %v", err)
	}
	return t
}

// end makes all steps that are due.
func (r *rig) end() (ended int) {
	r.T.Helper()
	return r.endWith(transfer.NewDuePass(r.Ledger, apptest.Quiet()))
}

func (r *rig) endWith(p *ledger.DuePass) (ended int) {
	r.T.Helper()
	for _, shard := range r.Cluster.All() {
		_, n, err := p.Pass(r.T.Context(), shard)
		if err != nil {
			r.T.Errorf("due pass: %v", err)
		}
		ended += n
	}
	return ended
}
