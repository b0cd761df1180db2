package ledgertest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// A metered hold is paid and given back unit by unit, and never more of it than there is.
func testDraws(t *testing.T, open Open) {
	b := open(t, 4)
	shop := b.Elsewhere("alice")
	b.TopUp("alice", 1000)
	h := b.Supply("alice", shop, 7, 10)
	b.WantBalances(map[string]int64{"alice": 930, shop: 0})

	paid, returned := ledger.FundsPosted, ledger.FundsVoided
	for i, draw := range []struct {
		units          int64
		funds          ledger.FundsState
		done           bool
		posted, voided int64
	}{
		{11, paid, false, 0, 0},
		{11, returned, false, 0, 0},
		{1, paid, true, 7, 0},
		{3, paid, true, 28, 0},
		{2, returned, true, 28, 14},
		{1, returned, true, 28, 21},
		{4, paid, false, 28, 21},
		{4, returned, false, 28, 21},
		{2, paid, true, 42, 21},
		{1, returned, true, 42, 28},
		{1, paid, false, 42, 28},
		{1, returned, false, 42, 28},
	} {
		got, done, err := b.Draw(h.ID, draw.units, draw.funds)
		if err != nil || done != draw.done || got.Posted != draw.posted || got.Voided != draw.voided ||
			got.Open != (draw.posted+draw.voided < 70) {
			t.Errorf("draw %d: %+v, %v, %v, want %+v", i, got, done, err, draw)
		}
		if stored := Must(b.GetHold(t.Context(), h.ID)); !SameHold(stored, got) {
			t.Errorf("draw %d: it is stored as %+v, want %+v", i, stored, got)
		}
		b.WantBalanced(draw.posted)
	}
	b.DeliverAll()
	b.WantBalances(map[string]int64{"alice": 958, shop: 42})
	var parts []int
	for _, p := range Must(b.Posts(t.Context(), h.ID)) {
		parts = append(parts, p.Part)
	}
	if fmt.Sprint(parts) != "[0 1 4]" {
		t.Errorf("the posts begin at units %v", parts)
	}
	b.WantBalanced(0)
	b.otherWays(shop)
}

// otherWays tries to move money of a metered hold as that of other holds, and the other way round.
func (b *Book) otherWays(shop string) {
	b.T.Helper()
	ctx := b.T.Context()
	h := b.Supply("alice", shop, 5, 4)
	if r := b.PostAll(ledger.Post{Hold: h.ID, Payee: shop, Minor: 5, At: h.CreatedAt}); len(r.Rejected) != 1 {
		b.T.Errorf("a post of a metered hold: %+v", r)
	}
	if _, _, err := b.Void(ctx, h.ID, 0); codeOf(err) != malformed {
		b.T.Errorf("a void of a metered hold: %v", err)
	}
	if _, _, err := b.Draw(b.Gift("alice", 5, 5).ID, 1, ledger.FundsPosted); codeOf(err) != malformed {
		b.T.Errorf("a draw of a hold with parts: %v", err)
	}
	if _, _, err := b.Draw(b.Draft("alice", 5).ID, 1, ledger.FundsPosted); !errors.Is(err, ledger.ErrHoldNotFound) {
		b.T.Errorf("a draw of no hold: %v", err)
	}
	for what, d := range map[string]ledger.Draw{
		"no units":              {Hold: h.ID, Funds: ledger.FundsPosted},
		"units below zero":      {Hold: h.ID, Units: -1, Funds: ledger.FundsPosted},
		"more than any hold":    {Hold: h.ID, Units: ledger.MaxUnits + 1, Funds: ledger.FundsPosted},
		"money that stays":      {Hold: h.ID, Units: 1, Funds: ledger.FundsPending},
		"money that goes where": {Hold: h.ID, Units: 1},
	} {
		if _, _, err := b.Draw(d.Hold, d.Units, d.Funds); codeOf(err) != malformed {
			b.T.Errorf("%s: %v", what, err)
		}
	}
	if now := Must(b.GetHold(ctx, h.ID)); !SameHold(now, h) {
		b.T.Errorf("the hold is %+v, want %+v", now, h)
	}
}

// What is no metered hold is refused before any money moves.
func testMalformedMeters(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	for what, line := range map[string]struct {
		change func(*ledger.Hold)
		code   string
	}{
		"an amount that is no whole units": {func(h *ledger.Hold) { h.Amount.Minor++ }, malformed},
		"units below zero":                 {func(h *ledger.Hold) { h.Unit = -h.Unit }, malformed},
		"too many units": {func(h *ledger.Hold) {
			h.Unit, h.Amount.Minor = 1, ledger.MaxUnits+1
		}, malformed},
		"parts":         {func(h *ledger.Hold) { h.Parts = []int64{h.Amount.Minor} }, malformed},
		"a stage":       {func(h *ledger.Hold) { h.Stage = Offered }, malformed},
		"a daily limit": {func(h *ledger.Hold) { h.CountsDaily = true }, malformed},
		"nobody to pay": {func(h *ledger.Hold) { h.Counterparty = "" }, malformed},
		"too much money": {func(h *ledger.Hold) {
			h.Amount.Minor = 1010
		}, refusal.CodeInsufficientBalance},
	} {
		h := b.SupplyDraft("alice", "bob", 10, 10)
		line.change(&h)
		if _, err := b.Hold(t.Context(), Request(t, "bad", what), h); codeOf(err) != line.code {
			t.Errorf("%s: %v, want %q", what, err, line.code)
		}
	}
	h := b.SupplyDraft("alice", "bob", 10, 1)
	_, err := b.HoldWith(t.Context(), Request(t, "now", ""), h, ledger.HoldOptions{PayNow: true})
	if codeOf(err) != malformed {
		t.Errorf("paid at once: %v", err)
	}
	b.WantBalances(map[string]int64{"alice": 1000})
	b.WantBalanced(0)
}

// A draw happens with the rest of its transaction or not at all.
func testDrawsInTransactions(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 100)
	h := b.Supply("alice", "bob", 10, 10)
	own := errors.New("the product's own")
	for _, funds := range []ledger.FundsState{ledger.FundsPosted, ledger.FundsVoided} {
		err := b.Tx(t.Context(), h.ID, func(tx ledger.Tx) error {
			_, _, err := tx.Draw(t.Context(), ledger.Draw{Hold: h.ID, Units: 3, Funds: funds, At: time.Now()})
			return errors.Join(err, own)
		})
		if !errors.Is(err, own) {
			t.Errorf("an error of the function: %v", err)
		}
	}
	if now := Must(b.GetHold(t.Context(), h.ID)); !SameHold(now, h) || b.DeliverAll() != 0 {
		t.Errorf("the hold is %+v, want %+v", now, h)
	}
	b.WantBalanced(0)
	// Several draws of one transaction follow on each other.
	err := b.Tx(t.Context(), h.ID, func(tx ledger.Tx) error {
		for i, funds := range []ledger.FundsState{ledger.FundsPosted, ledger.FundsVoided, ledger.FundsPosted} {
			d := ledger.Draw{Hold: h.ID, Units: int64(i + 1), Funds: funds, At: time.Now()}
			if _, done, err := tx.Draw(t.Context(), d); err != nil || !done {
				return fmt.Errorf("draw %d: %v, %w", i, done, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.DeliverAll()
	b.WantBalances(map[string]int64{"alice": 20, "bob": 40})
	b.WantBalanced(0)
}

// Of draws at once, as many are done as there are units for.
func testConcurrentDraws(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 10_000)
	for range 10 {
		h := b.Supply("alice", "bob", 3, 20)
		var paid, returned atomic.Int64
		race(t, 8, "", func(i int) error {
			for range 5 {
				funds, n := ledger.FundsPosted, &paid
				if i%3 == 0 {
					funds, n = ledger.FundsVoided, &returned
				}
				_, done, err := b.Draw(h.ID, 2, funds)
				if err != nil {
					return err
				}
				if done {
					n.Add(2 * 3)
				}
			}
			return nil
		})
		after := Must(b.GetHold(t.Context(), h.ID))
		if after.Open || after.Posted != paid.Load() || after.Voided != returned.Load() {
			t.Errorf("%+v, want %d posted and %d voided", after, paid.Load(), returned.Load())
		}
	}
	b.DeliverAll()
	b.WantBalanced(0)
}
