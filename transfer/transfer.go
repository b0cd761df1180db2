package transfer

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/wallet"
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

// Rules bound what may be sent and collected. The zero value allows nothing: start from DefaultRules.
type Rules struct {
	OfferFor  time.Duration             // from the offer of a transfer to its expiry
	Hour      time.Duration             // what an hour of an Arrival lasts: less for demonstrations
	RemindIn  time.Duration             // from the opening of a collection to its reminder
	Note      int                       // characters
	PerDay    int64                     // minor units that a user may send and pay per day, in currencies that PerDayIn does not name
	PerDayIn  map[wallet.Currency]int64 // the same for single currencies
	ClaimIdle time.Duration             // how long a payment that stopped in the middle is left to its user
}

// DefaultRules are WeChat's where they are known: 24 hours, and 200,000.00 a day.
func DefaultRules() Rules {
	return Rules{
		OfferFor: 24 * time.Hour, Hour: time.Hour, RemindIn: 24 * time.Hour, Note: 100, PerDay: 20_000_000, ClaimIdle: 10 * time.Second,
	}
}

func (r Rules) perDay(c wallet.Currency) int64 {
	if n, ok := r.PerDayIn[c]; ok {
		return n
	}
	return r.PerDay
}

// checkNote accepts text as wallet.CheckText does. Refusals: invalid_argument, note_too_long.
func (r Rules) checkNote(note string) error {
	if err := wallet.CheckText("note", note); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(note); n > r.Note {
		return wallet.Refuse(CodeNoteTooLong, "note has %d characters: give at most %d", n, r.Note)
	}
	return nil
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
func (o Offer) check(sender string, r Rules) (wallet.Amount, Arrival, error) {
	if err := wallet.CheckRequestID(o.RequestID); err != nil {
		return wallet.Amount{}, "", err
	}
	if o.To == "" {
		return wallet.Amount{}, "", wallet.Refuse(CodeRecipientRequired, "a transfer needs to: the user who is to get it")
	}
	if err := wallet.CheckID("to", o.To); err != nil {
		return wallet.Amount{}, "", err
	}
	if o.To == sender {
		return wallet.Amount{}, "", wallet.Refuse(CodeToOneself, "a transfer cannot be sent to oneself: give another user")
	}
	amount, err := wallet.NewAmount(o.Minor, o.Currency)
	if err != nil {
		return wallet.Amount{}, "", err
	}
	arrival := Arrival(o.ArrivesIn)
	if arrival == "" {
		arrival = ArrivesNow
	}
	if _, ok := arrival.hours(); !ok {
		return wallet.Amount{}, "", wallet.Refuse(CodeUnknownArrival, "arrives_in is unknown: give now, 2h or 24h")
	}
	return amount, arrival, r.checkNote(o.Note)
}

// Transfer is a transfer as its two sides see it.
type Transfer struct {
	ID        int64
	Sender    string
	To        string
	Amount    wallet.Amount
	Note      string
	State     wallet.Stage
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
func (t Transfer) hold() (wallet.Hold, error) {
	d, err := json.Marshal(detail{ArrivesIn: t.ArrivesIn, OpenUntil: t.ExpiresAt.UnixMilli()})
	if err != nil {
		return wallet.Hold{}, fmt.Errorf("encode transfer %d: %w", t.ID, err)
	}
	return wallet.Hold{
		ID: t.ID, Subject: wallet.SubjectTransfer, Owner: t.Sender, Counterparty: t.To, Amount: t.Amount, Parts: []int64{t.Amount.Minor},
		Note: t.Note, Detail: d, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, Stage: wallet.StageOffered, StagedAt: t.CreatedAt,
	}, nil
}

// fromHold is the inverse of hold, at any stage.
func fromHold(h wallet.Hold) (Transfer, error) {
	var d detail
	if err := json.Unmarshal(h.Detail, &d); err != nil {
		return Transfer{}, fmt.Errorf("detail of transfer %d: %w", h.ID, err)
	}
	if h.Subject != wallet.SubjectTransfer || h.Stage.Fate() == 0 {
		return Transfer{}, fmt.Errorf("hold %d, a %s in stage %q, is no transfer", h.ID, h.Subject, h.Stage)
	}
	t := Transfer{
		ID: h.ID, Sender: h.Owner, To: h.Counterparty, Amount: h.Amount, Note: h.Note, State: h.Stage, ArrivesIn: d.ArrivesIn,
		CreatedAt: h.CreatedAt, ExpiresAt: time.UnixMilli(d.OpenUntil).UTC(), ChangedAt: h.StagedAt,
	}
	if h.Stage == wallet.StageAccepted || h.Stage == wallet.StageArrived {
		t.ArrivesAt = h.ExpiresAt
	}
	return t, nil
}

// event tells both sides where a transfer is.
type event struct {
	Type      string       `json:"type"`
	Transfer  string       `json:"transfer_id"`
	Sender    string       `json:"sender"`
	To        string       `json:"to"`
	Amount    int64        `json:"amount"`
	Currency  string       `json:"currency"`
	Note      string       `json:"note"`
	State     wallet.Stage `json:"state"`
	ArrivesIn Arrival      `json:"arrives_in"`
	CreatedAt int64        `json:"created_at"`
	ExpiresAt int64        `json:"expires_at"`
	ArrivesAt int64        `json:"arrives_at"`
	ChangedAt int64        `json:"changed_at"`
}

// notices tell both sides of the state that t has come into.
func (t Transfer) notices() ([]wallet.Notice, error) {
	e := event{
		Type: "transfer." + string(t.State), Transfer: fmt.Sprint(t.ID), Sender: t.Sender, To: t.To, Amount: t.Amount.Minor,
		Currency: string(t.Amount.Currency), Note: t.Note, State: t.State, ArrivesIn: t.ArrivesIn, CreatedAt: t.CreatedAt.UnixMilli(),
		ExpiresAt: t.ExpiresAt.UnixMilli(), ChangedAt: t.ChangedAt.UnixMilli(),
	}
	if !t.ArrivesAt.IsZero() {
		e.ArrivesAt = t.ArrivesAt.UnixMilli()
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an event of transfer %d: %w", t.ID, err)
	}
	return []wallet.Notice{{Topic: UserTopic(t.Sender), Body: body}, {Topic: UserTopic(t.To), Body: body}}, nil
}

// UserTopic is where the events of a user are published.
func UserTopic(user string) string { return "user:" + user }

// GroupTopic is where the events of a group are published.
func GroupTopic(group string) string { return "group:" + group }
