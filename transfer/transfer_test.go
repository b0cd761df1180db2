package transfer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Each line leads an offer of 100 from alice to bob, who live on different shards, to an end.
func TestPathsOfATransfer(t *testing.T) {
	r := newRig(t, nil, "alice")
	bob := r.Elsewhere("alice")
	call := map[string]func(id int64) (transfer.Transfer, error){
		"accept":  func(id int64) (transfer.Transfer, error) { return r.Transfers.Accept(t.Context(), bob, id) },
		"decline": func(id int64) (transfer.Transfer, error) { return r.Transfers.Decline(t.Context(), bob, id) },
		"recall":  func(id int64) (transfer.Transfer, error) { return r.Transfers.Recall(t.Context(), "alice", id) },
	}
	arrived, lost := int64(0), int64(0)
	for _, line := range []struct {
		arrives string
		steps   string // calls, hours that pass, and after each the state
		bob     int64  // what arrives
	}{
		{"", "accept arrived", 100},
		{"now", "accept arrived 30 arrived", 100},
		{"2h", "accept accepted 1 accepted 1 arrived", 100},
		{"24h", "23 offered accept accepted 23 accepted 1 arrived 30 arrived", 100},
		{"now", "decline declined 30 declined", 0},
		{"2h", "decline declined", 0},
		{"now", "recall recalled 30 recalled", 0},
		{"2h", "accept accepted recall recalled 3 recalled", 0},
		{"24h", "accept accepted 23 accepted recall recalled", 0},
		{"now", "23 offered 1 expired", 0},
		{"24h", "24 expired 24 expired", 0},
	} {
		t.Run(line.arrives+" "+line.steps, func(t *testing.T) {
			r.T = t
			offered := r.offer("alice", bob, line.arrives)
			var events []string
			state := transfer.StateOffered
			steps := strings.Fields(line.steps)
			for i := 0; i < len(steps); i += 2 {
				var hours int
				if _, err := fmt.Sscan(steps[i], &hours); err == nil {
					r.Clock.Skip(time.Duration(hours) * time.Hour)
					r.end()
				} else if answer, err := call[steps[i]](offered.ID); err != nil || string(answer.State) != steps[i+1] {
					t.Fatalf("%s: %+v, %v", steps[i], answer, err)
				}
				now, err := r.Transfers.Get(t.Context(), bob, offered.ID)
				if err != nil || string(now.State) != steps[i+1] {
					t.Fatalf("after %s: %+v, %v", steps[i], now, err)
				}
				if now.State != state {
					events, state = append(events, "transfer."+string(now.State)), now.State
				}
			}
			l := &apptest.Recorder{}
			r.Publish(l)
			events = append([]string{"transfer.offered"}, events...)
			for _, topic := range []string{"user:alice", "user:" + bob} {
				if got := l.Types(topic); !slices.Equal(got, events) {
					t.Errorf("%s heard %v, want %v", topic, got, events)
				}
			}
			arrived += line.bob
			r.Deliver()
			r.WantBalances(map[string]int64{"alice": apptest.Funds - arrived - lost, bob: arrived})
		})
	}
	r.T = t
	r.MustBalance()
}

// What both sides see: the transfer, their lists, their statements.
func TestBothSidesSeeIt(t *testing.T) {
	r := newRig(t, nil, "alice")
	bob := r.Elsewhere("alice")
	ctx := t.Context()
	offered := r.offer("alice", bob, "2h")
	if offered.ExpiresAt.Sub(offered.CreatedAt) != 24*time.Hour || !offered.ArrivesAt.IsZero() ||
		offered.ChangedAt != offered.CreatedAt {
		t.Errorf("offered: %+v", offered)
	}
	if list, err := r.Transfers.Received(ctx, bob, 0, 10); err != nil || len(list) != 0 {
		t.Errorf("received before the mention was delivered: %v, %v", list, err)
	}
	r.Deliver()
	for what, list := range map[string]func() ([]transfer.Transfer, error){
		"sent":     func() ([]transfer.Transfer, error) { return r.Transfers.Sent(ctx, "alice", 0, 10) },
		"received": func() ([]transfer.Transfer, error) { return r.Transfers.Received(ctx, bob, 0, 10) },
	} {
		if got, err := list(); err != nil || len(got) != 1 || got[0] != offered {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, offered)
		}
	}
	r.Clock.Skip(time.Hour)
	accepted, err := r.Transfers.Accept(ctx, bob, offered.ID)
	if err != nil || accepted.ExpiresAt != offered.ExpiresAt ||
		accepted.ArrivesAt.Sub(accepted.ChangedAt) != 2*time.Hour {
		t.Errorf("accepted: %+v, %v", accepted, err)
	}
	r.Clock.Skip(3 * time.Hour)
	r.end()
	arrived, err := r.Transfers.Get(ctx, "alice", offered.ID)
	if err != nil || arrived.ArrivesAt != accepted.ArrivesAt || arrived.ChangedAt.Before(arrived.ArrivesAt) {
		t.Errorf("arrived: %+v, %v", arrived, err)
	}
	back := r.offer("alice", bob, "")
	if _, err := r.Transfers.Decline(ctx, bob, back.ID); err != nil {
		t.Fatal(err)
	}
	r.Deliver()
	for user, want := range map[string][]ledger.Entry{
		"alice": {
			{Kind: ledger.EntryVoid, Minor: 100, Subject: transfer.Subject, Reference: back.ID, Counterparty: bob,
				Note: "午饭"},
			{Kind: ledger.EntryHold, Minor: -100, Subject: transfer.Subject, Reference: back.ID, Counterparty: bob,
				Note: "午饭"},
			{Kind: ledger.EntryHold, Minor: -100, Subject: transfer.Subject, Reference: offered.ID, Counterparty: bob,
				Note: "午饭"},
			{Kind: ledger.EntryTopUp, Minor: apptest.Funds, Subject: wallet.Subject},
		},
		bob: {{Kind: ledger.EntryPost, Minor: 100, Subject: transfer.Subject, Reference: offered.ID,
			Counterparty: "alice", Note: "午饭"}},
	} {
		entries, err := r.Wallets.Entries(ctx, user, "CNY", 0, 10)
		if err != nil || len(entries) != len(want) {
			t.Fatalf("statement of %s: %+v, %v", user, entries, err)
		}
		for i, e := range entries {
			if e.Kind == ledger.EntryTopUp {
				e.Reference = 0
			}
			e.Seq, e.Balance, e.At = 0, 0, time.Time{}
			if e != want[i] {
				t.Errorf("statement of %s, line %d: %+v, want %+v", user, i, e, want[i])
			}
		}
	}
	r.MustBalance()
}

func TestListsInPages(t *testing.T) {
	r := newRig(t, nil, "alice", "carol", "dave")
	bob := r.Elsewhere("alice")
	var want []int64
	for i := range 9 {
		sender := []string{"alice", "carol", "dave"}[i%3]
		want = append(want, r.offer(sender, bob, "").ID)
	}
	slices.Sort(want)
	slices.Reverse(want)
	r.Deliver()
	var got []int64
	for before := int64(0); ; {
		page, err := r.Transfers.Received(t.Context(), bob, before, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page {
			got = append(got, x.ID)
			before = x.ID
		}
		if len(page) < 4 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("received %v, want %v", got, want)
	}
}

func TestOfferTwice(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	o := transfer.Offer{RequestID: "r", To: "bob", Minor: 100, Currency: "CNY"}
	first, err := r.Transfers.Offer(t.Context(), "alice", o)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Transfers.Offer(t.Context(), "alice", o); err != nil || again != first {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := r.Transfers.Accept(t.Context(), "bob", first.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := r.Transfers.Offer(t.Context(), "alice", o); err != nil || again.ID != first.ID ||
		again.State != transfer.StateArrived {
		t.Errorf("again, after it arrived: %+v, %v", again, err)
	}
	o.Minor = 200
	_, err = r.Transfers.Offer(t.Context(), "alice", o)
	apptest.WantCode(t, "another offer under the same id", err, refusal.CodeRequestConflict)
	r.WantEvents("user:bob", "transfer.offered", "transfer.arrived")
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": apptest.Funds - 100, "bob": apptest.Funds + 100})
}

// Money of one currency never becomes money of another, whatever its minor unit.
func TestCurrenciesStayApart(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	ctx := t.Context()
	for i, code := range []string{"JPY", "KWD", "KRW", "USD"} {
		if _, err := r.Wallets.TopUp(ctx, "alice", "fund-"+code, 5000, code); err != nil {
			t.Fatal(err)
		}
		x, err := r.Transfers.Offer(ctx, "alice", transfer.Offer{RequestID: code, To: "bob", Minor: int64(1000 + i),
			Currency: code})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Transfers.Accept(ctx, "bob", x.ID); err != nil {
			t.Fatal(err)
		}
	}
	r.Deliver()
	balances, err := r.Wallets.Balances(ctx, "bob")
	want := []ledger.Amount{{Minor: apptest.Funds, Currency: "CNY"}, {Minor: 1000, Currency: "JPY"},
		{Minor: 1002, Currency: "KRW"}, {Minor: 1001, Currency: "KWD"}, {Minor: 1003, Currency: "USD"}}
	if err != nil || !slices.Equal(balances, want) {
		t.Errorf("bob has %v, %v, want %v", balances, err, want)
	}
	apptest.MustBalance(t, r.App)
}
