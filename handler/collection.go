package handler

import (
	"context"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi"
)

// CollectionDomain is what Collection needs of collection.Service.
type CollectionDomain interface {
	Open(ctx context.Context, collector string, b collection.Bill) (collection.Collection, error)
	Pay(ctx context.Context, user string, id, minor int64, currency string) (collection.Collection, error)
	Close(ctx context.Context, user string, id int64) (collection.Collection, error)
	Get(ctx context.Context, user string, id int64) (collection.Collection, error)
	OfGroup(ctx context.Context, user, group string, before int64, limit int) ([]collection.Line, error)
	Opened(ctx context.Context, user string, before int64, limit int) ([]collection.Line, error)
	Asked(ctx context.Context, user string, before int64, limit int) ([]collection.Line, error)
}

// Collection is the Kitex CollectionService.
type Collection struct {
	Domain CollectionDomain
}

var _ collectionapi.CollectionService = (*Collection)(nil)

// OpenCollection implements collectionapi.CollectionService.
func (h *Collection) OpenCollection(ctx context.Context,
	r *collectionapi.OpenCollectionRequest) (*collectionapi.Collection, error) {
	bill := collection.Bill{
		RequestID: r.RequestId, Group: r.GroupId, Kind: r.Kind, Currency: r.Currency, Total: r.GetTotal(),
		Participants: r.Participants, Remainder: r.GetRemainder(), Note: r.GetNote(),
	}
	for _, a := range r.Asks {
		bill.Asks = append(bill.Asks, collection.Ask{User: a.UserId, Minor: a.Amount})
	}
	return collectionResponse(h.Domain.Open(ctx, subject(ctx), bill))
}

// PayCollection implements collectionapi.CollectionService.
func (h *Collection) PayCollection(ctx context.Context,
	r *collectionapi.PayCollectionRequest) (*collectionapi.Collection, error) {
	return collectionResponse(h.Domain.Pay(ctx, subject(ctx), r.CollectionId, r.Amount, r.Currency))
}

// CloseCollection implements collectionapi.CollectionService.
func (h *Collection) CloseCollection(ctx context.Context,
	r *collectionapi.CollectionRequest) (*collectionapi.Collection, error) {
	return collectionResponse(h.Domain.Close(ctx, subject(ctx), r.CollectionId))
}

// GetCollection implements collectionapi.CollectionService.
func (h *Collection) GetCollection(ctx context.Context,
	r *collectionapi.CollectionRequest) (*collectionapi.Collection, error) {
	return collectionResponse(h.Domain.Get(ctx, subject(ctx), r.CollectionId))
}

// CollectionsOfGroup implements collectionapi.CollectionService.
func (h *Collection) CollectionsOfGroup(ctx context.Context,
	r *collectionapi.GroupCollectionsRequest) (*collectionapi.CollectionsResponse, error) {
	return collectionsResponse(r.Limit, r.GetCursor(), func(before int64, limit int) ([]collection.Line, error) {
		return h.Domain.OfGroup(ctx, subject(ctx), r.GroupId, before, limit)
	})
}

// OpenedCollections implements collectionapi.CollectionService.
func (h *Collection) OpenedCollections(ctx context.Context,
	r *collectionapi.MyCollectionsRequest) (*collectionapi.CollectionsResponse, error) {
	return collectionsResponse(r.Limit, r.GetCursor(), func(before int64, limit int) ([]collection.Line, error) {
		return h.Domain.Opened(ctx, subject(ctx), before, limit)
	})
}

// AskedCollections implements collectionapi.CollectionService.
func (h *Collection) AskedCollections(ctx context.Context,
	r *collectionapi.MyCollectionsRequest) (*collectionapi.CollectionsResponse, error) {
	return collectionsResponse(r.Limit, r.GetCursor(), func(before int64, limit int) ([]collection.Line, error) {
		return h.Domain.Asked(ctx, subject(ctx), before, limit)
	})
}

func collectionsResponse(size *int32, cursor string, list func(before int64, limit int) ([]collection.Line,
	error)) (*collectionapi.CollectionsResponse, error) {
	limit, before, err := page(size, cursor)
	if err != nil {
		return nil, err
	}
	lines, err := list(before, limit+1)
	if err != nil {
		return nil, err
	}
	lines, next := cut(lines, limit, func(l collection.Line) int64 { return l.ID })
	response := &collectionapi.CollectionsResponse{NextCursor: next}
	response.Collections = make([]*collectionapi.CollectionLine, len(lines))
	for i, l := range lines {
		response.Collections[i] = &collectionapi.CollectionLine{
			CollectionId: l.ID, GroupId: l.Group, Collector: l.Collector, Kind: string(l.Kind), Currency: string(
				l.Currency),
			Total: l.Total, Due: l.Due, Collected: l.Collected, Note: l.Note, State: string(l.State),
			CreatedAt: l.CreatedAt.UnixMilli(), MyAmount: l.Mine.Minor, MyState: string(l.Mine.State),
		}
	}
	return response, nil
}

func collectionResponse(c collection.Collection, err error) (*collectionapi.Collection, error) {
	if err != nil {
		return nil, err
	}
	response := &collectionapi.Collection{
		Id: c.ID, GroupId: c.Group, Collector: c.Collector, Kind: string(c.Kind), Currency: string(
			c.Currency), Total: c.Total,
		Due: c.Due, Collected: c.Collected, Note: c.Note, State: string(c.State), CreatedAt: c.CreatedAt.UnixMilli(),
		RemindAt: c.RemindAt.UnixMilli(), Parts: make([]*collectionapi.CollectionPart, len(c.Parts)),
	}
	if !c.ClosedAt.IsZero() {
		response.ClosedAt = c.ClosedAt.UnixMilli()
	}
	for i, p := range c.Parts {
		response.Parts[i] = &collectionapi.CollectionPart{
			UserId: p.Member, Amount: p.Minor, State: string(p.State), At: p.At.UnixMilli(), PaymentId: p.Payment,
		}
	}
	return response, nil
}
