package bench

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/bench/report"
)

const (
	// weighed is how many envelopes the memory of one is measured by: enough that what else Redis does is small.
	weighed = 5000
	// toldTimeout bounds how long listeners' events may take to leave the log.
	toldTimeout = time.Minute
)

// runSend sends envelopes that nobody grabs from.
func runSend(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	pool := newEnvelopePool(b, s.name(), c.shares, 1, 1)
	m, err := s.measure(ctx, c, s.sends(pool, pool.send))
	m.write(c, &found)
	if err == nil {
		err = s.weigh(ctx, c, b, &found)
	}
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// sends is the work of sending envelopes, one for each number.
func (s *session) sends(pool *envelopePool, send func(n int) (opened, error)) work {
	return work{
		prepare: func(context.Context, int64) error { return nil },
		op: func(int, int64) error {
			e, err := send(int(pool.numbers.Add(1)))
			if err == nil {
				pool.books.sent(e)
			}
			return err
		},
	}
}

// weigh finds out how much of Redis's memory an open envelope takes.
func (s *session) weigh(ctx context.Context, c chosen, b *books, found *report.Suite) error {
	n := weighed
	if s.plan.Quick {
		n /= 5
	}
	s.progress.Step("measuring the memory of an open envelope")
	before, err := s.memory(ctx)
	if err != nil {
		return err
	}
	if err := newEnvelopePool(b, s.name(), c.shares, 1, 1).fill(ctx, int64(n)); err != nil {
		return err
	}
	after, err := s.memory(ctx)
	if err != nil {
		return err
	}
	found.Figures = append(found.Figures, report.Figure{
		Name: "Redis memory of an open envelope", Value: float64(after-before) / float64(n), Unit: "bytes",
		Note: "of all that Redis uses, over envelopes like those above",
	})
	return nil
}

// memory is what Redis uses when the log is empty, in bytes.
func (s *session) memory(ctx context.Context) (used int64, err error) {
	for began := time.Now(); ; {
		left, err := s.target.backlog()
		if err != nil {
			return 0, err
		}
		if left.empty() && left.relayed() {
			break
		}
		if time.Since(began) > toldTimeout {
			return 0, errors.New("listeners are not told of everything in time, so Redis's memory cannot be measured")
		}
		select {
		case <-time.After(drainPoll):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	in, err := s.target.ops.Operator.Installation(context.WithoutCancel(ctx))
	if err != nil {
		return 0, explainAt(err, "ask for Redis's memory")
	}
	for _, server := range in.Redis {
		used += server.UsedMemory
	}
	return used, nil
}
