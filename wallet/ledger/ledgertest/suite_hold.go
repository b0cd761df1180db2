package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func testLifeOfAHold(t *testing.T, open Open) {
	b := open(t, 4)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	bob := b.Elsewhere("alice")
	h := b.Gift("alice", 300, 200, 100)
	b.WantBalances(map[string]int64{"alice": 400})

	if got, err := b.GetHold(ctx, h.ID); err != nil || !SameHold(got, h) {
		t.Errorf("GetHold = %+v, %v, want %+v", got, err, h)
	}
	if r := b.PostAll(Pay(h, 0, bob), Pay(h, 2, "alice")); r.Posted != 2 || len(r.Completed) != 0 {
		t.Errorf("post: %+v", r)
	}
	b.WantBalanced(400) // in flight
	b.WantBalances(map[string]int64{"alice": 400, bob: 0})
	for shard := range b.Shards() {
		age, err := b.Age(ctx, shard)
		if waiting := shard == b.ShardOfUser("alice"); err != nil || (age > 0) != waiting || age > time.Minute {
			t.Errorf("age of the oldest message of shard %d: %v, %v", shard, age, err)
		}
	}
	if n := b.DeliverAll(); n != 2 {
		t.Errorf("%d delivered, want 2", n)
	}
	b.WantBalances(map[string]int64{"alice": 500, bob: 300})
	b.WantBalanced(0)

	if _, done, err := b.Void(ctx, h.ID, 300); done || err != nil {
		t.Errorf("void with another amount posted: %v, %v", done, err)
	}
	voided, done, err := b.Void(ctx, h.ID, 400)
	if !done || err != nil || voided.Posted != 400 || voided.Voided != 200 || voided.Open {
		t.Errorf("void: %+v, %v, %v", voided, done, err)
	}
	if again, done, err := b.Void(ctx, h.ID, 400); !done || err != nil || !SameHold(again, voided) {
		t.Errorf("void again: %+v, %v, %v", again, done, err)
	}
	if _, _, err := b.Void(ctx, h.ID+1<<40, 0); !errors.Is(err, ledger.ErrHoldNotFound) {
		t.Errorf("void of no hold: %v", err)
	}
	b.WantBalances(map[string]int64{"alice": 700, bob: 300, "carol": 0})
	b.WantBalanced(0)
	if r := b.PostAll(Pay(h, 1, "carol")); len(r.Rejected) != 1 || r.Rejected[0].Reason != "the hold has 0 pending" {
		t.Errorf("post after void: %+v", r)
	}
	posts, err := b.Posts(ctx, h.ID)
	if err != nil || !slices.Equal(posts, []ledger.Post{Pay(h, 0, bob), Pay(h, 2, "alice")}) {
		t.Errorf("posts: %+v, %v", posts, err)
	}
	for _, id := range []int64{5, h.ID + 1<<40, h.ID | 1023} {
		if posts, err := b.Posts(ctx, id); err != nil || len(posts) != 0 {
			t.Errorf("posts of %d, which is no hold: %v, %v", id, posts, err)
		}
	}
}

const malformed = "malformed" // an error that is no refusal

func codeOf(err error) string {
	if code := refusal.CodeOf(err); code != "" || err == nil {
		return code
	}
	return malformed
}

// Each line is a hold, asked for in the order of the table; alice has 1000.
func testHolds(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 1000)
	first := b.Draft("alice", 60, 40)
	body := "send 100"
	request := func(id string) ledger.Request { return Request(t, id, body) }
	fresh := func() ledger.Hold { return b.Draft("alice", 60, 40) }
	euros := fresh()
	euros.Amount.Currency = "EUR"

	for _, line := range []struct {
		what    string
		request ledger.Request
		hold    ledger.Hold
		code    string
		id      int64 // of the hold that is returned; -1 for the one that is asked for
		balance int64
	}{
		{"the first", request("r1"), first, "", first.ID, 900},
		{"same request, same body", request("r1"), first, "", first.ID, 900},
		{"same request, same body, new id", request("r1"), fresh(), "", first.ID, 900},
		{"same request, other body", Request(t, "r1", "send 200"), first, refusal.CodeRequestConflict, 0, 900},
		{"same request, other method", Must(ledger.NewRequest("r1", "topup", body)), first, refusal.CodeRequestConflict,
			0,
			900},
		{"other request, same id of the hold", request("r2"), first, malformed, 0, 900},
		{"other request, same body", request("r3"), fresh(), "", -1, 800},
		{"more than there is", request("r4"), b.Draft("alice", 801), refusal.CodeInsufficientBalance, 0, 800},
		{"a currency there is none of", request("r4"), euros, refusal.CodeInsufficientBalance, 0, 800},
		{"the refused request, now possible", request("r4"), b.Draft("alice", 800), "", -1, 0},
		{"an owner without a wallet", request("r1"), b.Draft("zoe", 1), refusal.CodeInsufficientBalance, 0, 0},
	} {
		got, err := b.Hold(t.Context(), line.request, line.hold)
		if code := codeOf(err); code != line.code {
			t.Errorf("%s: %v, want %q", line.what, err, line.code)
		}
		if line.id == -1 {
			line.id = line.hold.ID
		}
		if got.ID != line.id {
			t.Errorf("%s: hold %d, want %d", line.what, got.ID, line.id)
		}
		b.WantBalances(map[string]int64{"alice": line.balance})
	}
	if got, err := b.GetHold(t.Context(), first.ID); err != nil || !SameHold(got, first) {
		t.Errorf("the first is now %+v, %v", got, err)
	}
	if id, ok, err := b.Requested(t.Context(), "alice", request("r1")); id != first.ID || !ok || err != nil {
		t.Errorf("Requested: %d, %v, %v", id, ok, err)
	}
	if _, ok, err := b.Requested(t.Context(), "alice", request("r9")); ok || err != nil {
		t.Errorf("Requested, of one that was never carried out: %v, %v", ok, err)
	}
	if _, _, err := b.Requested(t.Context(), "alice", Request(t, "r1",
		"other")); refusal.CodeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("Requested, with another body: %v", err)
	}
	b.WantBalanced(0)
}

// What no hold can be is refused or an error, and changes nothing.
func testMalformedHolds(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 1000)
	for what, line := range map[string]struct {
		change func(*ledger.Hold)
		code   string
	}{
		"owner of another shard":   {func(h *ledger.Hold) { h.Owner = b.Elsewhere("alice") }, malformed},
		"id of no shard":           {func(h *ledger.Hold) { h.ID |= 1023 }, malformed},
		"id below zero":            {func(h *ledger.Hold) { h.ID = -h.ID }, malformed},
		"parts that do not sum up": {func(h *ledger.Hold) { h.Amount.Minor++ }, malformed},
		"a part of nothing":        {func(h *ledger.Hold) { h.Parts = []int64{100, 0} }, malformed},
		"parts that overflow": {func(h *ledger.Hold) { h.Parts = []int64{1 << 62, 1 << 62, 1 << 62, 1<<62 + 100} },
			malformed},
		"no parts": {func(h *ledger.Hold) { h.Parts = nil }, malformed},
		"nothing":  {func(h *ledger.Hold) { h.Amount.Minor, h.Parts = 0, nil }, refusal.CodeAmountOutOfRange},
		"too much": {func(h *ledger.Hold) {
			h.Amount.Minor, h.Parts = ledger.MaxMinor+1, []int64{ledger.MaxMinor + 1}
		}, refusal.CodeAmountOutOfRange},
		"an unknown currency":     {func(h *ledger.Hold) { h.Amount.Currency = "XYZ" }, refusal.CodeUnknownCurrency},
		"a note that is too long": {func(h *ledger.Hold) { h.Note = string(make([]byte, 101)) }, malformed},
		"no subject":              {func(h *ledger.Hold) { h.Subject = "" }, malformed},
	} {
		h := b.Draft("alice", 60, 40)
		line.change(&h)
		if _, err := b.Hold(t.Context(), Request(t, "bad", what), h); codeOf(err) != line.code {
			t.Errorf("%s: %v, want %q", what, err, line.code)
		}
		if _, ok, err := b.Requested(t.Context(), "alice", Request(t, "bad", what)); ok || err != nil {
			t.Errorf("%s left a request: %v, %v", what, ok, err)
		}
	}
	b.WantBalances(map[string]int64{"alice": 1000})
	b.WantBalanced(0)
}

func idsOf(t *testing.T, holds []ledger.Hold, err error) []int64 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, h := range holds {
		ids = append(ids, h.ID)
	}
	return ids
}

func testLists(t *testing.T, open Open) {
	b := open(t, 1)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	b.TopUp("bob", 1000)
	var ids []int64
	for i := range 6 {
		h := b.Draft("alice", 10)
		h.ExpiresAt = h.CreatedAt.Add(-time.Duration(i) * time.Minute) // the newest has been due longest
		ids = append(ids, Must(b.Hold(ctx, Request(t, fmt.Sprint(i), i), h)).ID)
	}
	if _, done, err := b.Void(ctx, ids[2], 0); !done || err != nil {
		t.Fatal(done, err)
	}
	bobs := b.Gift("bob", 10) // expires tomorrow
	list := func(holds []ledger.Hold, err error) []int64 { t.Helper(); return idsOf(t, holds, err) }
	due, err := b.DueHolds(ctx, 0, Gift, ledger.Hold{}, 2)
	if err != nil || len(due) != 2 {
		t.Fatalf("%d due, %v", len(due), err)
	}
	b.Clock.Set(Must(b.GetHold(ctx, ids[4])).ExpiresAt)
	earlier := list(b.DueHolds(ctx, 0, Gift, ledger.Hold{}, 10))
	b.Clock.Set(time.Time{})
	for _, list := range []struct {
		name string
		got  []int64
		want []int64
	}{
		{"open", list(b.OpenHolds(ctx, 0, Gift, 0, 10)), []int64{ids[0], ids[1], ids[3], ids[4], ids[5], bobs.ID}},
		{"open, a page", list(b.OpenHolds(ctx, 0, Gift, ids[1], 2)), []int64{ids[3], ids[4]}},
		{"open, another subject", list(b.OpenHolds(ctx, 0, Offer, 0, 10)), nil},
		{"due", list(b.DueHolds(ctx, 0, Gift, ledger.Hold{}, 10)),
			[]int64{ids[5], ids[4], ids[3], ids[1], ids[0]}},
		{"due, behind one", list(b.DueHolds(ctx, 0, Gift, due[1], 2)), []int64{ids[3], ids[1]}},
		{"due, some", earlier, []int64{ids[5], ids[4]}},
		{"of the owner", list(b.HoldsOf(ctx, "alice", Gift, 0, 4)), []int64{ids[5], ids[4], ids[3], ids[2]}},
		{"of the owner, second page", list(b.HoldsOf(ctx, "alice", Gift, ids[2], 4)), []int64{ids[1], ids[0]}},
		{"of the owner, another subject", list(b.HoldsOf(ctx, "alice", Offer, 0, 4)), nil},
		{"by id", list(b.GetHolds(ctx, []int64{ids[3], 5, ids[0] + 1<<40, ids[1], ids[0] | 1023})),
			[]int64{ids[3], ids[1]}},
		{"by no id", list(b.GetHolds(ctx, nil)), nil},
	} {
		if !slices.Equal(list.got, list.want) {
			t.Errorf("%s: %v, want %v", list.name, list.got, list.want)
		}
	}
	for _, id := range []int64{ids[0] - 1<<40, 5, 0, -1} {
		if _, err := b.GetHold(ctx, id); err != ledger.ErrHoldNotFound {
			t.Errorf("hold %d: %v", id, err)
		}
	}
	for _, shard := range []int{-1, 1} {
		if _, err := b.OpenHolds(ctx, shard, Gift, 0, 10); err == nil {
			t.Errorf("open holds of shard %d", shard)
		}
		if _, err := b.DueHolds(ctx, shard, Gift, ledger.Hold{}, 10); err == nil {
			t.Errorf("due holds of shard %d", shard)
		}
	}
	if _, err := b.HoldsOf(ctx, "#clearing", Gift, 0, 10); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
		t.Errorf("holds of nobody: %v", err)
	}
}

// PayNow pays the only part in the transaction of the hold.
func testPayNow(t *testing.T, open Open) {
	b := open(t, 4)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	bob := b.Elsewhere("alice")
	draft := func() ledger.Hold {
		h := b.Draft("alice", 100)
		h.Counterparty = bob
		return h
	}
	for what, change := range map[string]func(*ledger.Hold){
		"two parts":       func(h *ledger.Hold) { h.Parts = []int64{60, 40} },
		"no counterparty": func(h *ledger.Hold) { h.Counterparty = "" },
		"a stage":         func(h *ledger.Hold) { h.Stage = Offered },
	} {
		h := draft()
		change(&h)
		if _, err := b.HoldWith(ctx, Request(t, "bad", what), h,
			ledger.HoldOptions{PayNow: true}); codeOf(err) != malformed {
			t.Errorf("%s: %v", what, err)
		}
	}
	h, request := draft(), Request(t, "pay", 1)
	held, err := b.HoldWith(ctx, request, h, ledger.HoldOptions{PayNow: true})
	if err != nil || held.Open || held.Posted != 100 || held.Voided != 0 || held.Staged() {
		t.Errorf("paid: %+v, %v", held, err)
	}
	if stored, err := b.GetHold(ctx, h.ID); err != nil || !SameHold(stored, held) {
		t.Errorf("stored: %+v, %v, want %+v", stored, err, held)
	}
	if again, err := b.HoldWith(ctx, request, draft(), ledger.HoldOptions{PayNow: true}); err != nil || !SameHold(again,
		held) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if posts, err := b.Posts(ctx, h.ID); err != nil || !slices.Equal(posts, []ledger.Post{Pay(h, 0, bob)}) {
		t.Errorf("posts: %+v, %v", posts, err)
	}
	if r := b.PostAll(Pay(h, 0, bob)); r.Repeated != 1 {
		t.Errorf("the same post again: %+v", r)
	}
	if _, done, err := b.Void(ctx, h.ID, 0); done || err != nil {
		t.Errorf("void of what was paid: %v, %v", done, err)
	}
	b.WantBalanced(100)
	b.DeliverAll()
	b.WantBalances(map[string]int64{"alice": 900, bob: 100})
	b.WantBalanced(0)
	_, err = b.HoldWith(ctx, Request(t, "poor", 1), b.Draft("alice", 901), ledger.HoldOptions{})
	if refusal.CodeOf(err) != refusal.CodeInsufficientBalance {
		t.Errorf("more than there is: %v", err)
	}
}
