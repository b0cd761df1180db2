// Package pots is the vocabulary of whatever a crowd races for: shares of an envelope, pieces of a cover. One script
// decides who gets what from a pot and notes it in the log of the pot's bucket; readers of that log do the rest.
package pots

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrLost says that a bucket is not as the ledger knows it: Redis was emptied, is another one, or went back in time.
// Nothing may be filled or taken until the bucket's pots have been made again from the ledger. A bucket that went back
// is made again by itself, one that was emptied by `hongbao recover`.
var ErrLost = errors.New("the pots are lost; if that lasts, run `hongbao recover`")

// ErrWentBack is an ErrLost: a bucket's log lacks an entry that was settled.
var ErrWentBack = fmt.Errorf("%w: a log lacks what was settled of it", ErrLost)

// ErrOtherEpoch says that a position is one of another epoch of its bucket: nothing happened, and the log is to be read
// anew.
var ErrOtherEpoch = errors.New("the bucket has another epoch than the position")

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

// ShardOf is the shard of a bucket.
func (b Buckets) ShardOf(bucket int) int { return bucket / b.PerShard }

// OfShard returns the first bucket of a shard and the one after its last.
func (b Buckets) OfShard(shard int) (from, to int) {
	return shard * b.PerShard, (shard + 1) * b.PerShard
}

// Reader names who reads a log; each reader has its own position.
type Reader string

// Log is the order in which things happened to the pots of a bucket, as records of type R. Records are kept until every
// reader has acknowledged them.
//
// A log knows its positions again: a position that Read has returned says in which epoch that was and what it found
// there. Where the log lacks it, the bucket went back in time. Then the call fails with ErrWentBack, and from that
// moment on every call on the bucket with ErrLost, until it has a new epoch.
type Log[R any] interface {
	// Position is where the reader goes on: the last that it acknowledged. Error: ErrLost.
	Position(ctx context.Context, bucket int, r Reader) (Position, error)

	// Read returns up to about limit records after a position, and the position after them. With nothing there it
	// waits up to wait for the first, then returns none. Errors: ErrLost, ErrWentBack, ErrOtherEpoch.
	Read(ctx context.Context, bucket int, after Position, limit int, wait time.Duration) ([]R, Position, error)

	// Acknowledge says that the reader is done with everything up to a position, and drops what no reader needs.
	// Errors: ErrLost, ErrWentBack, ErrOtherEpoch.
	Acknowledge(ctx context.Context, bucket int, r Reader, upTo Position) error

	// Backlog is how many log entries the reader has still before it, about, and how old the oldest is. Error: ErrLost.
	Backlog(ctx context.Context, bucket int, r Reader) (entries int64, oldest time.Duration, err error)

	// Old returns up to about limit records of what is left of the log of an epoch that is over, and the position after
	// them: after a position of it, or, from the zero value, after what the reader had acknowledged.
	Old(ctx context.Context, bucket int, epoch string, r Reader, after Position, limit int) ([]R, Position, error)
}
