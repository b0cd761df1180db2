package envelope

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func validOrder() Order {
	return Order{
		RequestID: "r", Group: "g", Kind: string(Lucky), Total: 600, Count: 2, Currency: "CNY", Greeting: "恭喜发财",
	}
}

// TestOrdersThatNobodyMaySend are refused by the order alone, whatever the group and the sender's balance.
func TestOrdersThatNobodyMaySend(t *testing.T) {
	exclusive := func(to string) func(*Order) {
		return func(o *Order) { o.Kind, o.Count, o.To = string(Exclusive), 1, to }
	}
	for name, test := range map[string]struct {
		change func(*Order)
		code   string
	}{
		"zero":                    {func(o *Order) { o.Total = 0 }, refusal.CodeAmountOutOfRange},
		"negative":                {func(o *Order) { o.Total = -5 }, refusal.CodeAmountOutOfRange},
		"overflow":                {func(o *Order) { o.Total = 1<<63 - 1 }, refusal.CodeAmountOutOfRange},
		"total under count":       {func(o *Order) { o.Total = 1 }, refusal.CodeAmountOutOfRange},
		"mean over the limit":     {func(o *Order) { o.Total = 40_001 }, refusal.CodeAmountOutOfRange},
		"count 0":                 {func(o *Order) { o.Count = 0 }, CodeCountOutOfRange},
		"count over the limit":    {func(o *Order) { o.Count, o.Total = 101, 101 }, CodeCountOutOfRange},
		"unknown kind":            {func(o *Order) { o.Kind = "free" }, CodeUnknownKind},
		"unknown currency":        {func(o *Order) { o.Currency = "XXQ" }, refusal.CodeUnknownCurrency},
		"small currency":          {func(o *Order) { o.Currency = "cny" }, refusal.CodeUnknownCurrency},
		"malformed group":         {func(o *Order) { o.Group = "a b" }, refusal.CodeInvalidArgument},
		"malformed request id":    {func(o *Order) { o.RequestID = "a b" }, refusal.CodeInvalidArgument},
		"long greeting":           {func(o *Order) { o.Greeting = strings.Repeat("福", 101) }, CodeGreetingTooLong},
		"control character":       {func(o *Order) { o.Greeting = "a\x00b" }, refusal.CodeInvalidArgument},
		"no text":                 {func(o *Order) { o.Greeting = "a\xff" }, refusal.CodeInvalidArgument},
		"recipient of a lucky":    {func(o *Order) { o.To = "bob" }, CodeRecipientNotAllowed},
		"exclusive to nobody":     {exclusive(""), CodeRecipientRequired},
		"exclusive to oneself":    {exclusive("alice"), CodeRecipientNotAllowed},
		"exclusive, malformed":    {exclusive("a b"), refusal.CodeInvalidArgument},
		"exclusive in two shares": {func(o *Order) { exclusive("bob")(o); o.Count = 2 }, CodeCountOutOfRange},
	} {
		t.Run(name, func(t *testing.T) {
			o := validOrder()
			test.change(&o)
			if _, err := checkAll(o, DefaultLimits()); refusal.CodeOf(err) != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
		})
	}
}

func checkAll(o Order, l Limits) (ledger.Amount, error) {
	total, err := o.check("alice")
	if err == nil {
		err = o.checkLimits(l)
	}
	return total, err
}

func TestOrdersAtTheLimits(t *testing.T) {
	limits := DefaultLimits()
	limits.MeanIn = map[ledger.Currency]int64{"JPY": 5}
	for name, change := range map[string]func(*Order){
		"one unit each":        func(o *Order) { o.Total = 2 },
		"mean at the limit":    func(o *Order) { o.Total = 40_000 },
		"a currency's own":     func(o *Order) { o.Total, o.Currency = 10, "JPY" },
		"count at the limit":   func(o *Order) { o.Count, o.Total = 100, 100 },
		"greeting at its most": func(o *Order) { o.Greeting = strings.Repeat("福", 100) },
		"no greeting":          func(o *Order) { o.Greeting = "" },
		"exclusive":            func(o *Order) { o.Kind, o.Count, o.To = string(Exclusive), 1, "bob" },
	} {
		o := validOrder()
		change(&o)
		total, err := checkAll(o, limits)
		if err != nil || total.Minor != o.Total || string(total.Currency) != o.Currency {
			t.Errorf("%s: %+v, %v", name, total, err)
		}
	}
	o := validOrder()
	o.Total, o.Currency = 11, "JPY"
	if _, err := checkAll(o, limits); refusal.CodeOf(err) != refusal.CodeAmountOutOfRange {
		t.Errorf("a mean over the currency's own limit: %v", err)
	}
}

func TestAHoldKeepsAnEnvelopeWhole(t *testing.T) {
	e := Envelope{
		ID: 7, Group: "g", Sender: "alice", Kind: Exclusive, Total: ledger.Amount{Minor: 5, Currency: "CNY"}, Count: 1,
		Greeting: "福", To: "bob", Seed: seedOf(9), Shares: []int64{5},
	}
	h, err := e.hold()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := fromHold(h); err != nil || !reflect.DeepEqual(back, e) {
		t.Errorf("%+v, %v; want %+v", back, err, e)
	}
}

func TestUntaken(t *testing.T) {
	e := Envelope{Shares: []int64{1, 2, 3}}
	left, err := Untaken(e, []Take{{User: "a", Share: 1}})
	if err != nil || len(left) != 2 || left[0] != 0 || left[1] != 2 {
		t.Errorf("%v, %v", left, err)
	}
	for name, taken := range map[string][]Take{
		"below the first": {{User: "a", Share: -1}}, "behind the last": {{User: "a", Share: 3}},
		"a share twice": {{User: "a"}, {User: "b"}}, "a user twice": {{User: "a"}, {User: "a", Share: 1}},
		"malformed user": {{User: "#"}},
	} {
		if left, err := Untaken(e, taken); err == nil {
			t.Errorf("%s: %v", name, left)
		}
	}
}
