package client

import (
	"context"
	"iter"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/collectionapi"
)

// CollectionKind says who pays how much of a collection.
type CollectionKind string

// Kinds of collections.
const (
	Even      CollectionKind = "even"       // the participants share the total evenly
	PerPerson CollectionKind = "per_person" // each pays the amount of their own Ask
)

// Remainder says who bears what cannot be shared evenly.
type Remainder string

// Bearers of the remainder.
const (
	RemainderMembers   Remainder = "members"   // one unit each, the first in the order of their ids
	RemainderCollector Remainder = "collector" // the caller, so that all are asked for the same
)

// CollectionState is where a collection is in its life.
type CollectionState string

// States of collections. All but CollectionOpen are final.
const (
	CollectionOpen     CollectionState = "open"
	CollectionComplete CollectionState = "complete" // everybody has paid
	CollectionClosed   CollectionState = "closed"   // by the collector
)

// PartState is where a person's part is in its life; PartNone in a list where the caller has no part.
type PartState string

// States of parts.
const (
	PartNone    PartState = ""
	PartDue     PartState = "due"
	PartClaimed PartState = "claimed" // it is being paid
	PartPaid    PartState = "paid"
	PartOwn     PartState = "own" // the collector's own, which is not paid
)

// NewCollection is a bill for a group to share.
type NewCollection struct {
	RequestID    string // see the package comment; made where it is empty
	Group        string
	Kind         CollectionKind
	Currency     string
	Total        int64     // Even only: minor units
	Participants []string  // Even only: who shares it; all members but the caller where it is empty
	Remainder    Remainder // Even only; RemainderMembers where it is empty
	Asks         []Ask     // PerPerson only
	Note         string    // may be empty
}

// Ask is what one person is asked for.
type Ask struct {
	User   string
	Amount int64
}

// Collection is a bill that a group shares.
type Collection struct {
	ID        int64
	Group     string
	Collector string
	Kind      CollectionKind
	Currency  string
	Total     int64 // the bill
	Due       int64 // what the participants are asked for
	Collected int64 // what they have paid of it
	Note      string
	State     CollectionState
	CreatedAt time.Time
	RemindAt  time.Time // when those who have not paid are reminded
	ClosedAt  time.Time // zero unless it is closed
	Parts     []Part    // ordered by user id
}

// Part is one person's part of a collection.
type Part struct {
	User    string
	Amount  int64
	State   PartState
	At      time.Time // when it came into its state
	Payment int64     // the reference of both statements' entries; 0 unless it is paid
}

// CollectionSummary is a collection in a list.
type CollectionSummary struct {
	ID        int64
	Group     string
	Collector string
	Kind      CollectionKind
	Currency  string
	Total     int64
	Due       int64
	Collected int64
	Note      string
	State     CollectionState
	CreatedAt time.Time
	MyAmount  int64 // the caller's part; 0 where there is none
	MyState   PartState
}

// Collections calls the CollectionService. Scope: user.
type Collections struct{ c *Client }

// Open asks members of a group to share a bill.
func (s Collections) Open(ctx context.Context, n NewCollection) (Collection, error) {
	request := &collectionapi.OpenCollectionRequest{
		RequestId: requestID(n.RequestID), GroupId: n.Group, Kind: string(n.Kind), Currency: n.Currency,
		Total: optional(n.Total), Participants: n.Participants, Remainder: optional(string(n.Remainder)),
		Note: optional(n.Note),
	}
	for _, a := range n.Asks {
		request.Asks = append(request.Asks, &collectionapi.Ask{UserId: a.User, Amount: a.Amount})
	}
	k := call{method: "Collections.Open", requestID: request.RequestId}
	answer, err := invoke(ctx, s.c, k, s.c.shared.services.Collections.OpenCollection, request)
	return converted(collectionOf, answer, err)
}

// Pay pays the caller's part, given as a person saw it. Where an attempt got no answer and its repetition finds that
// the part is paid, Pay returns the collection and no error.
func (s Collections) Pay(ctx context.Context, id, amount int64, currency string) (Collection, error) {
	answer, err := invoke(ctx, s.c, call{method: "Collections.Pay"}, s.c.shared.services.Collections.PayCollection,
		&collectionapi.PayCollectionRequest{CollectionId: id, Amount: amount, Currency: currency})
	if isUncertain(err) && Code(err) == CodeAlreadyPaid {
		return s.Get(ctx, id)
	}
	return converted(collectionOf, answer, err)
}

// Close ends a collection, for its collector; what was paid stays paid. Closing it again changes nothing.
func (s Collections) Close(ctx context.Context, id int64) (Collection, error) {
	answer, err := invoke(ctx, s.c, call{method: "Collections.Close"}, s.c.shared.services.Collections.CloseCollection,
		&collectionapi.CollectionRequest{CollectionId: id})
	return converted(collectionOf, answer, err)
}

// Get returns a collection with everybody's part, for the group's members and its participants.
func (s Collections) Get(ctx context.Context, id int64) (Collection, error) {
	answer, err := invoke(ctx, s.c, call{method: "Collections.Get"}, s.c.shared.services.Collections.GetCollection,
		&collectionapi.CollectionRequest{CollectionId: id})
	return converted(collectionOf, answer, err)
}

// OfGroup iterates over the collections of a group, newest first, for its members. One appears here within moments.
func (s Collections) OfGroup(ctx context.Context, group string) iter.Seq2[CollectionSummary, error] {
	return list(s.c, func(cursor *string, size *int32) (*collectionapi.CollectionsResponse, error) {
		return invoke(ctx, s.c, call{method: "Collections.OfGroup"}, s.c.shared.services.Collections.CollectionsOfGroup,
			&collectionapi.GroupCollectionsRequest{GroupId: group, Cursor: cursor, Limit: size})
	}, (*collectionapi.CollectionsResponse).GetCollections, summaryOf)
}

// Opened iterates over the collections that the caller opened, newest first.
func (s Collections) Opened(ctx context.Context) iter.Seq2[CollectionSummary, error] {
	return s.mine(ctx, "Collections.Opened", s.c.shared.services.Collections.OpenedCollections)
}

// Asked iterates over the collections of which the caller is asked for a part, newest first. One appears here within
// moments.
func (s Collections) Asked(ctx context.Context) iter.Seq2[CollectionSummary, error] {
	return s.mine(ctx, "Collections.Asked", s.c.shared.services.Collections.AskedCollections)
}

func (s Collections) mine(
	ctx context.Context, name string, m method[*collectionapi.MyCollectionsRequest, *collectionapi.CollectionsResponse],
) iter.Seq2[CollectionSummary, error] {
	return list(s.c, func(cursor *string, size *int32) (*collectionapi.CollectionsResponse, error) {
		return invoke(ctx, s.c, call{method: name}, m, &collectionapi.MyCollectionsRequest{Cursor: cursor, Limit: size})
	}, (*collectionapi.CollectionsResponse).GetCollections, summaryOf)
}

func collectionOf(c *collectionapi.Collection) Collection {
	parts := make([]Part, len(c.Parts))
	for i, p := range c.Parts {
		parts[i] = Part{User: p.UserId, Amount: p.Amount, State: PartState(p.State), At: at(p.At), Payment: p.PaymentId}
	}
	return Collection{
		ID: c.Id, Group: c.GroupId, Collector: c.Collector, Kind: CollectionKind(c.Kind), Currency: c.Currency,
		Total: c.Total, Due: c.Due, Collected: c.Collected, Note: c.Note, State: CollectionState(c.State),
		CreatedAt: at(c.CreatedAt), RemindAt: at(c.RemindAt), ClosedAt: at(c.ClosedAt), Parts: parts,
	}
}

func summaryOf(c *collectionapi.CollectionLine) CollectionSummary {
	return CollectionSummary{
		ID: c.CollectionId, Group: c.GroupId, Collector: c.Collector, Kind: CollectionKind(c.Kind),
		Currency: c.Currency, Total: c.Total, Due: c.Due, Collected: c.Collected, Note: c.Note,
		State: CollectionState(c.State), CreatedAt: at(c.CreatedAt), MyAmount: c.MyAmount, MyState: PartState(
			c.MyState),
	}
}
