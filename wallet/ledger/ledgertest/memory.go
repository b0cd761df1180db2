package ledgertest

import (
	"context"
	"testing"

	"github.com/hongbao/hongbao/wallet/memledger"
)

// OfMemory makes a book of a ledger in memory, which goes by the clock.
func OfMemory(t testing.TB, l *memledger.Ledger, c *Clock) *Book {
	return NewBook(t, System{
		Ledger: l, Deliver: l.Deliver, Age: l.Age, Audit: l.Audit,
		KeepShard: func(_ testing.TB, shard int) func() {
			kept := l.Snapshot(shard)
			return func() { l.Restore(shard, kept) }
		},
		Publish: func(ctx context.Context, shard int, b Broker) (int, error) { return l.Publish(ctx, shard, b) },
	}, c)
}
