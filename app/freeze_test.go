package app_test

import (
	"slices"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"

	"github.com/prometheus/client_golang/prometheus"
)

// Once one node has answered that a user is frozen, no other lets money leave, whatever it has in memory. What arrives,
// arrives, shares that the user grabs among it.
func TestFreezeOnEveryNode(t *testing.T) {
	h := apptest.NewHarness(t, nil, "alice", "bob")
	ctx := t.Context()
	cfg := h.Config()
	cfg.Registerer = prometheus.NewRegistry()
	other := apptest.Must(app.Open(ctx, cfg))
	defer other.Close()
	order := func() envelope.Order {
		return envelope.Order{RequestID: h.RequestID(), Group: "g", Kind: string(envelope.Equal), Total: 100, Count: 1,
			Currency: "CNY"}
	}
	offer := func() transfer.Offer {
		return transfer.Offer{RequestID: h.RequestID(), To: "bob", Minor: 10, Currency: "CNY"}
	}
	apptest.Must(other.Envelopes.Send(ctx, "alice", order())) // it knows her well
	before := order()
	before.RequestID = "before"
	sent := apptest.Must(h.Envelopes.Send(ctx, "alice", before))
	h.MustBalance()
	has := h.Balance("alice")

	freeze := ledger.Freeze{Account: "alice", By: "olga", Reason: "stolen telephone", At: h.Clock.Now()}
	apptest.Must(h.Freeze(ctx, freeze))
	for _, node := range []*app.App{other, h.App} {
		for what, leaves := range map[string]func() error{
			"send":     func() error { _, err := node.Envelopes.Send(ctx, "alice", order()); return err },
			"transfer": func() error { _, err := node.Transfers.Offer(ctx, "alice", offer()); return err },
			"withdraw": func() error {
				_, err := node.Wallets.Withdraw(ctx, "alice", h.RequestID(), 10, "CNY")
				return err
			},
		} {
			apptest.WantCode(t, what, leaves(), refusal.CodeAccountFrozen)
		}
		again, err := node.Envelopes.Send(ctx, "alice", before)
		if err != nil || again.ID != sent.ID {
			t.Errorf("what was sent before, asked again: %d, %v", again.ID, err)
		}
	}
	mine := apptest.Must(other.Envelopes.Send(ctx, "bob", order()))
	if won, err := other.Envelopes.Grab(ctx, "alice", mine.ID); err != nil || won.Take.Minor != 100 {
		t.Errorf("alice grabs: %+v, %v", won, err)
	}
	if _, err := other.Envelopes.Grab(ctx, "bob", sent.ID); err != nil {
		t.Errorf("a share that was promised before: %v", err)
	}
	h.TopUp("alice", 5)
	h.Work()
	h.MustBalance()
	h.WantBalances(map[string]int64{"alice": has + 100 + 5})

	for _, want := range []bool{true, false} {
		if thawed := apptest.Must(other.Thaw(ctx, freeze)); thawed != want {
			t.Errorf("thawed: %t", thawed)
		}
	}
	apptest.Must(h.Envelopes.Send(ctx, "alice", order()))
	if _, err := h.Freeze(ctx, ledger.Freeze{Account: "alice", By: "olga"}); refusal.CodeOf(err) == "" {
		t.Errorf("frozen without a reason: %v", err)
	}
	var did []string
	for r, err := range h.Trail.All(ctx) {
		if err != nil || r.Actor != "olga" || r.Detail != `{"account":"alice","reason":"stolen telephone"}` {
			t.Errorf("the trail has %+v, %v", r, err)
		}
		did = append(did, r.Action+" "+r.Outcome)
	}
	want := []string{"freeze asked", "freeze done", "thaw asked", "thaw done", "thaw asked", "thaw done"}
	if !slices.Equal(did, want) {
		t.Errorf("the trail says %v, want %v", did, want)
	}
}
