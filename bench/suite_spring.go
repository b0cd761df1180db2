package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

const (
	// waveShare is the share of the time in which the wave comes.
	waveShare = 0.2
	// recent is how many of the latest envelopes people look at.
	recent = 64
	// ahead is for how long there are envelopes when the load begins.
	ahead = 500 * time.Millisecond
)

// Kinds of requests in the mix.
const (
	kindSend = iota
	kindGrab
	kindView
	kinds
)

// springScenario is New Year's Eve: envelopes that are there, and who is on the way to them.
type springScenario struct {
	users *users
	pool  *envelopePool
	mix   Mix

	mu     sync.Mutex
	random *rand.Rand
	invite float64  // grabs that envelopes have not been given yet
	due    []pair   // who will grab
	latest []opened // a ring of the latest envelopes
	at     int      // in the ring
	sends  atomic.Int64
}

// pair is an envelope and a user who will grab from it.
type pair struct {
	opened
	user int
}

func newSpringScenario(c *users, st *envelopePool, m Mix) *springScenario {
	return &springScenario{users: c, pool: st, mix: m, random: rand.New(rand.NewPCG(seed, seed))}
}

// kind of request n, the same in each run: so many of each as the mix says.
func (v *springScenario) kind(n int64) int {
	r := rand.New(rand.NewPCG(seed, uint64(n))).Float64() * (1 + v.mix.GrabsPerSend + v.mix.ViewsPerSend)
	switch {
	case r < 1:
		return kindSend
	case r < 1+v.mix.GrabsPerSend:
		return kindGrab
	}
	return kindView
}

// send puts an envelope into a group, and makes members of it want to grab.
func (v *springScenario) send() (opened, error) {
	e, err := v.pool.send(int(v.sends.Add(1)))
	if err != nil {
		return e, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.latest) < recent {
		v.latest = append(v.latest, e)
	} else {
		v.latest[v.at%recent] = e
	}
	v.at++
	first := v.random.IntN(v.users.per)
	for v.invite += v.mix.GrabsPerSend; v.invite >= 1; v.invite-- {
		v.due = append(v.due, pair{e, v.users.member(e.group, first)})
		first++
	}
	return e, nil
}

// grabber is who grabs next, in no order; when nobody is on the way, somebody tries one of the latest envelopes.
func (v *springScenario) grabber() pair {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.due); n > 0 {
		i := v.random.IntN(n)
		p := v.due[i]
		v.due[i] = v.due[n-1]
		v.due = v.due[:n-1]
		return p
	}
	return v.somebody()
}

// viewer is who looks at one of the latest envelopes.
func (v *springScenario) viewer() pair {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.somebody()
}

// somebody needs mu.
func (v *springScenario) somebody() pair {
	e := v.latest[v.random.IntN(len(v.latest))]
	return pair{e, v.users.member(e.group, v.random.IntN(v.users.per))}
}

// segments are the wave and what comes after it: rate is of sends, on average.
func (c chosen) segments(rate float64, span time.Duration) []load.Segment {
	total := rate * (1 + c.mix.GrabsPerSend + c.mix.ViewsPerSend)
	wave := time.Duration(float64(span) * waveShare)
	return []load.Segment{
		{For: wave, Rate: total * c.mix.Wave / waveShare},
		{For: span - wave, Rate: total * (1 - c.mix.Wave) / (1 - waveShare)},
	}
}

// springCeiling is the rate of sends from which the highest is looked for.
const springCeiling = 1000

// runSpring lets a wave of sends, grabs and looks at results come while listeners are told of the grabs.
func runSpring(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	var m measured
	var told delivery
	at := func(ctx context.Context, rate float64, span time.Duration) error {
		var err error
		told, err = s.spring(ctx, c, b, &m, rate, span)
		return err
	}
	if c.rate.Max() {
		err = s.search(ctx, c, springCeiling, &m, at)
	} else {
		err = at(ctx, float64(c.rate), c.span)
	}
	m.rate = 0 // of sends: requests have no single one
	m.write(c, &found)
	if r := m.result; r.Latency != nil {
		for kind, name := range [kinds]string{"sends", "grabs", "views"} {
			h := r.Kinds[kind]
			found.Figures = append(found.Figures,
				report.Figure{Name: name, Value: float64(h.TotalCount()) / r.Elapsed.Seconds(), Unit: "a second"},
				report.Figure{Name: "p50 of " + name, Value: report.Milliseconds(load.Quantile(h, .5)), Unit: "ms"},
				report.Figure{Name: "p99 of " + name, Value: report.Milliseconds(load.Quantile(h, .99)), Unit: "ms"})
		}
		told.write(c.listeners, &found)
	}
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// spring is the scenario at a rate of sends.
func (s *session) spring(ctx context.Context, c chosen, b *books, m *measured, rate float64, span time.Duration,
) (told delivery, err error) {
	if _, err := drain(ctx, s.target); err != nil {
		return told, err
	}
	v := newSpringScenario(b.users, newEnvelopePool(b, s.name(), c.shares, 1, 1), c.mix)
	segments := c.segments(rate, span)
	s.progress.Step(fmt.Sprintf("connecting %d listeners, and sending the first envelopes", c.listeners))
	l, err := listen(ctx, s.target, b.users, c.listeners)
	if err != nil {
		return told, err
	}
	defer l.close()
	first := int(segments[0].Rate/(1+c.mix.GrabsPerSend+c.mix.ViewsPerSend)*ahead.Seconds()) + 1
	err = inParallel(ctx, first, func(int) error {
		e, err := v.send()
		if err == nil {
			b.sent(e)
		}
		return explainAt(err, "send an envelope")
	})
	if err != nil {
		return told, err
	}
	left := make(departures, c.workers())
	watch := watchLag(ctx, s.target)
	o := s.options(c, span, watch.lag)
	o.Kinds, o.Kind = kinds, v.kind
	s.progress.Load(fmt.Sprintf("%.0f requests a second in the wave, then %.0f", segments[0].Rate, segments[1].Rate),
		span)
	m.result, m.rate = load.Open(ctx, c.arrive(segments...), o, s.springOp(v, b, left)), rate
	s.progress.LoadEnd()
	m.lags = watch.end()
	m.failed += m.result.Errors
	l.await(ctx, l.expected(left))
	l.close()
	return deliveries(left, l), ctx.Err()
}

// springOp is one request of the mix.
func (s *session) springOp(v *springScenario, b *books, left departures) load.Op {
	g := newGrabber(b)
	return func(worker int, n int64) error {
		switch v.kind(n) {
		case kindSend:
			e, err := v.send()
			if err == nil {
				b.sent(e)
			}
			return err
		case kindView:
			p := v.viewer()
			_, err := s.target.raw.Envelopes.Get(v.users.as[p.user], &envelopeapi.GetRequest{EnvelopeId: p.id})
			return err
		}
		p := v.grabber()
		at := time.Now()
		r, err := g.grab(worker, p.id, p.user)
		if err == nil && r.Outcome == "won" {
			left.note(worker, p.id, r.Share, p.group, at)
		}
		return err
	}
}
