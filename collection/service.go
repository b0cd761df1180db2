package collection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Service is what users do with group collections. It is safe for concurrent use and has no state, so any number of
// processes may serve the same users.
type Service struct {
	ledger Ledger
	store  Store
	groups Directory
	rules  Rules
	now    func() time.Time
}

// NewService makes a service. The rules apply to what is opened and paid from now on.
func NewService(l Ledger, store Store, groups Directory, rules Rules, now func() time.Time) *Service {
	return &Service{ledger: l, store: store, groups: groups, rules: rules, now: now}
}

// Open asks members of a group to share a bill. Repeating a bill gives the collection of the first time, as it is now;
// an error other than a refusal leaves open whether it was opened, so repeat it. Refusals: see idl/collection.thrift.
func (s *Service) Open(ctx context.Context, collector string, b Bill) (Collection, error) {
	if err := b.check(collector, s.rules); err != nil {
		return Collection{}, err
	}
	request, err := ledger.NewRequest(b.RequestID, "collection.open", b)
	if err != nil {
		return Collection{}, err
	}
	opened, err := s.draft(ctx, collector, b)
	if err != nil {
		return s.openedBefore(ctx, collector, request, err)
	}
	events, err := openedEvents(opened)
	if err != nil {
		return Collection{}, err
	}
	index := []ledger.IndexEntry{{Of: ledger.IndexGroup(b.Group), Subject: Subject, Reference: opened.ID}}
	for _, p := range opened.Parts {
		if p.State == PartDue {
			index = append(index, ledger.IndexEntry{Of: p.Member, Subject: Subject, Reference: opened.ID})
		}
	}
	return s.store.Open(ctx, request, opened, index, events)
}

// openedBefore answers a bill that the group as it is today forbids: it stands if it was carried out earlier.
func (s *Service) openedBefore(ctx context.Context, collector string, r ledger.Request,
	refused error) (Collection, error) {
	if refusal.CodeOf(refused) == "" {
		return Collection{}, refused
	}
	id, ok, err := s.ledger.Requested(ctx, collector, r)
	if err != nil {
		return Collection{}, err
	}
	if !ok {
		return Collection{}, refused
	}
	return s.store.Get(ctx, id)
}

// draft is the collection that a checked bill asks for, in the group as it is now.
func (s *Service) draft(ctx context.Context, collector string, b Bill) (Collection, error) {
	if err := s.mustBeMember(ctx, b.Group, collector); err != nil {
		return Collection{}, err
	}
	members, err := s.groups.Members(ctx, b.Group)
	if err != nil {
		return Collection{}, err
	}
	users := b.users(collector, members)
	known := make(map[string]bool, len(members))
	for _, m := range members {
		known[m] = true
	}
	for _, u := range users {
		if !known[u] {
			return Collection{}, refusal.New(CodeParticipantNotAMember,
				"%q is not a member of the group: ask only its members", u)
		}
	}
	parts, err := b.parts(collector, users)
	if err != nil {
		return Collection{}, err
	}
	id, err := s.ledger.NewID(collector)
	if err != nil {
		return Collection{}, fmt.Errorf("id for a collection: %w", err)
	}
	created := s.clock()
	for i := range parts {
		parts[i].At = created
	}
	total, due := b.sums(parts)
	return Collection{
		ID: id, Group: b.Group, Collector: collector, Kind: Kind(b.Kind), Currency: ledger.Currency(
			b.Currency), Total: total, Due: due,
		Note: b.Note, State: StateOpen, CreatedAt: created, RemindAt: created.Add(s.rules.RemindIn), Parts: parts,
	}, nil
}

// Close ends a collection, for its collector. Refusals: see idl/collection.thrift.
func (s *Service) Close(ctx context.Context, user string, id int64) (Collection, error) {
	found, err := s.get(ctx, id)
	if err != nil {
		return Collection{}, err
	}
	if found.Collector != user {
		return Collection{}, refusal.New(CodeNotTheCollector, "only the collector of this collection can close it")
	}
	closed, err := s.store.Close(ctx, id, s.clock(), closedEvents)
	if err == nil && closed.State == StateComplete {
		err = refusal.New(CodeComplete, "everybody has paid: there is nothing to close")
	}
	if err != nil {
		return Collection{}, err
	}
	return closed, nil
}

// Get shows a collection to the members of its group and to its participants. Refusals: see idl/collection.thrift.
func (s *Service) Get(ctx context.Context, user string, id int64) (Collection, error) {
	found, err := s.get(ctx, id)
	if err != nil {
		return Collection{}, err
	}
	if _, asked := found.Part(user); asked || found.Collector == user {
		return found, nil
	}
	if err := s.mustBeMember(ctx, found.Group, user); err != nil {
		return Collection{}, err
	}
	return found, nil
}

// OfGroup returns the collections of a group, newest first, with an id below before (0: from the newest). Refusal:
// not_a_member.
func (s *Service) OfGroup(ctx context.Context, user, group string, before int64, limit int) ([]Line, error) {
	if err := refusal.CheckID("group_id", group); err != nil {
		return nil, err
	}
	if err := s.mustBeMember(ctx, group, user); err != nil {
		return nil, err
	}
	return s.indexed(ctx, ledger.IndexGroup(group), user, before, limit)
}

// Asked returns the collections that ask the user for a part, newest first, with an id below before (0: from the
// newest).
func (s *Service) Asked(ctx context.Context, user string, before int64, limit int) ([]Line, error) {
	return s.indexed(ctx, user, user, before, limit)
}

func (s *Service) indexed(ctx context.Context, of, member string, before int64, limit int) ([]Line, error) {
	ids, err := s.ledger.Indexed(ctx, of, Subject, before, limit)
	if err != nil {
		return nil, err
	}
	return s.store.Lines(ctx, ids, member)
}

// Opened returns the collections that the user opened, newest first, with an id below before (0: from the newest).
func (s *Service) Opened(ctx context.Context, user string, before int64, limit int) ([]Line, error) {
	ids, err := s.store.OpenedBy(ctx, user, before, limit)
	if err != nil {
		return nil, err
	}
	return s.store.Lines(ctx, ids, user)
}

func (s *Service) get(ctx context.Context, id int64) (Collection, error) {
	found, err := s.store.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		err = refusal.New(CodeNotFound, "there is no collection with this id")
	}
	return found, err
}

func (s *Service) mustBeMember(ctx context.Context, group, user string) error {
	in, err := s.groups.IsMember(ctx, group, user)
	if err == nil && !in {
		err = refusal.New(refusal.CodeNotAMember, "you are not a member of this group")
	}
	return err
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
