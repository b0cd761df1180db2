package app

import (
	"context"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/cover/stock/redisstock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/redispot"
	"github.com/hongbao/hongbao/internal/pots"
)

// Rebuilder makes buckets again from the ledger that Redis has lost.
func (a *App) Rebuilder() *pots.Rebuilder {
	sweeper := envelope.NewSweeper(a.Pots, a.Ledger, a.cfg.Now, a.cfg.Log)
	return &pots.Rebuilder{
		Buckets: a.Buckets, Store: homes{a.Pots, a.CoverPots}, Log: a.cfg.Log,
		Books: envelope.NewBooks(a.Ledger, a.Buckets, stock.LogName),
		Kinds: []pots.Kind{
			envelope.NewKind(a.settler(), sweeper, a.Buckets), stock.NewKind(a.stockSettler, a.stockKeeper, a.Buckets),
		},
		Rebuilt: func(reason string) { a.rebuilds.WithLabelValues(reason).Inc() },
	}
}

// epochOf is the epoch in which the ledger has a bucket.
func (a *App) epochOf(ctx context.Context, bucket int) (string, error) {
	s, err := a.Ledger.Source(ctx, a.Buckets.ShardOf(bucket), bucket, envelope.LogName)
	return s.Epoch, err
}

// homes are the buckets, which hold pots of two kinds.
type homes struct {
	*redispot.Pots
	covers *redisstock.Pots
}

// Unfence implements pots.Store.
func (h homes) Unfence(ctx context.Context, bucket int, epoch string) error {
	err := h.Pots.Unfence(ctx, bucket, epoch)
	if err == nil {
		h.covers.Moved(bucket, epoch)
	}
	return err
}
