package outbox

import (
	"context"

	"github.com/hongbao/hongbao/internal/loop"
)

// BatchSpan begins a span in each of the traces that items of messages carry; end ends them. child is for those who
// carry a trace on.
type BatchSpan = func(ctx context.Context, name string, parents []string) (
	_ context.Context, child func(parent string) string, end func(error))

// Traced is a Content some of whose items carry a trace.
type Traced interface {
	// Parents are those traces, as W3C's traceparent.
	Parents() []string
}

// Trace begins a span in each of the traces that messages carry, and returns how to end them, which says with
// an error in which trace it is to be found. Messages that carry none cost a look at each.
func (o *Outbox) Trace(ctx context.Context, name string, messages []Message) (
	_ context.Context, end func(error) error) {
	if o.cfg.Span == nil {
		return ctx, func(err error) error { return err }
	}
	var parents []string
	for _, m := range messages {
		if t, ok := m.content.(Traced); ok {
			parents = append(parents, t.Parents()...)
		}
	}
	if len(parents) == 0 {
		return ctx, func(err error) error { return err }
	}
	ctx, _, finish := o.cfg.Span(ctx, name, parents)
	return ctx, func(err error) error { finish(err); return loop.Traced(err, parents[0]) }
}
