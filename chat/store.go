package chat

import (
	"context"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// IDs makes ids that carry the shard of an owner.
type IDs interface {
	NewID(owner string) (int64, error)
}

// Store keeps messages and names. Every method is safe to repeat.
type Store interface {
	// Send stores a message and publishes events. Where the sender has sent a message into the conversation under this
	// request id, that one is returned and nothing happens. Refusals: request_conflict, and invalid_argument for a
	// reply to what is not in the conversation.
	Send(ctx context.Context, requestID string, m Message, events []ledger.Event) (Message, error)

	// Sent returns the message that the sender of m has sent into its conversation under a request id, if there is one.
	// Refusal: request_conflict, where that was another message.
	Sent(ctx context.Context, requestID string, m Message) (first Message, ok bool, err error)

	// Messages returns those of a conversation, the newest first, below before (0: from the newest).
	Messages(ctx context.Context, c Conversation, before int64, limit int) ([]Message, error)

	// Partners returns the people with whom a user has a conversation, the latest that began first, below before.
	Partners(ctx context.Context, user string, before int64, limit int) ([]Partner, error)

	// Rename gives an owner a name, or takes it back where it is empty, and publishes events.
	Rename(ctx context.Context, of Named, name string, events []ledger.Event) error

	// Names returns the names of those that have one.
	Names(ctx context.Context, of []Named) (map[Named]string, error)
}

// Partner is the other one in a conversation of two people. First is its first message.
type Partner struct {
	User  string
	First int64
}

// Named is who or what has a name: a group, or else a person.
type Named struct {
	ID      string
	IsGroup bool
}

// Directory knows who is in a group.
type Directory interface {
	IsMember(ctx context.Context, group, user string) (bool, error)
}
