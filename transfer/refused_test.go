package transfer_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/system/systemtest"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
)

func TestRefusedBills(t *testing.T) {
	r := newRig(t, nil, "alice", "bob", "carol")
	systemtest.Fund(t, r.System, "other", 0, "dave")
	ctx := t.Context()
	evenly := transfer.Bill{RequestID: "refused", Group: "g", Kind: "even", Currency: "CNY", Total: 100}
	each := transfer.Bill{RequestID: "refused", Group: "g", Kind: "per_person", Currency: "CNY", Asks: []transfer.Ask{{User: "bob", Minor: 10}}}
	for name, line := range map[string]struct {
		bill   transfer.Bill
		change func(*transfer.Bill)
		code   string
	}{
		"an unknown kind":          {evenly, func(b *transfer.Bill) { b.Kind = "odd" }, transfer.CodeUnknownKind},
		"an unknown currency":      {evenly, func(b *transfer.Bill) { b.Currency = "XXQ" }, wallet.CodeUnknownCurrency},
		"nothing":                  {evenly, func(b *transfer.Bill) { b.Total = 0 }, wallet.CodeAmountOutOfRange},
		"less than nothing":        {evenly, func(b *transfer.Bill) { b.Total = -1 }, wallet.CodeAmountOutOfRange},
		"too much":                 {evenly, func(b *transfer.Bill) { b.Total = 1 << 50 }, wallet.CodeAmountOutOfRange},
		"less than a unit each":    {evenly, func(b *transfer.Bill) { b.Total = 1 }, wallet.CodeAmountOutOfRange},
		"an unknown remainder":     {evenly, func(b *transfer.Bill) { b.Remainder = "waiter" }, wallet.CodeInvalidArgument},
		"asks of an even bill":     {evenly, func(b *transfer.Bill) { b.Asks = each.Asks }, wallet.CodeInvalidArgument},
		"somebody twice":           {evenly, func(b *transfer.Bill) { b.Participants = []string{"bob", "bob"} }, wallet.CodeInvalidArgument},
		"nobody's id":              {evenly, func(b *transfer.Bill) { b.Participants = []string{"b b"} }, wallet.CodeInvalidArgument},
		"a stranger":               {evenly, func(b *transfer.Bill) { b.Participants = []string{"dave"} }, transfer.CodeParticipantNotAMember},
		"only oneself":             {evenly, func(b *transfer.Bill) { b.Participants = []string{"alice"} }, transfer.CodeParticipantsRequired},
		"not one's group":          {evenly, func(b *transfer.Bill) { b.Group = "other" }, wallet.CodeNotAMember},
		"no such group":            {evenly, func(b *transfer.Bill) { b.Group = "nowhere" }, wallet.CodeNotAMember},
		"a malformed group":        {evenly, func(b *transfer.Bill) { b.Group = "a b" }, wallet.CodeInvalidArgument},
		"a malformed request id":   {evenly, func(b *transfer.Bill) { b.RequestID = "" }, wallet.CodeInvalidArgument},
		"a long note":              {evenly, func(b *transfer.Bill) { b.Note = strings.Repeat("福", 101) }, transfer.CodeNoteTooLong},
		"a request id of before":   {evenly, func(b *transfer.Bill) { b.RequestID = "fund-g" }, wallet.CodeRequestConflict},
		"nobody is asked":          {each, func(b *transfer.Bill) { b.Asks = nil }, transfer.CodeParticipantsRequired},
		"asked for nothing":        {each, func(b *transfer.Bill) { b.Asks = []transfer.Ask{{User: "bob"}} }, wallet.CodeAmountOutOfRange},
		"asked of oneself":         {each, func(b *transfer.Bill) { b.Asks = []transfer.Ask{{User: "alice", Minor: 1}} }, wallet.CodeInvalidArgument},
		"asked twice":              {each, func(b *transfer.Bill) { b.Asks = append(b.Asks, b.Asks...) }, wallet.CodeInvalidArgument},
		"a stranger is asked":      {each, func(b *transfer.Bill) { b.Asks = []transfer.Ask{{User: "dave", Minor: 1}} }, transfer.CodeParticipantNotAMember},
		"a total per person":       {each, func(b *transfer.Bill) { b.Total = 10 }, wallet.CodeInvalidArgument},
		"asked for more than sums": {each, func(b *transfer.Bill) { b.Asks = []transfer.Ask{{"bob", 1 << 40}, {"carol", 1}} }, wallet.CodeAmountOutOfRange},
	} {
		b := line.bill
		line.change(&b)
		_, err := r.Collections.Open(ctx, "alice", b)
		wantCode(t, name, err, line.code)
	}
	if lines, err := r.Collections.Opened(ctx, "alice", 0, 10); err != nil || len(lines) != 0 {
		t.Errorf("opened: %+v, %v", lines, err)
	}
	first := must(r.Collections.Open(ctx, "alice", each))
	if again := must(r.Collections.Open(ctx, "alice", each)); again.ID != first.ID {
		t.Errorf("a repeat opened %d beside %d", again.ID, first.ID)
	}
	if err := r.Groups.Remove(ctx, "g", "bob"); err != nil {
		t.Fatal(err)
	}
	if again := must(r.Collections.Open(ctx, "alice", each)); again.ID != first.ID {
		t.Errorf("a repeat, after bob left, opened %d beside %d", again.ID, first.ID)
	}
	if _, err := r.Collections.Pay(ctx, "bob", first.ID, 10, "CNY"); err != nil {
		t.Errorf("bob, who left, still owes his part: %v", err)
	}
	r.mustBalance()
}

func TestRefusedOffers(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	good := transfer.Offer{RequestID: "refused", To: "bob", Minor: 100, Currency: "CNY", Note: "x"}
	for name, line := range map[string]struct {
		change func(*transfer.Offer)
		code   string
	}{
		"to oneself":               {func(o *transfer.Offer) { o.To = "alice" }, transfer.CodeToOneself},
		"to nobody":                {func(o *transfer.Offer) { o.To = "" }, transfer.CodeRecipientRequired},
		"to something else":        {func(o *transfer.Offer) { o.To = "a b" }, wallet.CodeInvalidArgument},
		"to a system account":      {func(o *transfer.Offer) { o.To = "#clearing" }, wallet.CodeInvalidArgument},
		"nothing":                  {func(o *transfer.Offer) { o.Minor = 0 }, wallet.CodeAmountOutOfRange},
		"less than nothing":        {func(o *transfer.Offer) { o.Minor = -100 }, wallet.CodeAmountOutOfRange},
		"too much for an amount":   {func(o *transfer.Offer) { o.Minor = 1 << 62 }, wallet.CodeAmountOutOfRange},
		"more than there is":       {func(o *transfer.Offer) { o.Minor = funds + 1 }, wallet.CodeInsufficientBalance},
		"over the daily limit":     {func(o *transfer.Offer) { o.Minor = 20_000_001 }, wallet.CodeDailyLimitExceeded},
		"an unknown currency":      {func(o *transfer.Offer) { o.Currency = "XXQ" }, wallet.CodeUnknownCurrency},
		"no currency":              {func(o *transfer.Offer) { o.Currency = "" }, wallet.CodeUnknownCurrency},
		"a currency one has not":   {func(o *transfer.Offer) { o.Currency = "USD" }, wallet.CodeInsufficientBalance},
		"an unknown arrival":       {func(o *transfer.Offer) { o.ArrivesIn = "3h" }, transfer.CodeUnknownArrival},
		"a long note":              {func(o *transfer.Offer) { o.Note = strings.Repeat("福", 101) }, transfer.CodeNoteTooLong},
		"a control character":      {func(o *transfer.Offer) { o.Note = "a\tb" }, wallet.CodeInvalidArgument},
		"text that turns around":   {func(o *transfer.Offer) { o.Note = "\u202e001¥" }, wallet.CodeInvalidArgument},
		"text that is no text":     {func(o *transfer.Offer) { o.Note = "\xff" }, wallet.CodeInvalidArgument},
		"a malformed request id":   {func(o *transfer.Offer) { o.RequestID = "#collection:1:1" }, wallet.CodeInvalidArgument},
		"a request id of a top-up": {func(o *transfer.Offer) { o.RequestID = "fund-g" }, wallet.CodeRequestConflict},
	} {
		o := good
		line.change(&o)
		_, err := r.Transfers.Offer(t.Context(), "alice", o)
		wantCode(t, name, err, line.code)
	}
	r.wantBalances(map[string]int64{"alice": funds, "bob": funds})
	if sent, err := r.Transfers.Sent(t.Context(), "alice", 0, 10); err != nil || len(sent) != 0 {
		t.Errorf("sent: %v, %v", sent, err)
	}
	longest := good
	longest.Note = strings.Repeat("福", 100)
	if _, err := r.Transfers.Offer(t.Context(), "alice", longest); err != nil {
		t.Errorf("the longest note: %v", err)
	}
	r.wantEvents("user:bob", "transfer.offered")
	r.mustBalance()
}
