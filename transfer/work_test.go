package transfer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/roster"
	"github.com/hongbao/hongbao/internal/system"
	"github.com/hongbao/hongbao/internal/system/systemtest"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
)

// work runs a worker until the test ends.
func (r *rig) work() {
	r.t.Helper()
	workers, err := roster.New(r.Redis, roster.Config{Key: "workers", Worker: "w", Partitions: r.Buckets.Shards}, quiet())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(systemtest.Start(r.t, func(ctx context.Context) { r.Work(ctx, workers) }))
}

// listen hears a topic of the real bus.
func (r *rig) listen(topic string) *listener {
	r.t.Helper()
	l := &listener{}
	stop, err := r.Bus.Listen(r.t.Context(), topic, func(b push.Batch) {
		events := make([][]byte, len(b.Events))
		for i, e := range b.Events {
			events[i] = json.RawMessage(e)
		}
		_ = l.Publish(context.Background(), b.Topic, events) // it never fails
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(stop)
	return l
}

// heard waits until a listener has heard events of these types, in any number.
func (r *rig) heard(l *listener, topic string, types ...string) {
	r.t.Helper()
	systemtest.Until(r.t, fmt.Sprintf("%s hears %v, having heard %v", topic, types, l.types(topic)), func() bool {
		heard := l.types(topic)
		return !slices.ContainsFunc(types, func(want string) bool { return !slices.Contains(heard, want) })
	})
}

// A worker of a whole installation, with hours of 50 ms: what nobody calls for happens, and everybody hears of it at once.
func TestAWorkerMovesWhatIsDue(t *testing.T) {
	r := newRig(t, func(c *system.Config) {
		c.Now = time.Now
		c.Rules.Hour, c.Rules.OfferFor, c.Rules.RemindIn = 50*time.Millisecond, 2*time.Second, 2*time.Second
	}, "alice", "bob", "carol")
	bobs, carols, groups := r.listen("user:bob"), r.listen("user:carol"), r.listen("group:g")
	r.work()

	began := time.Now()
	late := r.offer("alice", "bob", "24h")
	r.heard(bobs, "user:bob", "transfer.offered")
	t.Logf("bob heard after %v", time.Since(began))
	accept(r, late.ID)
	r.heard(bobs, "user:bob", "transfer.accepted", "transfer.arrived")
	now := r.offer("alice", "bob", "now")
	accept(r, now.ID)
	systemtest.Until(t, "bob has both", func() bool { return balance(r, "bob") == funds+200 })

	r.offer("bob", "carol", "now")
	r.heard(carols, "user:carol", "transfer.offered", "transfer.expired")
	systemtest.Until(t, "bob has his back", func() bool { return balance(r, "bob") == funds+200 })

	c := r.open("alice")
	r.heard(groups, "group:g", "collection.opened")
	if _, err := r.pay("bob", c.ID); err != nil {
		t.Fatal(err)
	}
	r.heard(groups, "group:g", "collection.paid")
	r.heard(carols, "user:carol", "collection.reminder")
	must(r.Collections.Close(t.Context(), "alice", c.ID))
	r.heard(groups, "group:g", "collection.closed")
	if slices.Contains(bobs.types("user:bob"), "collection.reminder") {
		t.Error("bob, who has paid, was reminded")
	}
	systemtest.Until(t, "alice has bob's part", func() bool { return balance(r, "alice") == funds-200+100 })
	systemtest.MustBalance(t, r.System)
}

// The recipient's MySQL server is down for a while. What the sender's side decides goes on, acceptance included; what it
// owes the other side arrives when it is back.
func TestTheRecipientsServerIsDownForAWhile(t *testing.T) {
	second := devstack.NewTestMariaDB(t)
	r := newRig(t, func(c *system.Config) {
		c.MySQL, c.Log, c.Now = append(c.MySQL, second.DSN()), quiet(), time.Now
		c.Rules.ClaimIdle = 500 * time.Millisecond
	})
	on := func(server, nth int) string {
		for i := 0; ; i++ {
			name := fmt.Sprintf("person%d", i)
			if r.Cluster.ServerOf(r.Cluster.ForUser(name)) == server {
				if nth--; nth < 0 {
					return name
				}
			}
		}
	}
	here, there, friend := on(0, 0), on(1, 0), on(1, 1)
	group := "g2"
	for i := 0; r.Cluster.ServerOf(r.Cluster.ForUser(group)) != 0; i++ {
		group = fmt.Sprintf("h%d", i)
	}
	systemtest.Fund(t, r.System, group, funds, here, there, friend)
	bill := transfer.Bill{RequestID: "bill", Group: group, Kind: "even", Currency: "CNY", Total: 200}
	c := must(r.Collections.Open(t.Context(), here, bill))
	r.deliver()
	r.work()
	l := r.listen("user:" + there)
	second.Kill()

	accepted, declined := r.offer(here, there, "now"), r.offer(here, there, "now")
	r.heard(l, "user:"+there, "transfer.offered")
	if _, err := r.Transfers.Accept(t.Context(), there, accepted.ID); err != nil {
		t.Errorf("accept while the recipient's server is down: %v", err)
	}
	if _, err := r.Transfers.Decline(t.Context(), there, declined.ID); err != nil {
		t.Errorf("decline while the recipient's server is down: %v", err)
	}
	_, err := r.Transfers.Received(t.Context(), there, 0, 10)
	wantCode(t, "the recipient's list", err, wallet.CodeUnavailable)
	_, err = r.Transfers.Offer(t.Context(), there, transfer.Offer{RequestID: "back", To: here, Minor: 1, Currency: "CNY"})
	wantCode(t, "an offer from a server that is down", err, wallet.CodeUnavailable)
	// Both claim; the payer's server does not answer, so nobody knows what became of the payment.
	for _, payer := range []string{there, friend} {
		_, err = r.pay(payer, c.ID)
		wantCode(t, "pay from a server that is down", err, wallet.CodeUnavailable)
		part, _ := must(r.Ledger.GetCollection(t.Context(), c.ID)).Part(payer)
		if part.State != wallet.PartClaimed {
			t.Errorf("%s's part is %s", payer, part.State)
		}
	}
	closed := must(r.Collections.Close(t.Context(), here, c.ID))
	if closed.Collected != 0 {
		t.Errorf("closed: %+v", closed)
	}

	if err := second.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	systemtest.Until(t, "both claims are released", func() bool {
		end := must(r.Ledger.GetCollection(t.Context(), c.ID))
		return !slices.ContainsFunc(end.Parts, func(p wallet.CollectionPart) bool { return p.State == wallet.PartClaimed })
	})
	_, err = r.pay(there, c.ID)
	wantCode(t, "pay into what was closed meanwhile", err, transfer.CodeCollectionClosed)
	systemtest.Until(t, "the recipient finds both", func() bool {
		list, err := r.Transfers.Received(t.Context(), there, 0, 10)
		return err == nil && len(list) == 2
	})
	systemtest.Until(t, "the money arrives", func() bool { return balance(r, there) == funds+100 })
	r.wantBalances(map[string]int64{here: funds - 100, friend: funds})
	systemtest.MustBalance(t, r.System)
}
