package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
)

// A worker of a whole installation, with hours of 50 ms: what nobody calls for happens, and everybody hears of it at
// once.
func TestAWorkerMovesWhatIsDue(t *testing.T) {
	r := newHousehold(t, func(c *app.Config) {
		c.Now = time.Now
		c.Transfers.Hour, c.Transfers.OfferFor, c.Collections.RemindIn = 50*time.Millisecond, 2*time.Second,
			2*time.Second
	}, "alice", "bob", "carol")
	bobs, carols, groups := r.Listen("user:bob"), r.Listen("user:carol"), r.Listen("group:g")
	r.Work()

	// What has to come before an offer expires or somebody is reminded waits for nothing.
	late := r.offer("alice", "bob", "24h")
	apptest.Must(r.Transfers.Accept(t.Context(), "bob", late.ID))
	r.Heard(bobs, "user:bob", "transfer.offered", "transfer.accepted", "transfer.arrived")
	now := r.offer("alice", "bob", "now")
	apptest.Must(r.Transfers.Accept(t.Context(), "bob", now.ID))
	apptest.Until(t, "bob has both", func() bool { return r.Balance("bob") == apptest.Funds+200 })

	r.offer("bob", "carol", "now")
	r.Heard(carols, "user:carol", "transfer.offered", "transfer.expired")
	apptest.Until(t, "bob has his back", func() bool { return r.Balance("bob") == apptest.Funds+200 })

	c := r.open("alice")
	if _, err := r.pay("bob", c.ID); err != nil {
		t.Fatal(err)
	}
	r.Heard(groups, "group:g", "collection.opened", "collection.paid")
	r.Heard(carols, "user:carol", "collection.reminder")
	apptest.Must(r.Collections.Close(t.Context(), "alice", c.ID))
	r.Heard(groups, "group:g", "collection.closed")
	if slices.Contains(bobs.Types("user:bob"), "collection.reminder") {
		t.Error("bob, who has paid, was reminded")
	}
	apptest.Until(t, "alice has bob's part", func() bool { return r.Balance("alice") == apptest.Funds-200+100 })
	apptest.MustBalance(t, r.App)
}

// The recipient's MySQL server is down for a while. What the sender's side decides goes on, acceptance included; what
// it owes the other side arrives when it is back.
func TestTheRecipientsServerIsDownForAWhile(t *testing.T) {
	second := devstack.NewTestMySQL(t)
	r := newHousehold(t, func(c *app.Config) {
		c.MySQL, c.Log, c.Now = append(c.MySQL, second.DSN()), apptest.Quiet(), time.Now
		c.Collections.ClaimIdle = 500 * time.Millisecond
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
	apptest.Fund(t, r.App, group, apptest.Funds, here, there, friend)
	bill := collection.Bill{RequestID: "bill", Group: group, Kind: "even", Currency: "CNY", Total: 200}
	c := apptest.Must(r.Collections.Open(t.Context(), here, bill))
	r.Deliver()
	r.Work()
	l := r.Listen("user:" + there)
	second.Kill()

	accepted, declined := r.offer(here, there, "now"), r.offer(here, there, "now")
	r.Heard(l, "user:"+there, "transfer.offered")
	if _, err := r.Transfers.Accept(t.Context(), there, accepted.ID); err != nil {
		t.Errorf("accept while the recipient's server is down: %v", err)
	}
	if _, err := r.Transfers.Decline(t.Context(), there, declined.ID); err != nil {
		t.Errorf("decline while the recipient's server is down: %v", err)
	}
	_, err := r.Transfers.Received(t.Context(), there, 0, 10)
	apptest.WantCode(t, "the recipient's list", err, refusal.CodeUnavailable)
	_, err = r.Transfers.Offer(t.Context(), there, transfer.Offer{RequestID: "back", To: here, Minor: 1,
		Currency: "CNY"})
	apptest.WantCode(t, "an offer from a server that is down", err, refusal.CodeUnavailable)
	// Both claim; the payer's server does not answer, so nobody knows what became of the payment.
	for _, payer := range []string{there, friend} {
		_, err = r.pay(payer, c.ID)
		apptest.WantCode(t, "pay from a server that is down", err, refusal.CodeUnavailable)
		part, _ := apptest.Must(r.store().Get(t.Context(), c.ID)).Part(payer)
		if part.State != collection.PartClaimed {
			t.Errorf("%s's part is %s", payer, part.State)
		}
	}
	closed := apptest.Must(r.Collections.Close(t.Context(), here, c.ID))
	if closed.Collected != 0 {
		t.Errorf("closed: %+v", closed)
	}

	if err := second.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	apptest.Until(t, "both claims are released", func() bool {
		end := apptest.Must(r.store().Get(t.Context(), c.ID))
		return !slices.ContainsFunc(end.Parts,
			func(p collection.Part) bool { return p.State == collection.PartClaimed })
	})
	_, err = r.pay(there, c.ID)
	apptest.WantCode(t, "pay into what was closed meanwhile", err, collection.CodeClosed)
	apptest.Until(t, "the recipient finds both", func() bool {
		list, err := r.Transfers.Received(t.Context(), there, 0, 10)
		return err == nil && len(list) == 2
	})
	apptest.Until(t, "the money arrives", func() bool { return r.Balance(there) == apptest.Funds+100 })
	r.WantBalances(map[string]int64{here: apptest.Funds - 100, friend: apptest.Funds})
	apptest.MustBalance(t, r.App)
}

// household is an installation whose users send each other money and share bills.
type household struct{ *apptest.Harness }

func newHousehold(t testing.TB, change func(*app.Config), users ...string) *household {
	t.Helper()
	return &household{apptest.NewHarness(t, change, users...)}
}

func (h *household) store() *mysqlcollection.Store { return mysqlcollection.New(h.Cluster, h.Ledger) }

func (h *household) offer(sender, to, arrives string) transfer.Transfer {
	h.T.Helper()
	t, err := h.Transfers.Offer(h.T.Context(), sender, transfer.Offer{
		RequestID: h.RequestID(), To: to, Minor: 100, Currency: "CNY", ArrivesIn: arrives,
	})
	if err != nil {
		h.T.Fatalf("offer: %v", err)
	}
	return t
}

// open asks all of group g but the collector for 100 each.
func (h *household) open(collector string) collection.Collection {
	h.T.Helper()
	members, err := h.Groups.Members(h.T.Context(), "g")
	if err != nil {
		h.T.Fatal(err)
	}
	c, err := h.Collections.Open(h.T.Context(), collector, collection.Bill{
		RequestID: h.RequestID(), Group: "g", Kind: "even", Currency: "CNY", Total: int64(100 * (len(members) - 1)),
	})
	if err != nil {
		h.T.Fatal(err)
	}
	return c
}

func (h *household) pay(user string, id int64) (collection.Collection, error) {
	return h.Collections.Pay(h.T.Context(), user, id, 100, "CNY")
}
