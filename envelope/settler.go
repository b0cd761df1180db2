package envelope

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
	settleBatch = 2_000 // records in one ledger transaction, about
	// PostTimeout bounds one settlement, so that a recovery of lost pots knows how long one that began before the loss
	// may go on. What took longer is read from the log and posted again.
	PostTimeout = 10 * time.Second
	logWait     = 2 * time.Second // how long a reader waits for the first record
	// settlePause is how long a settler that is not behind lets records gather: a credit costs the ledger several times
	// as much in a batch of ten as in one of hundreds. A record that comes after a quiet time does not wait.
	settlePause = 250 * time.Millisecond
	// overload is how many grabs wait at a time where the machine cannot keep up: one that can answers in milliseconds.
	overload = 64
)

// Settler posts to the ledger what the pots gave away: it reads a bucket's grab log in batches and acknowledges each
// after its commit. A settler that dies in between leaves the batch to be read again, and the ledger passes over what
// it has; two settlers on one log do the same work twice, to the same result.
type Settler struct {
	log    Log
	pot    Pot
	ledger Ledger
	logger *slog.Logger
	// settled hears how many posts were committed, after each commit. The wiring wakes the delivery of credits with it.
	settled func(shard, posts int)
}

// NewSettler makes a settler. settled may be called from several goroutines at once.
func NewSettler(log Log, pot Pot, ledger Ledger, logger *slog.Logger, settled func(shard, posts int)) *Settler {
	return &Settler{log: log, pot: pot, ledger: ledger, logger: logger, settled: settled}
}

// Run settles a bucket, which belongs to shard, until the context ends. While more people wait for a share in this
// process than a machine has that is not overloaded, it takes a fiftieth of the time only: a credit can wait, they
// cannot.
func (s *Settler) Run(ctx context.Context, shard, bucket int) {
	loop.Job{Name: "settle", Log: s.logger.With("bucket", bucket), Interval: settlePause,
		Yield: Overloaded(s.pot)}.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := s.Pass(ctx, shard, bucket, logWait)
		return n >= settleBatch, err
	})
}

// Overloaded says whether more people wait for a share in this process than where its machine keeps up.
func Overloaded(p Pot) func() bool { return func() bool { return p.Waiting() > overload } }

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
	if err := s.post(ctx, shard, postsOf(records)); err != nil {
		return 0, err
	}
	return len(records), s.log.Acknowledge(ctx, bucket, ReaderSettler, upTo)
}

func (s *Settler) post(ctx context.Context, shard int, posts []ledger.Post) error {
	if len(posts) == 0 {
		return nil
	}
	postCtx, cancel := context.WithTimeout(ctx, PostTimeout)
	defer cancel()
	result, err := s.ledger.Post(postCtx, shard, posts)
	if err != nil {
		return err
	}
	for _, r := range result.Rejected { // the ledger keeps them: the audit names them until somebody decides
		s.logger.Error("the pot gave away what the ledger refuses to pay", "envelope", r.Hold, "share", r.Part,
			"user", r.Payee, "minor", r.Minor, "reason", r.Reason)
	}
	s.settled(shard, result.Posted)
	retired := make([]Retirement, len(result.Completed))
	for i, id := range result.Completed {
		retired[i] = Retirement{Envelope: id}
	}
	if len(retired) == 0 {
		return nil
	}
	return s.pot.Retire(ctx, retired)
}

func postsOf(records []Record) []ledger.Post {
	posts := make([]ledger.Post, 0, len(records))
	for _, r := range records {
		if r.Kind == RecordTaken {
			posts = append(posts, ledger.Post{Hold: r.Envelope, Part: r.Take.Share, Payee: r.Take.User,
				Minor: r.Take.Minor, At: r.Take.At})
		}
	}
	return posts
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
