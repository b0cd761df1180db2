package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
)

// runPush grabs at a rate while listeners are told of it.
func runPush(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	pool := newEnvelopePool(b, s.name(), c.shares, c.shares, min(c.envelopes, len(users.groups)*4))
	g, left := newGrabber(b), make(departures, c.workers())
	w := work{
		prepare: pool.fill,
		op: func(worker int, _ int64) error {
			e, user, ok := pool.take()
			if !ok {
				return load.ErrDry
			}
			at := time.Now()
			r, err := g.grab(worker, e.id, user)
			if err == nil && r.Outcome == "won" {
				left.note(worker, e.id, r.Share, e.group, at)
			}
			return err
		},
	}
	var m measured
	var told delivery
	var grabs load.Result
	at := func(ctx context.Context, rate float64, span time.Duration) error {
		s.progress.Step(fmt.Sprintf("connecting %d listeners", c.listeners))
		l, err := listen(ctx, s.target, users, c.listeners)
		if err != nil {
			return err
		}
		defer l.close()
		left = make(departures, c.workers())
		err = s.atRate(ctx, c, w, &m, rate, span)
		l.await(ctx, l.expected(left))
		l.close()
		told, grabs = deliveries(left, l), m.result
		m.result = told.within(m.result)
		return err
	}
	if !c.rate.Max() {
		err = at(ctx, float64(c.rate), c.span)
	} else if ceiling, unknown := s.ceiling(ctx, c, w, &m); unknown != nil {
		err = unknown
	} else {
		err = s.search(ctx, c, ceiling, &m, at)
	}
	m.result = grabs
	m.write(c, &found)
	if m.result.Latency != nil {
		told.write(c.listeners, &found)
		lags(told.latency, &found)
		found.PerSecond = float64(told.delivered) / m.result.Elapsed.Seconds()
		found.Figures = append(found.Figures,
			report.Figure{Name: "grabs", Value: m.result.PerSecond(), Unit: "a second"},
			report.Figure{Name: "p99 of the grabs", Value: report.Milliseconds(m.result.Quantile(.99)), Unit: "ms"})
		found.Notes = append(found.Notes,
			"per second are events delivered, and latencies are from when a grab left to when a listener had its "+
				"event; the time series are of the grabs")
	}
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// expected is how many events the listeners should get.
func (l *listeners) expected(d departures) (n int64) {
	for _, some := range d {
		for _, one := range some {
			n += l.byGroup[one.group]
		}
	}
	return n
}
