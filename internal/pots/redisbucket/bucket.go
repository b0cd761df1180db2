package redisbucket

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/internal/pots"
)

// lookAgain is how long a bucket that answered POTSLOST is used as it is known before its epoch is asked for again.
const lookAgain = 100 * time.Millisecond

// Bucket is where a bucket's keys are in an epoch.
type Bucket struct {
	Tag  string // what the keys of the epoch begin with, as in "{b17}:" or "{b17}:@k2v5c7q3zp:"
	Home string
	Mark string // what Home holds, and each script compares with it
	Log  string
	// Traces is the stream beside the log: under the ids of its entries, traces of records in them. Scripts write it.
	Traces string

	number int
	epoch  string
	base   string // what all keys begin with
	read   string
}

// slot is a bucket as this process knows it.
type slot struct {
	bucket  atomic.Pointer[Bucket]
	suspect atomic.Bool // a call found another home: the epoch may be another one

	mu     sync.Mutex
	looked time.Time
}

// in is a bucket in an epoch.
func (s *Store) in(number int, epoch string) *Bucket {
	base := "{b" + strconv.Itoa(number) + "}:"
	b := &Bucket{Tag: base, Home: base + "home", Mark: s.config.Installation, number: number, epoch: epoch, base: base}
	if epoch != "" {
		b.Tag, b.Mark = base+epochSign+epoch+":", markOf(s.config.Installation, epoch)
	}
	b.Log, b.read = b.Tag+s.config.Log, b.Tag+s.config.Log+":read"
	b.Traces = b.Log + ":traces"
	return b
}

// Past is a bucket in an epoch that is over. Its keys may be gone, and no script takes its mark.
func (s *Store) Past(number int, epoch string) *Bucket { return s.in(number, epoch) }

// PastHash reads a hash of an epoch that is over, where nothing changes any more: fields and values in turn, none of
// one that is gone.
func (s *Store) PastHash(ctx context.Context, key string) ([]string, error) {
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	fields, err := s.client.Do(ctx, s.client.B().Hgetall().Key(key).Build()).AsStrMap()
	if err != nil {
		return nil, fmt.Errorf("an old hash: %w", err)
	}
	all := make([]string, 0, 2*len(fields))
	for field, value := range fields {
		all = append(all, field, value)
	}
	return all, nil
}

// epochSign begins the names of keys of other epochs than the first.
const epochSign = "@"

func markOf(installation, epoch string) string {
	if epoch == "" {
		return installation
	}
	return installation + " " + epoch
}

// Bucket returns a bucket by number, in the epoch in which the ledger had it when this process last asked: when it
// first needed it, and when a call has found another. An error says that the ledger did not answer the first time,
// or is that of Config.Durable.
func (s *Store) Bucket(ctx context.Context, number int) (*Bucket, error) {
	if err := s.checkBucket(number); err != nil {
		return nil, err
	}
	if err := s.config.Durable(); err != nil {
		return nil, err
	}
	at := &s.all[number]
	if b := at.bucket.Load(); b != nil && !at.suspect.Load() {
		return b, nil
	}
	return s.look(ctx, number)
}

func (s *Store) checkBucket(number int) error {
	if number < 0 || number >= len(s.all) {
		return fmt.Errorf("bucket %d of %d", number, len(s.all))
	}
	return nil
}

func (s *Store) look(ctx context.Context, number int) (*Bucket, error) {
	at := &s.all[number]
	at.mu.Lock()
	defer at.mu.Unlock()
	known := at.bucket.Load()
	if known != nil && (!at.suspect.Load() || time.Since(at.looked) < lookAgain) {
		return known, nil
	}
	at.looked = time.Now()
	epoch, err := s.config.Epoch(ctx, number)
	switch {
	case err != nil && known == nil:
		return nil, fmt.Errorf("epoch of bucket %d: %w", number, err)
	case err != nil:
		return known, nil // Redis refuses it until the ledger says more
	}
	at.suspect.Store(false)
	if known != nil && known.epoch == epoch {
		return known, nil
	}
	b := s.in(number, epoch)
	at.bucket.Store(b)
	if known != nil {
		s.config.Lost()
	}
	return b, nil
}

// positioned returns a bucket in the epoch of a position. Error: pots.ErrOtherEpoch.
func (s *Store) positioned(ctx context.Context, number int, p pots.Position) (*Bucket, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	b, err := s.Bucket(ctx, number)
	if err == nil && !p.Of(b.epoch) {
		s.all[number].suspect.Store(true)
		return nil, pots.ErrOtherEpoch
	}
	return b, err
}
