package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
)

const (
	// callers of the closed loop that finds out how much the target can do at most.
	callers = 512
	// guess is how many requests a second the target may do at most, as far as pools for a load of unknown rate go.
	guess = 60_000
	// spare is how much more is prepared than should be needed.
	spare = 1.05
	// retries is how often a rate that held a short probe and not the whole load is lowered, and by how much.
	retries = 4
	lower   = 0.9
	// lateGenerator is from when on the generator's own lag is worth a word.
	lateGenerator = time.Millisecond
)

// work is what a suite loads the target with.
type work struct {
	// prepare makes sure that so many requests can be made.
	prepare func(ctx context.Context, requests int64) error
	op      load.Op
	half    bool // also measure half of the highest rate
}

// measured is what a load found.
type measured struct {
	result  load.Result
	rate    float64 // that the load had; 0 for a closed loop
	search  []load.Step
	lags    []report.Lag
	figures []report.Figure
	notes   []string
	failed  int64 // requests without an answer, in all loads together
}

// measure loads the target as the settings say: in a closed loop, at a rate, or at the highest that holds the p99.
func (s *session) measure(ctx context.Context, c chosen, w work) (m measured, err error) {
	switch {
	case c.closed > 0:
		err = s.closed(ctx, c, w, &m)
	case !c.rate.Max():
		err = s.atRate(ctx, c, w, &m, float64(c.rate), c.span)
	default:
		err = s.atHighest(ctx, c, w, &m)
	}
	return m, err
}

func (s *session) closed(ctx context.Context, c chosen, w work, m *measured) error {
	ceiling, err := s.ceiling(ctx, c, w, m)
	if err != nil {
		return err
	}
	if err := s.prepare(ctx, w, int64(ceiling*1.5*c.span.Seconds())); err != nil {
		return err
	}
	watch := watchLag(ctx, s.target)
	s.progress.Load(fmt.Sprintf("%d callers, closed loop", c.closed), c.span)
	m.result = load.Closed(ctx, c.closed, c.span, s.options(c, c.span, watch.lag), w.op)
	s.progress.LoadEnd()
	m.lags = watch.end()
	m.failed += m.result.Errors
	if m.result.Elapsed < c.span*9/10 && ctx.Err() == nil {
		m.notes = append(m.notes, fmt.Sprintf("the load ended after %v: everything that had been prepared was used up",
			m.result.Elapsed.Round(time.Millisecond)))
	}
	return ctx.Err()
}

func (s *session) atRate(ctx context.Context, c chosen, w work, m *measured, rate float64, span time.Duration) error {
	if err := s.prepare(ctx, w, int64(rate*span.Seconds()*spare)+1); err != nil {
		return err
	}
	watch := watchLag(ctx, s.target)
	s.progress.Load(fmt.Sprintf("%.0f requests a second", rate), span)
	m.result, m.rate = load.Open(ctx, c.schedule(rate, span), s.options(c, span, watch.lag), w.op), rate
	s.progress.LoadEnd()
	m.lags = watch.end()
	m.failed += m.result.Errors
	return ctx.Err()
}

// ceiling finds about how many requests a second the target can do at most.
func (s *session) ceiling(ctx context.Context, c chosen, w work, m *measured) (float64, error) {
	if err := s.prepare(ctx, w, int64(guess*c.probe.Seconds())); err != nil {
		return 0, err
	}
	s.progress.Load(fmt.Sprintf("finding the ceiling, %d callers", callers), c.probe)
	r := load.Closed(ctx, callers, c.probe, s.options(c, c.probe, nil), w.op)
	s.progress.LoadEnd()
	m.failed += r.Errors
	if r.Done == r.Errors && ctx.Err() == nil {
		for code := range r.Codes {
			return 0, fmt.Errorf("not one request succeeded: %s: %s", code, r.Example[code])
		}
	}
	return r.PerSecond(), ctx.Err()
}

func (s *session) atHighest(ctx context.Context, c chosen, w work, m *measured) error {
	ceiling, err := s.ceiling(ctx, c, w, m)
	if err != nil {
		return err
	}
	err = s.search(ctx, c, ceiling, m, func(ctx context.Context, rate float64, span time.Duration) error {
		return s.atRate(ctx, c, w, m, rate, span)
	})
	if err != nil {
		return err
	}
	if w.half {
		return s.atHalf(ctx, c, w, m, m.rate/2)
	}
	return nil
}

// search finds the highest rate that holds the p99, up to about ceiling; m is then of that rate. at measures a rate,
// and leaves in m what it found.
func (s *session) search(ctx context.Context, c chosen, ceiling float64, m *measured,
	at func(ctx context.Context, rate float64, span time.Duration) error) error {
	goal := load.Goal{P99: c.p99}
	best, steps, err := load.Search(ctx, ceiling, goal, c.probes,
		func(ctx context.Context, rate float64) (load.Result, error) {
			err := at(ctx, rate, c.probe)
			return m.result, err
		})
	m.search = steps
	if err != nil {
		return err
	}
	if best == 0 {
		m.notes = append(m.notes, fmt.Sprintf("no rate that was tried held a p99 of %v; the figures are of the lowest",
			c.p99))
		best = steps[len(steps)-1].Rate
	}
	for try := 1; ; try++ {
		if err := at(ctx, best, c.span); err != nil {
			return err
		}
		missed := goal.Misses(m.result)
		m.search = append(m.search, load.Step{Rate: best, PerSecond: m.result.PerSecond(), P99: m.result.Quantile(.99),
			Missed: missed})
		if missed == "" {
			return nil
		}
		if try > retries {
			m.notes = append(m.notes,
				fmt.Sprintf("no rate held a p99 of %v over %v; the figures are of the last that was tried", c.p99,
					c.span))
			return nil
		}
		best *= lower
	}
}

// atHalf measures the latencies at half of the highest rate.
func (s *session) atHalf(ctx context.Context, c chosen, w work, m *measured, rate float64) error {
	span := c.span / 2
	if err := s.prepare(ctx, w, int64(rate*span.Seconds()*spare)+1); err != nil {
		return err
	}
	s.progress.Load(fmt.Sprintf("half the rate, %.0f a second", rate), span)
	r := load.Open(ctx, c.schedule(rate, span), s.options(c, span, nil), w.op)
	s.progress.LoadEnd()
	m.failed += r.Errors
	m.figures = append(m.figures,
		report.Figure{Name: "half of the highest rate", Value: r.PerSecond(), Unit: "a second"},
		report.Figure{Name: "p50 at half of the highest rate", Value: report.Milliseconds(r.Quantile(.5)), Unit: "ms"},
		report.Figure{Name: "p99 at half of the highest rate", Value: report.Milliseconds(r.Quantile(.99)), Unit: "ms"})
	return ctx.Err()
}

// prepare makes ready for requests, after what came before has been settled.
func (s *session) prepare(ctx context.Context, w work, requests int64) error {
	s.progress.Step(fmt.Sprintf("preparing %d requests", requests))
	if err := w.prepare(ctx, requests); err != nil {
		return err
	}
	_, err := drain(ctx, s.target)
	return err
}

// quantiles of the distribution in a report.
var quantiles = [...]float64{.1, .25, .5, .75, .9, .95, .99, .995, .999, .9999, 1}

// write puts what was measured into the report of a suite.
func (m measured) write(c chosen, found *report.Suite) {
	r := m.result
	found.Loop = "open"
	if r.Closed {
		found.Loop = "closed"
	}
	if r.Latency == nil { // nothing was measured
		return
	}
	found.PerSecond = r.PerSecond()
	found.P50, found.P90 = report.Milliseconds(r.Quantile(.5)), report.Milliseconds(r.Quantile(.9))
	found.P99, found.P999 = report.Milliseconds(r.Quantile(.99)), report.Milliseconds(r.Quantile(.999))
	found.Max = report.Milliseconds(r.Quantile(1))
	found.Requests, found.Errors, found.ErrorCodes, found.ErrorExample = r.Done, r.Errors, r.Codes, r.Example
	found.Generator = report.Generator{
		LagP50: report.Milliseconds(load.Quantile(r.Lag, .5)), LagP99: report.Milliseconds(load.Quantile(r.Lag, .99)),
		Limited: limited(r), Places: c.places, Waited: r.Waited, Unsent: r.Unsent,
	}
	if r.Done > 0 {
		found.Generator.CPU = float64(r.CPU.Microseconds()) / float64(r.Done)
	}
	if r.Closed {
		found.Generator.Places = c.closed
		found.Notes = append(found.Notes,
			"closed loop: each caller asks again when it has its answer, so latencies leave out what other callers "+
				"would have waited")
	}
	found.Notes = append(found.Notes, m.notes...)
	switch {
	case found.Generator.Limited:
		found.Notes = append(found.Notes, fmt.Sprintf(
			"the generator was the limit: it was itself late by %s ms at its p99, so these figures say little about "+
				"the target; give it a lower rate, or more of the machine",
			report.Short(found.Generator.LagP99)))
	case r.Unsent > 0 || r.Waited > r.Done/100:
		found.Notes = append(found.Notes, fmt.Sprintf(
			"the target did not keep up: %d requests waited for one of %d places, %d never left", r.Waited, c.places,
			r.Unsent))
	}
	if r.Done > 0 && r.Done == r.Errors {
		for code := range r.Codes {
			found.Failures = append(found.Failures, fmt.Sprintf("not one request succeeded: %s: %s", code,
				r.Example[code]))
			break
		}
	}
	for _, step := range m.search {
		found.Search = append(found.Search, report.Step{Rate: step.Rate, PerSecond: step.PerSecond,
			P99: report.Milliseconds(step.P99), Missed: step.Missed})
	}
	for _, p := range r.Series {
		found.Series = append(found.Series, report.Point{T: p.At.Seconds(), PerSecond: p.PerSecond,
			P50: report.Milliseconds(p.P50), P99: report.Milliseconds(p.P99), Errors: p.Errors})
	}
	for _, q := range quantiles {
		found.Distribution = append(found.Distribution, report.Quantile{Q: q, Ms: report.Milliseconds(r.Quantile(q))})
	}
	found.Figures = append(found.Figures, m.figures...)
	found.SettleLag = m.lags
}

// limited says that the generator was the limit: what it lost itself is most of what the slowest requests took.
func limited(r load.Result) bool {
	lag := load.Quantile(r.Lag, .99)
	return !r.Closed && lag > lateGenerator && lag > r.Quantile(.99)/2
}
