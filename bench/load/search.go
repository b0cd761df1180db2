package load

import (
	"context"
	"fmt"
	"time"
)

const (
	// DefaultProbes bounds a search.
	DefaultProbes = 8
	// searchPrecision ends a search: the highest rate that held and the lowest that did not are this close.
	searchPrecision = 1.05
	// firstProbe is the first rate tried, as a share of the highest throughput known.
	firstProbe = 0.7
)

// Goal is what a rate has to hold.
type Goal struct {
	P99 time.Duration
}

// Misses says why a run does not hold the goal; empty where it does. Who falls behind the rate needs ever longer for
// each request, counted from when it was due, so the p99 tells that, too.
func (g Goal) Misses(r Result) string {
	switch {
	case r.Errors > 0:
		return fmt.Sprintf("%d of %d requests failed", r.Errors, r.Done)
	case r.Unsent > 0:
		return fmt.Sprintf("%d requests never left: the target was too far behind", r.Unsent)
	case r.Quantile(.99) > g.P99:
		return fmt.Sprintf("p99 was %v", r.Quantile(.99))
	}
	return ""
}

// Step is a rate that a search tried.
type Step struct {
	Rate      float64
	PerSecond float64
	P99       time.Duration
	Missed    string // why it did not hold; empty where it did
}

// Search finds about the highest rate that holds the goal, with at most so many probes. ceiling is a throughput that is
// not expected to be exceeded, as a closed loop finds it. best is 0 where no rate that was tried held.
func Search(ctx context.Context, ceiling float64, goal Goal, probes int,
	probe func(ctx context.Context, rate float64) (Result, error)) (best float64, steps []Step, err error) {
	low, high := 0.0, 0.0 // the highest that held, the lowest that did not
	rate := ceiling * firstProbe
	for len(steps) < probes && rate >= 1 {
		result, err := probe(ctx, rate)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return low, steps, err
		}
		step := Step{Rate: rate, PerSecond: result.PerSecond(), P99: result.Quantile(.99), Missed: goal.Misses(result)}
		steps = append(steps, step)
		if step.Missed == "" {
			low = rate
		} else {
			high = rate
		}
		switch {
		case high == 0:
			rate = low * 1.2
		case low == 0:
			rate = high / 1.6
		case high/low <= searchPrecision:
			return low, steps, nil
		default:
			rate = (low + high) / 2
		}
	}
	return low, steps, nil
}
