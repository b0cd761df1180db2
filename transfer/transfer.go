package transfer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Arrival says when a transfer arrives after it was accepted.
type Arrival string

const (
	ArrivesNow  Arrival = "now"
	ArrivesIn2  Arrival = "2h"
	ArrivesIn24 Arrival = "24h"
)

// hours is how many hours of Rules an arrival takes.
func (a Arrival) hours() (n int, ok bool) {
	switch a {
	case ArrivesNow:
		return 0, true
	case ArrivesIn2:
		return 2, true
	case ArrivesIn24:
		return 24, true
	}
	return 0, false
}

// Subject labels transfers in the ledger.
const Subject ledger.Subject = "transfer"

// State is where a transfer is in its life: the stage of its hold. The last four are final.
type State = ledger.Stage

// States of a transfer.
const (
	StateOffered  State = "offered"
	StateAccepted State = "accepted" // it arrives at a later time
	StateArrived  State = "arrived"
	StateDeclined State = "declined"
	StateExpired  State = "expired"
	StateRecalled State = "recalled"
)

// fundsIn is where the money of a transfer in this state is; 0 for what is no state.
func fundsIn(s State) ledger.FundsState {
	switch s {
	case StateOffered, StateAccepted:
		return ledger.FundsPending
	case StateArrived:
		return ledger.FundsPosted
	case StateDeclined, StateExpired, StateRecalled:
		return ledger.FundsVoided
	}
	return 0
}

// Rules bound what may be sent. The zero value allows nothing: start from DefaultRules.
type Rules struct {
	OfferFor time.Duration // from the offer of a transfer to its expiry
	Hour     time.Duration // what an hour of an Arrival lasts: less for demonstrations
	Note     int           // characters
	PerDay   ledger.DailyLimits
}

// DefaultRules are WeChat's where they are known: 24 hours, and 200,000.00 a day.
func DefaultRules() Rules {
	return Rules{
		OfferFor: 24 * time.Hour, Hour: time.Hour, Note: 100, PerDay: ledger.DailyLimits{
			Default: ledger.DefaultDailyLimit},
	}
}

// Offer is what a sender asks for.
type Offer struct {
	RequestID string
	To        string
	Minor     int64
	Currency  string
	Note      string
	ArrivesIn string // an Arrival; empty for now
}

// check is every rule that needs nothing but the offer, the sender and the rules.
func (o Offer) check(sender string, r Rules) (ledger.Amount, Arrival, error) {
	if err := refusal.CheckRequestID(o.RequestID); err != nil {
		return ledger.Amount{}, "", err
	}
	if o.To == "" {
		return ledger.Amount{}, "", refusal.New(CodeRecipientRequired, "a transfer needs to: the user who receives it")
	}
	if err := refusal.CheckID("to", o.To); err != nil {
		return ledger.Amount{}, "", err
	}
	if o.To == sender {
		return ledger.Amount{}, "", refusal.New(CodeToOneself,
			"a transfer cannot be sent to oneself: give another user")
	}
	amount, err := ledger.NewAmount(o.Minor, o.Currency)
	if err != nil {
		return ledger.Amount{}, "", err
	}
	arrival := Arrival(o.ArrivesIn)
	if arrival == "" {
		arrival = ArrivesNow
	}
	if _, ok := arrival.hours(); !ok {
		return ledger.Amount{}, "", refusal.New(CodeUnknownArrival, "arrives_in is unknown: give now, 2h or 24h")
	}
	return amount, arrival, refusal.CheckNote(o.Note, r.Note)
}

// Transfer is a transfer as its two sides see it.
type Transfer struct {
	ID        int64
	Sender    string
	To        string
	Amount    ledger.Amount
	Note      string
	State     State
	ArrivesIn Arrival
	CreatedAt time.Time
	ExpiresAt time.Time // until when it can be accepted
	ArrivesAt time.Time // when it arrives or did; zero where it is not accepted
	ChangedAt time.Time // when it came into its state
}

// detail is the part of a transfer that the ledger keeps without looking into it.
type detail struct {
	ArrivesIn Arrival `json:"arrives_in"`
	OpenUntil int64   `json:"open_until"` // Unix milliseconds
}

// hold is a transfer, just offered, as the ledger keeps it.
func (t Transfer) hold() (ledger.Hold, error) {
	d, err := json.Marshal(detail{ArrivesIn: t.ArrivesIn, OpenUntil: t.ExpiresAt.UnixMilli()})
	if err != nil {
		return ledger.Hold{}, fmt.Errorf("encode transfer %d: %w", t.ID, err)
	}
	return ledger.Hold{
		ID: t.ID, Subject: Subject, Owner: t.Sender, Counterparty: t.To, Amount: t.Amount, Parts: []int64{
			t.Amount.Minor},
		Note: t.Note, Detail: d, CountsDaily: true, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, Stage: StateOffered,
		StagedAt: t.CreatedAt,
	}, nil
}

// fromHold is the inverse of hold, at any stage.
func fromHold(h ledger.Hold) (Transfer, error) {
	var d detail
	if err := json.Unmarshal(h.Detail, &d); err != nil {
		return Transfer{}, fmt.Errorf("detail of transfer %d: %w", h.ID, err)
	}
	if h.Subject != Subject || fundsIn(h.Stage) == 0 {
		return Transfer{}, fmt.Errorf("hold %d, a %s in stage %q, is no transfer", h.ID, h.Subject, h.Stage)
	}
	t := Transfer{
		ID: h.ID, Sender: h.Owner, To: h.Counterparty, Amount: h.Amount, Note: h.Note, State: h.Stage,
		ArrivesIn: d.ArrivesIn,
		CreatedAt: h.CreatedAt, ExpiresAt: time.UnixMilli(d.OpenUntil).UTC(), ChangedAt: h.StagedAt,
	}
	if h.Stage == StateAccepted || h.Stage == StateArrived {
		t.ArrivesAt = h.ExpiresAt
	}
	return t, nil
}

// event tells both sides where a transfer is.
type event struct {
	Type      string  `json:"type"`
	Transfer  string  `json:"transfer_id"`
	Sender    string  `json:"sender"`
	To        string  `json:"to"`
	Amount    int64   `json:"amount"`
	Currency  string  `json:"currency"`
	Note      string  `json:"note"`
	State     State   `json:"state"`
	ArrivesIn Arrival `json:"arrives_in"`
	CreatedAt int64   `json:"created_at"`
	ExpiresAt int64   `json:"expires_at"`
	ArrivesAt int64   `json:"arrives_at"`
	ChangedAt int64   `json:"changed_at"`
}

// events tell both sides of the state that t has come into.
func (t Transfer) events() ([]ledger.Event, error) {
	e := event{
		Type: "transfer." + string(t.State), Transfer: fmt.Sprint(
			t.ID), Sender: t.Sender, To: t.To, Amount: t.Amount.Minor,
		Currency: string(
			t.Amount.Currency), Note: t.Note, State: t.State, ArrivesIn: t.ArrivesIn,
		CreatedAt: t.CreatedAt.UnixMilli(),
		ExpiresAt: t.ExpiresAt.UnixMilli(), ChangedAt: t.ChangedAt.UnixMilli(),
	}
	if !t.ArrivesAt.IsZero() {
		e.ArrivesAt = t.ArrivesAt.UnixMilli()
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an event of transfer %d: %w", t.ID, err)
	}
	return []ledger.Event{{Topic: ledger.UserTopic(t.Sender), Body: body},
		{Topic: ledger.UserTopic(t.To), Body: body}}, nil
}
