package ledgertest

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// freezeOf is a freeze at noon.
type freezeOf struct{ account, by, reason string }

func (b *Book) freeze(f freezeOf) ledger.Freeze {
	b.T.Helper()
	return Must(b.Freeze(b.T.Context(), ledger.Freeze{Account: f.account, By: f.by, Reason: f.reason,
		At: Day("2026-02-16 12:00:00")}))
}

// What a frozen account may not do, and what goes on.
func testFreezes(t *testing.T, open Open) {
	b := open(t, 4)
	ctx := t.Context()
	b.TopUp("alice", 10_000)
	b.TopUp("bob", 10_000)
	gift, offer, repeated := b.Gift("alice", 60, 40), b.Offer("alice", "bob"), b.Draft("alice", 30)
	request := Request(t, "again", "gift")
	Must(b.Hold(ctx, request, repeated))
	balances := func(alice, bob, carol int64) {
		t.Helper()
		b.DeliverAll()
		b.WantBalances(map[string]int64{"alice": alice, "bob": bob, "carol": carol})
		b.WantBalanced(0)
	}
	first := b.freeze(freezeOf{"alice", "ops", "疑似盗用"})
	if again := b.freeze(freezeOf{"alice", "other", "another"}); !reflect.DeepEqual(again, first) {
		t.Errorf("frozen twice: %+v, then %+v", first, again)
	}

	pay := b.Draft("alice", 25)
	pay.Counterparty = "carol"
	for name, leaves := range map[string]func() error{
		"hold":   func() error { h := b.Draft("alice", 1); _, err := b.Hold(ctx, Request(t, "h1", 1), h); return err },
		"staged": func() error { _, err := b.Make(b.OfferDraft("alice", "bob"), ledger.HoldOptions{}); return err },
		"pay": func() error {
			_, err := b.HoldWith(ctx, Request(t, "h2", 1), pay, ledger.HoldOptions{PayNow: true})
			return err
		},
		"withdrawal": func() error { _, err := b.Wallet.Withdraw(ctx, "alice", "w1", 5, string(CNY)); return err },
	} {
		if err := leaves(); refusal.CodeOf(err) != refusal.CodeAccountFrozen {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h, err := b.Hold(ctx, request, b.Draft("alice", 30)); err != nil || h.ID != repeated.ID {
		t.Errorf("a call that was carried out before: %+v, %v", h, err)
	}
	balances(10_000-100-100-30, 10_000, 0)

	// What was promised before is kept, what arrives or comes back does, and nobody else is touched.
	b.TopUp("alice", 7)
	b.PostAll(Pay(gift, 0, "carol"))
	Must(b.Hold(ctx, Request(t, "from-bob", 1), b.Draft("bob", 50)))
	if _, done, err := b.Advance(StepOf(offer, Offered, Returned), Soon(offer)); err != nil || !done {
		t.Errorf("an offer goes back: %t, %v", done, err)
	}
	balances(10_000-100-30+7, 10_000-50, 60)
	if _, done, err := b.Void(ctx, gift.ID, 60); err != nil || !done {
		t.Errorf("a gift goes back: %t, %v", done, err)
	}
	balances(10_000-60-30+7, 10_000-50, 60)

	// The list, and the end of a freeze.
	second := b.freeze(freezeOf{"merchant~7~available", "ops", "x"})
	lists := []struct {
		after string
		limit int
		want  []ledger.Freeze
	}{
		{"", 10, []ledger.Freeze{first, second}}, {"", 1, []ledger.Freeze{first}},
		{"alice", 10, []ledger.Freeze{second}}, {"n", 10, nil},
	}
	for _, l := range lists {
		if got := Must(b.Freezes(ctx, l.after, l.limit)); fmt.Sprint(got) != fmt.Sprint(l.want) {
			t.Errorf("after %q, %d of them: %+v", l.after, l.limit, got)
		}
	}
	for _, want := range []bool{true, false} {
		if thawed := Must(b.Thaw(ctx, "alice")); thawed != want {
			t.Errorf("thawed: %t", thawed)
		}
	}
	if _, err := b.Hold(ctx, Request(t, "h1", 1), b.Draft("alice", 1)); err != nil {
		t.Errorf("a refused request, once thawed: %v", err)
	}
	if got := Must(b.Freezes(ctx, "", 10)); len(got) != 1 || got[0].Account != second.Account {
		t.Errorf("after the thaw: %+v", got)
	}

	for _, bad := range []ledger.Freeze{
		{Account: "", By: "ops", Reason: "x"}, {Account: "a b", By: "ops", Reason: "x"}, {Account: "#clearing",
			By: "ops", Reason: "x"}, {Account: "eve", By: "", Reason: "x"}, {Account: "eve", By: "ops"},
		{Account: "eve", By: "ops", Reason: fmt.Sprintf("%0201d", 0)}, {Account: "eve", By: "ops", Reason: "\xff"},
	} {
		if _, err := b.Freeze(ctx, bad); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// Whatever way money goes out, none does after a freeze has been answered, and a freeze ends whatever it meets.
func testFreezeRace(t *testing.T, open Open) {
	b := open(t, 2)
	ctx := t.Context()
	b.TopUp("alice", 1_000_000)
	var frozen atomic.Bool
	var calls, late atomic.Int64
	enough := make(chan struct{})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for {
				before := frozen.Load()
				n := calls.Add(1)
				if n == 100 {
					close(enough)
				}
				err := b.spend(worker%4, fmt.Sprintf("race-%d", n))
				switch {
				case err == nil && before:
					late.Add(1)
				case err == nil:
				case refusal.CodeOf(err) == refusal.CodeAccountFrozen:
					return
				default:
					t.Errorf("worker %d: %v", worker, err)
					return
				}
			}
		})
	}
	<-enough
	b.freeze(freezeOf{"alice", "ops", "race"})
	after := Must(b.Balances(ctx, "alice"))
	frozen.Store(true)
	all.Wait()
	if late.Load() > 0 {
		t.Errorf("%d calls took money after the freeze", late.Load())
	}
	if now := Must(b.Balances(ctx, "alice")); !reflect.DeepEqual(now, after) {
		t.Errorf("the wallet had %v when the freeze was answered, and has %v", after, now)
	}
	b.DeliverAll()
	b.WantBalanced(0)
}

// spend takes one minor unit out of alice's wallet, in one of four ways.
func (b *Book) spend(way int, request string) error {
	ctx, r := b.T.Context(), Request(b.T, request, way)
	h := b.Draft("alice", 1)
	switch way {
	case 0:
		_, err := b.Hold(ctx, r, h)
		return err
	case 1:
		h.Counterparty = "bob"
		_, err := b.HoldWith(ctx, r, h, ledger.HoldOptions{PayNow: true})
		return err
	case 2:
		return b.Tx(ctx, h.ID, func(tx ledger.Tx) error {
			if err := tx.Claim(ctx, h.Owner, r, h.ID); err != nil {
				return err
			}
			_, err := tx.Hold(ctx, h, ledger.HoldOptions{})
			return err
		})
	}
	_, err := b.Wallet.Withdraw(ctx, "alice", request, 1, string(CNY))
	return err
}
