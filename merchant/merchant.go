package merchant

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject labels what merchants move between their own wallets, and indexes them under their members.
const Subject ledger.Subject = "merchant"

// State is where a merchant is in its life. Rejected and closed are final.
type State string

const (
	StateApplied   State = "applied"
	StateActive    State = "active"
	StateSuspended State = "suspended"
	StateClosed    State = "closed"
	StateRejected  State = "rejected"
)

// States are all that there are.
func States() []State {
	return []State{StateApplied, StateActive, StateSuspended, StateClosed, StateRejected}
}

// Verb is what an operator decides.
type Verb string

const (
	Approve Verb = "approve"
	Reject  Verb = "reject"
	Suspend Verb = "suspend"
	Resume  Verb = "resume"
	Close   Verb = "close"
)

// step is what a decision does.
type step struct{ from, to State }

// steps are the decisions that there are.
func steps() map[Verb]step {
	return map[Verb]step{
		Approve: {StateApplied, StateActive},
		Reject:  {StateApplied, StateRejected},
		Suspend: {StateActive, StateSuspended},
		Resume:  {StateSuspended, StateActive},
		Close:   {StateSuspended, StateClosed},
	}
}

// Follows says whether a decision leads from one state to the other.
func Follows(from, to State) bool {
	for _, s := range steps() {
		if s.from == from && s.to == to {
			return true
		}
	}
	return false
}

// Mode is one of a merchant's two sides.
type Mode string

const (
	Live Mode = "live"
	Test Mode = "test"
)

// ParseMode accepts live and test. Refusal: invalid_argument.
func ParseMode(mode string) (Mode, error) {
	if m := Mode(mode); m == Live || m == Test {
		return m, nil
	}
	return "", refusal.New(refusal.CodeInvalidArgument, "mode %q is unknown: give live or test", refusal.Clip(mode))
}

// works says whether a merchant in a state may act on a side: on the test side already while it waits for a decision.
func (s State) works(m Mode) bool { return s == StateActive || s == StateApplied && m == Test }

// Wallets of each side.
const (
	Available = "available"
	Marketing = "marketing"
)

// product begins the names of merchants' accounts.
const product = "merchant"

// Account is one of a merchant's wallets.
func Account(id int64, m Mode, wallet string) string {
	if m == Test {
		wallet = ledger.TestWallet(wallet)
	}
	return ledger.ProductAccount(product, id, wallet)
}

// checkWallet accepts the name of a wallet. Refusal: invalid_argument.
func checkWallet(what, wallet string) error {
	if wallet == Available || wallet == Marketing {
		return nil
	}
	return refusal.New(refusal.CodeInvalidArgument, "%s %q is unknown: give available or marketing", what,
		refusal.Clip(wallet))
}

// Merchant is a business.
type Merchant struct {
	ID         int64 // from the ledger: its low bits are the shard of the applicant and of the wallets
	Name       string
	LegalID    string
	Country    string // ISO 3166-1, two capitals
	MCC        string // ISO 18245, four digits
	Contact    string
	Currencies []ledger.Currency
	State      State
	Applicant  string
	CreatedAt  time.Time
	ChangedAt  time.Time     // when it came into its state
	History    int64         // how many lines its history has
	TestAhead  time.Duration // how far the clock of its test side is ahead of ours; whole milliseconds
}

// Bounds of what an applicant writes, in characters, and of lists.
const (
	maxName       = 60
	maxLegalID    = 40
	maxContact    = 120
	maxReason     = 300
	maxCurrencies = 20
)

// Application is what a user applies with.
type Application struct {
	RequestID  string
	Name       string
	LegalID    string
	Country    string
	MCC        string
	Contact    string
	Currencies []string
}

func (a Application) check() error {
	if err := refusal.CheckRequestID(a.RequestID); err != nil {
		return err
	}
	for _, t := range []struct {
		what, text string
		most       int
	}{{"name", a.Name, maxName}, {"legal_id", a.LegalID, maxLegalID}, {"contact", a.Contact, maxContact}} {
		if err := checkText(t.what, t.text, t.most); err != nil {
			return err
		}
	}
	if len(a.Country) != 2 || strings.Trim(a.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return refusal.New(refusal.CodeInvalidArgument, "country %q is malformed: give the two capitals of ISO 3166-1",
			refusal.Clip(a.Country))
	}
	if len(a.MCC) != 4 || strings.Trim(a.MCC, "0123456789") != "" {
		return refusal.New(refusal.CodeInvalidArgument, "mcc %q is malformed: give the four digits of ISO 18245",
			refusal.Clip(a.MCC))
	}
	if len(a.Currencies) == 0 || len(a.Currencies) > maxCurrencies {
		return refusal.New(refusal.CodeInvalidArgument, "currencies has %d elements: give 1 to %d", len(a.Currencies),
			maxCurrencies)
	}
	for i, c := range a.Currencies {
		if _, err := ledger.ParseCurrency(c); err != nil {
			return err
		}
		if slices.Contains(a.Currencies[:i], c) {
			return refusal.New(refusal.CodeInvalidArgument, "currencies: %s is there twice", c)
		}
	}
	return nil
}

// checkText accepts a text that is not empty and at most a number of characters long. Refusal: invalid_argument.
func checkText(what, text string, most int) error {
	if err := refusal.CheckText(what, text); err != nil {
		return err
	}
	if n := len([]rune(text)); n == 0 || n > most || strings.TrimSpace(text) != text {
		return refusal.New(refusal.CodeInvalidArgument,
			"%s has %d characters: give 1 to %d, without spaces around them", what, n, most)
	}
	return nil
}

// has says whether a merchant deals in a currency.
func (m Merchant) has(c ledger.Currency) bool { return slices.Contains(m.Currencies, c) }

// Side is in whose name a change was made.
type Side string

const (
	SideMember   Side = "member"
	SideServer   Side = "server" // the merchant's, with one of its keys
	SideOperator Side = "operator"
)

// Actions that a history tells of. Decisions are told of by their Verb.
const (
	ActionApply        = "apply"
	ActionSetMember    = "set_member"
	ActionRemoveMember = "remove_member"
	ActionCreateKey    = "create_key"
	ActionRollKey      = "roll_key"
	ActionRevokeKey    = "revoke_key"
	ActionAdvanceClock = "advance_clock"
)

// Change is a line of a merchant's history.
type Change struct {
	Seq    int64 // 1, 2, 3 … of the merchant
	At     time.Time
	By     string // a user id, the id of a key, or the subject of the operator's token
	Side   Side
	Action string
	Object string // the member, key or side that it is about; empty for the merchant itself
	From   string // state, role or milliseconds ahead before; empty where there was none
	To     string // afterwards
	Reason string // empty where a member gave none
	// Request makes the change safe to repeat: its id is unique for each By and Side.
	Request ledger.Request
	// Made is what a repetition of the change answers with: the key that was made; 0 for none.
	Made int64
}

// ErrNotFound says that no merchant has the id.
var ErrNotFound = errors.New("merchant: no such merchant")
