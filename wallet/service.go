// Package wallet is a user's money: balances, statement, and what comes in from outside and goes out. The rules of
// money are in package ledger.
package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// How ResumeFundings asks the provider about pending orders.
const (
	// fundingGrace is how long an order is left to the call that made it, and the shortest time between two queries.
	fundingGrace = 5 * time.Second
	// fundingMostWait is the longest. In between, an order is asked about again when it is half as old again.
	fundingMostWait = 15 * time.Minute
	resumePage      = 100 // orders read at a time
	resumeWidth     = 8   // orders asked about at a time
	// resumeFailures is how many failures in a row, of any order, end a pass: the provider or the ledger is away.
	resumeFailures = 16
)

// Service is a user's wallet: balances, statement, money in and out. Every method is safe for concurrent use.
//
// A top-up or withdrawal is three steps: the ledger records it (and debits a withdrawal), the provider moves the money,
// the ledger records how that ended. Whatever stops between two of them, a repeat of the call, ResumeFundings or a
// report of the provider (DecideFunding) goes on from there; until then a withdrawal's money is in an account of its
// own, neither spent nor spendable.
//
//	(none) ── OpenFunding ──► pending ── settled ──► top-up: outside → wallet;     withdrawal: its account → outside
//	                           │   ▲  └─ refused ──► top-up: nothing moved;        withdrawal: its account → wallet
//	                           └───┘ pending, unknown, an error, a mismatch: asked again, less often as it grows older
type Service struct {
	ledger  FundingLedger
	funding Funding
	now     func() time.Time
	perDay  ledger.DailyLimits
}

// NewService makes a Service.
func NewService(l FundingLedger, f Funding, now func() time.Time) *Service {
	return &Service{ledger: l, funding: f, now: now}
}

// Limit bounds withdrawals by what a user may move out in a day; where a currency has no bound they count nothing, and
// those of products' accounts never do. It returns s, and is for before its first use.
func (s *Service) Limit(perDay ledger.DailyLimits) *Service {
	s.perDay = perDay
	return s
}

// Balances returns what a user owns, one amount for each currency ever used, ordered by currency.
func (s *Service) Balances(ctx context.Context, user string) ([]ledger.Amount, error) {
	return s.ledger.Balances(ctx, user)
}

// Entries returns a page of a user's statement, newest first: entries with a seq below before (0: from the newest), up
// to limit (0: DefaultEntries). Refusals: unknown_currency, invalid_argument.
func (s *Service) Entries(ctx context.Context, user, currency string, before int64, limit int) ([]ledger.Entry, error) {
	c, limit, err := checkPage(currency, before, limit)
	if err != nil {
		return nil, err
	}
	return s.ledger.Entries(ctx, user, c, before, limit)
}

// EntriesBetween is Entries with only what happened from one time to before another; zero is no bound. next is the
// before of the next page, 0 where there is none: a page may have no entries and not be the last. Refusals: as Entries.
func (s *Service) EntriesBetween(ctx context.Context, user, currency string, before int64, limit int, from,
	to time.Time) (entries []ledger.Entry, next int64, err error) {
	c, limit, err := checkPage(currency, before, limit)
	if err != nil {
		return nil, 0, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return nil, 0, refusal.New(refusal.CodeInvalidArgument,
			"from is not before to: give an earlier from or a later to")
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
		return "", 0, refusal.New(refusal.CodeInvalidArgument, "limit %d is out of range: give 1 to %d", limit,
			MaxEntries)
	}
	if before < 0 {
		return "", 0, refusal.New(refusal.CodeInvalidArgument, "cursor %d is not one of this list's", before)
	}
	return c, limit, nil
}

// TopUp brings minor units of a currency in from outside. The order's State is FundingPending where the provider has
// not decided, or could not be asked: it is asked again, and a repeat of the call tells how far it has come. Refusals:
// amount_out_of_range, unknown_currency, request_conflict, funding_refused.
func (s *Service) TopUp(ctx context.Context, user, requestID string, minor int64,
	currency string) (FundingOrder, error) {
	return s.order(ctx, ledger.EntryTopUp, user, requestID, minor, currency)
}

// Withdraw takes minor units of a currency out. Refusals: as TopUp, insufficient_balance, account_frozen,
// daily_limit_exceeded.
func (s *Service) Withdraw(ctx context.Context, user, requestID string, minor int64,
	currency string) (FundingOrder, error) {
	return s.order(ctx, ledger.EntryWithdrawal, user, requestID, minor, currency)
}

func (s *Service) order(ctx context.Context, kind ledger.EntryKind, user, requestID string, minor int64,
	currency string) (FundingOrder, error) {
	if err := ledger.CheckAccount("user", user); err != nil {
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
	now := s.now()
	o := FundingOrder{ID: id, User: user, Kind: kind, Amount: amount, State: FundingPending, CreatedAt: now,
		QueryAt: now.Add(fundingGrace)}
	most := int64(0)
	if kind == ledger.EntryWithdrawal && !ledger.IsProductAccount(user) {
		most = s.perDay.Of(amount.Currency)
		o.CountsDaily = most > 0
	}
	if o, err = s.ledger.OpenFunding(ctx, request, o, most); err != nil {
		return FundingOrder{}, err
	}
	ask := question(s.query) // the call is a repeat: its order is not under the id that was made for it
	if o.ID == id {
		ask = s.funding.Create
	}
	if o, err = s.advance(ctx, o, ask); err != nil && !errors.Is(err, errNoAnswer) {
		return FundingOrder{}, err
	}
	if o.State == FundingRefused {
		return FundingOrder{}, refusal.New(CodeFundingRefused,
			"the funding provider refused this %s: the wallet is as it was before", kind)
	}
	return o, nil
}

// question is one of the two that a provider answers about an order.
type question func(ctx context.Context, o FundingOrder) (FundingState, error)

// errNoAnswer says that it is unknown what the provider did, or will do, about an order. It is still pending.
var errNoAnswer = errors.New("the funding provider gave no answer")

// advance asks the provider about a pending order and records its answer. Error: errNoAnswer, and the ledger's.
func (s *Service) advance(ctx context.Context, o FundingOrder, ask question) (FundingOrder, error) {
	if o.State != FundingPending {
		return o, nil
	}
	state, err := ask(ctx, o)
	if err != nil {
		return o, fmt.Errorf("%s %d: %w: %w", o.Kind, o.ID, errNoAnswer, err)
	}
	if !state.Final() {
		return o, nil
	}
	return s.ledger.CloseFunding(ctx, o.ID, state)
}

// query asks how far an order has come, and creates one that the provider has never heard of: whoever opened it died
// before the provider was asked, or the provider has lost it.
func (s *Service) query(ctx context.Context, o FundingOrder) (FundingState, error) {
	state, err := s.funding.Query(ctx, o)
	if err == nil && state == FundingUnknown {
		return s.funding.Create(ctx, o)
	}
	return state, err
}

// DecideFunding records what the provider reports about an order of its own accord. It may be repeated: the same report
// gives the same answer. A report that is not final changes nothing. Refusals: funding_not_found, funding_mismatch,
// funding_decided.
func (s *Service) DecideFunding(ctx context.Context, r FundingReport) (FundingOrder, error) {
	o, err := s.ledger.Funding(ctx, r.ID)
	if errors.Is(err, ErrFundingNotFound) {
		return FundingOrder{}, refusal.New(CodeFundingNotFound, "there is no top-up or withdrawal %d", r.ID)
	}
	if err != nil {
		return FundingOrder{}, err
	}
	if err := r.Check(o); err != nil {
		return FundingOrder{}, err
	}
	if !r.State.Final() {
		return o, nil
	}
	if o, err = s.ledger.CloseFunding(ctx, o.ID, r.State); err != nil {
		return FundingOrder{}, err
	}
	if o.State != r.State {
		return FundingOrder{}, refusal.New(CodeFundingDecided, "funding %d is already %s: it cannot become %s", o.ID,
			o.State, r.State)
	}
	return o, nil
}

// ResumeFundings asks the provider about the pending orders of a shard whose time has come, and returns how many of
// them are now settled or refused. An order that fails does not hold up the others; err joins the failures. It may run
// in several workers at once, which then share the orders.
func (s *Service) ResumeFundings(ctx context.Context, shard int) (finished int, err error) {
	pass := resumption{service: s}
	by := s.now() // whatever is asked about is due later than this, so the pass ends
	for ctx.Err() == nil && !pass.broken() {
		orders, err := s.ledger.DueFundings(ctx, shard, by, resumePage)
		if err != nil {
			pass.failed(err)
			break
		}
		pass.all(ctx, orders)
		if len(orders) < resumePage {
			break
		}
	}
	return pass.finished, errors.Join(append(pass.errs, ctx.Err())...)
}

// resumption is a pass of ResumeFundings.
type resumption struct {
	service *Service

	mu       sync.Mutex
	finished int
	inARow   int // failures
	errs     []error
}

// all asks about orders, resumeWidth at a time.
func (p *resumption) all(ctx context.Context, orders []FundingOrder) {
	places := make(chan struct{}, resumeWidth)
	var asking sync.WaitGroup
	defer asking.Wait()
	for _, o := range orders {
		places <- struct{}{}
		if ctx.Err() != nil || p.broken() {
			return
		}
		asking.Go(func() {
			defer func() { <-places }()
			p.one(ctx, o)
		})
	}
}

// one asks about an order, unless another worker does.
func (p *resumption) one(ctx context.Context, o FundingOrder) {
	s := p.service
	mine, err := s.ledger.DeferFunding(ctx, o, s.nextQuery(o))
	if err == nil && mine {
		o, err = s.advance(ctx, o, s.query)
	}
	if err != nil {
		p.failed(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inARow = 0
	if mine && o.State != FundingPending {
		p.finished++
	}
}

// nextQuery is when an order is asked about after now: when it is half as old again, within bounds.
func (s *Service) nextQuery(o FundingOrder) time.Time {
	now := s.now()
	return now.Add(min(max(now.Sub(o.CreatedAt)/2, fundingGrace), fundingMostWait))
}

func (p *resumption) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inARow++
	if len(p.errs) < resumeFailures { // one after another they could be as many as orders
		p.errs = append(p.errs, err)
	}
}

func (p *resumption) broken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inARow >= resumeFailures
}
