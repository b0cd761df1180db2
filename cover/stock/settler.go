package stock

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
)

const (
	settleBatch   = 2_000 // records of one pass, about
	settlePause   = 250 * time.Millisecond
	settleTimeout = 10 * time.Second
	logWait       = 2 * time.Second // how long a settler waits for the first record
)

// Settler writes to the ledger what the pots gave away. It acknowledges a batch after its commits; one that dies in
// between leaves the batch to be read again, and the store passes over what it has.
type Settler struct {
	log     Log
	store   Store
	rules   Rules
	logger  *slog.Logger
	settled func(ctx context.Context, shard int, done Settled) // hears of each commit
}

// NewSettler makes a settler. settled may be called from several goroutines at once.
func NewSettler(
	log Log, store Store, rules Rules, logger *slog.Logger, settled func(ctx context.Context, shard int, done Settled),
) *Settler {
	return &Settler{log, store, rules, logger, settled}
}

// Run settles a bucket, which belongs to shard, until the context ends.
func (s *Settler) Run(ctx context.Context, shard, bucket int) {
	loop.Job{Name: "settle covers", Log: s.logger.With("bucket", bucket), Interval: settlePause}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			n, err := s.Pass(ctx, shard, bucket, logWait)
			return n >= settleBatch, err
		})
}

// Pass settles one batch and returns how many records it held. With an empty log it waits up to wait for the first.
func (s *Settler) Pass(ctx context.Context, shard, bucket int, wait time.Duration) (int, error) {
	after, err := s.log.Position(ctx, bucket, ReaderSettler)
	if err != nil {
		return 0, err
	}
	records, upTo, err := s.log.Read(ctx, bucket, after, settleBatch, wait)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	byCover := map[int64][]Record{}
	for _, r := range records {
		byCover[r.Cover] = append(byCover[r.Cover], r)
	}
	for cover, some := range byCover {
		if err := s.settle(ctx, shard, cover, some); err != nil {
			return 0, err
		}
	}
	return len(records), s.log.Acknowledge(ctx, bucket, ReaderSettler, upTo)
}

func (s *Settler) settle(ctx context.Context, shard int, cover int64, records []Record) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	done, err := s.store.Settle(ctx, cover, records,
		func(claimed time.Time) time.Time { return claimed.Add(s.rules.HoldFor) })
	if err != nil {
		return err
	}
	for _, c := range done.Rejected {
		s.logger.Error("the pot gave away a piece that the ledger does not have", "cover", cover, "user", c.User,
			"channel", c.Channel)
	}
	s.settled(ctx, shard, done)
	return nil
}

// Drain settles everything that is in a shard's logs now. A lost bucket has no log; the others are settled before
// pots.ErrLost is returned.
func (s *Settler) Drain(ctx context.Context, b pots.Buckets, shard int) (lost error) {
	from, to := b.OfShard(shard)
	for bucket := from; bucket < to; bucket++ {
		for n := 1; n > 0; {
			var err error
			n, err = s.Pass(ctx, shard, bucket, 0)
			if errors.Is(err, pots.ErrLost) {
				lost = err
			} else if err != nil {
				return err
			}
		}
	}
	return lost
}
