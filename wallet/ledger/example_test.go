package ledger_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/memledger"
)

// must ends an example that cannot go on.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// openExample makes a ledger in memory in which alice has CNY 10.00.
func openExample() *memledger.Ledger {
	l := must(memledger.New(memledger.Config{Shards: 4, Now: time.Now, NewID: memledger.Count()}))
	w := wallet.NewService(l, wallet.Sandbox{}, time.Now)
	must(w.TopUp(context.Background(), "alice", "top-up-1", 1000, "CNY"))
	return l
}

// deliver brings everything that is in flight to its receivers.
func deliver(ctx context.Context, l *memledger.Ledger) {
	for shard := range l.Shards() {
		for must(l.Deliver(ctx, shard)) > 0 {
		}
	}
}

func show(ctx context.Context, l *memledger.Ledger, users ...string) {
	for _, user := range users {
		for _, a := range must(l.Balances(ctx, user)) {
			fmt.Printf("%s has %s %s\n", user, a.Currency.Format(a.Minor), a.Currency)
		}
	}
}

// Money is held, paid out in parts, and what nobody took goes back.
func Example() {
	ctx, l := context.Background(), openExample()

	// Alice sets 6.00 aside for two people. Her request id makes the call safe to repeat.
	now := time.Now()
	h := ledger.Hold{
		ID: must(l.NewID("alice")), Subject: "gift", Owner: "alice", Amount: must(ledger.NewAmount(600, "CNY")),
		Parts: []int64{350, 250}, Note: "恭喜发财", CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}
	request := must(ledger.NewRequest("send-1", "send", h.Parts))
	h = must(l.Hold(ctx, request, h))
	fmt.Println("held:", h.Pending())

	// Bob gets the first part. The post commits on alice's shard; the credit follows on his.
	shard, _ := l.ShardOf(h.ID)
	posts := []ledger.Post{{Hold: h.ID, Part: 0, Payee: "bob", Minor: 350, At: now}}
	fmt.Println("posted:", must(l.Post(ctx, shard, posts)).Posted)
	fmt.Println("posted again:", must(l.Post(ctx, shard, posts)).Posted)
	deliver(ctx, l)

	// Nobody took the second part: it goes back, if exactly 3.50 were paid.
	h, done, err := l.Void(ctx, h.ID, 350)
	fmt.Println("voided:", h.Voided, done, err)
	show(ctx, l, "alice", "bob")
	fmt.Println("balanced:", must(l.Audit(ctx)).Balanced())
	// Output:
	// held: 600
	// posted: 1
	// posted again: 0
	// voided: 250 true <nil>
	// alice has 6.50 CNY
	// bob has 3.50 CNY
	// balanced: true
}

// A product makes a staged hold, with the index entry by which bob finds it, in one transaction. From then on its stage
// and its money move together.
func ExampleTx() {
	ctx, l := context.Background(), openExample()
	now := time.Now()
	h := ledger.Hold{
		ID: must(l.NewID("alice")), Subject: "offer", Owner: "alice", Counterparty: "bob", Amount: must(
			ledger.NewAmount(600,
				"CNY")),
		Parts: []int64{600}, CreatedAt: now, Stage: "offered", StagedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	request := must(ledger.NewRequest("offer-1", "offer", h.Parts))
	err := l.Tx(ctx, h.ID, func(tx ledger.Tx) error {
		if err := tx.Claim(ctx, "alice", request, h.ID); err != nil {
			return err
		}
		if _, err := tx.Hold(ctx, h, ledger.HoldOptions{}); err != nil {
			return err
		}
		return tx.Index(ctx, ledger.IndexEntry{Of: "bob", Subject: "offer", Reference: h.ID})
	})
	deliver(ctx, l)
	fmt.Println("offered:", err, len(must(l.Indexed(ctx, "bob", "offer", 0, 10))))

	accept := ledger.Step{Hold: h.ID, From: "offered", To: "arrived", Funds: ledger.FundsPosted}
	for range 2 { // the second finds that the offer is in another stage
		err := l.Tx(ctx, h.ID, func(tx ledger.Tx) error {
			h, done, err := tx.Advance(ctx, accept)
			fmt.Println(h.Stage, done)
			return err
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	deliver(ctx, l)
	show(ctx, l, "alice", "bob")
	// Output:
	// offered: <nil> 1
	// arrived true
	// arrived false
	// alice has 4.00 CNY
	// bob has 6.00 CNY
}
