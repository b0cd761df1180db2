package envelope

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	settleBatch   = 2_000            // records in one ledger transaction, about
	settleTimeout = 10 * time.Second // what took longer is read from the log and settled again, half as much at a time
	logWait       = 2 * time.Second  // how long a reader waits for the first record
	// settleInterval is how long a settler that is not behind lets records gather: a credit costs the ledger several
	// times as much in a batch of ten as in one of hundreds. A record that comes after a quiet time does not wait.
	settleInterval = 250 * time.Millisecond
	// overload is how many grabs wait at a time where the machine cannot keep up: one that can answers in milliseconds.
	overload = 64
	// settleRest bounds how long a settler rests while the machine is overloaded: its last pass may have waited for
	// records.
	settleRest = 10 * time.Second
)

// Settler posts to the ledger what the pots gave away: it reads a bucket's grab log in batches from where the ledger
// has settled it, and acknowledges each after its commit. The ledger takes each batch once and in order, and only in
// the epoch in which it was read; so a settler may stand still between any two lines, and several may be on one log.
// What one that died has not done after a commit, the next does before it goes on.
type Settler struct {
	log     Log
	pot     Pot
	ledger  Ledger
	buckets pots.Buckets
	logger  *slog.Logger
	yield   func() bool
	traces  Traces    // with span
	span    BatchSpan // nil for none
}

// NewSettler makes a settler.
func NewSettler(log Log, pot Pot, ledger Ledger, b pots.Buckets, logger *slog.Logger) *Settler {
	return &Settler{log: log, pot: pot, ledger: ledger, buckets: b, logger: logger,
		yield: func() bool { return Overloaded(pot.Waiting()) }}
}

// YieldTo makes the settler yield while yield says so, instead of while people wait at the pots.
func (s *Settler) YieldTo(yield func() bool) *Settler {
	s.yield = yield
	return s
}

// Run settles a bucket, which belongs to shard, until the context ends. While this process is Overloaded with grabs, it
// runs a fiftieth of the time: a credit can wait, people cannot.
func (s *Settler) Run(ctx context.Context, shard, bucket int) {
	limit := settleBatch
	loop.Job{Name: "settle", Log: s.logger.With("bucket", bucket), Interval: settleInterval, MostRest: settleRest,
		Yield: s.yield}.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := s.pass(ctx, shard, bucket, limit, logWait)
		worked := n >= limit
		limit = nextLimit(limit, n, err)
		return worked, err
	})
}

// nextLimit is how many records are settled at a time after a batch: half as many where it took too long, so that a
// slow ledger gets on, and twice as many after a full one that did not.
func nextLimit(limit, settled int, err error) int {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return max(1, limit/2)
	case err == nil && settled >= limit:
		return min(settleBatch, 2*limit)
	}
	return limit
}

// Overloaded says whether more people wait for a share in this process than where its machine keeps up.
func Overloaded(waiting int) bool { return waiting > overload }

// Pass settles one batch and returns how many records it held. With an empty log it waits up to wait for the first.
func (s *Settler) Pass(ctx context.Context, shard, bucket int, wait time.Duration) (int, error) {
	return s.pass(ctx, shard, bucket, settleBatch, wait)
}

func (s *Settler) pass(ctx context.Context, shard, bucket, limit int, wait time.Duration) (int, error) {
	from, acknowledged, err := s.where(ctx, shard, bucket)
	if err != nil {
		return 0, err
	}
	after := pots.Position(from.UpTo)
	switch order := acknowledged.Compare(after); {
	case order < 0:
		return s.follow(ctx, bucket, acknowledged, after)
	case order > 0:
		return 1, s.reconcile(ctx, shard, bucket, from, acknowledged)
	}
	records, upTo, err := s.log.Read(ctx, bucket, after, limit, wait)
	if err != nil || len(records) == 0 || !upTo.Of(from.Epoch) {
		return 0, err
	}
	posts := postsOf(records)
	settleCtx, end := s.traced(ctx, bucket, posts, after, upTo)
	if err = end(s.settle(settleCtx, shard, posts, from, upTo)); err != nil {
		if errors.Is(err, ledger.ErrSourceMoved) { // by another settler, or there is a new epoch
			return 1, nil
		}
		return 0, err
	}
	return len(records), s.log.Acknowledge(ctx, bucket, ReaderSettler, upTo)
}

// where says how far the log is settled and acknowledged. The ledger is asked last, so it is not behind.
func (s *Settler) where(ctx context.Context, shard, bucket int) (from ledger.SourceLog, at pots.Position, err error) {
	if at, err = s.log.Position(ctx, bucket, ReaderSettler); err != nil {
		return from, at, err
	}
	if from, err = s.ledger.Source(ctx, shard, bucket, LogName); err != nil {
		return from, at, err
	}
	if !at.Of(from.Epoch) {
		err = pots.ErrOtherEpoch
	}
	return from, at, err
}

// settle commits a batch and ends the pots that it drained.
func (s *Settler) settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
	upTo pots.Position) error {
	settleCtx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	result, err := s.ledger.Settle(settleCtx, shard, posts, from, string(upTo))
	if err != nil {
		return err
	}
	for _, r := range result.Rejected { // the ledger keeps them: the audit names them until somebody decides
		attrs := []any{"envelope", r.Hold, "share", r.Part, "user", r.Payee, "minor", r.Minor, "reason", r.Reason}
		if id := loop.TraceID(r.Trace); id != "" {
			attrs = append(attrs, "trace_id", id)
		}
		s.logger.Error("the pot gave away what the ledger refuses to pay", attrs...)
	}
	retired := make([]Retirement, len(result.Completed))
	for i, id := range result.Completed {
		retired[i] = Retirement{Envelope: id}
	}
	if len(retired) == 0 {
		return nil
	}
	return s.pot.Retire(ctx, retired)
}

// follow finishes what a settler that died after its commit left undone: it retires drained pots, and acknowledges the
// records that are settled. The other one may be about to do the same.
func (s *Settler) follow(ctx context.Context, bucket int, after, settled pots.Position) (int, error) {
	records, upTo, err := s.log.Read(ctx, bucket, after, settleBatch, 0)
	if err != nil {
		return 0, err
	}
	ids := make([]int64, 0, len(records))
	for _, r := range records {
		ids = append(ids, r.Envelope)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > 0 {
		holds, err := s.ledger.GetHolds(ctx, ids)
		if err != nil {
			return 0, err
		}
		if err := s.pot.Retire(ctx, over(holds)); err != nil {
			return 0, err
		}
	}
	if len(records) == 0 || upTo.Compare(settled) > 0 {
		upTo = settled
	}
	return max(1, len(records)), s.log.Acknowledge(ctx, bucket, ReaderSettler, upTo)
}

// over are the retirements of those of the holds that are complete.
func over(holds []ledger.Hold) []Retirement {
	var retired []Retirement
	for _, h := range holds {
		if !h.Open {
			retired = append(retired, Retirement{Envelope: h.ID, Refunded: h.Voided})
		}
	}
	return retired
}

// DrainOld implements pots.Kind. The pots of the epoch are compared with the ledger too, which may have forgotten what
// the log has no more. What contradicts the ledger is kept there as a rejection.
func (s *Settler) DrainOld(ctx context.Context, shard, bucket int, epoch string) (records int, err error) {
	// Before anything is read: what belongs to a bucket that has begun another epoch meanwhile is not settled.
	from, err := s.ledger.Source(ctx, shard, bucket, LogName)
	if err != nil {
		return 0, err
	}
	for after := pots.Position(""); ; {
		some, upTo, err := s.log.Old(ctx, bucket, epoch, ReaderSettler, after, settleBatch)
		if err != nil {
			return records, err
		}
		if len(some) == 0 {
			break
		}
		if err := s.settleOld(ctx, shard, postsOf(some), from); err != nil {
			return records, err
		}
		records, after = records+len(some), upTo
	}
	missing, err := s.missing(ctx, shard, bucket, func(ctx context.Context, id int64) (PotState, error) {
		return s.pot.LookOld(ctx, id, epoch)
	})
	if err != nil {
		return records, err
	}
	for some := range slices.Chunk(missing, settleBatch) {
		if err := s.settleOld(ctx, shard, some, from); err != nil {
			return records, err
		}
	}
	return records, nil
}

// settleOld settles in the present epoch what was taken in an earlier one.
func (s *Settler) settleOld(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog) error {
	settleCtx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	result, err := s.ledger.Settle(settleCtx, shard, posts, from, from.UpTo)
	if err != nil {
		return err
	}
	for _, r := range result.Rejected {
		s.logger.Error("a bucket that went back names a win that the ledger refuses to pay", "envelope", r.Hold,
			"share", r.Part, "user", r.Payee, "minor", r.Minor, "reason", r.Reason)
	}
	return nil
}

func postsOf(records []Record) []ledger.Post {
	posts := make([]ledger.Post, 0, len(records))
	for _, r := range records {
		if r.Kind == RecordTaken {
			posts = append(posts, postOf(r.Envelope, r.Take))
		}
	}
	return posts
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
