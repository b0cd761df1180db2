package wallet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Codes of money in and out.
const (
	// CodeFundingRefused says that the funding provider will not collect or pay out the money.
	CodeFundingRefused = "funding_refused"
	// CodeFundingNotFound says that no order has the id that a provider names.
	CodeFundingNotFound = "funding_not_found"
	// CodeFundingMismatch says that a provider names another user, kind, amount or currency than the order has.
	CodeFundingMismatch = "funding_mismatch"
	// CodeFundingDecided says that the order was decided before, the other way.
	CodeFundingDecided = "funding_decided"
	// CodeSignatureInvalid says that what claims to be from the provider does not carry its signature of now.
	CodeSignatureInvalid = "signature_invalid"
)

// ErrFundingNotFound says that no order has the id.
var ErrFundingNotFound = errors.New("wallet: no such top-up or withdrawal")

// FundingState is how far a top-up or withdrawal has come. Settled and refused are final.
type FundingState string

const (
	FundingPending FundingState = "pending" // the provider has not decided yet
	FundingSettled FundingState = "settled" // the money has moved
	FundingRefused FundingState = "refused" // it has not and will not
	// FundingUnknown is a provider's answer to a query for an order that it has never heard of. No order is stored so.
	FundingUnknown FundingState = "unknown"
)

// Final says whether the provider has decided.
func (s FundingState) Final() bool { return s == FundingSettled || s == FundingRefused }

// FundingOrder is money that comes in from outside (ledger.EntryTopUp) or goes out (ledger.EntryWithdrawal).
type FundingOrder struct {
	ID     int64            `json:"id"` // from FundingLedger.NewID: its low bits are the user's shard
	User   string           `json:"user"`
	Kind   ledger.EntryKind `json:"kind"`
	Amount ledger.Amount    `json:"-"` // amount and currency, side by side
	State  FundingState     `json:"state"`
	// Balance is that of the wallet right after the order touched it; 0 while a top-up is pending.
	Balance   int64     `json:"balance"`
	CreatedAt time.Time `json:"created_at"`
	// CountsDaily says that a withdrawal counts towards what its user may move out in a day, as holds do that count.
	CountsDaily bool      `json:"counts_daily,omitempty"`
	QueryAt     time.Time `json:"query_at"` // when ResumeFundings next asks the provider, while the order is pending
}

// MarshalJSON gives the fields the names that they have in the API.
func (o FundingOrder) MarshalJSON() ([]byte, error) {
	return json.Marshal(orderText{plainOrder(o), o.Amount.Minor, o.Amount.Currency})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *FundingOrder) UnmarshalJSON(text []byte) error {
	var t orderText
	err := json.Unmarshal(text, &t)
	*o = FundingOrder(t.plainOrder)
	o.Amount = ledger.Amount{Minor: t.Minor, Currency: t.Currency}
	return err
}

type plainOrder FundingOrder

// orderText is an order as JSON.
type orderText struct {
	plainOrder
	Minor    int64           `json:"amount"`
	Currency ledger.Currency `json:"currency"`
}

// CheckDaily finds an order that cannot count or have a bound, in minor units of its day; 0 is none.
func (o FundingOrder) CheckDaily(limit int64) error {
	if limit < 0 || limit > 0 && !o.CountsDaily || o.CountsDaily && o.Kind != ledger.EntryWithdrawal {
		return fmt.Errorf("wallet: %s %d with a limit of %d a day", o.Kind, o.ID, limit)
	}
	return nil
}

// FundingReport is what a provider says about an order.
type FundingReport struct {
	ID     int64
	User   string
	Kind   ledger.EntryKind
	Amount ledger.Amount
	State  FundingState
}

// Check compares a report with the order that it is about. Refusal: funding_mismatch.
func (r FundingReport) Check(o FundingOrder) error {
	if r.ID == o.ID && r.User == o.User && r.Kind == o.Kind && r.Amount == o.Amount {
		return nil
	}
	return refusal.New(CodeFundingMismatch, "funding %d is a %s of %d %s for %q, not a %s of %d %s for %q under id %d",
		o.ID,
		o.Kind, o.Amount.Minor, o.Amount.Currency, o.User, refusal.Clip(string(r.Kind)), r.Amount.Minor,
		refusal.Clip(string(r.Amount.Currency)),
		refusal.Clip(r.User), r.ID)
}

// Funding is the provider that moves money between the outside and this installation: a bank, a payment service. An
// error of either method means that it is unknown what happened, so the order stays pending and the provider is asked
// again. Implementations return within 3 seconds, so that a call of the API can still answer.
type Funding interface {
	// Create asks the provider to collect the amount from the user's means of payment (ledger.EntryTopUp), or to pay it
	// out to the user (ledger.EntryWithdrawal). It may be called any number of times with the same order: the provider
	// must carry out an id once, for good, and answer how far that has come.
	Create(ctx context.Context, o FundingOrder) (FundingState, error)
	// Query asks how far an order has come. FundingUnknown: the provider has no order with this id.
	Query(ctx context.Context, o FundingOrder) (FundingState, error)
}

// Sandbox is a Funding that has all the money in the world and settles at once. It is for development and tests: an
// installation that uses it says so in its record (see the installation's `sandbox`).
type Sandbox struct{}

// Create settles.
func (Sandbox) Create(context.Context, FundingOrder) (FundingState, error) {
	return FundingSettled, nil
}

// Query settles.
func (Sandbox) Query(context.Context, FundingOrder) (FundingState, error) {
	return FundingSettled, nil
}

// Unfunded is the Funding of a process that moves no money in or out. Orders stay pending with it.
type Unfunded struct{}

var errUnfunded = errors.New("wallet: this process has no funding provider")

// Create fails.
func (Unfunded) Create(context.Context, FundingOrder) (FundingState, error) { return "", errUnfunded }

// Query fails.
func (Unfunded) Query(context.Context, FundingOrder) (FundingState, error) { return "", errUnfunded }

// FundingLedger is what Service needs of the ledger. Every method is safe to repeat.
type FundingLedger interface {
	// NewID makes an id for an order of this user.
	NewID(user string) (int64, error)

	// OpenFunding records a pending order; a withdrawal debits the wallet in the same transaction. If the request was
	// already carried out, the order of that time is returned as it is now. dailyLimit bounds, in minor units, what
	// counts of the user's day and currency, this order included; 0 is no bound. Refusals: insufficient_balance,
	// account_frozen, daily_limit_exceeded, request_conflict.
	OpenFunding(ctx context.Context, r ledger.Request, o FundingOrder, dailyLimit int64) (FundingOrder, error)

	// CloseFunding makes a pending order settled or refused and moves its money accordingly. An order that is no longer
	// pending is returned as it is.
	CloseFunding(ctx context.Context, id int64, state FundingState) (FundingOrder, error)

	// Funding returns an order. Error: ErrFundingNotFound.
	Funding(ctx context.Context, id int64) (FundingOrder, error)

	// DueFundings returns pending orders of a shard whose QueryAt has come by a time, the longest due first.
	DueFundings(ctx context.Context, shard int, by time.Time, limit int) ([]FundingOrder, error)

	// DeferFunding moves the QueryAt of a pending order from what o says to a later time. It returns false where the
	// order is no longer pending or has another QueryAt, so of several workers with the same o one gets true.
	DeferFunding(ctx context.Context, o FundingOrder, until time.Time) (bool, error)

	// Balances returns what a user owns, ordered by currency.
	Balances(ctx context.Context, user string) ([]ledger.Amount, error)

	// Entries returns a user's statement in one currency, newest first, with a seq below before (0: from the newest).
	Entries(ctx context.Context, user string, c ledger.Currency, before int64, limit int) ([]ledger.Entry, error)

	// EntriesBetween is Entries with only what happened from one time (zero: from the first) to before another (zero:
	// to the newest). next is the before of the next page, 0 where there is none. A page may have no entries and not be
	// the last.
	EntriesBetween(ctx context.Context, user string, c ledger.Currency, before int64, limit int, from,
		to time.Time) (entries []ledger.Entry, next int64, err error)
}
