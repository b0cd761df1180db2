package stock

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	settleBatch    = 2_000 // records of one pass, about
	settleInterval = 250 * time.Millisecond
	settleTimeout  = 10 * time.Second
	logWait        = 2 * time.Second // how long a settler waits for the first record
)

// Settler writes to the ledger what the pots gave away. It acknowledges a batch after its commits; one that dies in
// between leaves the batch to be read again, and the store passes over what it has. The store takes a batch only in the
// epoch in which it was read, and as the one behind what is settled.
type Settler struct {
	log     Log
	store   Store
	rules   Rules
	buckets pots.Buckets
	logger  *slog.Logger
	settled func(ctx context.Context, done Settled) // hears of each commit
}

// NewSettler makes a settler. settled may be called from several goroutines at once.
func NewSettler(
	log Log, store Store, rules Rules, b pots.Buckets, logger *slog.Logger,
	settled func(ctx context.Context, done Settled),
) *Settler {
	return &Settler{log, store, rules, b, logger, settled}
}

// Run settles a bucket, which belongs to shard, until the context ends.
func (s *Settler) Run(ctx context.Context, shard, bucket int) {
	loop.Job{Name: "settle covers", Log: s.logger.With("bucket", bucket), Interval: settleInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			n, err := s.Pass(ctx, shard, bucket, logWait)
			return n >= settleBatch, err
		})
}

// Pass settles one batch and returns how many records it held. With an empty log it waits up to wait for the first.
func (s *Settler) Pass(ctx context.Context, shard, bucket int, wait time.Duration) (int, error) {
	acknowledged, err := s.log.Position(ctx, bucket, ReaderSettler)
	if err != nil {
		return 0, err
	}
	from, err := s.store.Source(ctx, shard, bucket) // asked last, so it is not behind
	if err != nil {
		return 0, err
	}
	after := pots.Position(from.UpTo)
	switch order := acknowledged.Compare(after); {
	case !acknowledged.Of(from.Epoch):
		return 0, pots.ErrOtherEpoch
	case order < 0: // one died between its commit and this
		return 1, s.log.Acknowledge(ctx, bucket, ReaderSettler, after)
	case order > 0:
		s.logger.Error("the ledger went back in time: it has settled a log less far than was acknowledged, and claims "+
			"between may be lost", "bucket", bucket, "settled", after, "acknowledged", acknowledged)
		return 1, s.store.Settled(ctx, shard, from, string(acknowledged))
	}
	records, upTo, err := s.log.Read(ctx, bucket, after, settleBatch, wait)
	if err != nil || len(records) == 0 || !upTo.Of(from.Epoch) {
		return 0, err
	}
	err = s.settleAll(ctx, shard, records, from)
	if err == nil {
		err = s.store.Settled(ctx, shard, from, string(upTo))
	}
	if errors.Is(err, ledger.ErrSourceMoved) { // by another settler, or there is a new epoch
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	return len(records), s.log.Acknowledge(ctx, bucket, ReaderSettler, upTo)
}

func (s *Settler) settleAll(ctx context.Context, shard int, records []Record, from ledger.SourceLog) error {
	byCover := map[int64][]Record{}
	for _, r := range records {
		byCover[r.Cover] = append(byCover[r.Cover], r)
	}
	for cover, some := range byCover {
		if err := s.settle(ctx, shard, cover, some, from); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settler) settle(ctx context.Context, shard int, cover int64, records []Record, from ledger.SourceLog) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	done, err := s.store.Settle(ctx, cover, records, from,
		func(claimed time.Time) time.Time { return claimed.Add(s.rules.HoldFor) })
	if err != nil {
		return err
	}
	for _, c := range done.Rejected {
		s.logger.Error("the pot gave away a piece that the ledger does not have", "cover", cover, "user", c.User,
			"channel", c.Channel)
	}
	s.settled(ctx, done)
	return nil
}

// DrainOld implements pots.Kind. A claim for which the ledger has no piece is logged.
func (s *Settler) DrainOld(ctx context.Context, shard, bucket int, epoch string) (records int, err error) {
	for after := pots.Position(""); ; {
		from, err := s.store.Source(ctx, shard, bucket)
		if err != nil {
			return records, err
		}
		some, upTo, err := s.log.Old(ctx, bucket, epoch, ReaderSettler, after, settleBatch)
		if err != nil || len(some) == 0 {
			return records, err
		}
		if err := s.settleAll(ctx, shard, some, from); err != nil {
			return records, err
		}
		records, after = records+len(some), upTo
	}
}

// Drain settles everything that is in a shard's logs now. A lost bucket has no log; the others are settled before
// pots.ErrLost is returned.
func (s *Settler) Drain(ctx context.Context, shard int) (lost error) {
	from, to := s.buckets.OfShard(shard)
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
