package redisbucket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/pots"
)

const (
	// entryField is the one field of an entry.
	entryField = "v"
	// entriesAtOnce is the most entries of one read.
	entriesAtOnce = 64
	// readGrace is how much longer than asked a waiting read may take before its connection counts as dead.
	readGrace = 5 * time.Second
	beginning = "0-0"
)

func (s *Store) checkReader(r pots.Reader) error {
	if !slices.Contains(s.config.Readers, r) {
		return fmt.Errorf("no reader %q", r)
	}
	return nil
}

// Position implements pots.Log.
func (s *Store) Position(ctx context.Context, bucket int, r pots.Reader) (pots.Position, error) {
	b, err := s.Bucket(ctx, bucket)
	if err := errors.Join(err, s.checkReader(r)); err != nil {
		return "", err
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	m, err := s.Run(ctx, b, &s.position, []string{b.Home, b.read}, []string{b.Mark, string(r)})
	if rueidis.IsRedisNil(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("position: %w", err)
	}
	position, err := m.ToString()
	return pots.Position(position), err
}

// Log is the logs of a Store's buckets, whose entries are read as records of type R. It implements pots.Log.
type Log[R any] struct {
	*Store
	// Parse appends the records of the entry at a position, which are fewer than gather.MaxBatch twice over.
	Parse func(to []R, at pots.Position, entry string) ([]R, error)
}

// Read implements pots.Log. It goes beyond limit only by the rest of an entry. An entry that cannot be understood is an
// error that names it. Refusal: unavailable when too few replicas have what was read.
func (l Log[R]) Read(ctx context.Context, bucket int, after pots.Position, limit int,
	wait time.Duration) ([]R, pots.Position, error) {
	b, err := l.positioned(ctx, bucket, after)
	if err != nil {
		return nil, after, err
	}
	records, upTo, err := l.readNow(ctx, b, after, limit)
	if err != nil || upTo != after || wait <= 0 {
		return records, upTo, err
	}
	arrived, err := l.await(ctx, b, after, wait)
	if err != nil || !arrived {
		return nil, after, err
	}
	return l.readNow(ctx, b, after, limit)
}

// readNow returns what is there.
func (l Log[R]) readNow(ctx context.Context, b *Bucket, after pots.Position,
	limit int) (records []R, upTo pots.Position, err error) {
	ctx, cancel := l.Bounded(ctx)
	defer cancel()
	upTo = after
	for {
		most := min(entriesAtOnce, max(1, limit-len(records)))
		entries, err := l.entries(ctx, b, upTo, most)
		if err != nil {
			return nil, after, err
		}
		for _, e := range entries {
			if records, upTo, err = l.parse(records, b, e); err != nil {
				return nil, after, err
			}
			if len(records) >= limit {
				return records, upTo, nil
			}
		}
		if len(entries) < most {
			return records, upTo, nil
		}
	}
}

// parse appends the records of an entry, and returns its position.
func (l Log[R]) parse(to []R, b *Bucket, e rueidis.XRangeEntry) ([]R, pots.Position, error) {
	value, ok := e.FieldValues[entryField]
	if !ok || len(e.FieldValues) != 1 {
		return nil, "", fmt.Errorf("log %s: entry %s is not of this log", b.Log, e.ID)
	}
	records, err := l.Parse(to, pots.Position(e.ID), value)
	if err != nil {
		return nil, "", fmt.Errorf("log %s: entry %s: %w", b.Log, e.ID, err)
	}
	return records, pots.PositionOf(e.ID, value, b.epoch), nil
}

// Old implements pots.Log.
func (l Log[R]) Old(ctx context.Context, bucket int, epoch string, r pots.Reader, after pots.Position,
	limit int) (records []R, upTo pots.Position, err error) {
	if err := errors.Join(l.checkReader(r), after.Check(), l.checkBucket(bucket)); err != nil {
		return nil, after, err
	}
	ctx, cancel := l.Bounded(ctx)
	defer cancel()
	b := l.in(bucket, epoch)
	upTo = after
	if after == "" {
		acknowledged, err := l.client.Do(ctx, l.client.B().Hget().Key(b.read).Field(string(r)).Build()).ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, after, fmt.Errorf("old position: %w", err)
		}
		after = pots.Position(acknowledged)
	}
	entries, err := l.client.Do(ctx, l.client.B().Xrange().Key(b.Log).Start("("+orBeginning(after)).End("+").
		Count(int64(min(entriesAtOnce, max(1, limit)))).Build()).AsXRange()
	if err != nil {
		return nil, upTo, fmt.Errorf("old log: %w", err)
	}
	for _, e := range entries {
		if records, upTo, err = l.parse(records, b, e); err != nil {
			return nil, after, err
		}
		if len(records) >= limit {
			break
		}
	}
	return records, upTo, nil
}

func (s *Store) entries(ctx context.Context, b *Bucket, after pots.Position,
	most int) ([]rueidis.XRangeEntry, error) {
	m, safe, err := s.RunSafely(ctx, b, &s.read, []string{b.Home, b.Log, b.read},
		s.withReaders(b.Mark, orBeginning(after), after.Fingerprint(), strconv.Itoa(most)))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	entries, err := m.AsXRange()
	if err != nil {
		return nil, fmt.Errorf("log %s: %w", b.Log, err)
	}
	if len(entries) > 0 && !safe {
		return nil, Unsafe()
	}
	return entries, nil
}

// withReaders are the arguments of a script with the names of all readers behind them.
func (s *Store) withReaders(args ...string) []string {
	for _, r := range s.config.Readers {
		args = append(args, string(r))
	}
	return args
}

// await waits until there is an entry after a position.
func (s *Store) await(ctx context.Context, b *Bucket, after pots.Position, wait time.Duration) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, wait+readGrace)
	defer cancel()
	err := s.client.Do(bounded, s.client.B().Xread().Count(1).Block(max(1, wait.Milliseconds())).
		Streams().Key(b.Log).Id(orBeginning(after)).Build().UnblockOnCancel()).Error()
	switch {
	case rueidis.IsRedisNil(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("wait for %s: %w", b.Log, err)
	}
	return true, nil
}

func orBeginning(p pots.Position) string {
	if p == "" {
		return beginning
	}
	return p.ID()
}

// Acknowledge implements pots.Log. A position before the last one acknowledged changes nothing.
func (s *Store) Acknowledge(ctx context.Context, bucket int, r pots.Reader, upTo pots.Position) error {
	b, err := s.positioned(ctx, bucket, upTo)
	if err := errors.Join(err, s.checkReader(r)); err != nil {
		return err
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	whole := string(upTo)
	if upTo == "" {
		whole = beginning
	}
	args := s.withReaders(b.Mark, string(r), orBeginning(upTo), upTo.Fingerprint(), whole)
	if _, err := s.Run(ctx, b, &s.acknowledge, []string{b.Home, b.Log, b.read}, args); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// Backlog implements pots.Log. The number is exact for the reader that is behind the others, and an estimate for
// those ahead. Error: pots.ErrLost.
func (s *Store) Backlog(ctx context.Context, bucket int,
	r pots.Reader) (entries int64, oldest time.Duration, err error) {
	b, err := s.Bucket(ctx, bucket)
	if err := errors.Join(err, s.checkReader(r)); err != nil {
		return 0, 0, err
	}
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	m, err := s.Run(ctx, b, &s.backlog, []string{b.Home, b.Log, b.read}, []string{b.Mark, string(r)})
	if err != nil {
		return 0, 0, fmt.Errorf("backlog: %w", err)
	}
	answer, err := m.AsIntSlice()
	if err != nil || len(answer) != 2 {
		return 0, 0, fmt.Errorf("backlog of %s: %v, %w", b.Log, answer, err)
	}
	return answer[0], time.Duration(answer[1]) * time.Millisecond, nil
}
