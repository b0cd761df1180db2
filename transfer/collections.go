package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/wallet"
)

// Collections is what users do with group collections. It is safe for concurrent use and has no state, so any number of
// processes may serve the same users.
type Collections struct {
	ledger CollectionLedger
	groups Directory
	rules  Rules
	now    func() time.Time
}

// NewCollections makes a service. The rules apply to what is opened and paid from now on.
func NewCollections(ledger CollectionLedger, groups Directory, rules Rules, now func() time.Time) *Collections {
	return &Collections{ledger: ledger, groups: groups, rules: rules, now: now}
}

// Open asks members of a group to share a bill. Repeating a bill gives the collection of the first time, as it is now; an
// error other than a refusal leaves open whether it was opened, so repeat it. Refusals: see idl/collection.thrift.
func (c *Collections) Open(ctx context.Context, collector string, b Bill) (wallet.Collection, error) {
	if err := b.check(collector, c.rules); err != nil {
		return wallet.Collection{}, err
	}
	request, err := wallet.NewRequest(b.RequestID, "collection.open", b)
	if err != nil {
		return wallet.Collection{}, err
	}
	opened, err := c.draft(ctx, collector, b)
	if err != nil {
		return c.openedBefore(ctx, collector, request, err)
	}
	notices, err := openedNotices(opened)
	if err != nil {
		return wallet.Collection{}, err
	}
	mentions := []wallet.Mention{{Of: wallet.MentionGroup(b.Group), Subject: wallet.SubjectCollection, Reference: opened.ID}}
	for _, p := range opened.Parts {
		if p.State == wallet.PartDue {
			mentions = append(mentions, wallet.Mention{Of: p.Member, Subject: wallet.SubjectCollection, Reference: opened.ID})
		}
	}
	return c.ledger.OpenCollection(ctx, request, opened, mentions, notices)
}

// openedBefore answers a bill that the group as it is today forbids: it stands if it was carried out earlier.
func (c *Collections) openedBefore(ctx context.Context, collector string, r wallet.Request, refusal error) (wallet.Collection, error) {
	if wallet.RefusalCode(refusal) == "" {
		return wallet.Collection{}, refusal
	}
	id, ok, err := c.ledger.Requested(ctx, collector, r)
	if err != nil {
		return wallet.Collection{}, err
	}
	if !ok {
		return wallet.Collection{}, refusal
	}
	return c.ledger.GetCollection(ctx, id)
}

// draft is the collection that a checked bill asks for, in the group as it is now.
func (c *Collections) draft(ctx context.Context, collector string, b Bill) (wallet.Collection, error) {
	if err := c.mustBeMember(ctx, b.Group, collector); err != nil {
		return wallet.Collection{}, err
	}
	members, err := c.groups.Members(ctx, b.Group)
	if err != nil {
		return wallet.Collection{}, err
	}
	users := b.users(collector, members)
	known := make(map[string]bool, len(members))
	for _, m := range members {
		known[m] = true
	}
	for _, u := range users {
		if !known[u] {
			return wallet.Collection{}, wallet.Refuse(CodeParticipantNotAMember, "%q is not a member of the group: ask only its members", u)
		}
	}
	parts, err := b.parts(collector, users)
	if err != nil {
		return wallet.Collection{}, err
	}
	id, err := c.ledger.NewID(collector)
	if err != nil {
		return wallet.Collection{}, fmt.Errorf("id for a collection: %w", err)
	}
	created := c.clock()
	for i := range parts {
		parts[i].At = created
	}
	total, due := b.sums(parts)
	return wallet.Collection{
		ID: id, Group: b.Group, Collector: collector, Kind: wallet.CollectionKind(b.Kind), Currency: wallet.Currency(b.Currency), Total: total, Due: due,
		Note: b.Note, State: wallet.CollectionOpen, CreatedAt: created, RemindAt: created.Add(c.rules.RemindIn), Parts: parts,
	}, nil
}

// Close ends a collection, for its collector. Refusals: see idl/collection.thrift.
func (c *Collections) Close(ctx context.Context, user string, id int64) (wallet.Collection, error) {
	found, err := c.get(ctx, id)
	if err != nil {
		return wallet.Collection{}, err
	}
	if found.Collector != user {
		return wallet.Collection{}, wallet.Refuse(CodeNotTheCollector, "this collection is somebody else's: only its collector can close it")
	}
	closed, err := c.ledger.CloseCollection(ctx, id, c.clock(), closedNotices)
	if err == nil && closed.State == wallet.CollectionComplete {
		err = wallet.Refuse(CodeCollectionComplete, "everybody has paid: there is nothing to close")
	}
	if err != nil {
		return wallet.Collection{}, err
	}
	return closed, nil
}

// Get shows a collection to the members of its group and to its participants. Refusals: see idl/collection.thrift.
func (c *Collections) Get(ctx context.Context, user string, id int64) (wallet.Collection, error) {
	found, err := c.get(ctx, id)
	if err != nil {
		return wallet.Collection{}, err
	}
	if _, asked := found.Part(user); asked || found.Collector == user {
		return found, nil
	}
	if err := c.mustBeMember(ctx, found.Group, user); err != nil {
		return wallet.Collection{}, err
	}
	return found, nil
}

// OfGroup returns the collections of a group, newest first, with an id below before (0: from the newest). Refusal:
// not_a_member.
func (c *Collections) OfGroup(ctx context.Context, user, group string, before int64, limit int) ([]wallet.CollectionLine, error) {
	if err := wallet.CheckID("group_id", group); err != nil {
		return nil, err
	}
	if err := c.mustBeMember(ctx, group, user); err != nil {
		return nil, err
	}
	return c.mentioned(ctx, wallet.MentionGroup(group), user, before, limit)
}

// Asked returns the collections that ask the user for a part, newest first, with an id below before (0: from the newest).
func (c *Collections) Asked(ctx context.Context, user string, before int64, limit int) ([]wallet.CollectionLine, error) {
	return c.mentioned(ctx, user, user, before, limit)
}

func (c *Collections) mentioned(ctx context.Context, of, member string, before int64, limit int) ([]wallet.CollectionLine, error) {
	ids, err := c.ledger.Mentioned(ctx, of, wallet.SubjectCollection, before, limit)
	if err != nil {
		return nil, err
	}
	return c.ledger.CollectionLines(ctx, ids, member)
}

// Opened returns the collections that the user opened, newest first, with an id below before (0: from the newest).
func (c *Collections) Opened(ctx context.Context, user string, before int64, limit int) ([]wallet.CollectionLine, error) {
	ids, err := c.ledger.CollectionsOf(ctx, user, before, limit)
	if err != nil {
		return nil, err
	}
	return c.ledger.CollectionLines(ctx, ids, user)
}

func (c *Collections) get(ctx context.Context, id int64) (wallet.Collection, error) {
	found, err := c.ledger.GetCollection(ctx, id)
	if errors.Is(err, wallet.ErrCollectionNotFound) {
		err = wallet.Refuse(CodeCollectionNotFound, "there is no collection with this id")
	}
	return found, err
}

func (c *Collections) mustBeMember(ctx context.Context, group, user string) error {
	in, err := c.groups.IsMember(ctx, group, user)
	if err == nil && !in {
		err = wallet.Refuse(wallet.CodeNotAMember, "you are not a member of this group")
	}
	return err
}

func (c *Collections) clock() time.Time { return c.now().UTC().Truncate(time.Millisecond) }
