package app

import (
	"context"
	"slices"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/webhook"
)

// keyRevocations are merchant.Revocations on the list of revoked tokens.
type keyRevocations struct{ list *revoked.List }

func (k keyRevocations) RevokeKey(ctx context.Context, key int64, until time.Time) error {
	return k.list.Add(ctx, merchant.RevocationID(key), until)
}

// eventTypes are those of all products.
func eventTypes() []string {
	return slices.Concat(merchant.EventTypes(), cover.EventTypes(), stock.EventTypes())
}

// merchantEvents are merchant.ServerEvents on webhooks; covers publish theirs by the same.
type merchantEvents struct{ webhook.Publisher }

func (p merchantEvents) Publish(ctx context.Context, tx ledger.Tx, events ...merchant.ServerEvent) error {
	all := make([]webhook.Event, len(events))
	for i, e := range events {
		all[i] = webhook.Event{Owner: e.Account, Type: e.Type, Object: e.Object, Data: e.Data, At: e.At}
	}
	return p.Publisher.Publish(ctx, tx, all...)
}
