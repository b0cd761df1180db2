package transfer_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
)

func TestRefusedOffers(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	good := transfer.Offer{RequestID: "refused", To: "bob", Minor: 100, Currency: "CNY", Note: "x"}
	for name, line := range map[string]struct {
		change func(*transfer.Offer)
		code   string
	}{
		"to oneself":             {func(o *transfer.Offer) { o.To = "alice" }, transfer.CodeToOneself},
		"to nobody":              {func(o *transfer.Offer) { o.To = "" }, transfer.CodeRecipientRequired},
		"to something else":      {func(o *transfer.Offer) { o.To = "a b" }, refusal.CodeInvalidArgument},
		"to a system account":    {func(o *transfer.Offer) { o.To = "#clearing" }, refusal.CodeInvalidArgument},
		"nothing":                {func(o *transfer.Offer) { o.Minor = 0 }, refusal.CodeAmountOutOfRange},
		"less than nothing":      {func(o *transfer.Offer) { o.Minor = -100 }, refusal.CodeAmountOutOfRange},
		"too much for an amount": {func(o *transfer.Offer) { o.Minor = 1 << 62 }, refusal.CodeAmountOutOfRange},
		"more than there is": {func(o *transfer.Offer) { o.Minor = apptest.Funds + 1 },
			refusal.CodeInsufficientBalance},
		"over the daily limit":   {func(o *transfer.Offer) { o.Minor = 20_000_001 }, refusal.CodeDailyLimitExceeded},
		"an unknown currency":    {func(o *transfer.Offer) { o.Currency = "XXQ" }, refusal.CodeUnknownCurrency},
		"no currency":            {func(o *transfer.Offer) { o.Currency = "" }, refusal.CodeUnknownCurrency},
		"a currency one has not": {func(o *transfer.Offer) { o.Currency = "USD" }, refusal.CodeInsufficientBalance},
		"an unknown arrival":     {func(o *transfer.Offer) { o.ArrivesIn = "3h" }, transfer.CodeUnknownArrival},
		"a long note": {func(o *transfer.Offer) { o.Note = strings.Repeat("福", 101) },
			refusal.CodeNoteTooLong},
		"a control character":    {func(o *transfer.Offer) { o.Note = "a\tb" }, refusal.CodeInvalidArgument},
		"text that turns around": {func(o *transfer.Offer) { o.Note = "\u202e001¥" }, refusal.CodeInvalidArgument},
		"text that is no text":   {func(o *transfer.Offer) { o.Note = "\xff" }, refusal.CodeInvalidArgument},
		"a malformed request id": {func(o *transfer.Offer) { o.RequestID = "#collection:1:1" },
			refusal.CodeInvalidArgument},
		"a request id of a top-up": {func(o *transfer.Offer) { o.RequestID = "fund-g" }, refusal.CodeRequestConflict},
	} {
		o := good
		line.change(&o)
		_, err := r.Transfers.Offer(t.Context(), "alice", o)
		apptest.WantCode(t, name, err, line.code)
	}
	r.WantBalances(map[string]int64{"alice": apptest.Funds, "bob": apptest.Funds})
	if sent, err := r.Transfers.Sent(t.Context(), "alice", 0, 10); err != nil || len(sent) != 0 {
		t.Errorf("sent: %v, %v", sent, err)
	}
	longest := good
	longest.Note = strings.Repeat("福", 100)
	if _, err := r.Transfers.Offer(t.Context(), "alice", longest); err != nil {
		t.Errorf("the longest note: %v", err)
	}
	r.WantEvents("user:bob", "transfer.offered")
	r.MustBalance()
}
