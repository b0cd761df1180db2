package handler

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/chat"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/kitex_gen/chatapi"
)

// messages is how many messages a user may send.
var messages = ratelimit.Limit{Name: "messages", Count: 20, Per: 10 * time.Second}

// ChatDomain is what Chat needs of chat.Service.
type ChatDomain interface {
	Send(ctx context.Context, sender string, d chat.Draft) (chat.Message, error)
	Messages(ctx context.Context, user string, p chat.Place, before int64, limit int) ([]chat.Message, error)
	Partners(ctx context.Context, user string, before int64, limit int) ([]chat.Partner, error)
	NameMyself(ctx context.Context, user, name string) error
	NameGroup(ctx context.Context, user, group, name string) error
	Names(ctx context.Context, of []chat.Named) (map[chat.Named]string, error)
}

// Chat is the Kitex ChatService.
type Chat struct {
	Domain ChatDomain
	Limits RateLimiter
	Log    *slog.Logger
}

var _ chatapi.ChatService = (*Chat)(nil)

// SendMessage implements chatapi.ChatService.
func (h *Chat) SendMessage(ctx context.Context, r *chatapi.SendMessageRequest) (*chatapi.Message, error) {
	user := subject(ctx)
	if taken, known := take(ctx, h.Log, h.Limits, messages, user); known && !taken.Allowed {
		returnLimit(ctx, taken)
		return nil, limited(taken, fmt.Sprintf("you have sent more than %d messages in %v", messages.Count,
			messages.Per))
	}
	m, err := h.Domain.Send(ctx, user, chat.Draft{
		RequestID: r.RequestId, Group: r.GetGroupId(), To: r.GetTo(), Text: r.Text, ReplyTo: r.GetReplyTo(),
		About: r.GetAbout(),
	})
	if err != nil {
		return nil, err
	}
	return message(m), nil
}

// MessagesOfGroup implements chatapi.ChatService.
func (h *Chat) MessagesOfGroup(
	ctx context.Context, r *chatapi.GroupMessagesRequest,
) (*chatapi.MessagesResponse, error) {
	return h.list(ctx, chat.Place{Group: r.GroupId}, r.Limit, r.GetCursor())
}

// MessagesWith implements chatapi.ChatService.
func (h *Chat) MessagesWith(ctx context.Context, r *chatapi.MessagesWithRequest) (*chatapi.MessagesResponse, error) {
	return h.list(ctx, chat.Place{With: r.UserId}, r.Limit, r.GetCursor())
}

func (h *Chat) list(
	ctx context.Context, p chat.Place, size *int32, cursor string,
) (*chatapi.MessagesResponse, error) {
	limit, before, err := page(size, cursor)
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.Messages(ctx, subject(ctx), p, before, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, limit, func(m chat.Message) int64 { return m.ID })
	return &chatapi.MessagesResponse{Messages: encodeAll(found, message), NextCursor: next}, nil
}

// Partners implements chatapi.ChatService.
func (h *Chat) Partners(ctx context.Context, r *chatapi.PartnersRequest) (*chatapi.PartnersResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	found, err := h.Domain.Partners(ctx, subject(ctx), before, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, limit, func(p chat.Partner) int64 { return p.First })
	users := encodeAll(found, func(p chat.Partner) string { return p.User })
	return &chatapi.PartnersResponse{UserIds: users, NextCursor: next}, nil
}

// NameMyself implements chatapi.ChatService.
func (h *Chat) NameMyself(ctx context.Context, r *chatapi.NameRequest) (*chatapi.NameResponse, error) {
	if err := h.Domain.NameMyself(ctx, subject(ctx), r.Name); err != nil {
		return nil, err
	}
	return &chatapi.NameResponse{Name: r.Name}, nil
}

// NameGroup implements chatapi.ChatService.
func (h *Chat) NameGroup(ctx context.Context, r *chatapi.NameGroupRequest) (*chatapi.NameResponse, error) {
	if err := h.Domain.NameGroup(ctx, subject(ctx), r.GroupId, r.Name); err != nil {
		return nil, err
	}
	return &chatapi.NameResponse{Name: r.Name}, nil
}

// Names implements chatapi.ChatService.
func (h *Chat) Names(ctx context.Context, r *chatapi.NamesRequest) (*chatapi.NamesResponse, error) {
	asked := make([]chat.Named, 0, len(r.UserIds)+len(r.GroupIds))
	for _, id := range r.UserIds {
		asked = append(asked, chat.Named{ID: id})
	}
	for _, id := range r.GroupIds {
		asked = append(asked, chat.Named{ID: id, IsGroup: true})
	}
	names, err := h.Domain.Names(ctx, asked)
	if err != nil {
		return nil, err
	}
	response := &chatapi.NamesResponse{Users: []*chatapi.Named{}, Groups: []*chatapi.Named{}}
	for _, of := range asked {
		name, ok := names[of]
		switch {
		case !ok:
		case of.IsGroup:
			response.Groups = append(response.Groups, &chatapi.Named{Id: of.ID, Name: name})
		default:
			response.Users = append(response.Users, &chatapi.Named{Id: of.ID, Name: name})
		}
	}
	return response, nil
}

func message(m chat.Message) *chatapi.Message {
	response := &chatapi.Message{
		MessageId: m.ID, GroupId: m.Group, To: m.To, Sender: m.Sender, Text: m.Text, CreatedAt: m.CreatedAt.UnixMilli(),
	}
	if m.ReplyTo != 0 {
		response.ReplyTo = &m.ReplyTo
	}
	if m.About != 0 {
		response.About = &m.About
	}
	return response
}
