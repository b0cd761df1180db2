package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
)

// Yardstick is a bare mechanism on the same machine.
type Yardstick interface {
	Name() string
	What() string
	// Measure returns how many a second it does.
	Measure(ctx context.Context, span time.Duration) (perSecond float64, err error)
}

const (
	// grabsInCall is how many grabs go in a call of many, and manyCallers how many such calls are under way.
	grabsInCall = 256
	manyCallers = 8
	// senders are how many envelopes are on their way at once, and sentShares what each has.
	senders    = 64
	sentShares = 10
	// connections to the gateway grab over HTTP and over WebSockets, and watchers listen beside grabs.
	connections   = 256
	watchers      = 1000
	quickWatchers = 100
)

const (
	// rounds are how often everything is measured in turn; quickRounds where it has to be quick.
	rounds      = 5
	quickRounds = 3
	// roundSpan is how long each is measured in a round.
	roundSpan      = 2 * time.Second
	quickRoundSpan = 500 * time.Millisecond
)

// Names of our own measurements between the yardsticks'.
const (
	ownWinners   = "winners"
	ownMany      = "many"
	ownLosers    = "losers"
	ownSends     = "sends"
	ownOneSender = "one_sender"
	ownSettle    = "settle"
	ownHTTP      = "http"
	ownSockets   = "ws"
	ownWatched   = "watched"
)

// ratios are what is compared with what.
func ratios() [][2]string {
	return [][2]string{{ownWinners, "echo"}, {ownWinners, "lpop"}, {ownWinners, "rueidis_lpop"}, {ownLosers, "echo"},
		{ownWinners, "rowlock"}, {ownMany, "lpop"}, {ownMany, "rowlock"}, {ownSends, "commits"},
		{ownOneSender, "commits"}, {ownSettle, "insert"}, {ownHTTP, "http_echo"}, {ownSockets, "ws_echo"},
		{ownWatched, ownWinners}}
}

// Compare measures yardsticks and the same of ours in turn, several rounds in one run, so that both meet the same
// machine in the same mood. Every ratio is taken within a round; the report has the medians. The books are checked at
// the end.
func Compare(ctx context.Context, t *Target, plan Plan, yardsticks []Yardstick, p Progress, r *report.Report) error {
	if !t.Sandbox() && !plan.RealMoney {
		return ErrRealMoney
	}
	s := newSession(t, plan, p)
	n, span := rounds, roundSpan
	if plan.Quick {
		n, span = quickRounds, quickRoundSpan
	}
	p.Suite("yardsticks", fmt.Sprintf("bare mechanisms and ours in turn, %d rounds", n))
	c, err := own(func(*Settings) {}).choose(Settings{}, plan.Quick, int(t.installation.MaxShares))
	if err != nil {
		return err
	}
	b, all, err := s.contestants(ctx, c)
	if err != nil {
		return err
	}
	for _, y := range yardsticks {
		all = append(all, contestant{y.Name(), y.What(), y.Measure})
	}
	all = only(all, plan.Only)
	measured := make(map[string][]float64)
	for round := range n {
		for _, one := range all {
			if _, err := drain(ctx, t); err != nil { // what the one before left over would slow this one down
				return err
			}
			p.Step(fmt.Sprintf("round %d of %d: %s", round+1, n, one.name))
			perSecond, err := one.measure(ctx, span)
			if ctx.Err() != nil {
				r.Interrupted = true
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			measured[one.name] = append(measured[one.name], perSecond)
		}
	}
	for _, one := range all {
		r.Yardsticks = append(r.Yardsticks, report.Yardstick{Name: one.name, What: one.what,
			PerSecond: report.Median(measured[one.name]), Rounds: measured[one.name]})
	}
	if r.Ratios == nil {
		r.Ratios = make(map[string]float64)
	}
	for _, pair := range ratios() {
		if quotients := divide(measured[pair[0]], measured[pair[1]]); len(quotients) > 0 {
			r.Ratios[pair[0]+"/"+pair[1]] = report.Median(quotients)
		}
	}
	return s.checkComparison(ctx, b, r)
}

// only are the contestants with some names.
func only(all []contestant, names []string) []contestant {
	return slices.DeleteFunc(all, func(one contestant) bool {
		return len(names) > 0 && !slices.Contains(names, one.name)
	})
}

// checkOnly finds a name that no contestant has: each is in a ratio.
func checkOnly(names []string) error {
	var known []string
	for _, pair := range ratios() {
		known = append(known, pair[:]...)
	}
	slices.Sort(known)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no yardstick %q: take from %s", name,
				strings.Join(slices.Compact(known), ", "))
		}
	}
	return nil
}

// checkComparison checks the books of what was grabbed between the yardsticks.
func (s *session) checkComparison(ctx context.Context, b *books, r *report.Report) error {
	found := report.Suite{Name: "yardsticks", Loop: "closed", Series: []report.Point{},
		Distribution: []report.Quantile{},
		Notes: []string{
			"what was grabbed in turn with the yardsticks; the figures are with them, per second are winners"}}
	err := s.finish(ctx, b, 0, &found)
	found.Requests, found.PerSecond = found.Books.Wins, r.Yardsticks[0].PerSecond
	found.Books.Unchecked = err != nil
	if ctx.Err() != nil {
		r.Interrupted = true
		return nil
	}
	r.Suites = append(r.Suites, found)
	return err
}

// contestant is something that is measured in each round.
type contestant struct {
	name, what string
	measure    func(ctx context.Context, span time.Duration) (float64, error)
}

// contestants are ours.
func (s *session) contestants(ctx context.Context, c chosen) (*books, []contestant, error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	b := newBooks(s.target, users, c.workers())
	pool := newEnvelopePool(b, s.name(), c.shares, c.shares, c.envelopes)
	grabs := s.grabs(b, pool)
	few := c
	few.shares, few.envelopes = min(5, c.shares), 100
	drained, err := s.drainStock(ctx, few, b)
	if err != nil {
		return nil, nil, err
	}
	asked := s.askAgain(b, drained)
	many, several := s.grabsOfMany(b, pool), newEnvelopePool(b, s.name(), min(sentShares, c.shares), 1, 1)
	return b, append([]contestant{
		{ownWinners, fmt.Sprintf("grabs that win, through Kitex, with authentication, %d callers", callers),
			func(ctx context.Context, span time.Duration) (float64, error) {
				return s.round(ctx, grabs, callers, span)
			}},
		{ownMany, fmt.Sprintf("the same, %d in a call, %d callers", grabsInCall, manyCallers),
			func(ctx context.Context, span time.Duration) (float64, error) {
				perSecond, err := s.round(ctx, many, manyCallers, span)
				return grabsInCall * perSecond, err
			}},
		{ownLosers, fmt.Sprintf("grabs from drained envelopes, through Kitex, with authentication, %d callers",
			callers), func(ctx context.Context, span time.Duration) (float64, error) {
			return s.round(ctx, asked, callers, span)
		}},
		{ownSends, fmt.Sprintf("envelopes sent, %d callers", senders),
			func(ctx context.Context, span time.Duration) (float64, error) {
				return s.round(ctx, s.sends(several, several.send), senders, span)
			}},
		{ownOneSender, "the same from one wallet",
			func(ctx context.Context, span time.Duration) (float64, error) {
				return s.round(ctx, s.sends(several, several.sendFromOne), senders, span)
			}},
		{ownSettle, "credits committed to the ledger, once grabs have stopped",
			func(ctx context.Context, span time.Duration) (float64, error) {
				if err := s.prepare(ctx, grabs, int64(guess*span.Seconds())); err != nil {
					return 0, err
				}
				pile, err := s.pileUp(ctx, c, b, grabs, span, &measured{})
				return pile.perSecond(), err
			}},
	}, s.overTheGateway(b, pool)...), nil
}

// round measures ours once, with so many callers.
func (s *session) round(ctx context.Context, w work, callers int, span time.Duration) (float64, error) {
	if err := s.prepare(ctx, w, int64(guess*span.Seconds())); err != nil {
		return 0, err
	}
	r := load.Closed(ctx, callers, span, load.Options{Code: Code}, w.op)
	for code, n := range r.Codes {
		return 0, fmt.Errorf("%d of %d failed: %s: %s", n, r.Done, code, r.Example[code])
	}
	if r.Done == 0 {
		return 0, errors.New("nothing was answered")
	}
	return r.PerSecond(), nil
}

// divide divides round by round, as far as both have rounds.
func divide(a, b []float64) (quotients []float64) {
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			quotients = append(quotients, a[i]/b[i])
		}
	}
	return quotients
}
