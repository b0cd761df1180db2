package cover

import (
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// State is where a cover is in its life. StateExpired and StateTakenDown are final.
type State string

const (
	StateDraft     State = "draft"
	StateInReview  State = "in_review"
	StateApproved  State = "approved"
	StateRejected  State = "rejected"
	StateFrozen    State = "frozen"
	StateTakenDown State = "taken_down"
	StateExpired   State = "expired"
)

// States are all that there are.
func States() []State {
	return []State{
		StateDraft, StateInReview, StateApproved, StateRejected, StateFrozen, StateTakenDown, StateExpired,
	}
}

// Shown says whether a cover in a state is shown to users: where envelopes were sent with it they keep it, also when it
// is frozen or over.
func (s State) Shown() bool { return s == StateApproved || s == StateFrozen || s == StateExpired }

// Verb is what is done to a cover.
type Verb string

const (
	Create   Verb = "create"
	EditIt   Verb = "edit"
	Submit   Verb = "submit"
	Appeal   Verb = "appeal"
	Approve  Verb = "approve"
	Reject   Verb = "reject"
	Freeze   Verb = "freeze"
	Restore  Verb = "restore"
	Keep     Verb = "keep" // frozen, against an appeal
	TakeDown Verb = "take_down"
	Expire   Verb = "expire"
)

// Side is in whose name a change is made.
type Side string

const (
	SideMember   Side = "member"
	SideServer   Side = "server" // the merchant's, with one of its keys
	SideOperator Side = "operator"
	SideSystem   Side = "system"
)

// step is what a verb does, and who may.
type step struct {
	by   []Side
	from []State // none for Create
	to   State
}

// steps are all that there are.
func steps() map[Verb]step {
	merchants, operators := []Side{SideMember, SideServer}, []Side{SideOperator}
	return map[Verb]step{
		Create:   {merchants, nil, StateDraft},
		EditIt:   {merchants, []State{StateDraft, StateRejected}, StateDraft},
		Submit:   {merchants, []State{StateDraft}, StateInReview},
		Appeal:   {merchants, []State{StateFrozen}, StateFrozen},
		Approve:  {operators, []State{StateInReview}, StateApproved},
		Reject:   {operators, []State{StateInReview}, StateRejected},
		Freeze:   {operators, []State{StateApproved}, StateFrozen},
		Restore:  {operators, []State{StateFrozen}, StateApproved},
		Keep:     {operators, []State{StateFrozen}, StateFrozen},
		TakeDown: {operators, []State{StateFrozen}, StateTakenDown},
		Expire:   {[]Side{SideSystem}, []State{StateApproved}, StateExpired},
	}
}

// Follows says whether a verb, by a side, leads from one state to the other; a cover is created from "".
func Follows(v Verb, by Side, from, to State) bool {
	s, ok := steps()[v]
	if !ok || s.to != to || !slices.Contains(s.by, by) {
		return false
	}
	return v == Create && from == "" || slices.Contains(s.from, from)
}

// decisions are what an operator may decide.
func decisions() []Verb { return []Verb{Approve, Reject, Freeze, Restore, Keep, TakeDown} }

// AppealState says how far the appeal against a freeze is.
type AppealState string

const (
	AppealNone      AppealState = ""
	AppealOpen      AppealState = "open"
	AppealDismissed AppealState = "dismissed"
)

// AppealTime is how long after a freeze the merchant may appeal.
const AppealTime = 5 * 24 * time.Hour

// Rules are what an installation decides about covers.
type Rules struct {
	Validity time.Duration // from approval on, frozen time not counted
}

// DefaultRules are those of the model product: half a year.
func DefaultRules() Rules { return Rules{Validity: 183 * 24 * time.Hour} }

// Cover is a merchant's.
type Cover struct {
	ID       int64 // from the ledger: its low bits are the shard of its merchant
	Merchant int64
	Mode     merchant.Mode
	Design
	State       State
	Reason      string   // of the operator's last decision, for both sides to read; empty before the first
	Findings    []Reason // what Reason says about single fields; of a rejection
	CreatedBy   string   // a user id, or the id of the key
	CreatedAt   time.Time
	ChangedAt   time.Time // when it came into its state
	UsableUntil time.Time // zero before it was approved; while it is frozen, as it was at the freeze
	FrozenAt    time.Time // zero unless it is frozen
	Appeal      AppealState
	AppealText  string // empty unless there is an appeal
	History     int64  // how many lines its history has
}

// AppealUntil is until when the merchant may appeal; zero where it may not.
func (c Cover) AppealUntil() time.Time {
	if c.State != StateFrozen || c.Appeal != AppealNone {
		return time.Time{}
	}
	return c.FrozenAt.Add(AppealTime)
}

// Reason is what an operator says about one field of a cover.
type Reason struct {
	Field string `json:"field"` // one of Fields
	Text  string `json:"text"`  // 1 to 300 characters
}

// Change is a line of a cover's history.
type Change struct {
	Seq      int64 // 1, 2, 3 … of the cover
	At       time.Time
	By       string // a user id, the id of a key, the subject of an operator's token; empty for the system
	Side     Side
	Action   Verb
	From, To State
	Reason   string // the operator's, or the merchant's appeal
	Findings []Reason
	Until    time.Time // the validity afterwards
	// Request makes the change safe to repeat: its id is unique for each By and Side of a cover.
	Request ledger.Request
}

// Bounds.
const (
	MaxCovers   = 500  // of a merchant's side, taken down and expired ones not counted
	MaxImages   = 2000 // of a merchant's side
	maxReason   = 300  // characters
	maxFindings = 12
)

// checkReason accepts a sentence for the other side to read. Refusal: invalid_argument.
func checkReason(what, text string) error {
	if err := refusal.CheckText(what, text); err != nil {
		return err
	}
	if n := len([]rune(text)); n == 0 || n > maxReason || strings.TrimSpace(text) != text {
		return refusal.New(refusal.CodeInvalidArgument,
			"%s has %d characters: give 1 to %d, without spaces around them", what, n, maxReason)
	}
	return nil
}

var errNotFound = refusal.New(CodeNotFound, "there is no cover with this id that you may see")
