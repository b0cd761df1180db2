package client

import (
	"context"
	"iter"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

// Balance is what a user owns in one currency.
type Balance struct {
	Currency string
	Amount   int64 // what can be spent now, in minor units
}

// Entry is one line of a statement.
type Entry struct {
	Seq          int64  // 1, 2, 3 … without gaps in this wallet and currency
	Amount       int64  // signed: positive came in, negative went out
	Balance      int64  // after this entry
	Kind         string // topup, withdrawal, hold, post, void
	Subject      string // what it was for: funding, envelope, transfer, collection
	Reference    int64  // the id of that envelope, transfer or funding; the payment of a collection's part
	Counterparty string // the other side's user id; empty where there is none, or a whole group
	Note         string
	At           time.Time
}

// EntriesQuery chooses lines of a statement.
type EntriesQuery struct {
	Currency string
	From     time.Time // only entries of this time or later; zero: from the first
	To       time.Time // only entries before this time; zero: to the newest
}

// NewFunding is money to bring in or take out.
type NewFunding struct {
	RequestID string // see the package comment; made where it is empty
	Amount    int64  // minor units
	Currency  string
}

// Funding is money that was brought in or taken out.
type Funding struct {
	ID       int64
	State    string // settled
	Balance  int64  // the wallet's balance in the currency after it
	Currency string
}

// Wallet calls the WalletService. Scope: user.
type Wallet struct{ c *Client }

// Balances returns what the caller owns, one Balance for each currency ever used, ordered by currency.
func (s Wallet) Balances(ctx context.Context) ([]Balance, error) {
	answer, err := invoke(ctx, s.c, call{method: "Wallet.Balances"}, s.c.shared.services.Wallet.Balances,
		&walletapi.BalancesRequest{})
	return converted(balancesOf, answer, err)
}

// Entries iterates over the caller's statement, newest first.
func (s Wallet) Entries(ctx context.Context, q EntriesQuery) iter.Seq2[Entry, error] {
	request := walletapi.EntriesRequest{Currency: q.Currency}
	if !q.From.IsZero() {
		request.From = new(q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		request.To = new(q.To.UnixMilli())
	}
	return list(s.c, func(cursor *string, size *int32) (*walletapi.EntriesResponse, error) {
		page := request
		page.Cursor, page.Limit = cursor, size
		return invoke(ctx, s.c, call{method: "Wallet.Entries"}, s.c.shared.services.Wallet.Entries, &page)
	}, (*walletapi.EntriesResponse).GetEntries, entryOf)
}

// TopUp brings money in through the installation's funding provider.
func (s Wallet) TopUp(ctx context.Context, f NewFunding) (Funding, error) {
	return s.fund(ctx, "Wallet.TopUp", s.c.shared.services.Wallet.TopUp, f)
}

// Withdraw takes money out through the funding provider.
func (s Wallet) Withdraw(ctx context.Context, f NewFunding) (Funding, error) {
	return s.fund(ctx, "Wallet.Withdraw", s.c.shared.services.Wallet.Withdraw, f)
}

func (s Wallet) fund(
	ctx context.Context, name string, m method[*walletapi.FundingRequest, *walletapi.FundingResponse], f NewFunding,
) (Funding, error) {
	request := &walletapi.FundingRequest{RequestId: requestID(f.RequestID), Amount: f.Amount, Currency: f.Currency}
	answer, err := invoke(ctx, s.c, call{method: name, requestID: request.RequestId}, m, request)
	return converted(fundingOf, answer, err)
}

func balancesOf(r *walletapi.BalancesResponse) []Balance {
	balances := make([]Balance, len(r.Balances))
	for i, b := range r.Balances {
		balances[i] = Balance{Currency: b.Currency, Amount: b.Amount}
	}
	return balances
}

func entryOf(e *walletapi.Entry) Entry {
	return Entry{
		Seq: e.Seq, Amount: e.Amount, Balance: e.Balance, Kind: e.Kind, Subject: e.Subject, Reference: e.Reference,
		Counterparty: e.Counterparty, Note: e.Note, At: at(e.At),
	}
}

func fundingOf(f *walletapi.FundingResponse) Funding {
	return Funding{ID: f.Id, State: f.State, Balance: f.Balance, Currency: f.Currency}
}
