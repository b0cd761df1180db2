package ledger

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Bounds of a hold.
const (
	MaxParts   = 10_000
	MaxUnits   = 10_000_000
	MaxNote    = 100     // characters
	MaxDetail  = 1 << 20 // bytes
	maxSubject = 16      // bytes
	maxStage   = 16      // bytes
)

// Hold is an amount set aside from its owner's wallet. Only the fields of the last two paragraphs ever change.
type Hold struct {
	ID      int64   `json:"id"` // from the ledger's NewID: its low bits are the owner's shard
	Subject Subject `json:"subject"`
	Owner   string  `json:"owner"`
	// Counterparty is the other side in the owner's statement, and then the only one who is paid; empty where there is
	// none, or many.
	Counterparty string `json:"counterparty,omitempty"`
	Amount       Amount `json:"-"` // amount and currency, side by side
	// Parts are minor units, each at least 1; they sum to Amount.Minor. A part is named by its index.
	Parts []int64 `json:"parts,omitempty"`
	// Unit is, in a metered hold, which has no parts, what one of its units is, in minor units.
	Unit        int64     `json:"unit,omitempty"`
	Note        string    `json:"note,omitempty"`         // goes with the money into both statements
	Detail      []byte    `json:"detail,omitempty"`       // the product's own record, opaque here
	CountsDaily bool      `json:"counts_daily,omitempty"` // counts towards what its owner may send in a day
	CreatedAt   time.Time `json:"created_at"`

	ExpiresAt time.Time `json:"expires_at"` // of a staged hold, when its stage ends by itself
	Stage     Stage     `json:"stage,omitempty"`
	StagedAt  time.Time `json:"staged_at,omitzero"` // when it came into its stage; zero without one

	Posted int64 `json:"posted"` // minor units paid out
	Voided int64 `json:"voided"` // minor units returned to the owner
	Open   bool  `json:"open"`   // posted + voided < amount
}

// MarshalJSON gives the fields the names that they have in the API.
func (h Hold) MarshalJSON() ([]byte, error) {
	return json.Marshal(holdText{plainHold(h), h.Amount.Minor, h.Amount.Currency})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Hold) UnmarshalJSON(text []byte) error {
	var t holdText
	err := json.Unmarshal(text, &t)
	*h = Hold(t.plainHold)
	h.Amount = Amount{Minor: t.Minor, Currency: t.Currency}
	return err
}

type plainHold Hold

// holdText is a hold as JSON.
type holdText struct {
	plainHold
	Minor    int64    `json:"amount"`
	Currency Currency `json:"currency"`
}

// Pending is what is neither posted nor voided, in minor units.
func (h Hold) Pending() int64 { return h.Amount.Minor - h.Posted - h.Voided }

// Staged says whether the hold's money moves with its stage alone: by a Step, and neither by a Post nor by a Void.
func (h Hold) Staged() bool { return h.Stage != "" }

// Metered says whether the hold's money moves unit by unit, some to its counterparty and some back to its owner: by a
// Draw, and neither by a Post nor by a Void.
func (h Hold) Metered() bool { return h.Unit != 0 }

// Units are how many of a metered hold's are neither paid nor given back.
func (h Hold) Units() int64 { return h.Pending() / h.Unit }

// Check finds what no hold that is about to be made can be. The refusals are those of a malformed account, amount or
// currency; any other error is a mistake of the product.
func (h Hold) Check() error {
	if err := CheckAccount("owner", h.Owner); err != nil {
		return err
	}
	if h.Counterparty != "" {
		if err := CheckAccount("counterparty", h.Counterparty); err != nil {
			return err
		}
	}
	if _, err := NewAmount(h.Amount.Minor, string(h.Amount.Currency)); err != nil {
		return err
	}
	if err := h.checkShares(); err != nil {
		return err
	}
	switch {
	case h.Counterparty != "" && IsTestAccount(h.Owner) != IsTestAccount(h.Counterparty):
		return fmt.Errorf("ledger: hold %d of %s for %s: money of tests never meets other money", h.ID, h.Owner,
			h.Counterparty)
	case h.Subject == "" || len(h.Subject) > maxSubject || !utf8.ValidString(string(h.Subject)):
		return fmt.Errorf("ledger: hold %d: subject %q: give 1 to %d bytes", h.ID, h.Subject, maxSubject)
	case len(h.Stage) > maxStage:
		return fmt.Errorf("ledger: hold %d: stage %q: give at most %d bytes", h.ID, h.Stage, maxStage)
	case h.Staged() && (len(h.Parts) != 1 || h.Counterparty == ""):
		return fmt.Errorf("ledger: hold %d has a stage and %d parts: it needs one part, and a counterparty", h.ID,
			len(h.Parts))
	case utf8.RuneCountInString(h.Note) > MaxNote || !utf8.ValidString(h.Note):
		return fmt.Errorf("ledger: hold %d: the note is not UTF-8 of at most %d characters", h.ID, MaxNote)
	case len(h.Detail) > MaxDetail:
		return fmt.Errorf("ledger: hold %d: the detail has %d bytes: at most %d", h.ID, len(h.Detail), MaxDetail)
	}
	return nil
}

// checkShares finds what is wrong with how a hold's amount is divided.
func (h Hold) checkShares() error {
	if !h.Metered() {
		return h.checkParts()
	}
	switch {
	case len(h.Parts) > 0 || h.Staged() || h.CountsDaily || h.Counterparty == "":
		return fmt.Errorf("ledger: hold %d is metered: it has a counterparty, no parts and no stage, and counts for "+
			"no day", h.ID)
	case h.Unit < 1 || h.Amount.Minor%h.Unit != 0 || h.Amount.Minor/h.Unit > MaxUnits:
		return fmt.Errorf("ledger: hold %d: %d is not 1 to %d units of %d", h.ID, h.Amount.Minor, MaxUnits, h.Unit)
	}
	return nil
}

func (h Hold) checkParts() error {
	if len(h.Parts) > MaxParts {
		return fmt.Errorf("ledger: hold %d has %d parts: at most %d", h.ID, len(h.Parts), MaxParts)
	}
	left := h.Amount.Minor
	for i, part := range h.Parts {
		if part < 1 || part > left {
			return fmt.Errorf("ledger: hold %d: part %d is %d with %d left: parts are at least 1 and sum to the amount",
				h.ID, i, part, left)
		}
		left -= part
	}
	if left != 0 {
		return fmt.Errorf("ledger: hold %d: its parts are %d short of its amount", h.ID, left)
	}
	return nil
}

// Objection says what is wrong with a post in view of what never changes about its hold; "" for nothing.
func (h Hold) Objection(p Post) string {
	switch {
	case h.Staged():
		return "the hold is paid by its stage alone"
	case h.Metered():
		return "the hold is paid by units alone"
	case p.Part < 0 || p.Part >= len(h.Parts):
		return fmt.Sprintf("the hold has parts 0 to %d", len(h.Parts)-1)
	case p.Minor != h.Parts[p.Part]:
		return fmt.Sprintf("the part's amount is %d", h.Parts[p.Part])
	case CheckAccount("payee", p.Payee) != nil:
		return "the payee is not an account"
	case IsTestAccount(h.Owner) != IsTestAccount(p.Payee):
		return "money of tests never meets other money"
	case h.Counterparty != "" && p.Payee != h.Counterparty:
		return "the hold pays " + h.Counterparty + " alone"
	}
	return ""
}

// HoldOptions go with a new hold. The zero value asks for nothing.
type HoldOptions struct {
	// DailyLimit bounds, in minor units, what the owner's holds of a day and currency that count daily sum to, this one
	// included and without what was voided. 0 means no bound. A day is one of UTC, that of CreatedAt. Refusal:
	// daily_limit_exceeded.
	DailyLimit int64
	// PayNow pays the hold's only part to its counterparty in the same transaction.
	PayNow bool
}

// Check finds what does not go with a hold.
func (o HoldOptions) Check(h Hold) error {
	if o.PayNow && (len(h.Parts) != 1 || h.Staged() || h.Counterparty == "") {
		return fmt.Errorf("ledger: hold %d is paid at once, but has %d parts, stage %q and counterparty %q",
			h.ID, len(h.Parts), h.Stage, h.Counterparty)
	}
	if o.DailyLimit < 0 || o.DailyLimit > 0 && !h.CountsDaily {
		return fmt.Errorf("ledger: hold %d: a limit of %d a day for a hold that does not count", h.ID, o.DailyLimit)
	}
	return nil
}

// Stage is where a staged hold is in its life, in its product's own words. Stage and money change together, in one
// transaction, so there is nothing between a decision and its money.
type Stage string

// FundsState is where the money of a staged hold is.
type FundsState int

// States of the money of a staged hold. The last two are final.
const (
	FundsPending FundsState = iota + 1 // all of it is held
	FundsPosted                        // all of it is the counterparty's
	FundsVoided                        // all of it is back with the owner
)

// Step moves a staged hold from one stage to another, and its money with it. When it is made, and whether the hold's
// ExpiresAt is over then, is for the clock of the hold's shard to say.
type Step struct {
	Hold     int64
	From, To Stage
	Funds    FundsState // where the money is afterwards
	Due      bool       // the step is for at or after the hold's ExpiresAt; otherwise for before it
	// Renew sets the hold's ExpiresAt to For after the step; otherwise it stays as it was.
	Renew bool
	For   time.Duration
}

// Check finds a step that no hold can make.
func (s Step) Check() error {
	if s.From == "" || s.To == "" || s.From == s.To || len(s.To) > maxStage || s.Funds < FundsPending ||
		s.Funds > FundsVoided {
		return fmt.Errorf("ledger: hold %d: there is no step from %q to %q", s.Hold, s.From, s.To)
	}
	return nil
}

// Draw takes units out of a metered hold.
type Draw struct {
	Hold  int64
	Units int64      // 1 to MaxUnits
	Funds FundsState // FundsPosted pays them to the counterparty, FundsVoided gives them back to the owner
	At    time.Time
}

// Check finds a draw that no hold can make.
func (d Draw) Check() error {
	if d.Units < 1 || d.Units > MaxUnits || d.Funds != FundsPosted && d.Funds != FundsVoided {
		return fmt.Errorf("ledger: hold %d: %d units cannot be drawn", d.Hold, d.Units)
	}
	return nil
}

// Post is the payment of a draw that pays, out of a hold as it was before: its part is the number of units that were
// paid until then, so the posts of a metered hold lie end to end.
func (d Draw) Post(h Hold) Post {
	return Post{Hold: h.ID, Part: int(h.Posted / h.Unit), Payee: h.Counterparty, Minor: d.Units * h.Unit, At: d.At}
}
