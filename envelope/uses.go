package envelope

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

const (
	usesBatch = 5_000 // records in one count, about
	// usesInterval is how long a counter that is not behind lets records gather: statistics may be seconds late, and a
	// large batch costs little more than a small one.
	usesInterval = 2 * time.Second
)

// CoverUse is what happened to the envelopes of a cover in an hour.
type CoverUse struct {
	Cover   int64
	Hour    time.Time // when it begins, in UTC
	Sent    int64     // envelopes
	Opened  int64     // envelopes of which the first share was taken
	Reached int64     // people who took a share, once for each envelope
}

// CoverUses keeps the statistics of covers' use.
type CoverUses interface {
	// Counted is the position up to which a bucket's log was counted; the zero value if it never was.
	Counted(ctx context.Context, shard, bucket int) (pots.Position, error)

	// Count adds the uses between two positions of a bucket's log, in one transaction. It does nothing if the log was
	// not counted exactly up to after: somebody else has counted on.
	Count(ctx context.Context, shard, bucket int, after, upTo pots.Position, uses []CoverUse) error
}

// UseCounter counts from the log how covers are used. Each stretch of the log is counted once: where it ends is kept in
// the transaction that counts it, and the log hears of that afterwards.
type UseCounter struct {
	log      Log
	metadata *Metadata
	uses     CoverUses
	logger   *slog.Logger
}

// NewUseCounter makes a counter.
func NewUseCounter(log Log, metadata *Metadata, uses CoverUses, logger *slog.Logger) *UseCounter {
	return &UseCounter{log: log, metadata: metadata, uses: uses, logger: logger}
}

// Run counts a bucket, which belongs to shard, until the context ends.
func (c *UseCounter) Run(ctx context.Context, shard, bucket int) {
	loop.Job{Name: "count uses of covers", Log: c.logger.With("bucket", bucket), Interval: usesInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			n, err := c.Pass(ctx, shard, bucket, logWait)
			return n >= usesBatch, err
		})
}

// Pass counts one batch and returns how many records it held. With an empty log it waits up to wait for the first.
func (c *UseCounter) Pass(ctx context.Context, shard, bucket int, wait time.Duration) (int, error) {
	after, err := c.log.Position(ctx, bucket, ReaderUses)
	if err != nil {
		return 0, err
	}
	counted, err := c.uses.Counted(ctx, shard, bucket)
	if err != nil {
		return 0, err
	}
	if counted != "" && counted != after { // a counter died before it could acknowledge
		err := c.log.Acknowledge(ctx, bucket, ReaderUses, counted)
		if !errors.Is(err, pots.ErrOtherEpoch) {
			return 0, err
		} // else the log began anew
	}
	records, upTo, err := c.log.Read(ctx, bucket, after, usesBatch, wait)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	uses, err := c.count(ctx, records)
	if err != nil {
		return 0, err
	}
	if err := c.uses.Count(ctx, shard, bucket, counted, upTo, uses); err != nil {
		return 0, err
	}
	return len(records), c.log.Acknowledge(ctx, bucket, ReaderUses, upTo)
}

// count adds records up by cover and hour.
func (c *UseCounter) count(ctx context.Context, records []Record) ([]CoverUse, error) {
	covers := map[int64]*Envelope{} // of the envelopes seen; nil for one without a cover
	type key struct{ cover, hour int64 }
	sums := map[key]*CoverUse{}
	for _, r := range records {
		e, seen := covers[r.Envelope]
		if !seen {
			found, err := c.metadata.get(ctx, r.Envelope)
			if err != nil && refusal.CodeOf(err) != CodeEnvelopeNotFound { // the settler's rejection is its alarm
				return nil, fmt.Errorf("the cover of envelope %d: %w", r.Envelope, err)
			}
			if err == nil && found.Cover != 0 {
				e = found
			}
			covers[r.Envelope] = e
		}
		if e == nil || r.Kind == RecordRefunded {
			continue
		}
		at := e.CreatedAt
		if r.Kind == RecordTaken {
			at = r.Take.At
		}
		hour := at.UTC().Truncate(time.Hour)
		sum := sums[key{e.Cover, hour.Unix()}]
		if sum == nil {
			sum = &CoverUse{Cover: e.Cover, Hour: hour}
			sums[key{e.Cover, hour.Unix()}] = sum
		}
		switch {
		case r.Kind == RecordSent:
			sum.Sent++
		case r.Take.Share == 0: // shares are taken in order
			sum.Opened++
			sum.Reached++
		default:
			sum.Reached++
		}
	}
	uses := make([]CoverUse, 0, len(sums))
	for _, sum := range sums {
		uses = append(uses, *sum)
	}
	return uses, nil
}
