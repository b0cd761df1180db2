package chat

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// MaxNames bounds how many names may be asked for at once.
const MaxNames = 500

// Service is what users do in a chat. It is safe for concurrent use and has no state.
type Service struct {
	ids    IDs
	store  Store
	groups Directory
	now    func() time.Time
}

// NewService makes a service.
func NewService(ids IDs, store Store, groups Directory, now func() time.Time) *Service {
	return &Service{ids: ids, store: store, groups: groups, now: now}
}

// Send sends a message. Repeating a draft gives the message of the first time. Refusals: see idl/chat.thrift.
func (s *Service) Send(ctx context.Context, sender string, d Draft) (Message, error) {
	if err := d.check(sender); err != nil {
		return Message{}, err
	}
	m := Message{
		Group: d.Group, To: d.To, Sender: sender, Text: d.Text, ReplyTo: d.ReplyTo, About: d.About,
		CreatedAt: s.now().UTC().Truncate(time.Millisecond),
	}
	if refused := s.mustBeIn(ctx, sender, Place{Group: d.Group, With: d.To}); refused != nil {
		return s.sentBefore(ctx, d.RequestID, m, refused)
	}
	var err error
	if m.ID, err = s.ids.NewID(m.In().Owner); err != nil {
		return Message{}, fmt.Errorf("id for a message: %w", err)
	}
	events, err := sentEvents(m)
	if err != nil {
		return Message{}, err
	}
	return s.store.Send(ctx, d.RequestID, m, events)
}

// sentBefore answers a draft of somebody who may not write there any more: it stands if it was sent earlier.
func (s *Service) sentBefore(ctx context.Context, requestID string, m Message, refused error) (Message, error) {
	if refusal.CodeOf(refused) == "" {
		return Message{}, refused
	}
	first, ok, err := s.store.Sent(ctx, requestID, m)
	if err == nil && !ok {
		err = refused
	}
	return first, err
}

// Messages returns those of a conversation that a user is part of, the newest first, below before (0: from the
// newest). Refusals: invalid_argument, not_a_member.
func (s *Service) Messages(ctx context.Context, user string, p Place, before int64, limit int) ([]Message, error) {
	if err := p.check(user); err != nil {
		return nil, err
	}
	if err := s.mustBeIn(ctx, user, p); err != nil {
		return nil, err
	}
	return s.store.Messages(ctx, Of(user, p), before, limit)
}

// Partners returns the people with whom a user has a conversation, the latest that began first, below before.
func (s *Service) Partners(ctx context.Context, user string, before int64, limit int) ([]Partner, error) {
	return s.store.Partners(ctx, user, before, limit)
}

// NameMyself gives a user a name, or takes it back where it is empty. Refusal: invalid_argument.
func (s *Service) NameMyself(ctx context.Context, user, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return s.store.Rename(ctx, Named{ID: user}, name, nil)
}

// NameGroup gives a group a name, for its members. Refusals: invalid_argument, not_a_member.
func (s *Service) NameGroup(ctx context.Context, user, group, name string) error {
	if err := refusal.CheckID("group_id", group); err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.mustBeIn(ctx, user, Place{Group: group}); err != nil {
		return err
	}
	e, err := event(ledger.GroupTopic(group), namedEvent{Type: "chat.named", Group: group, Name: name, By: user})
	if err != nil {
		return err
	}
	return s.store.Rename(ctx, Named{ID: group, IsGroup: true}, name, []ledger.Event{e})
}

// Names returns the names of those that have one. Refusal: invalid_argument.
func (s *Service) Names(ctx context.Context, of []Named) (map[Named]string, error) {
	if len(of) > MaxNames {
		return nil, refusal.New(refusal.CodeInvalidArgument, "%d names are asked for: at most %d at once", len(of),
			MaxNames)
	}
	for _, n := range of {
		if err := refusal.CheckID("id", n.ID); err != nil {
			return nil, err
		}
	}
	return s.store.Names(ctx, of)
}

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n > MaxName {
		return refusal.New(refusal.CodeInvalidArgument, "name has %d characters: give at most %d", n, MaxName)
	}
	return refusal.CheckText("name", name)
}

func (s *Service) mustBeIn(ctx context.Context, user string, p Place) error {
	if p.Group == "" {
		return nil
	}
	in, err := s.groups.IsMember(ctx, p.Group, user)
	if err == nil && !in {
		err = refusal.New(refusal.CodeNotAMember, "you are not a member of this group")
	}
	return err
}
