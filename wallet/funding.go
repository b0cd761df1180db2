package wallet

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// CodeFundingRefused says that the funding provider will not collect or pay out the money.
const CodeFundingRefused = "funding_refused"

// FundingState is how far a top-up or withdrawal has come. Settled and refused are final.
type FundingState string

const (
	FundingPending FundingState = "pending" // the provider has not decided yet
	FundingSettled FundingState = "settled" // the money has moved
	FundingRefused FundingState = "refused" // it has not and will not
)

// FundingOrder is money that comes in from outside (ledger.EntryTopUp) or goes out (ledger.EntryWithdrawal).
type FundingOrder struct {
	ID        int64 // from FundingLedger.NewID: its low bits are the user's shard
	User      string
	Kind      ledger.EntryKind
	Amount    ledger.Amount
	State     FundingState
	Balance   int64 // of the wallet right after the order touched it; 0 while a top-up is pending
	CreatedAt time.Time
}

// Funding is the provider that moves money between the outside and this installation: a bank, a payment service. Both
// methods are asked again with the same id until the answer is final, so the provider must carry out an id once.
type Funding interface {
	// Collect takes the amount from the user's means of payment. An error means that it is unknown what happened.
	Collect(ctx context.Context, o FundingOrder) (FundingState, error)
	// PayOut pays the amount to the user. An error means that it is unknown what happened.
	PayOut(ctx context.Context, o FundingOrder) (FundingState, error)
}

// Sandbox is a Funding that has all the money in the world and settles at once. It is for development and tests: an
// installation that uses it says so in its record (see the installation's `sandbox`).
type Sandbox struct{}

// Collect settles.
func (Sandbox) Collect(context.Context, FundingOrder) (FundingState, error) {
	return FundingSettled, nil
}

// PayOut settles.
func (Sandbox) PayOut(context.Context, FundingOrder) (FundingState, error) {
	return FundingSettled, nil
}

// FundingLedger is what Service needs of the ledger. Every method is safe to repeat.
type FundingLedger interface {
	// NewID makes an id for an order of this user.
	NewID(user string) (int64, error)

	// OpenFunding records a pending order; a withdrawal debits the wallet in the same transaction. If the request was
	// already carried out, the order of that time is returned as it is now. Refusals: insufficient_balance,
	// request_conflict.
	OpenFunding(ctx context.Context, r ledger.Request, o FundingOrder) (FundingOrder, error)

	// CloseFunding makes a pending order settled or refused and moves its money accordingly. An order that is no longer
	// pending is returned as it is.
	CloseFunding(ctx context.Context, id int64, state FundingState) (FundingOrder, error)

	// PendingFundings returns pending orders of a shard that were created before a time, with an id above after, in
	// the order of ids.
	PendingFundings(ctx context.Context, shard int, before time.Time, after int64, limit int) ([]FundingOrder, error)

	// Balances returns what a user owns, ordered by currency.
	Balances(ctx context.Context, user string) ([]ledger.Amount, error)

	// Entries returns a user's statement in one currency, newest first, with a seq below before (0: from the newest).
	Entries(ctx context.Context, user string, c ledger.Currency, before int64, limit int) ([]ledger.Entry, error)

	// EntriesBetween is Entries with only what happened from one time (zero: from the first) to before another (zero: to
	// the newest). next is the before of the next page, 0 where there is none. A page may have no entries and not be the last.
	EntriesBetween(ctx context.Context, user string, c ledger.Currency, before int64, limit int, from, to time.Time) (entries []ledger.Entry, next int64, err error)
}
