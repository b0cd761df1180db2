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

func (p position) id() string {
	return strconv.FormatUint(p.ms, 10) + "-" + strconv.FormatUint(p.seq, 10)
}

// position is that of an entry in the epoch.
func (c *contents) position(e entry) pots.Position {
	return pots.PositionOf(e.at.id(), fmt.Sprintf("%+v", e.record), c.epoch)
}

func parsePosition(p pots.Position) (position, error) {
	if p == "" {
		return position{}, nil
	}
	ms, seq, _ := strings.Cut(p.ID(), "-")
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

// acknowledged is how far a reader is.
type acknowledged struct {
	at    position
	whole pots.Position
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

// check says that the log has, or had until every reader was behind it, what a position names. Otherwise nothing is
// done any more in this bucket. Errors: pots.ErrOtherEpoch, pots.ErrWentBack.
func (c *contents) check(p pots.Position, at position) error {
	switch {
	case !p.Of(c.epoch):
		return pots.ErrOtherEpoch
	case p.Fingerprint() == "":
		return nil
	}
	i, found := slices.BinarySearchFunc(c.entries, at, func(e entry, p position) int { return e.at.compare(p) })
	if found && c.position(c.entries[i]).Fingerprint() == p.Fingerprint() {
		return nil
	}
	if !found && c.acknowledgedByAll(at) {
		return nil
	}
	c.fenced = true
	return pots.ErrWentBack
}

func (c *contents) acknowledgedByAll(at position) bool {
	for _, r := range envelope.Readers() {
		if read, ok := c.read[r]; !ok || read.at.compare(at) < 0 {
			return false
		}
	}
	return true
}

// drop forgets what every reader has acknowledged.
func (c *contents) drop() {
	var least position
	for i, r := range envelope.Readers() {
		at, ok := c.read[r]
		if !ok {
			return
		}
		if i == 0 || at.at.compare(least) < 0 {
			least = at.at
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
		if read, ok := c.read[r]; ok {
			at = read.whole
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
		entries, upTo, arrived, err := b.read(ctx, after, from, limit)
		if err != nil {
			return nil, after, err
		}
		if len(entries) > 0 {
			return recordsOf(entries), upTo, nil
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
	ctx context.Context, after pots.Position, from position, limit int,
) (entries []entry, upTo pots.Position, arrived <-chan struct{}, err error) {
	err = b.in(ctx, func(c *contents) error {
		if err := c.check(after, from); err != nil {
			return err
		}
		entries, upTo = c.some(from, limit)
		if len(entries) == 0 && b.arrived == nil {
			b.arrived = make(chan struct{})
		}
		arrived = b.arrived
		return nil
	})
	return entries, upTo, arrived, err
}

// some are entries behind a position, and the position of the last.
func (c *contents) some(from position, limit int) (entries []entry, upTo pots.Position) {
	entries = c.after(from)
	entries = slices.Clone(entries[:min(len(entries), max(1, limit))])
	if len(entries) > 0 {
		upTo = c.position(entries[len(entries)-1])
	}
	return entries, upTo
}

// Old implements envelope.Log.
func (p *Pots) Old(ctx context.Context, bucket int, epoch string, r pots.Reader, after pots.Position,
	limit int) ([]envelope.Record, pots.Position, error) {
	b, err := p.bucketFor(bucket, r)
	from, parseErr := parsePosition(after)
	if err := errors.Join(err, parseErr, ctx.Err()); err != nil {
		return nil, after, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contents == nil || b.contents.old[epoch] == nil {
		return nil, after, nil
	}
	c := b.contents.old[epoch]
	if after == "" {
		from = c.read[r].at
	}
	entries, upTo := c.some(from, limit)
	if len(entries) == 0 {
		upTo = after
	}
	return recordsOf(entries), upTo, nil
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
		if !upTo.Of(c.epoch) {
			return pots.ErrOtherEpoch
		}
		if old, ok := c.read[r]; ok && at.compare(old.at) <= 0 {
			return nil
		}
		if err := c.check(upTo, at); err != nil {
			return err
		}
		c.read[r] = acknowledged{at, upTo}
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
		ahead := c.after(c.read[r].at)
		if len(ahead) > 0 {
			entries = int64(len(ahead))
			oldest = max(0, p.now().Sub(time.UnixMilli(int64(ahead[0].at.ms))))
		}
		return nil
	})
	return entries, oldest, err
}
