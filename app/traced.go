package app

import (
	"context"

	"github.com/hongbao/hongbao/envelope"
)

// Span begins a span of a trace and returns what ends it.
type Span = func(ctx context.Context, name string) (context.Context, func(error))

// Traces lets what is done later go on with the trace of who caused it; see internal/tracing.
type Traces struct {
	Parent func(ctx context.Context) string // what a record carries
	Batch  envelope.BatchSpan               // of who works on many records
}

// tracedPot makes a span of each take.
type tracedPot struct {
	envelope.Pot
	span Span
}

// Take implements envelope.Pot.
func (p tracedPot) Take(ctx context.Context, id int64, user string) (envelope.Take, envelope.Outcome, error) {
	ctx, end := p.span(ctx, "pot.take")
	take, outcome, err := p.Pot.Take(ctx, id, user)
	end(err)
	return take, outcome, err
}

// TakeMany implements envelope.Pot.
func (p tracedPot) TakeMany(ctx context.Context, asks []envelope.Ask) []envelope.Answer {
	ctx, end := p.span(ctx, "pot.take_many")
	answers := p.Pot.TakeMany(ctx, asks)
	end(nil)
	return answers
}

// pot is where grabs are decided: with spans around it only where there is tracing.
func (a *App) pot() envelope.Pot {
	if a.cfg.Span == nil {
		return a.Pots
	}
	return tracedPot{a.Pots, a.cfg.Span}
}
