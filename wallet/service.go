// Package wallet is a user's money: balances, statement, and what comes in from outside and goes out. The rules of money
// are in package ledger.
package wallet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject labels money that comes from, or goes to, outside.
const Subject ledger.Subject = "funding"

// Bounds of a page of a statement.
const (
	DefaultEntries = 50
	MaxEntries     = 200
)

// ResumeFundings leaves orders alone that are younger than fundingGrace, for the call that made them is probably still
// at work on them, and reads resumePage of them at a time.
const (
	fundingGrace = 5 * time.Second
	resumePage   = 100
)

// Service is a user's wallet: balances, statement, money in and out. Every method is safe for concurrent use.
//
// A top-up or withdrawal is three steps: the ledger records it (and debits a withdrawal), the provider moves the money,
// the ledger records how that ended. Whatever stops between two of them, a repeat of the call or ResumeFundings goes on
// from there; until then a withdrawal's money is in an account of its own, neither spent nor spendable.
type Service struct {
	ledger  FundingLedger
	funding Funding
	now     func() time.Time
}

// NewService makes a Service.
func NewService(l FundingLedger, f Funding, now func() time.Time) *Service {
	return &Service{ledger: l, funding: f, now: now}
}

// Balances returns what a user owns, one amount for each currency ever used, ordered by currency.
func (s *Service) Balances(ctx context.Context, user string) ([]ledger.Amount, error) {
	return s.ledger.Balances(ctx, user)
}

// Entries returns a page of a user's statement, newest first: entries with a seq below before (0: from the newest), up to
// limit (0: DefaultEntries). Refusals: unknown_currency, invalid_argument.
func (s *Service) Entries(ctx context.Context, user, currency string, before int64, limit int) ([]ledger.Entry, error) {
	c, limit, err := checkPage(currency, before, limit)
	if err != nil {
		return nil, err
	}
	return s.ledger.Entries(ctx, user, c, before, limit)
}

// EntriesBetween is Entries with only what happened from one time to before another; zero is no bound. next is the before of
// the next page, 0 where there is none: a page may have no entries and not be the last. Refusals: as Entries.
func (s *Service) EntriesBetween(ctx context.Context, user, currency string, before int64, limit int, from, to time.Time) (entries []ledger.Entry, next int64, err error) {
	c, limit, err := checkPage(currency, before, limit)
	if err != nil {
		return nil, 0, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return nil, 0, refusal.New(refusal.CodeInvalidArgument, "from is not before to: give an earlier from or a later to")
	}
	return s.ledger.EntriesBetween(ctx, user, c, before, limit, from, to)
}

// checkPage reads what says which page of a statement is asked for.
func checkPage(currency string, before int64, limit int) (ledger.Currency, int, error) {
	c, err := ledger.ParseCurrency(currency)
	if err != nil {
		return "", 0, err
	}
	if limit == 0 {
		limit = DefaultEntries
	}
	if limit < 1 || limit > MaxEntries {
		return "", 0, refusal.New(refusal.CodeInvalidArgument, "limit %d is out of range: give 1 to %d", limit, MaxEntries)
	}
	if before < 0 {
		return "", 0, refusal.New(refusal.CodeInvalidArgument, "cursor %d is not one of this list's", before)
	}
	return c, limit, nil
}

// TopUp brings minor units of a currency in from outside. The order's State is FundingPending where the provider takes
// its time. Refusals: amount_out_of_range, unknown_currency, request_conflict, funding_refused.
func (s *Service) TopUp(ctx context.Context, user, requestID string, minor int64, currency string) (FundingOrder, error) {
	return s.order(ctx, ledger.EntryTopUp, user, requestID, minor, currency)
}

// Withdraw takes minor units of a currency out. Refusals: as TopUp, and insufficient_balance.
func (s *Service) Withdraw(ctx context.Context, user, requestID string, minor int64, currency string) (FundingOrder, error) {
	return s.order(ctx, ledger.EntryWithdrawal, user, requestID, minor, currency)
}

func (s *Service) order(ctx context.Context, kind ledger.EntryKind, user, requestID string, minor int64, currency string) (FundingOrder, error) {
	if err := refusal.CheckID("user", user); err != nil {
		return FundingOrder{}, err
	}
	amount, err := ledger.NewAmount(minor, currency)
	if err != nil {
		return FundingOrder{}, err
	}
	request, err := ledger.NewRequest(requestID, string(kind), amount)
	if err != nil {
		return FundingOrder{}, err
	}
	id, err := s.ledger.NewID(user)
	if err != nil {
		return FundingOrder{}, err
	}
	o := FundingOrder{ID: id, User: user, Kind: kind, Amount: amount, State: FundingPending, CreatedAt: s.now()}
	if o, err = s.ledger.OpenFunding(ctx, request, o); err != nil {
		return FundingOrder{}, err
	}
	if o, err = s.advance(ctx, o); err != nil {
		return FundingOrder{}, err
	}
	if o.State == FundingRefused {
		return FundingOrder{}, refusal.New(CodeFundingRefused, "the funding provider refused this %s: the wallet is as it was before", kind)
	}
	return o, nil
}

// advance asks the provider about a pending order and records its answer.
func (s *Service) advance(ctx context.Context, o FundingOrder) (FundingOrder, error) {
	if o.State != FundingPending {
		return o, nil
	}
	ask := s.funding.Collect
	if o.Kind == ledger.EntryWithdrawal {
		ask = s.funding.PayOut
	}
	state, err := ask(ctx, o)
	if err != nil {
		return o, fmt.Errorf("funding provider, %s %d: %w", o.Kind, o.ID, err)
	}
	if state == FundingPending {
		return o, nil
	}
	return s.ledger.CloseFunding(ctx, o.ID, state)
}

// ResumeFundings goes on with every order of a shard that has been pending for more than a few seconds, and returns how
// many of them are now settled or refused. An order that fails does not hold up the others; err joins the failures.
func (s *Service) ResumeFundings(ctx context.Context, shard int) (finished int, err error) {
	var errs []error
	before := s.now().Add(-fundingGrace)
	for after := int64(0); ctx.Err() == nil; {
		orders, err := s.ledger.PendingFundings(ctx, shard, before, after, resumePage)
		if err != nil {
			errs = append(errs, err)
			break
		}
		for _, o := range orders {
			after = o.ID
			o, err := s.advance(ctx, o)
			if err != nil {
				errs = append(errs, err)
			} else if o.State != FundingPending {
				finished++
			}
		}
		if len(orders) < resumePage {
			break
		}
	}
	return finished, errors.Join(append(errs, ctx.Err())...)
}
