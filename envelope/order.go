package envelope

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Codes of refusals.
const (
	CodeUnknownKind         = "unknown_kind"
	CodeCountOutOfRange     = "count_out_of_range"
	CodeGreetingTooLong     = "greeting_too_long"
	CodeRecipientRequired   = "recipient_required"
	CodeRecipientNotAllowed = "recipient_not_allowed"
	CodeRecipientNotAMember = "recipient_not_a_member"
	CodeNotTheRecipient     = "not_the_recipient"
	CodeEnvelopeNotFound    = "envelope_not_found"
)

// Limits bound what may be sent. The zero value allows nothing: start from DefaultLimits.
type Limits struct {
	Count    int                       // shares in one envelope
	Mean     int64                     // minor units a share on average, in currencies that MeanIn does not name
	MeanIn   map[ledger.Currency]int64 // the same for single currencies
	Greeting int                       // characters
	OpenFor  time.Duration             // from send to expiry
	// PerDay bounds what a user sends in a day, other holds that count included. Without a bound in its currency an
	// envelope does not count.
	PerDay ledger.DailyLimits
}

// DefaultLimits are WeChat's: ¥200 a share on average, 100 shares, 24 hours.
func DefaultLimits() Limits {
	return Limits{Count: 100, Mean: 20_000, Greeting: 100, OpenFor: 24 * time.Hour}
}

func (l Limits) mean(c ledger.Currency) int64 {
	if m, ok := l.MeanIn[c]; ok {
		return m
	}
	return l.Mean
}

// Order is what a sender asks for.
type Order struct {
	RequestID string
	Group     string
	Kind      string
	Total     int64 // minor units
	Count     int
	Currency  string
	Greeting  string
	To        string
	Cover     int64 `json:",omitempty"` // 0 for none
}

// check is every rule that needs nothing but the order and its sender. Refusals name the field, what was wrong and what
// is allowed.
func (o Order) check(sender string) (ledger.Amount, error) {
	if err := refusal.CheckRequestID(o.RequestID); err != nil {
		return ledger.Amount{}, err
	}
	if err := refusal.CheckID("group_id", o.Group); err != nil {
		return ledger.Amount{}, err
	}
	if !slices.Contains([]Kind{Lucky, Equal, Exclusive}, Kind(o.Kind)) {
		return ledger.Amount{}, refusal.New(CodeUnknownKind, "kind is unknown: give lucky, equal or exclusive")
	}
	total, err := ledger.NewAmount(o.Total, o.Currency)
	if err != nil {
		return ledger.Amount{}, err
	}
	if err := o.checkRecipient(sender); err != nil {
		return ledger.Amount{}, err
	}
	if o.Count < 1 {
		return ledger.Amount{}, refusal.New(CodeCountOutOfRange, "count %d is out of range: give at least 1", o.Count)
	}
	return total, refusal.CheckText("greeting", o.Greeting)
}

// checkLimits is every rule about sizes, most of which the installation sets.
func (o Order) checkLimits(l Limits) error {
	if o.Count > l.Count {
		return refusal.New(CodeCountOutOfRange, "count %d is out of range: give 1 to %d shares", o.Count, l.Count)
	}
	mean, count := l.mean(ledger.Currency(o.Currency)), int64(o.Count)
	if o.Total < count {
		return refusal.New(refusal.CodeAmountOutOfRange,
			"total %d is too small for %d shares: every share is at least 1 minor unit", o.Total, o.Count)
	}
	if o.Total > mean*count {
		return refusal.New(refusal.CodeAmountOutOfRange,
			"total %d is too large for %d shares: at most %d minor units of %s a share on average, %d in all",
			o.Total, o.Count, mean, o.Currency, mean*count)
	}
	if n := utf8.RuneCountInString(o.Greeting); n > l.Greeting {
		return refusal.New(CodeGreetingTooLong, "greeting has %d characters: give at most %d", n, l.Greeting)
	}
	return nil
}

func (o Order) checkRecipient(sender string) error {
	if Kind(o.Kind) != Exclusive {
		if o.To != "" {
			return refusal.New(CodeRecipientNotAllowed,
				"to is only for an exclusive envelope: leave it out, or give kind exclusive")
		}
		return nil
	}
	if o.To == "" {
		return refusal.New(CodeRecipientRequired, "an exclusive envelope needs to: the member who may take it")
	}
	if err := refusal.CheckID("to", o.To); err != nil {
		return err
	}
	if o.To == sender {
		return refusal.New(CodeRecipientNotAllowed, "an exclusive envelope cannot be sent to oneself")
	}
	if o.Count != 1 {
		return refusal.New(CodeCountOutOfRange, "count %d is out of range: an exclusive envelope has 1 share", o.Count)
	}
	return nil
}

// detail is the part of an envelope that the ledger keeps without looking into it.
type detail struct {
	Group string `json:"group"`
	Kind  Kind   `json:"kind"`
	To    string `json:"to,omitempty"`
	Cover int64  `json:"cover,omitempty"`
	Seed  []byte `json:"seed"`
}

// hold is the envelope as the ledger keeps it.
func (e Envelope) hold() (ledger.Hold, error) {
	d, err := json.Marshal(detail{Group: e.Group, Kind: e.Kind, To: e.To, Cover: e.Cover, Seed: e.Seed[:]})
	if err != nil {
		return ledger.Hold{}, fmt.Errorf("encode envelope %d: %w", e.ID, err)
	}
	return ledger.Hold{
		ID: e.ID, Subject: Subject, Owner: e.Sender, Counterparty: e.To, Amount: e.Total, Parts: e.Shares,
		Note: e.Greeting, Detail: d, CreatedAt: e.CreatedAt, ExpiresAt: e.ExpiresAt,
	}, nil
}

// fromHold is the inverse of hold.
func fromHold(h ledger.Hold) (Envelope, error) {
	var d detail
	if err := json.Unmarshal(h.Detail, &d); err != nil {
		return Envelope{}, fmt.Errorf("hold %d (%s) is no envelope: %w", h.ID, h.Subject, err)
	}
	if len(d.Seed) != len(Seed{}) || h.Subject != Subject {
		return Envelope{}, fmt.Errorf("hold %d (%s) is no envelope", h.ID, h.Subject)
	}
	return Envelope{
		ID: h.ID, Group: d.Group, Sender: h.Owner, Kind: d.Kind, Total: h.Amount, Count: len(h.Parts), Greeting: h.Note,
		To: d.To, Cover: d.Cover, Seed: Seed(d.Seed), Shares: h.Parts, CreatedAt: h.CreatedAt, ExpiresAt: h.ExpiresAt,
	}, nil
}
