// Package memledger is a ledger in memory with the contract of the durable one: the same answers, the same refusals,
// several shards, and money that is in flight between them until it is delivered. It is for tests and simulations; what
// it holds ends with the process.
//
// It starts no goroutine and reads no clock: time and ids come from its Config, and messages and events move only when
// Deliver and Publish are called, one message at a time. So a run depends on nothing but its calls and their order.
//
// Each shard has a lock that a transaction holds from beginning to end. No call holds the locks of two shards, apart
// from Audit, which takes all of them in order.
package memledger

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// MaxShards is the highest number of shards: an id has ten bits for its shard.
const MaxShards = 1 << shardBits

const shardBits = 10

// Errors that are neither a refusal nor one of package ledger.
var (
	// ErrIDExists says that a record's id is another record's.
	ErrIDExists = errors.New("memledger: the id exists already")
	// errEnded says that somebody kept a transaction.
	errEnded = errors.New("memledger: the transaction has ended")
)

// Config is what a Ledger needs.
type Config struct {
	Shards int // 1 to MaxShards
	Now    func() time.Time
	// NewID makes an id for a record of a shard: positive, never the same twice, ascending in each shard, with the
	// shard in its low ten bits. See Count.
	NewID func(shard int) (int64, error)
}

// Count is a source of ids that counts from 1, the same in every run. It is safe for concurrent use.
func Count() func(shard int) (int64, error) {
	var last atomic.Int64
	return func(shard int) (int64, error) { return last.Add(1)<<shardBits | int64(shard), nil }
}

// Ledger is a ledger in memory. It is safe for concurrent use.
type Ledger struct {
	now    func() time.Time
	newID  func(shard int) (int64, error)
	shards []*shard
}

// New makes an empty ledger.
func New(cfg Config) (*Ledger, error) {
	if cfg.Shards < 1 || cfg.Shards > MaxShards || cfg.Now == nil || cfg.NewID == nil {
		return nil, fmt.Errorf("memledger: %d shards: give 1 to %d, a clock and a source of ids", cfg.Shards, MaxShards)
	}
	l := &Ledger{now: cfg.Now, newID: cfg.NewID}
	for range cfg.Shards {
		l.shards = append(l.shards, &shard{state: newState()})
	}
	return l, nil
}

// Shards is the number of shards.
func (l *Ledger) Shards() int { return len(l.shards) }

// NewID makes an id for a record of this owner.
func (l *Ledger) NewID(owner string) (int64, error) { return l.newID(l.forUser(owner)) }

// ShardOf is the shard that an id carries. ok is false for an id that no shard can have made.
func (l *Ledger) ShardOf(id int64) (n int, ok bool) {
	n = int(id & (MaxShards - 1))
	return n, id > 0 && n < len(l.shards)
}

// forUser is the shard of a user: the 64-bit FNV-1a hash of the id, modulo the number of shards, as in the durable
// ledger.
func (l *Ledger) forUser(user string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(user)) // never fails
	return int(h.Sum64() % uint64(len(l.shards)))
}

func (l *Ledger) checkShard(n int) error {
	if n < 0 || n >= len(l.shards) {
		return fmt.Errorf("memledger: there is no shard %d: there are 0 to %d", n, len(l.shards)-1)
	}
	return nil
}

// read runs f on a shard whose state does not change meanwhile.
func (l *Ledger) read(ctx context.Context, n int, f func(*state)) error {
	if err := errors.Join(l.checkShard(n), ctx.Err()); err != nil {
		return err
	}
	s := l.shards[n]
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.state)
	return nil
}

// millis is a time as the ledger keeps it: in UTC, to the millisecond.
func millis(at time.Time) time.Time { return time.UnixMilli(at.UnixMilli()).UTC() }

// Tx runs f in one transaction on the shard that an id carries; see ledger.Tx. f must not call the ledger itself, which
// would wait for this transaction. After an error of one of the transaction's methods nothing of it happens, even if f
// returns nil. Errors: ledger.ErrHoldNotFound for an id that no shard can have made, and whatever f returns.
func (l *Ledger) Tx(ctx context.Context, id int64, f func(ledger.Tx) error) error {
	n, ok := l.ShardOf(id)
	if !ok {
		return ledger.ErrHoldNotFound
	}
	return l.onShard(ctx, n, func(tx *transaction) error { return f(tx) })
}

// onShard runs f in a transaction on a shard that exists.
func (l *Ledger) onShard(ctx context.Context, n int, f func(*transaction) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := l.shards[n]
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &transaction{ledger: l, shard: n, state: &s.state}
	committed := false
	defer func() { // also when f panics
		tx.ended = true
		if !committed {
			tx.rollBack()
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	if tx.failed != nil {
		return fmt.Errorf("memledger: a transaction went on after an error: %w", tx.failed)
	}
	committed = true
	return nil
}
