package app

import (
	"context"
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/redispot"
)

// Without tracing a grab goes to the pots themselves, so it costs what it costs without this package.
func TestGrabsAreNotWrappedWithoutTracing(t *testing.T) {
	a := &App{Pots: &redispot.Pots{}}
	if a.pot() != envelope.Pot(a.Pots) {
		t.Error("the pots are wrapped")
	}
	a.cfg.Span = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	if a.pot() == envelope.Pot(a.Pots) {
		t.Error("the pots are not wrapped with tracing")
	}
}

// instantPot answers at once.
type instantPot struct{ envelope.Pot }

// Take implements envelope.Pot.
func (instantPot) Take(context.Context, int64, string) (envelope.Take, envelope.Outcome, error) {
	return envelope.Take{}, envelope.Won, nil
}

// BenchmarkTake is what the way to the pot costs, with tracing off and with a tracer that does nothing.
func BenchmarkTake(b *testing.B) {
	nothing := func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	for name, pot := range map[string]envelope.Pot{"off": instantPot{}, "on": tracedPot{instantPot{}, nothing}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := pot.Take(b.Context(), 1, "bob"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
