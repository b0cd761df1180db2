package envelope

import (
	"context"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
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

// EpochLedger is where Books are kept.
type EpochLedger interface {
	// Sources returns what the ledger knows of all buckets of a shard by one of their logs.
	Sources(ctx context.Context, shard int, log string) ([]ledger.SourceLog, error)

	// BeginEpoch ends an epoch of a bucket with all its logs and begins another one. begun is false, and nothing
	// happens, where the bucket is in another epoch than was.
	BeginEpoch(ctx context.Context, shard, source int, logs []string, was, epoch, reason string) (begun bool, err error)

	// EndRebuild notes that a bucket is as the ledger has it, unless it is in another epoch by now.
	EndRebuild(ctx context.Context, shard, source int, epoch string) error
}

// books are pots.Books in a ledger.
type books struct {
	ledger  EpochLedger
	buckets pots.Buckets
	logs    []string // all that a bucket has, beginning with that of envelopes
}

// NewBooks makes the pots.Books of buckets that have logs beside that of envelopes.
func NewBooks(l EpochLedger, b pots.Buckets, others ...string) pots.Books {
	return books{l, b, append([]string{LogName}, others...)}
}

// Epochs implements pots.Books.
func (b books) Epochs(ctx context.Context, shard int) (map[int]pots.Epoch, error) {
	sources, err := b.ledger.Sources(ctx, shard, LogName)
	epochs := make(map[int]pots.Epoch, len(sources))
	for _, s := range sources {
		epochs[s.Source] = pots.Epoch{Name: s.Epoch, Rebuilding: s.Rebuilding}
	}
	return epochs, err
}

// Begin implements pots.Books.
func (b books) Begin(ctx context.Context, bucket int, was, epoch, reason string) (begun bool, err error) {
	return b.ledger.BeginEpoch(ctx, b.buckets.ShardOf(bucket), bucket, b.logs, was, epoch, reason)
}

// End implements pots.Books.
func (b books) End(ctx context.Context, bucket int, epoch string) error {
	return b.ledger.EndRebuild(ctx, b.buckets.ShardOf(bucket), bucket, epoch)
}
