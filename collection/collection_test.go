package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func TestLifeOfACollection(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol", "dave")
	ctx := t.Context()
	c := r.open("alice")
	if c.Total != 300 || c.Due != 300 || len(c.Parts) != 3 || c.State != collection.StateOpen ||
		c.RemindAt.Sub(c.CreatedAt) != 24*time.Hour {
		t.Errorf("opened: %+v", c)
	}
	r.Deliver()
	for _, user := range []string{"bob", "carol", "dave"} {
		paid, err := r.pay(user, c.ID)
		part, _ := paid.Part(user)
		if err != nil || part.State != collection.PartPaid || part.Payment == 0 {
			t.Fatalf("%s: %+v, %v", user, paid, err)
		}
		lines, err := r.Collections.Asked(ctx, user, 0, 10)
		if err != nil || len(lines) != 1 || lines[0].ID != c.ID || lines[0].Mine != part || lines[0].Parts != nil {
			t.Errorf("%s is asked: %+v, %v", user, lines, err)
		}
	}
	end, err := r.Collections.Get(ctx, "bob", c.ID)
	if err != nil || end.State != collection.StateComplete || end.Collected != 300 {
		t.Errorf("at the end: %+v, %v", end, err)
	}
	for what, list := range map[string]func() ([]collection.Line, error){
		"of the group": func() ([]collection.Line, error) { return r.Collections.OfGroup(ctx, "dave", "g", 0, 10) },
		"opened":       func() ([]collection.Line, error) { return r.Collections.Opened(ctx, "alice", 0, 10) },
	} {
		if lines, err := list(); err != nil || len(lines) != 1 || lines[0].ID != c.ID ||
			lines[0].State != collection.StateComplete {
			t.Errorf("%s: %+v, %v", what, lines, err)
		}
	}
	r.WantEvents("group:g", "collection.opened", "collection.paid", "collection.paid", "collection.paid")
	r.Deliver()
	r.WantBalances(map[string]int64{"alice": apptest.Funds + 300, "bob": apptest.Funds - 100,
		"carol": apptest.Funds - 100, "dave": apptest.Funds - 100})
	entries, err := r.Wallets.Entries(ctx, "alice", "CNY", 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	var from []string
	for _, e := range entries {
		part, _ := end.Part(e.Counterparty)
		from = append(from, e.Counterparty)
		if e.Minor != 100 || e.Subject != collection.Subject || e.Note != "晚饭" || e.Reference != part.Payment {
			t.Errorf("in the collector's statement: %+v", e)
		}
	}
	if slices.Sort(from); !slices.Equal(from, []string{"bob", "carol", "dave"}) {
		t.Errorf("the collector's statement names %v", from)
	}
	mine, err := r.Wallets.Entries(ctx, "bob", "CNY", 0, 1)
	if err != nil || mine[0].Minor != -100 || mine[0].Subject != collection.Subject ||
		mine[0].Counterparty != "alice" || mine[0].Note != "晚饭" {
		t.Errorf("in the payer's statement: %+v, %v", mine, err)
	}
	r.MustBalance()
}

// Progress is in the events, so that a page needs to ask nothing.
func TestEventsOfACollection(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol")
	c := r.open("alice")
	apptest.Must(r.pay("bob", c.ID))
	apptest.Must(r.Collections.Close(t.Context(), "alice", c.ID))
	l := &apptest.Recorder{}
	r.Publish(l)
	events := l.Events("group:g")
	for i, want := range []map[string]any{
		{"type": "collection.opened", "collector": "alice", "total": 200.0, "due": 200.0, "collected": 0.0,
			"parts": 2.0, "kind": "even", "note": "晚饭", "state": "open"},
		{"type": "collection.paid", "user_id": "bob", "amount": 100.0, "due": 200.0, "collected": 100.0,
			"state": "open"},
		{"type": "collection.closed", "collected": 100.0, "state": "closed"},
	} {
		want["collection_id"], want["group_id"], want["currency"] = fmt.Sprint(c.ID), "g", "CNY"
		for key, value := range want {
			if events[i][key] != value {
				t.Errorf("event %d: %s is %v, want %v", i, key, events[i][key], value)
			}
		}
	}
}

// Every state of a part and its collection × every action × everybody. alice collects, bob is asked, carol is asked for
// another part, dave is only in the group, erin is not.
func TestCollectionTable(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol", "dave")
	apptest.Fund(t, r.App, "other", apptest.Funds, "erin")
	ctx := t.Context()
	bill := collection.Bill{Group: "g", Kind: "even", Currency: "CNY", Total: 200,
		Participants: []string{"bob", "carol"}}
	pay := func(id int64, users ...string) {
		for _, u := range users {
			apptest.Must(r.pay(u, id))
		}
	}
	states := []struct {
		name string
		lead func(id int64)
		pay  string // what bob's payment is answered
		end  string // what alice's closing is answered
	}{
		{"open, due", func(int64) {}, "", ""},
		{"open, claimed", func(id int64) { apptest.Must(r.store().Claim(ctx, id, "bob", r.Clock.Now())) }, "", ""},
		{"open, paid", func(id int64) { pay(id, "bob") }, collection.CodeAlreadyPaid, ""},
		{"closed, due", func(id int64) { apptest.Must(r.Collections.Close(ctx, "alice", id)) }, collection.CodeClosed,
			""},
		{"closed, claimed before", func(id int64) {
			apptest.Must(r.store().Claim(ctx, id, "bob", r.Clock.Now()))
			apptest.Must(r.Collections.Close(ctx, "alice", id))
		}, "", ""},
		{"closed, paid", func(id int64) { pay(id, "bob"); apptest.Must(r.Collections.Close(ctx, "alice", id)) },
			collection.CodeAlreadyPaid, ""},
		{"complete", func(id int64) { pay(id, "bob", "carol") }, collection.CodeAlreadyPaid, collection.CodeComplete},
	}
	everybody := []string{"alice", "bob", "carol", "dave", "erin"}
	for i, state := range states {
		for _, action := range []string{"pay", "pay less", "pay more", "pay yen", "close", "get"} {
			for _, user := range everybody {
				t.Run(fmt.Sprintf("%s: %s by %s", state.name, action, user), func(t *testing.T) {
					r.T = t
					b := bill
					b.RequestID = fmt.Sprintf("%d-%s-%s", i, strings.ReplaceAll(action, " ", "-"), user)
					c := apptest.Must(r.Collections.Open(ctx, "alice", b))
					state.lead(c.ID)
					before, beforeSums := apptest.Must(r.store().Get(ctx, c.ID)), r.sums(everybody)
					asked := user == "bob" || user == "carol"
					want := ""
					switch {
					case action == "get" && user == "erin":
						want = refusal.CodeNotAMember
					case action == "get":
					case action == "close" && user != "alice":
						want = collection.CodeNotTheCollector
					case action == "close":
						want = state.end
					case !asked:
						want = collection.CodeNotAParticipant
					case action != "pay":
						want = collection.CodeWrongAmount
					case user == "bob":
						want = state.pay
					case before.State == collection.StateClosed:
						want = collection.CodeClosed
					case before.State == collection.StateComplete:
						want = collection.CodeAlreadyPaid
					}
					var err error
					switch action {
					case "pay":
						_, err = r.pay(user, c.ID)
					case "pay less":
						_, err = r.Collections.Pay(ctx, user, c.ID, 99, "CNY")
					case "pay more":
						_, err = r.Collections.Pay(ctx, user, c.ID, 101, "CNY")
					case "pay yen":
						_, err = r.Collections.Pay(ctx, user, c.ID, 100, "JPY")
					case "close":
						_, err = r.Collections.Close(ctx, user, c.ID)
					case "get":
						_, err = r.Collections.Get(ctx, user, c.ID)
					}
					apptest.WantCode(t, "answer", err, want)
					moved := int64(0)
					if action == "pay" && want == "" {
						moved = 100
					}
					after := apptest.Must(r.store().Get(ctx, c.ID))
					if after.Collected != before.Collected+moved {
						t.Errorf("%d were collected, then %d", before.Collected, after.Collected)
					}
					r.Deliver()
					sums := r.sums(everybody)
					for i, u := range everybody {
						expected := beforeSums[i]
						if u == user {
							expected -= moved
						}
						if u == "alice" {
							expected += moved
						}
						if sums[i] != expected {
							t.Errorf("%s has %d, want %d", u, sums[i], expected)
						}
					}
				})
			}
		}
	}
	r.T = t
	x := apptest.Must(r.Transfers.Offer(ctx, "alice", transfer.Offer{RequestID: r.RequestID(), To: "bob", Minor: 100,
		Currency: "CNY"}))
	for _, id := range []int64{0, -1, 7, 1<<63 - 1, x.ID} {
		_, err := r.pay("bob", id)
		apptest.WantCode(t, fmt.Sprintf("pay %d", id), err, collection.CodeNotFound)
		_, err = r.Collections.Close(ctx, "bob", id)
		apptest.WantCode(t, fmt.Sprintf("close %d", id), err, collection.CodeNotFound)
		_, err = r.Collections.Get(ctx, "bob", id)
		apptest.WantCode(t, fmt.Sprintf("get %d", id), err, collection.CodeNotFound)
	}
	shared := bill
	shared.RequestID, shared.Total, shared.Participants = "shared", 200, []string{"alice", "bob"}
	_, err := r.pay("alice", apptest.Must(r.Collections.Open(ctx, "alice", shared)).ID)
	apptest.WantCode(t, "pay one's own part to oneself", err, collection.CodeNotAParticipant)
	_, err = r.Collections.OfGroup(ctx, "erin", "g", 0, 10)
	apptest.WantCode(t, "collections of a group, by a stranger", err, refusal.CodeNotAMember)
	r.Clock.Skip(time.Minute)
	r.rescue()
	r.MustBalance()
}

// sums are the users' balances after everything has been delivered.
func (r *rig) sums(users []string) []int64 {
	r.T.Helper()
	r.Deliver()
	all := make([]int64, len(users))
	for i, u := range users {
		all[i] = r.Balance(u)
	}
	return all
}

// A member who pays many times at once pays once.
func TestPayingAtOncePaysOnce(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol")
	for range 10 {
		c := r.open("alice")
		var good atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch _, err := r.pay("bob", c.ID); refusal.CodeOf(err) {
				case "":
					if err != nil {
						t.Errorf("pay: %v", err)
					}
					good.Add(1)
				case collection.CodeAlreadyPaid:
				default:
					t.Errorf("pay: %v", err)
				}
			})
		}
		all.Wait()
		if good.Load() == 0 {
			t.Error("nobody was told that it worked")
		}
	}
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": apptest.Funds + 1000, "bob": apptest.Funds - 1000, "carol": apptest.Funds})
}

// A payer who cannot pay, and calls many times at once: every call is told why, and nothing moves.
func TestPayingAtOnceWithoutTheMoney(t *testing.T) {
	for _, line := range []struct {
		what   string
		funds  int64
		perDay int64
		code   string
	}{
		{"an empty wallet", 99, 0, refusal.CodeInsufficientBalance},
		{"a daily limit", 1000, 99, refusal.CodeDailyLimitExceeded},
	} {
		t.Run(line.what, func(t *testing.T) {
			r := newRig(t, func(c *app.Config) { c.Collections.PerDay = ledger.DailyLimits{Default: line.perDay} },
				"alice", "bob")
			r.Empty("bob")
			r.TopUp("bob", line.funds)
			for range 10 {
				c := r.open("alice")
				var all sync.WaitGroup
				for range 16 {
					all.Go(func() {
						_, err := r.pay("bob", c.ID)
						apptest.WantCode(t, "pay", err, line.code)
					})
				}
				all.Wait()
				if part, _ := apptest.Must(r.store().Get(t.Context(), c.ID)).Part(
					"bob"); part.State != collection.PartDue {
					t.Errorf("the part is %s", part.State)
				}
			}
			r.MustBalance()
			r.WantBalances(map[string]int64{"alice": apptest.Funds, "bob": line.funds})
		})
	}
}

// A closing that races a payment: either the payment had begun, and is made, or it is refused and nothing moves.
func TestClosingRacesPayment(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol")
	paid, refused := 0, 0
	for range 100 {
		c := r.open("alice")
		var payErr, closeErr error
		var both sync.WaitGroup
		both.Go(func() { _, payErr = r.Collections.Pay(t.Context(), "bob", c.ID, 100, "CNY") })
		both.Go(func() { _, closeErr = r.Collections.Close(t.Context(), "alice", c.ID) })
		both.Wait()
		end := apptest.Must(r.store().Get(t.Context(), c.ID))
		part, _ := end.Part("bob")
		switch {
		case closeErr != nil || end.State != collection.StateClosed:
			t.Fatalf("closing: %v, %s", closeErr, end.State)
		case payErr == nil && part.State == collection.PartPaid && end.Collected == 100:
			paid++
		case refusal.CodeOf(payErr) == collection.CodeClosed && part.State == collection.PartDue && end.Collected == 0:
			refused++
		default:
			t.Fatalf("pay: %v, and the part is %+v", payErr, part)
		}
	}
	t.Logf("%d paid, %d refused", paid, refused)
	if paid == 0 || refused == 0 {
		t.Errorf("%d paid, %d refused: there was no race", paid, refused)
	}
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": int64(apptest.Funds + 100*paid), "bob": int64(apptest.Funds - 100*paid)})
}

// Those who have not paid after 24 hours are reminded, once, whoever and however many look.
func TestReminders(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol", "dave")
	c := r.open("alice")
	closed := r.open("alice")
	apptest.Must(r.pay("bob", c.ID))
	apptest.Must(r.Collections.Close(t.Context(), "alice", closed.ID))
	r.Clock.Skip(24*time.Hour - time.Minute)
	if n := r.rescue(); n != 0 {
		t.Errorf("%d reminders before their time", n)
	}
	r.Clock.Skip(2 * time.Minute)
	var reminded atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			rescuer := collection.NewRescuer(r.Collections, apptest.Quiet())
			for shard := range r.Buckets.Shards {
				n, err := rescuer.Pass(t.Context(), shard)
				if err != nil {
					t.Errorf("rescuer: %v", err)
				}
				reminded.Add(int64(n))
			}
		})
	}
	all.Wait()
	if reminded.Load() != 1 {
		t.Errorf("%d collections were reminded of, want 1", reminded.Load())
	}
	l := &apptest.Recorder{}
	r.Publish(l)
	for user, want := range map[string][]string{"bob": nil, "carol": {"collection.reminder"},
		"dave": {"collection.reminder"}, "alice": nil} {
		if got := l.Types("user:" + user); !slices.Equal(got, want) {
			t.Errorf("%s heard %v, want %v", user, got, want)
		}
	}
	if e := l.Events("user:dave")[0]; e["amount"] != 100.0 || e["collector"] != "alice" || e["note"] != "晚饭" ||
		e["collection_id"] != fmt.Sprint(c.ID) {
		t.Errorf("the reminder says %v", e)
	}
}
