package pots

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

// rebuildInterval is how often a Rebuilder looks at the buckets of a shard.
const rebuildInterval = time.Second

// HomeState is how a store knows a bucket.
type HomeState int

// How a store may know a bucket.
const (
	HomeEmpty   HomeState = iota // it does not: the store was emptied, or is another one
	HomeForeign                  // as another installation's
	HomeOpen                     // as ours, in the epoch that it says
	HomeFenced                   // as ours, and nothing may be done: it went back, or is being rebuilt
)

// Home is what a store says of a bucket.
type Home struct {
	State HomeState
	Epoch string // where it is ours
}

// Store is where the buckets are, as a Rebuilder needs it. Every method is safe to repeat.
type Store interface {
	// Homes tells how the store knows buckets.
	Homes(ctx context.Context, buckets []int) ([]Home, error)

	// Fence stops every call on a bucket until Unfence, unless the bucket is open in this epoch already, and returns
	// the epochs before it whose logs may still be there: was is one of them.
	Fence(ctx context.Context, bucket int, was, epoch string) (old []string, err error)

	// Unfence lets calls in that know the epoch. Error: ErrLost where the bucket was not fenced for it.
	Unfence(ctx context.Context, bucket int, epoch string) error

	// Forget drops all that is left of earlier epochs of buckets that are open, by epoch.
	Forget(ctx context.Context, open map[int]string) error
}

// Books are where the ledger notes the epochs of buckets.
type Books interface {
	// Epochs are those of the buckets of a shard; a bucket without one is in its first, and open.
	Epochs(ctx context.Context, shard int) (map[int]Epoch, error)

	// Begin ends an epoch, so that nothing read in it is settled any more, and begins another one. begun is false where
	// the bucket is in another epoch than was.
	Begin(ctx context.Context, bucket int, was, epoch, reason string) (begun bool, err error)

	// End notes that the bucket is rebuilt.
	End(ctx context.Context, bucket int, epoch string) error
}

// Epoch is the history by which the ledger goes.
type Epoch struct {
	Name       string
	Rebuilding bool
}

// Kind is one kind of pot in the buckets.
type Kind interface {
	// DrainOld settles in the present epoch of a bucket what the log of an earlier one still has.
	DrainOld(ctx context.Context, shard, bucket int, epoch string) (records int, err error)

	// Fill makes the pots of a shard that are missing in the buckets for which in holds.
	Fill(ctx context.Context, shard int, in func(bucket int) bool) (filled int, err error)
}

// Rebuilder makes buckets again from the ledger that a store has lost, or in which it went back in time:
//
//  1. the ledger begins a new epoch: what was read before is not settled any more, by whoever, whenever it wakes up;
//  2. the store is fenced: nothing is taken;
//  3. what the logs of earlier epochs still have is settled, as far as it does not contradict the ledger;
//  4. the store is opened in the new epoch, with other keys, and its pots are filled from the ledger.
//
// One that dies leaves the rest to the next. What was acknowledged and is neither in the ledger nor in a log is lost.
type Rebuilder struct {
	Buckets Buckets
	Store   Store
	Books   Books
	Kinds   []Kind
	Log     *slog.Logger
	Rebuilt func(reason string) // hears of each bucket that was rebuilt
	// Restored says that the ledger is a restored one, beside a store that never held its buckets: nothing is lost.
	Restored bool
	// NewEpoch makes an epoch that no store has had; nil: at random.
	NewEpoch func() string
}

// Rebuild is what a Rebuilder did.
type Rebuild struct {
	Buckets int // that were rebuilt
	Drained int // records of earlier epochs that were looked at
	Filled  int // pots
}

// Run rebuilds what goes back in time on a shard until the context ends.
func (r *Rebuilder) Run(ctx context.Context, shard int) {
	loop.Job{Name: "rebuild", Log: r.Log.With("shard", shard), Interval: rebuildInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			_, err := r.Pass(ctx, shard, false)
			return false, err
		})
}

// reasonRestored is why a bucket is made that the store never held.
const reasonRestored = "restored"

// bucketAt is a bucket under way.
type bucketAt struct {
	number     int
	was, epoch string
	reason     string // "" where a rebuild goes on that somebody began
}

// Pass looks once at every bucket of a shard and rebuilds those that need it: those that are not open in the epoch of
// the ledger, and with empty also those that the store does not know, which may be another store's fault.
func (r *Rebuilder) Pass(ctx context.Context, shard int, empty bool) (done Rebuild, err error) {
	from, to := r.Buckets.OfShard(shard)
	numbers := make([]int, 0, to-from)
	for bucket := from; bucket < to; bucket++ {
		numbers = append(numbers, bucket)
	}
	// The ledger is asked first: where somebody begins an epoch meanwhile, our own Begin finds that.
	epochs, err := r.Books.Epochs(ctx, shard)
	if err != nil {
		return done, err
	}
	homes, err := r.Store.Homes(ctx, numbers)
	if err != nil {
		return done, err
	}
	var some []bucketAt
	var errs []error
	for i, home := range homes {
		b, needed, err := r.look(ctx, numbers[i], epochs[numbers[i]], home, empty)
		if errs = append(errs, err); err == nil && needed {
			some = append(some, b)
		}
	}
	var open []bucketAt
	for _, b := range some {
		drained, err := r.reopen(ctx, shard, b)
		done.Drained += drained
		if errs = append(errs, err); err == nil {
			open = append(open, b)
		}
	}
	if len(open) == 0 {
		return done, errors.Join(errs...)
	}
	done.Filled, err = r.fill(ctx, shard, open)
	if err != nil {
		return done, errors.Join(append(errs, err)...)
	}
	done.Buckets = len(open)
	now := map[int]string{}
	for _, b := range open {
		now[b.number] = b.epoch
	}
	return done, errors.Join(append(errs, r.Store.Forget(ctx, now))...)
}

// look decides whether a bucket is to be rebuilt, and if so begins its new epoch.
func (r *Rebuilder) look(ctx context.Context, bucket int, of Epoch, home Home, empty bool) (b bucketAt, needed bool,
	err error) {
	if home.State == HomeForeign || home.State == HomeEmpty && !empty {
		return b, false, nil
	}
	b = bucketAt{number: bucket, was: of.Name, epoch: of.Name}
	open := home.State == HomeOpen && home.Epoch == of.Name
	if of.Rebuilding && (open || home.State == HomeFenced && home.Epoch == of.Name) {
		return b, true, nil
	}
	switch {
	case open:
		return b, false, nil
	case home.State == HomeEmpty && r.Restored:
		b.reason = reasonRestored
	case home.State == HomeEmpty:
		b.reason = "emptied"
	case home.Epoch == of.Name:
		b.reason = "went back"
	default:
		b.reason = "went back to epoch " + home.Epoch
	}
	if b.epoch = newEpoch(); r.NewEpoch != nil {
		b.epoch = r.NewEpoch()
	}
	begun, err := r.Books.Begin(ctx, bucket, b.was, b.epoch, b.reason)
	if err != nil || !begun { // somebody else has begun: the next pass looks again
		return b, false, err
	}
	if b.reason == reasonRestored {
		r.Log.Info("a bucket of pots is made for a restored ledger", "bucket", bucket, "epoch", b.epoch, "was", b.was)
		return b, true, nil
	}
	r.Log.Error("a bucket of pots is not as the ledger knows it, and is rebuilt: what was acknowledged and is neither "+
		"settled nor in its log is lost", "bucket", bucket, "reason", b.reason, "epoch", b.epoch, "was", b.was)
	return b, true, nil
}

// newEpoch is one that no store has had.
func newEpoch() string {
	const length = 10 // characters of 5 bits
	return strings.ToLower(rand.Text()[:length])
}

// reopen brings a bucket from its fence to where its pots can be filled.
func (r *Rebuilder) reopen(ctx context.Context, shard int, b bucketAt) (drained int, err error) {
	old, err := r.Store.Fence(ctx, b.number, b.was, b.epoch)
	if err != nil {
		return 0, fmt.Errorf("fence bucket %d: %w", b.number, err)
	}
	slices.Sort(old)
	for _, epoch := range old {
		if epoch == b.epoch {
			continue
		}
		for _, kind := range r.Kinds {
			n, err := kind.DrainOld(ctx, shard, b.number, epoch)
			drained += n
			if err != nil {
				return drained, fmt.Errorf("drain bucket %d: %w", b.number, err)
			}
		}
	}
	if err := r.Store.Unfence(ctx, b.number, b.epoch); err != nil {
		return drained, fmt.Errorf("open bucket %d: %w", b.number, err)
	}
	return drained, nil
}

// fill makes the pots of buckets that are open.
func (r *Rebuilder) fill(ctx context.Context, shard int, open []bucketAt) (filled int, err error) {
	in := func(bucket int) bool {
		return slices.ContainsFunc(open, func(b bucketAt) bool { return b.number == bucket })
	}
	for _, kind := range r.Kinds {
		n, err := kind.Fill(ctx, shard, in)
		filled += n
		if err != nil {
			return filled, fmt.Errorf("fill the pots of shard %d: %w", shard, err)
		}
	}
	for _, b := range open {
		if err := r.Books.End(ctx, b.number, b.epoch); err != nil {
			return filled, err
		}
		level := slog.LevelWarn
		if b.reason == reasonRestored {
			level = slog.LevelInfo
		}
		r.Log.Log(ctx, level, "a bucket of pots is rebuilt", "bucket", b.number, "epoch", b.epoch)
		if b.reason != "" {
			reason, _, _ := strings.Cut(b.reason, " to ")
			r.Rebuilt(reason)
		}
	}
	return filled, nil
}
