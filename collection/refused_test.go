package collection_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/refusal"
)

func TestRefusedBills(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol")
	apptest.Fund(t, r.App, "other", 0, "dave")
	ctx := t.Context()
	evenly := collection.Bill{RequestID: "refused", Group: "g", Kind: "even", Currency: "CNY", Total: 100}
	each := collection.Bill{RequestID: "refused", Group: "g", Kind: "per_person", Currency: "CNY",
		Asks: []collection.Ask{{User: "bob", Minor: 10}}}
	for name, line := range map[string]struct {
		bill   collection.Bill
		change func(*collection.Bill)
		code   string
	}{
		"an unknown kind": {evenly, func(b *collection.Bill) { b.Kind = "odd" }, collection.CodeUnknownKind},
		"an unknown currency": {evenly, func(b *collection.Bill) { b.Currency = "XXQ" },
			refusal.CodeUnknownCurrency},
		"nothing":           {evenly, func(b *collection.Bill) { b.Total = 0 }, refusal.CodeAmountOutOfRange},
		"less than nothing": {evenly, func(b *collection.Bill) { b.Total = -1 }, refusal.CodeAmountOutOfRange},
		"too much": {evenly, func(b *collection.Bill) { b.Total = 1 << 50 },
			refusal.CodeAmountOutOfRange},
		"less than a unit each": {evenly, func(b *collection.Bill) { b.Total = 1 }, refusal.CodeAmountOutOfRange},
		"an unknown remainder": {evenly, func(b *collection.Bill) { b.Remainder = "waiter" },
			refusal.CodeInvalidArgument},
		"asks of an even bill": {evenly, func(b *collection.Bill) { b.Asks = each.Asks },
			refusal.CodeInvalidArgument},
		"somebody twice": {evenly, func(b *collection.Bill) { b.Participants = []string{"bob", "bob"} },
			refusal.CodeInvalidArgument},
		"nobody's id": {evenly, func(b *collection.Bill) { b.Participants = []string{"b b"} },
			refusal.CodeInvalidArgument},
		"a stranger": {evenly, func(b *collection.Bill) { b.Participants = []string{"dave"} },
			collection.CodeParticipantNotAMember},
		"only oneself": {evenly, func(b *collection.Bill) { b.Participants = []string{"alice"} },
			collection.CodeParticipantsRequired},
		"not one's group":   {evenly, func(b *collection.Bill) { b.Group = "other" }, refusal.CodeNotAMember},
		"no such group":     {evenly, func(b *collection.Bill) { b.Group = "nowhere" }, refusal.CodeNotAMember},
		"a malformed group": {evenly, func(b *collection.Bill) { b.Group = "a b" }, refusal.CodeInvalidArgument},
		"a malformed request id": {evenly, func(b *collection.Bill) { b.RequestID = "" },
			refusal.CodeInvalidArgument},
		"a long note": {evenly, func(b *collection.Bill) { b.Note = strings.Repeat("福", 101) },
			refusal.CodeNoteTooLong},
		"a request id of before": {evenly, func(b *collection.Bill) { b.RequestID = "fund-g" },
			refusal.CodeRequestConflict},
		"nobody is asked": {each, func(b *collection.Bill) { b.Asks = nil },
			collection.CodeParticipantsRequired},
		"asked for nothing": {each, func(b *collection.Bill) { b.Asks = []collection.Ask{{User: "bob"}} },
			refusal.CodeAmountOutOfRange},
		"asked of oneself": {each, func(b *collection.Bill) {
			b.Asks = []collection.Ask{
				{User: "alice", Minor: 1}}
		}, refusal.CodeInvalidArgument},
		"asked twice": {each, func(b *collection.Bill) { b.Asks = append(b.Asks, b.Asks...) },
			refusal.CodeInvalidArgument},
		"a stranger is asked": {each, func(b *collection.Bill) {
			b.Asks = []collection.Ask{
				{User: "dave", Minor: 1}}
		}, collection.CodeParticipantNotAMember},
		"a total per person": {each, func(b *collection.Bill) { b.Total = 10 }, refusal.CodeInvalidArgument},
		"asked for more than sums": {each, func(b *collection.Bill) {
			b.Asks = []collection.Ask{{"bob", 1 << 40},
				{"carol", 1}}
		}, refusal.CodeAmountOutOfRange},
	} {
		b := line.bill
		line.change(&b)
		_, err := r.Collections.Open(ctx, "alice", b)
		apptest.WantCode(t, name, err, line.code)
	}
	if lines, err := r.Collections.Opened(ctx, "alice", 0, 10); err != nil || len(lines) != 0 {
		t.Errorf("opened: %+v, %v", lines, err)
	}
	first := apptest.Must(r.Collections.Open(ctx, "alice", each))
	if again := apptest.Must(r.Collections.Open(ctx, "alice", each)); again.ID != first.ID {
		t.Errorf("a repeat opened %d beside %d", again.ID, first.ID)
	}
	if err := r.Groups.Remove(ctx, "g", "bob"); err != nil {
		t.Fatal(err)
	}
	if again := apptest.Must(r.Collections.Open(ctx, "alice", each)); again.ID != first.ID {
		t.Errorf("a repeat, after bob left, opened %d beside %d", again.ID, first.ID)
	}
	if _, err := r.Collections.Pay(ctx, "bob", first.ID, 10, "CNY"); err != nil {
		t.Errorf("bob, who left, still owes his part: %v", err)
	}
	r.MustBalance()
}
