package collection

import (
	"encoding/json"
	"fmt"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// summary begins every event of a collection. Times are Unix milliseconds, amounts minor units.
type summary struct {
	Type       string          `json:"type"`
	Collection string          `json:"collection_id"`
	Group      string          `json:"group_id"`
	Collector  string          `json:"collector"`
	Currency   ledger.Currency `json:"currency"`
	Due        int64           `json:"due"`
	Collected  int64           `json:"collected"`
	State      State           `json:"state"`
}

func about(what string, c Collection) summary {
	return summary{
		Type: "collection." + what, Collection: fmt.Sprint(
			c.ID), Group: c.Group, Collector: c.Collector, Currency: c.Currency, Due: c.Due,
		Collected: c.Collected, State: c.State,
	}
}

type openedEvent struct {
	summary
	Kind      Kind   `json:"kind"`
	Total     int64  `json:"total"`
	Note      string `json:"note"`
	Parts     int    `json:"parts"` // how many, the collector's own included
	CreatedAt int64  `json:"created_at"`
	RemindAt  int64  `json:"remind_at"`
}

type paidEvent struct {
	summary
	User   string `json:"user_id"`
	Amount int64  `json:"amount"`
}

type reminderEvent struct {
	summary
	Amount int64  `json:"amount"` // of the listener's part
	Note   string `json:"note"`
}

func event(topic string, content any) (ledger.Event, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return ledger.Event{}, fmt.Errorf("encode an event for %s: %w", topic, err)
	}
	return ledger.Event{Topic: topic, Body: body}, nil
}

func only(n ledger.Event, err error) ([]ledger.Event, error) { return []ledger.Event{n}, err }

func openedEvents(c Collection) ([]ledger.Event, error) {
	return only(event(ledger.GroupTopic(c.Group), openedEvent{
		summary: about("opened", c), Kind: c.Kind, Total: c.Total, Note: c.Note, Parts: len(c.Parts),
		CreatedAt: c.CreatedAt.UnixMilli(), RemindAt: c.RemindAt.UnixMilli(),
	}))
}

func closedEvents(c Collection) ([]ledger.Event, error) {
	return only(event(ledger.GroupTopic(c.Group), about("closed", c)))
}

// paidEvents tells of the part that was paid, from the collection afterwards.
func paidEvents(part Part) func(Collection) ([]ledger.Event, error) {
	return func(c Collection) ([]ledger.Event, error) {
		return only(event(ledger.GroupTopic(c.Group), paidEvent{summary: about("paid", c), User: part.Member,
			Amount: part.Minor}))
	}
}

// reminderEvents tell each who has not paid.
func reminderEvents(c Collection) ([]ledger.Event, error) {
	var events []ledger.Event
	for _, p := range c.Parts {
		if p.State != PartDue {
			continue
		}
		n, err := event(ledger.UserTopic(p.Member), reminderEvent{summary: about("reminder", c), Amount: p.Minor,
			Note: c.Note})
		if err != nil {
			return nil, err
		}
		events = append(events, n)
	}
	return events, nil
}
