package handler

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// StepUp demands a fresh second factor for large amounts: a token whose claim acr is one of Contexts, and whose
// auth_time is at most Age ago. The zero value demands nothing.
type StepUp struct {
	Contexts []string
	Age      time.Duration
	Above    ledger.DailyLimits // minor units of one call, by currency; 0 demands nothing
}

// maxClockSkew is how far in the future a token's auth_time may be.
const maxClockSkew = 5 * time.Second

// amounts names the field with the amount in the requests of the methods by which money leaves a user.
var amounts = map[contract.Key]string{
	{Service: "WalletService", Method: "Withdraw"}:            "Amount",
	{Service: "EnvelopeService", Method: "Send"}:              "Total",
	{Service: "TransferService", Method: "Offer"}:             "Amount",
	{Service: "CollectionService", Method: "PayCollection"}:   "Amount",
	{Service: "MerchantService", Method: "MoveMerchantMoney"}: "Amount",
}

// check refuses a call for a large amount without a fresh proof. Refusal: step_up_required.
func (s StepUp) check(m *contract.Method, c auth.Caller, args any, now time.Time) error {
	field, ok := amounts[m.Key]
	if !ok || len(s.Contexts) == 0 {
		return nil
	}
	request := reflect.ValueOf(args).Elem().Field(0) // of every method's generated arguments, see contract.Args
	if request.IsNil() {
		return nil // refused elsewhere
	}
	amount := request.Elem().FieldByName(field).Int()
	currency := ledger.Currency(request.Elem().FieldByName("Currency").String())
	above := s.Above.Of(currency)
	if above == 0 || amount <= above || s.fresh(c, now) {
		return nil
	}
	return refusal.New(problem.CodeStepUpRequired,
		"more than %d minor units need a fresh proof of who you are: get a token with acr %s and an auth_time of at "+
			"most %v ago", above, strings.Join(s.Contexts, " or "), s.Age)
}

func (s StepUp) fresh(c auth.Caller, now time.Time) bool {
	age := now.Sub(c.AuthTime)
	return slices.Contains(s.Contexts, c.Context) && age <= s.Age && age >= -maxClockSkew
}
