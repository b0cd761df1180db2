package merchant

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Types of the events that a merchant's servers hear of.
const (
	EventMerchant = "merchant.changed"        // it applied, or an operator decided; both sides hear of it
	EventMember   = "merchant.member_changed" // both sides hear of it
	EventKey      = "merchant.key_changed"    // the key's side hears of it
	EventClock    = "merchant.clock_advanced" // the test side hears of it
)

// EventTypes are all that there are.
func EventTypes() []string { return []string{EventMerchant, EventMember, EventKey, EventClock} }

// ServerEvent is what a merchant's servers hear of, as their webhooks tell it.
type ServerEvent struct {
	Account string // of the side that hears of it: see WebhookAccount
	Type    string
	Object  string // as merchant:17
	Data    json.RawMessage
	At      time.Time
}

// ServerEvents are on their way if and only if the transaction commits in which they are published.
type ServerEvents interface {
	Publish(ctx context.Context, tx ledger.Tx, events ...ServerEvent) error
}

// WebhookAccount is in whose name the webhooks of a merchant's side are kept: the account that tokens of the side name,
// too. It is on the merchant's shard.
func WebhookAccount(id int64, m Mode) string { return Account(id, m, Available) }

// serverEventsOf tell the servers of a merchant of an edit.
func serverEventsOf(r Record, e Edit) ([]ServerEvent, error) {
	state := r.State
	if e.State != "" {
		state = e.State
	}
	id := strconv.FormatInt(r.ID, 10)
	event := ServerEvent{Type: EventMerchant, Object: product + ":" + id, At: e.Change.At}
	sides := []Mode{Live, Test}
	switch {
	case e.TestAhead != 0:
		event.Type, sides = EventClock, []Mode{Test}
	case e.Member != nil && e.Change.Action != ActionApply, e.Remove != "":
		event.Type = EventMember
	case e.Key != nil:
		event.Type, sides = EventKey, []Mode{e.Key.Mode}
	case e.Ending != nil:
		event.Type, sides = EventKey, []Mode{e.Ending.Mode}
	}
	data, err := json.Marshal(struct {
		Merchant string `json:"merchant_id"`
		Seq      int64  `json:"seq"` // of the line of the history
		Action   string `json:"action"`
		Object   string `json:"object"`
		State    State  `json:"state"`
		Before   string `json:"before"`
		After    string `json:"after"`
	}{id, r.History + 1, e.Change.Action, e.Change.Object, state, e.Change.From, e.Change.To})
	if err != nil {
		return nil, fmt.Errorf("encode an event of merchant %d: %w", r.ID, err)
	}
	event.Data = data
	events := make([]ServerEvent, len(sides))
	for i, side := range sides {
		events[i] = event
		events[i].Account = WebhookAccount(r.ID, side)
	}
	return events, nil
}

// WebhooksOf says in whose name a member looks after the webhooks of one side. Refusals: merchant_not_found,
// role_missing, invalid_argument.
func (s *Service) WebhooksOf(ctx context.Context, user string, id int64, mode string) (account string, err error) {
	m, err := ParseMode(mode)
	if err != nil {
		return "", err
	}
	_, err = s.see(ctx, Caller{User: user}, id, ManageWebhooks)
	return WebhookAccount(id, m), err
}

// WebhooksIn says in whose name a session looks after webhooks. The merchant and the mode are those that the call
// names. Refusals: merchant_not_found, mode_mismatch, permission_missing, merchant_not_active, invalid_argument.
func (s *Service) WebhooksIn(ctx context.Context, session Session, id int64, mode string) (account string, err error) {
	m, err := ParseMode(mode)
	switch {
	case err != nil:
		return "", err
	case id != session.Merchant:
		return "", errNotFound
	case m != session.Mode:
		return "", refusal.New(CodeModeMismatch, "the key is of the %s side: give that mode, or use another key",
			session.Mode)
	}
	if err := session.may(WebhookManage); err != nil {
		return "", err
	}
	_, err = s.Session(ctx, session)
	return session.Account(), err
}
