package cover

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Types of the events that a merchant's servers hear of.
const (
	EventApproved        = "cover.approved"
	EventRejected        = "cover.rejected"
	EventFrozen          = "cover.frozen"
	EventAppealDismissed = "cover.appeal_dismissed"
	EventRestored        = "cover.restored"
	EventTakenDown       = "cover.taken_down"
	EventExpired         = "cover.expired"
)

// EventTypes are all that there are.
func EventTypes() []string {
	return []string{
		EventApproved, EventRejected, EventFrozen, EventAppealDismissed, EventRestored, EventTakenDown, EventExpired,
	}
}

// typeOf is the event of a verb; merchants do not hear of what they did themselves.
func typeOf(v Verb) string {
	return map[Verb]string{
		Approve: EventApproved, Reject: EventRejected, Freeze: EventFrozen, Keep: EventAppealDismissed,
		Restore: EventRestored, TakeDown: EventTakenDown, Expire: EventExpired,
	}[v]
}

// changed is what events tell. Times are Unix milliseconds, 0 for none.
type changed struct {
	Type        string   `json:"type,omitempty"`
	Cover       string   `json:"cover_id"`
	Merchant    string   `json:"merchant_id"`
	Seq         int64    `json:"seq"` // of the line of the history
	Action      Verb     `json:"action"`
	Before      State    `json:"before"`
	State       State    `json:"state"`
	Reason      string   `json:"reason"`
	Findings    []Reason `json:"findings,omitempty"`
	UsableUntil int64    `json:"usable_until"`
	At          int64    `json:"at"`
}

// addEvents gives an edit its events: for each listener live, and for the merchant's servers, to whom they are sent by
// our clock; the times in them are by the cover's own.
func (e *Edit) addEvents(listeners []string, at time.Time) error {
	what := changed{
		Type: "cover.changed", Cover: strconv.FormatInt(e.ID, 10), Merchant: strconv.FormatInt(e.Merchant, 10),
		Seq: e.History + 1, Action: e.Change.Action, Before: e.Change.From, State: e.State, At: e.Change.At.UnixMilli(),
	}
	if !e.UsableUntil.IsZero() {
		what.UsableUntil = e.UsableUntil.UnixMilli()
	}
	live, err := json.Marshal(what) // without reasons: they would not fit in every alphabet
	if err != nil {
		return fmt.Errorf("encode an event of cover %d: %w", e.ID, err)
	}
	e.Events = make([]ledger.Event, len(listeners))
	for i, user := range listeners {
		e.Events[i] = ledger.Event{Topic: ledger.UserTopic(user), Body: live}
	}
	name := typeOf(e.Change.Action)
	if name == "" {
		return nil
	}
	what.Type, what.Reason, what.Findings = "", e.Change.Reason, e.Change.Findings
	data, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("encode an event of cover %d: %w", e.ID, err)
	}
	e.ServerEvents = []merchant.ServerEvent{{
		Account: merchant.WebhookAccount(e.Merchant, e.Mode), Type: name, Object: "cover:" + what.Cover, Data: data,
		At: at,
	}}
	return nil
}
