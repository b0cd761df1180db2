package transfer

import (
	"encoding/json"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
)

// collectionAbout begins every event of a collection. Times are Unix milliseconds, amounts minor units.
type collectionAbout struct {
	Type       string                 `json:"type"`
	Collection string                 `json:"collection_id"`
	Group      string                 `json:"group_id"`
	Collector  string                 `json:"collector"`
	Currency   wallet.Currency        `json:"currency"`
	Due        int64                  `json:"due"`
	Collected  int64                  `json:"collected"`
	State      wallet.CollectionState `json:"state"`
}

func about(what string, c wallet.Collection) collectionAbout {
	return collectionAbout{
		Type: "collection." + what, Collection: fmt.Sprint(c.ID), Group: c.Group, Collector: c.Collector, Currency: c.Currency, Due: c.Due,
		Collected: c.Collected, State: c.State,
	}
}

type openedEvent struct {
	collectionAbout
	Kind      wallet.CollectionKind `json:"kind"`
	Total     int64                 `json:"total"`
	Note      string                `json:"note"`
	Parts     int                   `json:"parts"` // how many, the collector's own included
	CreatedAt int64                 `json:"created_at"`
	RemindAt  int64                 `json:"remind_at"`
}

type paidEvent struct {
	collectionAbout
	User   string `json:"user_id"`
	Amount int64  `json:"amount"`
}

type reminderEvent struct {
	collectionAbout
	Amount int64  `json:"amount"` // of the listener's part
	Note   string `json:"note"`
}

func notice(topic string, event any) (wallet.Notice, error) {
	body, err := json.Marshal(event)
	if err != nil {
		return wallet.Notice{}, fmt.Errorf("encode an event for %s: %w", topic, err)
	}
	return wallet.Notice{Topic: topic, Body: body}, nil
}

func only(n wallet.Notice, err error) ([]wallet.Notice, error) { return []wallet.Notice{n}, err }

func openedNotices(c wallet.Collection) ([]wallet.Notice, error) {
	return only(notice(GroupTopic(c.Group), openedEvent{
		collectionAbout: about("opened", c), Kind: c.Kind, Total: c.Total, Note: c.Note, Parts: len(c.Parts),
		CreatedAt: c.CreatedAt.UnixMilli(), RemindAt: c.RemindAt.UnixMilli(),
	}))
}

func closedNotices(c wallet.Collection) ([]wallet.Notice, error) {
	return only(notice(GroupTopic(c.Group), about("closed", c)))
}

// paidNotices tells of the part that was paid, from the collection afterwards.
func paidNotices(part wallet.CollectionPart) func(wallet.Collection) ([]wallet.Notice, error) {
	return func(c wallet.Collection) ([]wallet.Notice, error) {
		return only(notice(GroupTopic(c.Group), paidEvent{collectionAbout: about("paid", c), User: part.Member, Amount: part.Minor}))
	}
}

// reminderNotices tell each who has not paid.
func reminderNotices(c wallet.Collection) ([]wallet.Notice, error) {
	var notices []wallet.Notice
	for _, p := range c.Parts {
		if p.State != wallet.PartDue {
			continue
		}
		n, err := notice(UserTopic(p.Member), reminderEvent{collectionAbout: about("reminder", c), Amount: p.Minor, Note: c.Note})
		if err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}
