package handlertest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/webhook"
)

// Domain stands in for the domain behind the services: it answers with what a test puts in and remembers who asked
// for what.
type Domain struct {
	mu    sync.Mutex
	state State
}

// State is what a Domain answers with, and what it has been asked for.
type State struct {
	Err     error // what every method returns
	Panics  bool
	Limited bool // merchants' servers have made all the calls that they may
	Unknown bool // what merchants' servers have made of their calls cannot be found out
	Groups  map[string][]string
	View    envelope.View
	Sent    []envelope.SentLine

	Caller  string
	Asks    []envelope.Ask
	Revoked []string
	Frozen  []ledger.Freeze
	Reviews []risk.Waiting
	Verdict wallet.Verdict
	// Rejections are what operators decide about.
	Rejections []ledger.Resolution
	Callback   []string // id, timestamp, signatures and body
	Order      envelope.Order
	Offer      transfer.Offer
	Bill       collection.Bill
	Paid       ledger.Amount

	Settings      webhook.Settings
	WebhookState  webhook.EndpointState
	DeliveryState webhook.DeliveryState
	Replayed      webhook.Range

	Search        merchant.Search
	Design        cover.Design
	CoverDecision cover.Decision
	Purchase      stock.Purchase
	Channel       stock.NewChannel

	Before int64
	Limit  int
	From   time.Time
	To     time.Time
}

// Set changes the state.
func (d *Domain) Set(change func(*State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
}

// Fail lets every method return an error from now on; nil ends it.
func (d *Domain) Fail(err error) { d.Set(func(s *State) { s.Err = err }) }

// Now returns the state.
func (d *Domain) Now() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// asked notes a call and returns what there is to answer with.
func (d *Domain) asked(caller string, note func(*State)) (State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Caller = caller
	if d.state.Panics {
		panic("SELECT secret FROM table")
	}
	if note != nil {
		note(&d.state)
	}
	return d.state, d.state.Err
}

type envelopes struct{ *Domain }

func (e envelopes) Send(_ context.Context, sender string, o envelope.Order) (envelope.View, error) {
	s, err := e.asked(sender, func(s *State) { s.Order = o })
	return s.View, err
}

func (e envelopes) Grab(_ context.Context, user string, _ int64) (envelope.Grabbed, error) {
	_, err := e.asked(user, nil)
	return envelope.Grabbed{Outcome: envelope.Empty, Currency: "CNY"}, err
}

// GrabMany lets users win a share of every envelope but those that State.Err or a negative id refuse.
func (e envelopes) GrabMany(_ context.Context, asks []envelope.Ask) ([]envelope.GrabResult, error) {
	s, _ := e.asked("", func(s *State) { s.Asks = append(s.Asks, asks...) })
	results := make([]envelope.GrabResult, len(asks))
	for i, a := range asks {
		switch {
		case s.Err != nil:
			results[i].Err = s.Err
		case a.Envelope < 0:
			results[i].Err = refusal.New(envelope.CodeEnvelopeNotFound, "there is no such envelope")
		default:
			results[i].Grabbed = envelope.Grabbed{
				Outcome: envelope.Won, Currency: "CNY", Take: envelope.Take{User: a.User, Share: i, Minor: a.Envelope},
			}
		}
	}
	return results, nil
}

func (e envelopes) Get(_ context.Context, user string, _ int64) (envelope.View, error) {
	s, err := e.asked(user, nil)
	return s.View, err
}

func (e envelopes) ListSent(_ context.Context, user string, before int64, limit int) ([]envelope.SentLine, error) {
	s, err := e.asked(user, func(s *State) { s.Before, s.Limit = before, limit })
	return s.Sent[:min(limit, len(s.Sent))], err
}

func (e envelopes) ListReceived(_ context.Context, user string, _ int64, _ int) ([]ledger.Credit, error) {
	_, err := e.asked(user, nil)
	return nil, err
}

// Wallets is the Domain as a wallet.Service, which tests change in part.
type Wallets struct{ *Domain }

func (w Wallets) Balances(_ context.Context, user string) ([]ledger.Amount, error) {
	_, err := w.asked(user, nil)
	return []ledger.Amount{{Minor: 1234, Currency: "CNY"}}, err
}

func (w Wallets) EntriesBetween(_ context.Context, user, _ string, before int64, limit int, from,
	to time.Time) ([]ledger.Entry, int64, error) {
	_, err := w.asked(user, func(s *State) { s.Before, s.Limit, s.From, s.To = before, limit, from, to })
	at := time.UnixMilli(1_700_000_000_000)
	return []ledger.Entry{
		{Seq: 3, Minor: -5, Balance: 5, Kind: ledger.EntryHold, Subject: envelope.Subject, Reference: 1 << 62, At: at},
		{Seq: 2, Minor: 10, Balance: 10, Kind: ledger.EntryTopUp, Subject: wallet.Subject, Reference: 7, At: at},
	}, 2, err
}

func (w Wallets) TopUp(_ context.Context, user, requestID string, minor int64,
	currency string) (wallet.FundingOrder, error) {
	a, err := ledger.NewAmount(minor, currency)
	if err == nil {
		err = refusal.CheckRequestID(requestID)
	}
	if err != nil {
		return wallet.FundingOrder{}, err
	}
	_, err = w.asked(user, nil)
	return wallet.FundingOrder{ID: 1<<60 + 1, Amount: a, State: wallet.FundingSettled, Balance: minor}, err
}

func (w Wallets) Withdraw(ctx context.Context, user, requestID string, minor int64,
	currency string) (wallet.FundingOrder, error) {
	return w.TopUp(ctx, user, requestID, minor, currency)
}

// Callback answers whatever is signed with "good".
func (w Wallets) Callback(
	_ context.Context, id, timestamp, signatures string, body []byte,
) (wallet.FundingOrder, error) {
	_, err := w.asked("", func(s *State) { s.Callback = []string{id, timestamp, signatures, string(body)} })
	if err == nil && signatures != "good" {
		err = refusal.New(wallet.CodeSignatureInvalid, "no signature of the callback matches")
	}
	return wallet.FundingOrder{ID: 1<<60 + 1, State: wallet.FundingSettled}, err
}

type groups struct{ *Domain }

func (g groups) Create(_ context.Context, id string, members []string) error {
	_, err := g.asked("", func(s *State) { s.Groups[id] = members })
	return err
}

func (g groups) Add(_ context.Context, id, user string) error {
	_, err := g.asked("", func(s *State) { s.Groups[id] = append(slices.Clone(s.Groups[id]), user) })
	return err
}

func (g groups) Remove(context.Context, string, string) error {
	_, err := g.asked("", nil)
	return err
}

func (g groups) Members(_ context.Context, id string) ([]string, error) {
	if err := refusal.CheckID("group_id", id); err != nil {
		return nil, err
	}
	var members []string
	var ok bool
	if _, err := g.asked("", func(s *State) { members, ok = s.Groups[id] }); err != nil {
		return nil, err
	}
	if !ok {
		return nil, group.ErrNotFound
	}
	return members, nil
}

func (g groups) GroupsOf(_ context.Context, user string) ([]string, error) {
	_, err := g.asked(user, nil)
	return nil, err
}
