package client

import (
	"context"
	"iter"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/chatapi"
)

// NewMessage is something that the caller says: into a group, or to a person.
type NewMessage struct {
	RequestID string // see the package comment; made where it is empty
	Group     string // or To
	To        string // or Group
	Text      string // 1 to 1,000 characters
	ReplyTo   int64  // an earlier message of the conversation; 0 for none
	About     int64  // what else it is about, as the id of an envelope; 0 for nothing
}

// Message is something that somebody said.
type Message struct {
	ID        int64
	Group     string // empty between two people
	To        string // empty in a group
	Sender    string
	Text      string
	ReplyTo   int64
	About     int64
	CreatedAt time.Time
}

// Chats calls the ChatService. Scope: user.
type Chats struct{ c *Client }

// Send sends a message.
func (s Chats) Send(ctx context.Context, n NewMessage) (Message, error) {
	request := &chatapi.SendMessageRequest{
		RequestId: requestID(n.RequestID), GroupId: optional(n.Group), To: optional(n.To), Text: n.Text,
		ReplyTo: optional(n.ReplyTo), About: optional(n.About),
	}
	k := call{method: "Chats.Send", requestID: request.RequestId}
	answer, err := invoke(ctx, s.c, k, s.c.shared.services.Chats.SendMessage, request)
	return converted(messageOf, answer, err)
}

// OfGroup iterates over the messages of a group, newest first, for its members.
func (s Chats) OfGroup(ctx context.Context, group string) iter.Seq2[Message, error] {
	return list(s.c, func(cursor *string, size *int32) (*chatapi.MessagesResponse, error) {
		return invoke(ctx, s.c, call{method: "Chats.OfGroup"}, s.c.shared.services.Chats.MessagesOfGroup,
			&chatapi.GroupMessagesRequest{GroupId: group, Cursor: cursor, Limit: size})
	}, (*chatapi.MessagesResponse).GetMessages, messageOf)
}

// With iterates over the messages of the caller and another person, newest first.
func (s Chats) With(ctx context.Context, user string) iter.Seq2[Message, error] {
	return list(s.c, func(cursor *string, size *int32) (*chatapi.MessagesResponse, error) {
		return invoke(ctx, s.c, call{method: "Chats.With"}, s.c.shared.services.Chats.MessagesWith,
			&chatapi.MessagesWithRequest{UserId: user, Cursor: cursor, Limit: size})
	}, (*chatapi.MessagesResponse).GetMessages, messageOf)
}

// Partners iterates over the people with whom the caller has exchanged messages. One appears here within moments.
func (s Chats) Partners(ctx context.Context) iter.Seq2[string, error] {
	return list(s.c, func(cursor *string, size *int32) (*chatapi.PartnersResponse, error) {
		return invoke(ctx, s.c, call{method: "Chats.Partners"}, s.c.shared.services.Chats.Partners,
			&chatapi.PartnersRequest{Cursor: cursor, Limit: size})
	}, (*chatapi.PartnersResponse).GetUserIds, func(user string) string { return user })
}

// NameMyself gives the caller a name of up to 32 characters; an empty one takes it back.
func (s Chats) NameMyself(ctx context.Context, name string) error {
	_, err := invoke(ctx, s.c, call{method: "Chats.NameMyself"}, s.c.shared.services.Chats.NameMyself,
		&chatapi.NameRequest{Name: name})
	return err
}

// NameGroup gives a group a name of up to 32 characters, for its members; an empty one takes it back.
func (s Chats) NameGroup(ctx context.Context, group, name string) error {
	_, err := invoke(ctx, s.c, call{method: "Chats.NameGroup"}, s.c.shared.services.Chats.NameGroup,
		&chatapi.NameGroupRequest{GroupId: group, Name: name})
	return err
}

// Names returns the names of those people and groups that have one, by id. At most 500 are asked for at once.
func (s Chats) Names(ctx context.Context, users, groups []string) (people, ofGroups map[string]string, err error) {
	answer, err := invoke(ctx, s.c, call{method: "Chats.Names"}, s.c.shared.services.Chats.Names,
		&chatapi.NamesRequest{UserIds: users, GroupIds: groups})
	if err != nil {
		return nil, nil, err
	}
	byID := func(named []*chatapi.Named) map[string]string {
		names := make(map[string]string, len(named))
		for _, n := range named {
			names[n.Id] = n.Name
		}
		return names
	}
	return byID(answer.Users), byID(answer.Groups), nil
}

func messageOf(m *chatapi.Message) Message {
	return Message{
		ID: m.MessageId, Group: m.GroupId, To: m.To, Sender: m.Sender, Text: m.Text, ReplyTo: m.GetReplyTo(),
		About: m.GetAbout(), CreatedAt: at(m.CreatedAt),
	}
}
