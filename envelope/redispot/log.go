package redispot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
)

const (
	// entriesAtOnce is the most entries of one read, each of at most maxBatch records.
	entriesAtOnce = 64
	// readGrace is how much longer than asked a waiting read may take before its connection counts as dead.
	readGrace = 5 * time.Second
	beginning = "0-0"
)

func checkReader(r envelope.Reader) error {
	if !slices.Contains(envelope.Readers(), r) {
		return fmt.Errorf("redispot: no reader %q", r)
	}
	return nil
}

// Position implements envelope.Log.
func (p *Pots) Position(ctx context.Context, bucket int, r envelope.Reader) (envelope.Position, error) {
	b, err := p.bucket(bucket)
	if err := errors.Join(err, checkReader(r)); err != nil {
		return "", err
	}
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	m, err := p.run(ctx, &p.scripts.position, []string{b.keys.home, b.keys.read}, []string{p.installation, string(r)})
	if rueidis.IsRedisNil(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("position: %w", err)
	}
	position, err := m.ToString()
	return envelope.Position(position), err
}

// Read implements envelope.Log. It goes beyond limit only by the rest of an entry, which is fewer than 500 records. An
// entry that cannot be understood is an error that names it. Refusal: unavailable when too few replicas have what was
// read.
func (p *Pots) Read(ctx context.Context, bucket int, after envelope.Position, limit int,
	wait time.Duration) ([]envelope.Record, envelope.Position, error) {
	b, err := p.bucket(bucket)
	if err != nil {
		return nil, after, err
	}
	records, upTo, err := p.read(ctx, b, after, limit)
	if err != nil || upTo != after || wait <= 0 {
		return records, upTo, err
	}
	arrived, err := p.await(ctx, b, after, wait)
	if err != nil || !arrived {
		return nil, after, err
	}
	return p.read(ctx, b, after, limit)
}

// read returns what is there.
func (p *Pots) read(ctx context.Context, b *bucket, after envelope.Position,
	limit int) (records []envelope.Record, upTo envelope.Position, err error) {
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	upTo = after
	for {
		most := min(entriesAtOnce, max(1, limit-len(records)))
		entries, err := p.entries(ctx, b, upTo, most)
		if err != nil {
			return nil, after, err
		}
		for _, e := range entries {
			value, ok := e.FieldValues[entryField]
			if !ok || len(e.FieldValues) != 1 {
				return nil, after, fmt.Errorf("redispot: log %s: entry %s is not of this log", b.keys.log, e.ID)
			}
			if records, err = parseEntry(records, value); err != nil {
				return nil, after, fmt.Errorf("redispot: log %s: entry %s: %w", b.keys.log, e.ID, err)
			}
			upTo = envelope.Position(e.ID)
			if len(records) >= limit {
				return records, upTo, nil
			}
		}
		if len(entries) < most {
			return records, upTo, nil
		}
	}
}

func (p *Pots) entries(ctx context.Context, b *bucket, after envelope.Position,
	most int) ([]rueidis.XRangeEntry, error) {
	m, safe, err := p.runSafely(ctx, &p.scripts.read, []string{b.keys.home, b.keys.log},
		[]string{p.installation, orBeginning(after), strconv.Itoa(most)})
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	entries, err := m.AsXRange()
	if err != nil {
		return nil, fmt.Errorf("redispot: log %s: %w", b.keys.log, err)
	}
	if len(entries) > 0 && !safe {
		return nil, p.unsafe()
	}
	return entries, nil
}

// await waits until there is an entry after a position.
func (p *Pots) await(ctx context.Context, b *bucket, after envelope.Position, wait time.Duration) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, wait+readGrace)
	defer cancel()
	err := p.client.Do(bounded, p.client.B().Xread().Count(1).Block(max(1, wait.Milliseconds())).
		Streams().Key(b.keys.log).Id(orBeginning(after)).Build().UnblockOnCancel()).Error()
	switch {
	case rueidis.IsRedisNil(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("redispot: wait for %s: %w", b.keys.log, err)
	}
	return true, nil
}

func orBeginning(p envelope.Position) string {
	if p == "" {
		return beginning
	}
	return string(p)
}

// Acknowledge implements envelope.Log. A position before the last one acknowledged changes nothing. Error: ErrPotsLost.
func (p *Pots) Acknowledge(ctx context.Context, bucket int, r envelope.Reader, upTo envelope.Position) error {
	b, err := p.bucket(bucket)
	if err := errors.Join(err, checkReader(r), checkPosition(upTo)); err != nil {
		return err
	}
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	args := []string{p.installation, string(r), orBeginning(upTo)}
	for _, other := range envelope.Readers() {
		args = append(args, string(other))
	}
	if _, err := p.run(ctx, &p.scripts.acknowledge, []string{b.keys.home, b.keys.log, b.keys.read}, args); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

func checkPosition(p envelope.Position) error {
	ms, seq, _ := strings.Cut(orBeginning(p), "-")
	_, err1 := strconv.ParseUint(ms, 10, 64)
	_, err2 := strconv.ParseUint(seq, 10, 64)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("redispot: %q is no position", p)
	}
	return nil
}

// Backlog implements envelope.Log. The number is exact for the reader that is behind the other, and an estimate for
// the one ahead. Error: ErrPotsLost.
func (p *Pots) Backlog(ctx context.Context, bucket int,
	r envelope.Reader) (entries int64, oldest time.Duration, err error) {
	b, err := p.bucket(bucket)
	if err := errors.Join(err, checkReader(r)); err != nil {
		return 0, 0, err
	}
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	m, err := p.run(ctx, &p.scripts.backlog, []string{b.keys.home, b.keys.log, b.keys.read},
		[]string{p.installation, string(r)})
	if err != nil {
		return 0, 0, fmt.Errorf("backlog: %w", err)
	}
	answer, err := m.AsIntSlice()
	if err != nil || len(answer) != 2 {
		return 0, 0, fmt.Errorf("redispot: backlog of %s: %v, %w", b.keys.log, answer, err)
	}
	return answer[0], time.Duration(answer[1]) * time.Millisecond, nil
}
