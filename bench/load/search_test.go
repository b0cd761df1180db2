package load

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// server answers as one does that has a capacity: fast below it, and slower the nearer it gets.
func server(capacity float64) func(context.Context, float64) (Result, error) {
	return func(_ context.Context, rate float64) (Result, error) {
		r := Result{Elapsed: time.Second, Done: int64(min(rate, capacity)), Latency: NewHistogram(),
			Lag: NewHistogram()}
		latency := time.Hour
		if rate < capacity {
			latency = time.Duration(float64(time.Millisecond) / (1 - rate/capacity))
		}
		Note(r.Latency, latency)
		return r, nil
	}
}

func TestSearch(t *testing.T) {
	for _, x := range []struct {
		name              string
		capacity, ceiling float64
		p99               time.Duration
		least, most       float64
	}{
		{"a good guess", 10_000, 10_000, 5 * time.Millisecond, 7500, 8000}, // 1 ms / (1 - x) = 5 ms at x = 0.8
		{"a guess too high", 1_000, 10_000, 5 * time.Millisecond, 680, 800},
		{"a guess too low", 10_000, 6_000, 5 * time.Millisecond, 7200, 8000},
		{"no rate holds", 10_000, 10_000, 500 * time.Microsecond, 0, 0},
	} {
		best, steps, err := Search(t.Context(), x.ceiling, Goal{P99: x.p99}, 10, server(x.capacity))
		if err != nil || best < x.least || best > x.most {
			t.Errorf("%s: %v %v %+v", x.name, best, err, steps)
		}
		for _, s := range steps {
			if (s.Missed == "") != (s.P99 <= x.p99 && s.Rate < x.capacity) {
				t.Errorf("%s: %+v", x.name, s)
			}
		}
	}
}

func TestSearchIsBounded(t *testing.T) {
	_, steps, err := Search(t.Context(), 1000, Goal{P99: time.Millisecond}, 3, server(1e9))
	if err != nil || len(steps) != 3 {
		t.Errorf("%d probes, %v", len(steps), err)
	}
	broken := errors.New("broken")
	_, steps, err = Search(t.Context(), 1000, Goal{}, 3,
		func(context.Context, float64) (Result, error) { return Result{}, broken })
	if !errors.Is(err, broken) || len(steps) != 0 {
		t.Errorf("%v %v", steps, err)
	}
}

func TestMisses(t *testing.T) {
	at := func(change func(*Result)) string {
		r, _ := server(1e9)(t.Context(), 1000)
		change(&r)
		return Goal{P99: 5 * time.Millisecond}.Misses(r)
	}
	for want, change := range map[string]func(*Result){
		"":            func(*Result) {},
		"1 of 1000":   func(r *Result) { r.Errors = 1 },
		"never left":  func(r *Result) { r.Unsent = 9 },
		"p99 was 6.0": func(r *Result) { Note(r.Latency, 6*time.Millisecond) },
	} {
		if got := at(change); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %q", want, got)
		}
	}
}
