// Package mempot keeps pots and the grab log in memory, for tests and simulation. It decides who gets which share as
// redispot does, with the same order of log positions, and passes the same conformance suite, envelope/pottest.
//
// It starts no goroutine and reads no clock but the one that it is given, so a run with one caller and a virtual clock
// always goes the same way. Nothing outlives the process. What a store can do wrong is a call here: Lose makes a bucket
// forget everything, Snapshot and Restore take it back in time.
package mempot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

// Config is what Pots need to know. Everything but Epoch is required.
type Config struct {
	Buckets pots.Buckets
	ShardOf func(id int64) (shard int, ok bool) // Ledger.ShardOf
	Now     func() time.Time
	// After returns a channel that receives once the time is over, as time.After does. A Read that waits calls it.
	After func(time.Duration) <-chan time.Time
	// Epoch is the epoch in which the ledger has a bucket; nil says that all are in their first, "".
	Epoch func(ctx context.Context, bucket int) (string, error)
}

// Pots are the pots and logs of an installation. They implement envelope.Pot and envelope.Log.
type Pots struct {
	config Config
	all    []*bucket
}

var (
	_ envelope.Pot = (*Pots)(nil)
	_ envelope.Log = (*Pots)(nil)
)

// New makes pots whose buckets are installed and empty.
func New(c Config) (*Pots, error) {
	if c.Buckets.Shards < 1 || c.Buckets.PerShard < 1 {
		return nil, fmt.Errorf("mempot: %d shards with %d buckets each: give at least one of each",
			c.Buckets.Shards, c.Buckets.PerShard)
	}
	if c.ShardOf == nil || c.Now == nil || c.After == nil {
		return nil, errors.New("mempot: give ShardOf, Now and After")
	}
	p := &Pots{config: c, all: make([]*bucket, c.Buckets.Shards*c.Buckets.PerShard)}
	for i := range p.all {
		p.all[i] = &bucket{number: i, epoch: c.Epoch, contents: newContents()}
	}
	return p, nil
}

// bucket is a number of pots that share a log. No call locks two buckets at a time.
type bucket struct {
	number   int
	epoch    func(ctx context.Context, bucket int) (string, error)
	mu       sync.Mutex
	contents *contents     // nil: lost
	arrived  chan struct{} // nil unless a Read waits; closed when a record comes, or everything changes
}

// of returns the bucket of an envelope. The error is envelope.ErrNoPot for an id that no shard can have made.
func (p *Pots) of(id int64) (*bucket, error) {
	shard, ok := p.config.ShardOf(id)
	if !ok || shard < 0 || shard >= p.config.Buckets.Shards {
		return nil, envelope.ErrNoPot
	}
	return p.all[p.config.Buckets.Of(shard, id)], nil
}

// in calls do with the contents of a bucket, which it locks meanwhile, if they are of the epoch by which the ledger
// goes. Error: pots.ErrLost.
func (b *bucket) in(ctx context.Context, do func(c *contents) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	epoch := ""
	if b.epoch != nil {
		if epoch, err = b.epoch(ctx, b.number); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contents == nil || b.contents.fenced || b.contents.epoch != epoch {
		return pots.ErrLost
	}
	return do(b.contents)
}

// log appends a record and wakes whoever waits for it. The caller has locked the bucket.
func (b *bucket) log(now time.Time, r envelope.Record) {
	b.contents.append(now, r)
	b.wake()
}

func (b *bucket) wake() {
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
}

// now is the store's time, to the millisecond.
func (p *Pots) now() time.Time { return milliseconds(p.config.Now()) }

func milliseconds(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// Fill implements envelope.Pot. Refusal: invalid_argument for a malformed user.
func (p *Pots) Fill(ctx context.Context, e envelope.Envelope, taken []envelope.Take) error {
	b, err := p.of(e.ID)
	if err != nil {
		return fmt.Errorf("mempot: fill: no shard made the id %d", e.ID)
	}
	filled, err := newPot(e, taken)
	if err != nil {
		return fmt.Errorf("mempot: fill: %w", err)
	}
	return b.in(ctx, func(c *contents) error {
		now := p.now()
		if c.pot(e.ID, now) != nil {
			return nil
		}
		c.pots[e.ID] = filled
		if len(taken) == 0 {
			b.log(now, envelope.Record{Kind: envelope.RecordSent, Envelope: e.ID})
		}
		return nil
	})
}

// Take implements envelope.Pot. Refusal: invalid_argument for a malformed user.
func (p *Pots) Take(ctx context.Context, id int64, user string) (t envelope.Take, o envelope.Outcome, err error) {
	b, err := p.of(id)
	if err != nil {
		return t, "", err
	}
	if err := refusal.CheckID("user", user); err != nil {
		return t, "", err
	}
	err = b.in(ctx, func(c *contents) error {
		now := p.now()
		pot := c.pot(id, now)
		if pot == nil {
			return envelope.ErrNoPot
		}
		if t, o = pot.take(user, now); o == envelope.Won {
			last := len(pot.left) == 0
			b.log(now, envelope.Record{Kind: envelope.RecordTaken, Envelope: id, Take: t, Last: last})
		}
		return nil
	})
	return t, o, err
}

// TakeMany implements envelope.Pot.
func (p *Pots) TakeMany(ctx context.Context, asks []envelope.Ask) []envelope.Answer {
	answers := make([]envelope.Answer, len(asks))
	for i, a := range asks {
		answers[i].Take, answers[i].Outcome, answers[i].Err = p.Take(ctx, a.Envelope, a.User)
	}
	return answers
}

// Waiting implements envelope.Pot. No call of Take waits for anything.
func (p *Pots) Waiting() int { return 0 }

// Look implements envelope.Pot.
func (p *Pots) Look(ctx context.Context, id int64) (envelope.PotState, error) {
	return p.look(ctx, id, false)
}

// LookOld implements envelope.Pot.
func (p *Pots) LookOld(ctx context.Context, id int64, epoch string) (envelope.PotState, error) {
	b, err := p.of(id)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return envelope.PotState{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contents == nil || b.contents.old[epoch] == nil || b.contents.old[epoch].pots[id] == nil {
		return envelope.PotState{}, envelope.ErrNoPot
	}
	pot := *b.contents.old[epoch].pots[id] // which does not change any more
	return pot.state(p.now()), nil
}

// Close implements envelope.Pot.
func (p *Pots) Close(ctx context.Context, id int64) (envelope.PotState, error) {
	return p.look(ctx, id, true)
}

func (p *Pots) look(ctx context.Context, id int64, shut bool) (s envelope.PotState, err error) {
	b, err := p.of(id)
	if err != nil {
		return s, err
	}
	err = b.in(ctx, func(c *contents) error {
		now := p.now()
		pot := c.pot(id, now)
		if pot == nil {
			return envelope.ErrNoPot
		}
		if shut {
			if now.Before(pot.expires) {
				return envelope.ErrNotDue
			}
			pot.closed = true
		}
		s = pot.state(now)
		return nil
	})
	return s, err
}

// Retire implements envelope.Pot.
func (p *Pots) Retire(ctx context.Context, retired []envelope.Retirement) error {
	var errs []error
	for _, r := range retired {
		b, err := p.of(r.Envelope)
		if err != nil {
			continue
		}
		errs = append(errs, b.in(ctx, func(c *contents) error {
			now := p.now()
			if pot := c.pot(r.Envelope, now); pot != nil && pot.retire(r.Refunded, now) {
				b.log(now, envelope.Record{Kind: envelope.RecordRefunded, Envelope: r.Envelope, Refunded: r.Refunded})
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

// Unretired implements envelope.Pot.
func (p *Pots) Unretired(ctx context.Context, n, skip, limit int) (ids []int64, err error) {
	b, err := p.bucket(n)
	if err != nil {
		return nil, err
	}
	err = b.in(ctx, func(c *contents) error {
		now := p.now()
		for id, pot := range c.pots {
			if !pot.retired && !now.Before(pot.expires) {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b int64) int {
			return cmp.Or(c.pots[a].expires.Compare(c.pots[b].expires), cmp.Compare(a, b))
		})
		ids = ids[min(skip, len(ids)):]
		ids = ids[:min(limit, len(ids))]
		return nil
	})
	return ids, err
}

// Missing implements envelope.Pot. The ids are returned in their order; ids that no shard made have no pot.
func (p *Pots) Missing(ctx context.Context, ids []int64) (missing []int64, err error) {
	for _, id := range ids {
		b, err := p.of(id)
		if err != nil {
			missing = append(missing, id)
			continue
		}
		err = b.in(ctx, func(c *contents) error {
			if c.pot(id, p.now()) == nil {
				missing = append(missing, id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return missing, nil
}
