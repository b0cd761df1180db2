package app

import (
	"context"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// potLogs are the logs of every bucket. They have one epoch.
var potLogs = []string{envelope.LogName, stock.LogName}

// Rebuilder makes buckets again from the ledger that Redis has lost.
func (a *App) Rebuilder() *pots.Rebuilder {
	settler := envelope.NewSettler(a.Pots, a.Pots, a.Ledger, a.cfg.Log, func(shard, _ int) { a.settled.signal(shard) })
	sweeper := envelope.NewSweeper(a.Pots, a.Ledger, a.cfg.Now, a.cfg.Log)
	return &pots.Rebuilder{
		Buckets: a.Buckets, Store: a.Pots, Books: epochBooks{a}, Log: a.cfg.Log,
		Kinds: []pots.Kind{
			envelope.NewKind(settler, sweeper, a.Buckets), stock.NewKind(a.stockSettler, a.stockKeeper, a.Buckets),
		},
		Rebuilt: func(reason string) { a.rebuilds.WithLabelValues(reason).Inc() },
	}
}

// epochBooks are where the ledger notes the epochs of buckets: with their logs, on the bucket's shard.
type epochBooks struct{ app *App }

// Epochs implements pots.Books.
func (b epochBooks) Epochs(ctx context.Context, shard int) (map[int]pots.Epoch, error) {
	sources, err := b.app.Ledger.Sources(ctx, shard, envelope.LogName)
	epochs := make(map[int]pots.Epoch, len(sources))
	for _, s := range sources {
		epochs[s.Source] = pots.Epoch{Name: s.Epoch, Rebuilding: s.Rebuilding}
	}
	return epochs, err
}

// Begin implements pots.Books.
func (b epochBooks) Begin(ctx context.Context, bucket int, was, epoch, reason string) (begun bool, err error) {
	return b.app.Ledger.BeginEpoch(ctx, b.app.shardOf(bucket), bucket, potLogs, was, epoch, reason)
}

// End implements pots.Books.
func (b epochBooks) End(ctx context.Context, bucket int, epoch string) error {
	return b.app.Ledger.EndRebuild(ctx, b.app.shardOf(bucket), bucket, epoch)
}

// shardOf is the shard of a bucket.
func (a *App) shardOf(bucket int) int { return bucket / a.Buckets.PerShard }

// epochOf is the epoch in which the ledger has a bucket.
func (a *App) epochOf(ctx context.Context, bucket int) (string, error) {
	s, err := a.Ledger.Source(ctx, a.shardOf(bucket), bucket, envelope.LogName)
	return s.Epoch, err
}
