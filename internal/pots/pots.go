// Package pots is the vocabulary of whatever a crowd races for: shares of an envelope, pieces of a cover. One script
// decides who gets what from a pot and notes it in the log of the pot's bucket; readers of that log do the rest.
package pots

import (
	"context"
	"errors"
	"time"
)

// ErrLost says that a bucket is not the one that this installation filled (Redis was emptied, or is another one):
// nothing may be filled or taken until `hongbao recover` has rebuilt its pots from the ledger.
var ErrLost = errors.New("the pots are lost; run `hongbao recover`")

// Buckets is how pots are spread: each ledger shard has PerShard buckets, each with a log of its own, so that a log
// concerns one shard only. It is fixed when the system is installed.
type Buckets struct {
	Shards   int
	PerShard int
}

// Number is how many buckets there are.
func (b Buckets) Number() int { return b.Shards * b.PerShard }

// Of returns the bucket of a pot: shard·PerShard + (a mix of the id) mod PerShard.
func (b Buckets) Of(shard int, id int64) int {
	const golden = 0x9E3779B97F4A7C15 // Fibonacci hashing: ids are made in sequence
	mixed := uint64(id) * golden >> 32
	return shard*b.PerShard + int(mixed%uint64(b.PerShard))
}

// OfShard returns the first bucket of a shard and the one after its last.
func (b Buckets) OfShard(shard int) (from, to int) {
	return shard * b.PerShard, (shard + 1) * b.PerShard
}

// Position is a place in a bucket's log. The zero value is its beginning.
type Position string

// Reader names who reads a log; each reader has its own position.
type Reader string

// Log is the order in which things happened to the pots of a bucket, as records of type R. Records are kept until every
// reader has acknowledged them.
type Log[R any] interface {
	// Position is where the reader goes on: the last that it acknowledged. Error: ErrLost.
	Position(ctx context.Context, bucket int, r Reader) (Position, error)

	// Read returns up to about limit records after a position, and the position after them. With nothing there it
	// waits up to wait for the first, then returns none. Error: ErrLost.
	Read(ctx context.Context, bucket int, after Position, limit int, wait time.Duration) ([]R, Position, error)

	// Acknowledge says that the reader is done with everything up to a position, and drops what no reader needs.
	// Error: ErrLost.
	Acknowledge(ctx context.Context, bucket int, r Reader, upTo Position) error

	// Backlog is how many log entries the reader has still before it, about, and how old the oldest is. Error: ErrLost.
	Backlog(ctx context.Context, bucket int, r Reader) (entries int64, oldest time.Duration, err error)
}
