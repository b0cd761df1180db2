package envelope

import (
	"context"

	"github.com/hongbao/hongbao/internal/pots"
)

// kind is the pots of envelopes as a pots.Rebuilder needs them.
type kind struct {
	*Settler
	sweeper *Sweeper
	buckets pots.Buckets
}

// NewKind makes what a pots.Rebuilder needs of envelopes.
func NewKind(settler *Settler, sweeper *Sweeper, b pots.Buckets) pots.Kind {
	return kind{settler, sweeper, b}
}

// Fill implements pots.Kind.
func (k kind) Fill(ctx context.Context, shard int, in func(bucket int) bool) (filled int, err error) {
	return k.sweeper.In(ctx, shard, func(id int64) bool { return in(k.buckets.Of(shard, id)) })
}
