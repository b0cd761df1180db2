package mempot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// position is a place in a log, ordered as the entry ids of a Redis stream: a time, and a number within it.
type position struct{ ms, seq uint64 }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.ms, q.ms), cmp.Compare(p.seq, q.seq))
}

func (p position) text() pots.Position {
	return pots.Position(strconv.FormatUint(p.ms, 10) + "-" + strconv.FormatUint(p.seq, 10))
}

func parsePosition(p pots.Position) (position, error) {
	if p == "" {
		return position{}, nil
	}
	ms, seq, _ := strings.Cut(string(p), "-")
	m, err1 := strconv.ParseUint(ms, 10, 64)
	s, err2 := strconv.ParseUint(seq, 10, 64)
	if err1 != nil || err2 != nil {
		return position{}, fmt.Errorf("mempot: %q is no position", p)
	}
	return position{m, s}, nil
}

// entry is a record in a log.
type entry struct {
	at     position
	record envelope.Record
}

// append gives a record the position of the time, or the one after the newest entry if that is not earlier.
func (c *contents) append(now time.Time, r envelope.Record) {
	at := position{ms: uint64(max(0, now.UnixMilli()))}
	if at.compare(c.newest) <= 0 {
		at = position{c.newest.ms, c.newest.seq + 1}
	}
	c.newest = at
	c.entries = append(c.entries, entry{at, r})
}

// after returns the entries behind a position.
func (c *contents) after(p position) []entry {
	i, found := slices.BinarySearchFunc(c.entries, p, func(e entry, p position) int { return e.at.compare(p) })
	if found {
		i++
	}
	return c.entries[i:]
}

// drop forgets what every reader has acknowledged.
func (c *contents) drop() {
	var least position
	for i, r := range envelope.Readers() {
		at, ok := c.read[r]
		if !ok {
			return
		}
		if i == 0 || at.compare(least) < 0 {
			least = at
		}
	}
	c.entries = slices.Clone(c.after(least))
}

// bucket returns a bucket by number.
func (p *Pots) bucket(number int) (*bucket, error) {
	if number < 0 || number >= len(p.all) {
		return nil, fmt.Errorf("mempot: bucket %d of %d", number, len(p.all))
	}
	return p.all[number], nil
}

func (p *Pots) bucketFor(number int, r pots.Reader) (*bucket, error) {
	if !slices.Contains(envelope.Readers(), r) {
		return nil, fmt.Errorf("mempot: no reader %q", r)
	}
	return p.bucket(number)
}

// Position implements envelope.Log.
func (p *Pots) Position(ctx context.Context, bucket int, r pots.Reader) (at pots.Position, err error) {
	b, err := p.bucketFor(bucket, r)
	if err != nil {
		return "", err
	}
	err = b.in(ctx, func(c *contents) error {
		if acknowledged, ok := c.read[r]; ok {
			at = acknowledged.text()
		}
		return nil
	})
	return at, err
}

// Read implements envelope.Log. It never goes beyond limit.
func (p *Pots) Read(
	ctx context.Context, bucket int, after pots.Position, limit int, wait time.Duration,
) ([]envelope.Record, pots.Position, error) {
	b, err := p.bucket(bucket)
	from, parseErr := parsePosition(after)
	if err := errors.Join(err, parseErr); err != nil {
		return nil, after, err
	}
	var over <-chan time.Time
	for {
		entries, arrived, err := b.read(ctx, from, limit)
		if err != nil {
			return nil, after, err
		}
		if len(entries) > 0 {
			return recordsOf(entries), entries[len(entries)-1].at.text(), nil
		}
		if wait <= 0 {
			return nil, after, nil
		}
		if over == nil {
			over = p.config.After(wait)
		}
		select {
		case <-arrived:
		case <-over:
			return nil, after, nil
		case <-ctx.Done():
			return nil, after, ctx.Err()
		}
	}
}

// read returns what is there, or else a channel that is closed when something may be.
func (b *bucket) read(
	ctx context.Context, from position, limit int,
) (entries []entry, arrived <-chan struct{}, err error) {
	err = b.in(ctx, func(c *contents) error {
		entries = c.after(from)
		entries = slices.Clone(entries[:min(len(entries), max(1, limit))])
		if len(entries) == 0 && b.arrived == nil {
			b.arrived = make(chan struct{})
		}
		arrived = b.arrived
		return nil
	})
	return entries, arrived, err
}

func recordsOf(entries []entry) []envelope.Record {
	records := make([]envelope.Record, len(entries))
	for i, e := range entries {
		records[i] = e.record
	}
	return records
}

// Acknowledge implements envelope.Log. A position before the last one acknowledged changes nothing. Error: ErrPotsLost.
func (p *Pots) Acknowledge(ctx context.Context, bucket int, r pots.Reader, upTo pots.Position) error {
	b, err := p.bucketFor(bucket, r)
	at, parseErr := parsePosition(upTo)
	if err := errors.Join(err, parseErr); err != nil {
		return err
	}
	return b.in(ctx, func(c *contents) error {
		if old, ok := c.read[r]; ok && at.compare(old) <= 0 {
			return nil
		}
		c.read[r] = at
		c.drop()
		return nil
	})
}

// Backlog implements envelope.Log. The number is exact. Error: ErrPotsLost.
func (p *Pots) Backlog(
	ctx context.Context, bucket int, r pots.Reader,
) (entries int64, oldest time.Duration, err error) {
	b, err := p.bucketFor(bucket, r)
	if err != nil {
		return 0, 0, err
	}
	err = b.in(ctx, func(c *contents) error {
		ahead := c.after(c.read[r])
		if len(ahead) > 0 {
			entries = int64(len(ahead))
			oldest = max(0, p.now().Sub(time.UnixMilli(int64(ahead[0].at.ms))))
		}
		return nil
	})
	return entries, oldest, err
}
