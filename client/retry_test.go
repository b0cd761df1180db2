package client

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestDelaysGrowAndStayBounded(t *testing.T) {
	r := Retry{Attempts: 100, Base: 10 * time.Millisecond, Max: 300 * time.Millisecond}
	for attempt, most := range map[int]time.Duration{1: 10 * time.Millisecond, 2: 20 * time.Millisecond,
		5: 160 * time.Millisecond, 6: r.Max, 90: r.Max} {
		for range 100 {
			if d := r.delay(attempt); d < most/2 || d > most {
				t.Fatalf("after attempt %d: %v, not %v to %v", attempt, d, most/2, most)
			}
		}
	}
	if d := (Retry{Attempts: 2}).delay(50); d != 0 {
		t.Errorf("without a base: %v", d)
	}
}

// slowContext has not noticed yet that its deadline has passed.
type slowContext struct{ context.Context }

func (slowContext) Deadline() (time.Time, bool) { return time.Now(), true }

func TestADeadlineThatKitexNoticesFirst(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(t.Context())
	because := errors.New("the user has left")
	cancel(because)
	for _, x := range []struct {
		ctx  context.Context
		want error
	}{
		{slowContext{t.Context()}, context.DeadlineExceeded}, {cancelled, because}, {t.Context(), nil},
	} {
		if err := ended(x.ctx); !errors.Is(err, x.want) {
			t.Errorf("got %v, want %v", err, x.want)
		}
	}
}
