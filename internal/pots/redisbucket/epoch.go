package redisbucket

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/pots"
)

const (
	// scanned is about how many keys one step of Forget looks at.
	scanned = 1000
	// foreignReply is how fence.lua says that a bucket is another installation's.
	foreignReply = "POTSFOREIGN"
)

var _ pots.Store = (*Store)(nil)

// old is the key of the epochs of a bucket whose keys may still be there.
func (b *Bucket) old() string { return b.base + "old" }

// Fence implements pots.Store. Error: ErrForeign. Refusal: unavailable when too few replicas confirmed.
func (s *Store) Fence(ctx context.Context, bucket int, was, epoch string) (old []string, err error) {
	if err := s.checkBucket(bucket); err != nil {
		return nil, err
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	b := s.in(bucket, epoch)
	m, safe, err := s.RunSafely(ctx, b, &s.fence, []string{b.Home, b.old()},
		[]string{b.Mark, s.config.Installation, was, epoch})
	if e, ok := rueidis.IsRedisErr(err); ok && strings.Contains(e.Error(), foreignReply) {
		return nil, ErrForeign
	}
	if err != nil {
		return nil, fmt.Errorf("fence: %w", err)
	}
	if !safe {
		return nil, Unsafe()
	}
	if old, err = m.AsStrSlice(); err != nil {
		return nil, fmt.Errorf("fence: %w", err)
	}
	for i, word := range old {
		old[i] = strings.TrimPrefix(word, epochSign)
	}
	return old, nil
}

// Unfence implements pots.Store. Refusal: unavailable when too few replicas confirmed.
func (s *Store) Unfence(ctx context.Context, bucket int, epoch string) error {
	if err := s.checkBucket(bucket); err != nil {
		return err
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	b := s.in(bucket, epoch)
	_, safe, err := s.RunSafely(ctx, b, &s.open, []string{b.Home}, []string{b.Mark})
	if err == nil && !safe {
		err = Unsafe()
	}
	if err == nil {
		s.Moved(bucket, epoch)
	}
	return err
}

// Moved says in which epoch a bucket is, to a Store that knows another one.
func (s *Store) Moved(bucket int, epoch string) {
	at := &s.all[bucket]
	at.mu.Lock()
	defer at.mu.Unlock()
	known := at.bucket.Swap(s.in(bucket, epoch))
	at.suspect.Store(false)
	if known != nil && known.epoch != epoch {
		s.config.Lost()
	}
}

// Forget implements pots.Store. It walks over all keys of every node.
func (s *Store) Forget(ctx context.Context, open map[int]string) error {
	for _, node := range s.client.Nodes() {
		for cursor := uint64(0); ; {
			step := node.B().Scan().Cursor(cursor).Match("{b*}:*").Count(scanned).Build()
			page, err := node.Do(ctx, step).AsScanEntry()
			if err != nil {
				return fmt.Errorf("forget: %w", err)
			}
			if err := s.forgetKeys(ctx, page.Elements, open); err != nil {
				return err
			}
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	for number, epoch := range open {
		if err := s.unlink(ctx, s.in(number, epoch), nil, true); err != nil {
			return err
		}
	}
	return nil
}

// forgetKeys drops those of the keys that belong to earlier epochs of open buckets.
func (s *Store) forgetKeys(ctx context.Context, keys []string, open map[int]string) error {
	byBucket := map[int][]string{}
	for _, key := range keys {
		number, ok := bucketOf(key)
		epoch, rebuilt := open[number]
		if !ok || !rebuilt {
			continue
		}
		b := s.in(number, epoch)
		if key != b.Home && key != b.old() && !strings.HasPrefix(key, b.Tag) {
			byBucket[number] = append(byBucket[number], key)
		}
	}
	for number, some := range byBucket {
		for chunk := range slices.Chunk(some, scanned) {
			if err := s.unlink(ctx, s.in(number, open[number]), chunk, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) unlink(ctx context.Context, b *Bucket, keys []string, last bool) error {
	flag := "0"
	if last {
		flag = "1"
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	_, err := s.Run(ctx, b, &s.forget, append([]string{b.Home, b.old()}, keys...), []string{b.Mark, flag})
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}

// bucketOf reads the number in a key's hash tag.
func bucketOf(key string) (number int, ok bool) {
	rest, found := strings.CutPrefix(key, "{b")
	digits, _, closed := strings.Cut(rest, "}:")
	if !found || !closed {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil
}
