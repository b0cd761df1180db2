package redispot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

const (
	// maxInCall is the most pots that one Retire or Missing script goes through.
	maxInCall = 500
	// maxCalls is the most scripts that one Retire or Missing has under way. The client puts them into its pipelines.
	maxCalls = 32
)

// chunk is what one script goes through.
type chunk[T any] struct {
	bucket *bucket
	some   []T // at most maxInCall
}

func chunks[T any](byBucket map[*bucket][]T) (all []chunk[T]) {
	for b, of := range byBucket {
		for some := range slices.Chunk(of, maxInCall) {
			all = append(all, chunk[T]{b, some})
		}
	}
	return all
}

// Look implements envelope.Pot.
func (p *Pots) Look(ctx context.Context, id int64) (envelope.PotState, error) {
	if pot, ok := p.finals.get(id); ok {
		return pot.look(), nil
	}
	s, _, err := p.look(ctx, id, false)
	return s, err
}

// Close implements envelope.Pot. Refusal: unavailable when too few replicas confirmed.
func (p *Pots) Close(ctx context.Context, id int64) (envelope.PotState, error) {
	s, safe, err := p.look(ctx, id, true)
	if err == nil && !safe {
		return envelope.PotState{}, redisbucket.Unsafe()
	}
	return s, err
}

// look asks Redis. Only what is safe on replicas is remembered: a win answered from memory is as safe as any other.
func (p *Pots) look(ctx context.Context, id int64, shut bool) (s envelope.PotState, safe bool, err error) {
	b, err := p.of(id)
	if err != nil {
		return s, false, err
	}
	flag := "0"
	if shut {
		flag = "1"
	}
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	epoch := p.finals.now()
	at, err := b.keys(ctx)
	if err != nil {
		return s, false, fmt.Errorf("look: %w", err)
	}
	pot, shares := at.pot(id)
	m, safe, err := p.RunSafely(ctx, at.Bucket, &p.scripts.look, []string{at.Home, pot, shares, at.ends()},
		[]string{at.Mark, flag, strconv.FormatInt(id, 10)})
	if rueidis.IsRedisNil(err) {
		return s, false, envelope.ErrNoPot
	}
	if err != nil {
		return s, false, fmt.Errorf("look: %w", err)
	}
	if s, err = parseState(&m); err != nil {
		return s, false, fmt.Errorf("redispot: pot %d: %w", id, err)
	}
	if safe {
		p.finals.keep(id, s, epoch)
	}
	return s, safe, nil
}

// LookOld implements envelope.Pot. It reads the pot as it is: nothing changes it any more.
func (p *Pots) LookOld(ctx context.Context, id int64, epoch string) (s envelope.PotState, err error) {
	b, err := p.of(id)
	if err != nil {
		return s, err
	}
	pot, _ := keys{p.Past(b.number, epoch)}.pot(id)
	fields, err := p.PastHash(ctx, pot)
	if err == nil && len(fields) == 0 {
		err = envelope.ErrNoPot
	}
	if err != nil {
		return s, err
	}
	if s, err = stateOf(fields); err != nil {
		return s, fmt.Errorf("redispot: old pot %d: %w", id, err)
	}
	s.Closed = true
	return s, nil
}

// tooEarly is what look.lua says first where it does not close a pot.
const tooEarly = 2

// parseState reads the answer of look.lua.
func parseState(m *rueidis.RedisMessage) (s envelope.PotState, err error) {
	parts, err := m.ToArray()
	if err != nil {
		return s, err
	}
	if len(parts) != 2 {
		return s, fmt.Errorf("%d parts", len(parts))
	}
	open, err := parts[0].AsInt64()
	if err != nil {
		return s, err
	}
	if open == tooEarly {
		return s, envelope.ErrNotDue
	}
	fields, err := parts[1].AsStrSlice()
	if err != nil {
		return s, err
	}
	if s, err = stateOf(fields); err != nil {
		return s, err
	}
	s.Closed = open == 0
	return s, nil
}

// stateOf reads a pot's fields and values in turn. Takes of the same millisecond are in the order of their shares,
// which is the order in which those are taken.
func stateOf(fields []string) (s envelope.PotState, err error) {
	s.Taken = make([]envelope.Take, 0, len(fields)/2)
	for pair := range slices.Chunk(fields, 2) {
		if len(pair) != 2 {
			return s, fmt.Errorf("a field without a value")
		}
		switch field, value := pair[0], pair[1]; {
		case field == "#n":
			if s.Left, err = strconv.Atoi(value); err != nil {
				return s, fmt.Errorf("number of shares: %w", err)
			}
		case strings.HasPrefix(field, "#"):
		default:
			t, err := parseTake(field, value)
			if err != nil {
				return s, err
			}
			s.Taken = append(s.Taken, t)
		}
	}
	s.Left -= len(s.Taken)
	slices.SortFunc(s.Taken, func(a, b envelope.Take) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Share, b.Share))
	})
	return s, nil
}

// Retire implements envelope.Pot. A retired pot answers for another hour. Errors: pots.ErrLost. Refusal: unavailable
// when too few replicas confirmed.
func (p *Pots) Retire(ctx context.Context, retired []envelope.Retirement) error {
	byBucket := map[*bucket][]envelope.Retirement{}
	for _, r := range retired {
		if b, err := p.of(r.Envelope); err == nil {
			byBucket[b] = append(byBucket[b], r)
		}
	}
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	return loop.FanOut(chunks(byBucket), maxCalls, func(c chunk[envelope.Retirement]) error {
		return p.retire(ctx, c.bucket, c.some)
	})
}

func (p *Pots) retire(ctx context.Context, b *bucket, retired []envelope.Retirement) error {
	at, err := b.keys(ctx)
	if err != nil {
		return fmt.Errorf("retire: %w", err)
	}
	keys := []string{at.Home, at.Log, at.ends()}
	args := []string{at.Mark, strconv.Itoa(int(envelope.RetiredFor.Seconds()))}
	for _, r := range retired {
		pot, shares := at.pot(r.Envelope)
		keys = append(keys, pot, shares)
		args = append(args, strconv.FormatInt(r.Envelope, 10), strconv.FormatInt(r.Refunded, 10))
	}
	_, safe, err := p.RunSafely(ctx, at.Bucket, &p.scripts.retire, keys, args)
	switch {
	case err != nil:
		return fmt.Errorf("retire: %w", err)
	case !safe:
		return redisbucket.Unsafe()
	}
	return nil
}

// Unretired implements envelope.Pot.
func (p *Pots) Unretired(ctx context.Context, bucket, skip, limit int) ([]int64, error) {
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	b, err := p.Bucket(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("unretired: %w", err)
	}
	at := keys{b}
	m, err := p.Run(ctx, b, &p.scripts.unretired, []string{at.Home, at.ends()},
		[]string{at.Mark, strconv.Itoa(skip), strconv.Itoa(limit)})
	if err != nil {
		return nil, fmt.Errorf("unretired: %w", err)
	}
	ids, err := m.AsIntSlice()
	if err != nil {
		return nil, fmt.Errorf("redispot: unretired: %w", err)
	}
	return ids, nil
}

// Missing implements envelope.Pot. The ids are returned in their order; ids that no shard made have no pot.
func (p *Pots) Missing(ctx context.Context, ids []int64) ([]int64, error) {
	gone := make([]bool, len(ids))
	byBucket := map[*bucket][]int{} // indexes into ids
	for i, id := range ids {
		b, err := p.of(id)
		if err != nil {
			gone[i] = true
			continue
		}
		byBucket[b] = append(byBucket[b], i)
	}
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	err := loop.FanOut(chunks(byBucket), maxCalls, func(c chunk[int]) error {
		return p.missing(ctx, c.bucket, ids, c.some, gone)
	})
	if err != nil {
		return nil, err
	}
	var missing []int64
	for i, id := range ids {
		if gone[i] {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// missing sets gone for those of the ids, given by their indexes, that have no pot in the bucket.
func (p *Pots) missing(ctx context.Context, b *bucket, ids []int64, some []int, gone []bool) error {
	at, err := b.keys(ctx)
	if err != nil {
		return fmt.Errorf("missing: %w", err)
	}
	keys := []string{at.Home}
	for _, i := range some {
		pot, _ := at.pot(ids[i])
		keys = append(keys, pot)
	}
	m, err := p.Run(ctx, at.Bucket, &p.scripts.missing, keys, []string{at.Mark})
	if err != nil {
		return fmt.Errorf("missing: %w", err)
	}
	indexes, err := m.AsIntSlice()
	if err != nil {
		return fmt.Errorf("redispot: missing: %w", err)
	}
	for _, i := range indexes {
		if i < 0 || i >= int64(len(some)) {
			return fmt.Errorf("redispot: missing: index %d of %d", i, len(some))
		}
		gone[some[i]] = true
	}
	return nil
}
