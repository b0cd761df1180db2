package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// mortal is the ledger of a process that dies at one of its transactions.
type mortal struct {
	transfer.Ledger
	apptest.Mortal
}

// Tx implements transfer.Ledger.
func (m *mortal) Tx(ctx context.Context, id int64, f func(ledger.Tx) error) error {
	return m.Call("tx", func() error { return m.Ledger.Tx(ctx, id, f) })
}

// A process dies at each call that changes a transfer, on either side of it; the caller calls again. What was done is
// not done twice, and what was not is.
func TestTransfersThatStopInTheMiddle(t *testing.T) {
	r := newRig(t, nil, "alice")
	bob := r.Elsewhere("alice")
	ctx := t.Context()
	service := func(after bool) *transfer.Service {
		return transfer.NewService(&mortal{r.Ledger, apptest.Mortal{At: "tx", After: after}}, transfer.DefaultRules(),
			r.Clock.Now)
	}
	arrived := int64(0)
	for _, after := range []bool{false, true} {
		o := transfer.Offer{RequestID: fmt.Sprintf("dies-%v", after), To: bob, Minor: 100, Currency: "CNY"}
		if _, err := service(after).Offer(ctx, "alice", o); !errors.Is(err, apptest.ErrDied) {
			t.Fatal(err)
		}
		r.MustBalance()
		x := apptest.Must(r.Transfers.Offer(ctx, "alice", o))
		r.Deliver()
		if list := apptest.Must(r.Transfers.Received(ctx, bob, 0, 1)); len(list) != 1 || list[0] != x {
			t.Errorf("bob finds %+v, want %+v", list, x)
		}
		if _, err := service(after).Accept(ctx, bob, x.ID); !errors.Is(err, apptest.ErrDied) {
			t.Fatal(err)
		}
		r.MustBalance()
		_, err := r.Transfers.Accept(ctx, bob, x.ID)
		apptest.WantCode(t, "accept again", err, map[bool]string{false: "", true: transfer.CodeAlreadyArrived}[after])
		arrived += 100
		r.MustBalance()
		r.WantBalances(map[string]int64{"alice": apptest.Funds - arrived, bob: arrived})

		for _, due := range []string{"2h", "now"} { // one that arrives, one that expires
			x := r.offer("alice", bob, due)
			if due == "2h" {
				apptest.Must(r.Transfers.Accept(ctx, bob, x.ID))
				arrived += 100
			}
			r.Clock.Skip(25 * time.Hour)
			duePass := transfer.NewDuePass(&mortal{r.Ledger, apptest.Mortal{At: "tx", After: after}}, apptest.Quiet())
			shard, _ := r.Ledger.ShardOf(x.ID)
			if _, _, err := duePass.Pass(ctx, shard); !errors.Is(err, apptest.ErrDied) {
				t.Fatal(err)
			}
			r.MustBalance()
			if moved := r.end(); moved == 1 == after {
				t.Errorf("after the duePass died, %v after its step, another one made %d", after, moved)
			}
			r.MustBalance()
			r.WantBalances(map[string]int64{"alice": apptest.Funds - arrived, bob: arrived})
		}
	}
}
