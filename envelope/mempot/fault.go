package mempot

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/envelope"
)

// Snapshot is a bucket as it was at a moment. It never changes.
type Snapshot struct{ contents *contents }

// Snapshot copies a bucket.
func (p *Pots) Snapshot(bucket int) (Snapshot, error) {
	b, err := p.bucket(bucket)
	if err != nil {
		return Snapshot{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contents == nil {
		return Snapshot{}, nil
	}
	return Snapshot{b.contents.clone()}, nil
}

// Restore takes a bucket back to a snapshot, as a failover to a replica without the newest writes does: positions that
// were given out since may be given out again.
func (p *Pots) Restore(bucket int, s Snapshot) error {
	var restored *contents
	if s.contents != nil {
		restored = s.contents.clone()
	}
	return p.replace(bucket, restored)
}

// Lose makes a bucket forget everything. Every call on it fails with pots.ErrLost until Install.
func (p *Pots) Lose(bucket int) error { return p.replace(bucket, nil) }

func (p *Pots) replace(bucket int, with *contents) error {
	b, err := p.bucket(bucket)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.contents = with
	b.wake()
	return nil
}

// Expire lets the time of an envelope that has a pot be over.
func (p *Pots) Expire(id int64) error {
	b, err := p.of(id)
	if err != nil {
		return err
	}
	return b.in(context.Background(), func(c *contents) error {
		pot := c.pot(id, p.now())
		if pot == nil {
			return envelope.ErrNoPot
		}
		pot.expires, pot.closed = time.Time{}, true
		return nil
	})
}

// Install makes every lost bucket usable again, with nothing in it. Other buckets stay as they are.
func (p *Pots) Install() {
	for _, b := range p.all {
		b.mu.Lock()
		if b.contents == nil {
			b.contents = newContents()
		}
		b.mu.Unlock()
	}
}
