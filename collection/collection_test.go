package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
)

// open asks all of group g but the collector for 100 each.
func (r *rig) open(collector string) collection.Collection {
	r.t.Helper()
	members, err := r.Groups.Members(r.t.Context(), "g")
	if err != nil {
		r.t.Fatal(err)
	}
	r.calls++
	c, err := r.Collections.Open(r.t.Context(), collector, transfer.Bill{
		RequestID: fmt.Sprintf("bill-%d", r.calls), Group: "g", Kind: "even", Currency: "CNY", Total: int64(100 * (len(members) - 1)), Note: "晚饭",
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) pay(user string, id int64) (collection.Collection, error) {
	return r.Collections.Pay(r.t.Context(), user, id, 100, "CNY")
}

func TestLifeOfACollection(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol", "dave")
	ctx := t.Context()
	c := r.open("alice")
	if c.Total != 300 || c.Due != 300 || len(c.Parts) != 3 || c.State != collection.StateOpen || c.RemindAt.Sub(c.CreatedAt) != 24*time.Hour {
		t.Errorf("opened: %+v", c)
	}
	r.deliver()
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
		if lines, err := list(); err != nil || len(lines) != 1 || lines[0].ID != c.ID || lines[0].State != collection.StateComplete {
			t.Errorf("%s: %+v, %v", what, lines, err)
		}
	}
	r.wantEvents("group:g", "collection.opened", "collection.paid", "collection.paid", "collection.paid")
	r.deliver()
	r.wantBalances(map[string]int64{"alice": funds + 300, "bob": funds - 100, "carol": funds - 100, "dave": funds - 100})
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
	if err != nil || mine[0].Minor != -100 || mine[0].Subject != collection.Subject || mine[0].Counterparty != "alice" || mine[0].Note != "晚饭" {
		t.Errorf("in the payer's statement: %+v, %v", mine, err)
	}
	r.mustBalance()
}

// Progress is in the events, so that a page needs to ask nothing.
func TestEventsOfACollection(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol")
	c := r.open("alice")
	must(r.pay("bob", c.ID))
	must(r.Collections.Close(t.Context(), "alice", c.ID))
	l := &listener{}
	r.tell(l)
	events := l.events["group:g"]
	for i, want := range []map[string]any{
		{"type": "collection.opened", "collector": "alice", "total": 200.0, "due": 200.0, "collected": 0.0, "parts": 2.0, "kind": "even", "note": "晚饭", "state": "open"},
		{"type": "collection.paid", "user_id": "bob", "amount": 100.0, "due": 200.0, "collected": 100.0, "state": "open"},
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
	apptest.Fund(t, r.System, "other", funds, "erin")
	ctx := t.Context()
	bill := transfer.Bill{Group: "g", Kind: "even", Currency: "CNY", Total: 200, Participants: []string{"bob", "carol"}}
	pay := func(id int64, users ...string) {
		for _, u := range users {
			must(r.pay(u, id))
		}
	}
	states := []struct {
		name string
		lead func(id int64)
		pay  string // what bob's payment is answered
		end  string // what alice's closing is answered
	}{
		{"open, due", func(int64) {}, "", ""},
		{"open, claimed", func(id int64) { must(r.Ledger.Claim(ctx, id, "bob", r.clock.now())) }, "", ""},
		{"open, paid", func(id int64) { pay(id, "bob") }, transfer.CodeAlreadyPaid, ""},
		{"closed, due", func(id int64) { must(r.Collections.Close(ctx, "alice", id)) }, transfer.CodeCollectionClosed, ""},
		{"closed, claimed before", func(id int64) {
			must(r.Ledger.Claim(ctx, id, "bob", r.clock.now()))
			must(r.Collections.Close(ctx, "alice", id))
		}, "", ""},
		{"closed, paid", func(id int64) { pay(id, "bob"); must(r.Collections.Close(ctx, "alice", id)) }, transfer.CodeAlreadyPaid, ""},
		{"complete", func(id int64) { pay(id, "bob", "carol") }, transfer.CodeAlreadyPaid, transfer.CodeCollectionComplete},
	}
	everybody := []string{"alice", "bob", "carol", "dave", "erin"}
	for i, state := range states {
		for _, action := range []string{"pay", "pay less", "pay more", "pay yen", "close", "get"} {
			for _, user := range everybody {
				t.Run(fmt.Sprintf("%s: %s by %s", state.name, action, user), func(t *testing.T) {
					r.t = t
					b := bill
					b.RequestID = fmt.Sprintf("%d-%s-%s", i, strings.ReplaceAll(action, " ", "-"), user)
					c := must(r.Collections.Open(ctx, "alice", b))
					state.lead(c.ID)
					before, beforeSums := must(r.Ledger.GetCollection(ctx, c.ID)), r.sums(everybody)
					asked := user == "bob" || user == "carol"
					want := ""
					switch {
					case action == "get" && user == "erin":
						want = refusal.CodeNotAMember
					case action == "get":
					case action == "close" && user != "alice":
						want = transfer.CodeNotTheCollector
					case action == "close":
						want = state.end
					case !asked:
						want = transfer.CodeNotAParticipant
					case action != "pay":
						want = transfer.CodeWrongAmount
					case user == "bob":
						want = state.pay
					case before.State == collection.StateClosed:
						want = transfer.CodeCollectionClosed
					case before.State == collection.StateComplete:
						want = transfer.CodeAlreadyPaid
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
					wantCode(t, "answer", err, want)
					moved := int64(0)
					if action == "pay" && want == "" {
						moved = 100
					}
					after := must(r.Ledger.GetCollection(ctx, c.ID))
					if after.Collected != before.Collected+moved {
						t.Errorf("%d were collected, then %d", before.Collected, after.Collected)
					}
					r.deliver()
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
	r.t = t
	x := r.offer("alice", "bob", "")
	for _, id := range []int64{0, -1, 7, 1<<63 - 1, x.ID} {
		_, err := r.pay("bob", id)
		wantCode(t, fmt.Sprintf("pay %d", id), err, transfer.CodeCollectionNotFound)
		_, err = r.Collections.Close(ctx, "bob", id)
		wantCode(t, fmt.Sprintf("close %d", id), err, transfer.CodeCollectionNotFound)
		_, err = r.Collections.Get(ctx, "bob", id)
		wantCode(t, fmt.Sprintf("get %d", id), err, transfer.CodeCollectionNotFound)
	}
	shared := bill
	shared.RequestID, shared.Total, shared.Participants = "shared", 200, []string{"alice", "bob"}
	_, err := r.pay("alice", must(r.Collections.Open(ctx, "alice", shared)).ID)
	wantCode(t, "pay one's own part to oneself", err, transfer.CodeNotAParticipant)
	_, err = r.Collections.OfGroup(ctx, "erin", "g", 0, 10)
	wantCode(t, "collections of a group, by a stranger", err, refusal.CodeNotAMember)
	r.clock.skip(time.Minute)
	r.keep()
	r.mustBalance()
}

// sums are the users' balances after everything has been delivered.
func (r *rig) sums(users []string) []int64 {
	r.t.Helper()
	r.deliver()
	all := make([]int64, len(users))
	for i, u := range users {
		all[i] = balance(r, u)
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
				case transfer.CodeAlreadyPaid:
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
	r.mustBalance()
	r.wantBalances(map[string]int64{"alice": funds + 1000, "bob": funds - 1000, "carol": funds})
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
		end := must(r.Ledger.GetCollection(t.Context(), c.ID))
		part, _ := end.Part("bob")
		switch {
		case closeErr != nil || end.State != collection.StateClosed:
			t.Fatalf("closing: %v, %s", closeErr, end.State)
		case payErr == nil && part.State == collection.PartPaid && end.Collected == 100:
			paid++
		case refusal.CodeOf(payErr) == transfer.CodeCollectionClosed && part.State == collection.PartDue && end.Collected == 0:
			refused++
		default:
			t.Fatalf("pay: %v, and the part is %+v", payErr, part)
		}
	}
	t.Logf("%d paid, %d refused", paid, refused)
	if paid == 0 || refused == 0 {
		t.Errorf("%d paid, %d refused: there was no race", paid, refused)
	}
	r.mustBalance()
	r.wantBalances(map[string]int64{"alice": int64(funds + 100*paid), "bob": int64(funds - 100*paid)})
}

// Those who have not paid after 24 hours are reminded, once, whoever and however many look.
func TestReminders(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol", "dave")
	c := r.open("alice")
	closed := r.open("alice")
	must(r.pay("bob", c.ID))
	must(r.Collections.Close(t.Context(), "alice", closed.ID))
	r.clock.skip(24*time.Hour - time.Minute)
	if n := r.keep(); n != 0 {
		t.Errorf("%d reminders before their time", n)
	}
	r.clock.skip(2 * time.Minute)
	var reminded atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			keeper := transfer.NewKeeper(r.Collections, quiet())
			for shard := range r.Buckets.Shards {
				n, err := keeper.Pass(t.Context(), shard)
				if err != nil {
					t.Errorf("keeper: %v", err)
				}
				reminded.Add(int64(n))
			}
		})
	}
	all.Wait()
	if reminded.Load() != 1 {
		t.Errorf("%d collections were reminded of, want 1", reminded.Load())
	}
	l := &listener{}
	r.tell(l)
	for user, want := range map[string][]string{"bob": nil, "carol": {"collection.reminder"}, "dave": {"collection.reminder"}, "alice": nil} {
		if got := l.types("user:" + user); !slices.Equal(got, want) {
			t.Errorf("%s heard %v, want %v", user, got, want)
		}
	}
	if e := l.events["user:dave"][0]; e["amount"] != 100.0 || e["collector"] != "alice" || e["note"] != "晚饭" || e["collection_id"] != fmt.Sprint(c.ID) {
		t.Errorf("the reminder says %v", e)
	}
}
