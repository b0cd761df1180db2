package chat

import (
	"encoding/json"
	"fmt"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// messageEvent tells of a message. Times are Unix milliseconds; ids that are absent are left out.
type messageEvent struct {
	Type      string `json:"type"`
	ID        string `json:"message_id"`
	Group     string `json:"group_id,omitempty"`
	To        string `json:"to,omitempty"`
	Sender    string `json:"sender"`
	Text      string `json:"text"`
	ReplyTo   string `json:"reply_to,omitempty"`
	About     string `json:"about,omitempty"`
	CreatedAt int64  `json:"created_at"`
}

type namedEvent struct {
	Type  string `json:"type"`
	Group string `json:"group_id"`
	Name  string `json:"name"`
	By    string `json:"by"`
}

func event(topic string, content any) (ledger.Event, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return ledger.Event{}, fmt.Errorf("encode an event for %s: %w", topic, err)
	}
	return ledger.Event{Topic: topic, Body: body}, nil
}

// sentEvents tell a group, or both people.
func sentEvents(m Message) ([]ledger.Event, error) {
	content := messageEvent{
		Type: "chat.message", ID: fmt.Sprint(m.ID), Group: m.Group, To: m.To, Sender: m.Sender, Text: m.Text,
		ReplyTo: idOrNone(m.ReplyTo), About: idOrNone(m.About), CreatedAt: m.CreatedAt.UnixMilli(),
	}
	topics := []string{ledger.GroupTopic(m.Group)}
	if m.Group == "" {
		topics = []string{ledger.UserTopic(m.To), ledger.UserTopic(m.Sender)}
	}
	events := make([]ledger.Event, 0, len(topics))
	for _, topic := range topics {
		e, err := event(topic, content)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func idOrNone(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprint(id)
}
