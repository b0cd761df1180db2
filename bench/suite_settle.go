package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

const (
	// longestBurst is how long grabs pile up before the settler is measured alone.
	longestBurst = 4 * time.Second
	// worthwhile is how many credits a backlog must have for its drain to be a measurement.
	worthwhile = 2000
	// samplePage is how much of a statement is read for a win: more shares than a user takes in a row of envelopes.
	samplePage = 100
	// firstLook and lastLook are the pauses between looks for a win in the statement; each is longer than the one
	// before.
	firstLook = 2 * time.Millisecond
	lastLook  = 50 * time.Millisecond
	// sampleTimeout bounds how long a sample is waited for.
	sampleTimeout = time.Minute
)

// runSettle measures how wins become credits: first while grabs go on at half of what the target can do (or at the rate
// given), then what piles up when they come as fast as they can.
func runSettle(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	pool := newEnvelopePool(b, s.name(), c.shares, c.shares, c.envelopes)
	w := s.grabs(b, pool)
	var m measured
	rate := float64(c.rate)
	if c.rate.Max() {
		ceiling, err := s.ceiling(ctx, c, w, &m)
		if err != nil {
			return found, err
		}
		rate = ceiling / 2
		m.figures = append(m.figures, report.Figure{Name: "grabs at most", Value: ceiling, Unit: "a second",
			Note: fmt.Sprintf("closed loop, %d callers", callers)})
	}
	before := len(b.wins())
	samples := newSampler(ctx, b)
	err = s.atRate(ctx, c, sampled(w, b, samples), &m, rate, c.span)
	samples.end()
	if err == nil {
		err = s.sustained(b, before, &m, &found)
	}
	if err == nil {
		err = s.settleAlone(ctx, c, b, w, &m)
	}
	grabs := m.result
	perSecond := found.PerSecond
	m.write(c, &found)
	found.PerSecond = perSecond
	if grabs.Latency != nil {
		lags(samples.lags, &found)
		found.Figures = append(found.Figures,
			report.Figure{Name: "grabs meanwhile", Value: grabs.PerSecond(), Unit: "a second"},
			report.Figure{Name: "p99 of these grabs", Value: report.Milliseconds(grabs.Quantile(.99)), Unit: "ms"})
		found.Notes = append(found.Notes, fmt.Sprintf(
			"per second are credits, and latencies are from the answer to a grab to its credit, of %d samples; the "+
				"time series are of the grabs meanwhile", samples.lags.TotalCount()))
	}
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// sustained is how many credits a second there were while grabs went on.
func (s *session) sustained(b *books, before int, m *measured, found *report.Suite) error {
	left, err := s.target.backlog()
	if err != nil {
		return err
	}
	wins := b.wins()
	open := left.open(wins, time.Now())
	found.PerSecond = float64(int64(len(wins)-before)-open) / m.result.Elapsed.Seconds()
	m.figures = append(m.figures, report.Figure{Name: "wins that were no credits yet at the end of the load",
		Value: float64(open)})
	return nil
}

// settleAlone lets grabs pile up and measures how fast the pile gets smaller when they have stopped.
func (s *session) settleAlone(ctx context.Context, c chosen, b *books, w work, m *measured) error {
	span := min(c.span/2, longestBurst)
	if err := s.prepare(ctx, w, int64(guess*span.Seconds())); err != nil {
		return err
	}
	s.progress.Load(fmt.Sprintf("piling up credits, %d callers", callers), span)
	p, err := s.pileUp(ctx, c, b, w, span, m)
	s.progress.LoadEnd()
	if err != nil {
		return err
	}
	if !p.high() {
		m.figures = append(m.figures, report.Figure{Name: "settled in a burst", Value: p.perSecond(),
			Unit: "credits a second",
			Note: "the settler kept up with all that could be grabbed, so it was not measured alone"})
		return nil
	}
	m.figures = append(m.figures,
		report.Figure{Name: "settled alone", Value: p.perSecond(), Unit: "credits a second",
			Note: fmt.Sprintf("%d that had piled up, in %s s", p.open, report.Short(p.drained))},
		report.Figure{Name: "longest lag of the pile", Value: report.Milliseconds(p.lag), Unit: "ms"})
	return nil
}

// pile is what was not settled when a burst of grabs ended, and what became of it.
type pile struct {
	wins    int64   // of the burst
	seconds float64 // of the burst
	open    int64   // wins that were no credits at its end
	lag     time.Duration
	drained float64 // seconds until they were
}

// high says whether there was enough of it to measure the settler alone.
func (p pile) high() bool { return p.open >= worthwhile }

// perSecond is how many credits a second there were: of the pile alone, or of burst and pile together where the
// pile was too small to be measured by.
func (p pile) perSecond() float64 {
	switch {
	case p.high() && p.drained > 0:
		return float64(p.open) / p.drained
	case p.seconds+p.drained > 0:
		return float64(p.wins) / (p.seconds + p.drained)
	}
	return 0
}

// pileUp grabs as fast as it can for a while, and then waits until everything is settled.
func (s *session) pileUp(ctx context.Context, c chosen, b *books, w work, span time.Duration,
	m *measured) (p pile, err error) {
	before := len(b.wins())
	burst := load.Closed(ctx, callers, span, s.options(c, span, nil), w.op)
	m.failed += burst.Errors
	left, err := s.target.backlog()
	if err != nil {
		return p, err
	}
	wins := b.wins()
	p = pile{wins: int64(len(wins) - before), seconds: burst.Elapsed.Seconds(), open: left.open(wins, time.Now()),
		lag: left.lag()}
	p.drained, err = drain(ctx, s.target)
	return p, err
}

// sampled makes every win that comes while the sampler has nothing to do a sample.
func sampled(w work, b *books, samples *sampler) work {
	grab := w.op
	w.op = func(worker int, n int64) error {
		err := grab(worker, n)
		if mine := b.notes[worker].wins; err == nil && len(mine) > 0 {
			samples.offer(mine[len(mine)-1])
		}
		return err
	}
	return w
}

// samplers is how many wins are followed at the same time.
const samplers = 4

// sampler follows single wins until they are credits.
type sampler struct {
	books   *books
	offers  chan win
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	lags *hdrhistogram.Histogram // to be read after end
}

func newSampler(ctx context.Context, b *books) *sampler {
	ctx, cancel := context.WithCancel(ctx)
	s := &sampler{books: b, offers: make(chan win), lags: load.NewHistogram(), stop: cancel}
	for range samplers {
		s.running.Go(func() { s.run(ctx) })
	}
	return s
}

func (s *sampler) run(ctx context.Context) {
	for {
		select {
		case w := <-s.offers:
			if lag, ok := s.follow(ctx, w); ok {
				s.mu.Lock()
				load.Note(s.lags, lag)
				s.mu.Unlock()
			}
		case <-ctx.Done():
			return
		}
	}
}

// offer gives the sampler a win, which it takes if it has nothing else to do.
func (s *sampler) offer(w win) {
	select {
	case s.offers <- w:
	default:
	}
}

// follow looks at a user's statement until it has the win.
func (s *sampler) follow(ctx context.Context, w win) (time.Duration, bool) {
	limit := int32(samplePage)
	won := time.UnixMilli(w.at)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		page, err := s.books.target.sure.Envelopes.ListReceived(s.books.users.as[w.user],
			&envelopeapi.ListRequest{Limit: &limit})
		if err == nil {
			for _, r := range page.Shares {
				if r.EnvelopeId == w.envelope {
					return time.Since(won), true
				}
			}
		}
		if time.Since(won) > sampleTimeout {
			return 0, false
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return 0, false
		}
	}
}

// end stops following.
func (s *sampler) end() {
	s.stop()
	s.running.Wait()
}

// lags makes a histogram of lags the latencies of a suite.
func lags(h *hdrhistogram.Histogram, found *report.Suite) {
	at := func(q float64) float64 { return report.Milliseconds(load.Quantile(h, q)) }
	found.P50, found.P90, found.P99, found.P999, found.Max = at(.5), at(.9), at(.99), at(.999), at(1)
	found.Distribution = nil
	for _, q := range quantiles {
		found.Distribution = append(found.Distribution, report.Quantile{Q: q, Ms: at(q)})
	}
}
