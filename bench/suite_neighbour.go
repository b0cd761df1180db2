package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

const (
	// hogCallers is how many calls the hog has under way, each followed by the next as soon as it is answered.
	hogCallers = 32
	// maxBurst is how long the hog may take to use up what a limit allows at once.
	maxBurst = 10 * time.Second
	// goodNeighbour is how many times the others' p99 may be what it is without the hog.
	goodNeighbour = 1.5
)

// runNeighbour measures grabs at a rate twice: alone, and beside one user who reads at full speed and has used up what
// the limit allows at once.
func runNeighbour(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	hog, err := s.target.access.Sign(s.name()+"-hog", "user")
	if err != nil {
		return found, err
	}
	b := newBooks(s.target, users, c.workers())
	w := s.grabs(b, newEnvelopePool(b, s.name(), c.shares, c.shares, c.envelopes))
	half := c
	half.span = max(c.span/2, 100*time.Millisecond)
	var alone, m measured
	if err := s.atRate(ctx, half, w, &alone, float64(c.rate), half.span); err != nil {
		return found, err
	}
	stop := s.hog(ctx, client.ContextWithToken(context.WithoutCancel(ctx), hog))
	err = s.atRate(ctx, half, w, &m, float64(c.rate), half.span)
	hogged := stop()
	m.failed += alone.failed
	before, beside := alone.result.Quantile(.99), m.result.Quantile(.99)
	ratio := float64(beside) / float64(max(before, time.Microsecond))
	m.figures = append(m.figures,
		report.Figure{Name: "p99 alone", Value: report.Milliseconds(before), Unit: "ms"},
		report.Figure{Name: "p99 beside the hog", Value: report.Milliseconds(beside), Unit: "ms"},
		report.Figure{Name: "ratio of both", Value: ratio, Unit: "times"},
		report.Figure{Name: "calls of the hog", Value: hogged.PerSecond(), Unit: "a second",
			Note: strconv.FormatInt(hogged.Codes[client.CodeRateLimited], 10) + " were over the limit"})
	if ratio > goodNeighbour {
		m.notes = append(m.notes, fmt.Sprintf("one user slows the others down: their p99 is %.1f times what it is "+
			"alone, where %.1f would be good", ratio, goodNeighbour))
	}
	m.write(c, &found)
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// hog lets one user read at full speed until stop is called, which returns what became of it. It returns when the user
// has met a limit.
func (s *session) hog(ctx, as context.Context) (stop func() load.Result) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan load.Result, 1)
	refused := make(chan struct{})
	var once sync.Once
	go func() {
		done <- load.Closed(ctx, hogCallers, maxSpan, load.Options{Code: Code}, func(int, int64) error {
			_, err := s.target.raw.Wallet.Balances(as, &walletapi.BalancesRequest{})
			if Code(err) == client.CodeRateLimited {
				once.Do(func() { close(refused) })
			}
			return err
		})
	}()
	select {
	case <-refused:
	case <-time.After(maxBurst):
	case <-ctx.Done():
	}
	return func() load.Result {
		cancel()
		return <-done
	}
}
