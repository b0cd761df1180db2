package stock

import (
	"context"

	"github.com/hongbao/hongbao/internal/pots"
)

// kind is the pots of covers as a pots.Rebuilder needs them.
type kind struct {
	*Settler
	keeper  *Keeper
	buckets pots.Buckets
}

// NewKind makes what a pots.Rebuilder needs of covers.
func NewKind(settler *Settler, keeper *Keeper, b pots.Buckets) pots.Kind {
	return kind{settler, keeper, b}
}

// Fill implements pots.Kind.
func (k kind) Fill(ctx context.Context, shard int, in func(bucket int) bool) (filled int, err error) {
	return k.keeper.fillIn(ctx, shard, func(cover int64) bool { return in(k.buckets.Of(shard, cover)) })
}
