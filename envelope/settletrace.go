package envelope

import (
	"context"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// BatchSpan begins a span in each of the traces that records of a batch carry. child says what is to be carried on in
// the place of what a record carries; end ends the spans.
type BatchSpan = func(ctx context.Context, name string, parents []string) (
	_ context.Context, child func(parent string) string, end func(error))

// Trace lets the settler go on with the traces of the grabs that it settles. It returns the settler.
func (s *Settler) Trace(traces Traces, span BatchSpan) *Settler {
	s.traces, s.span = traces, span
	return s
}

// traced begins the spans of a batch and writes into its posts what goes on from them. Nothing waits for a trace:
// those that cannot be read are lost. end ends the spans, and says with an error in which trace it is to be found.
func (s *Settler) traced(ctx context.Context, bucket int, posts []ledger.Post, after, upTo pots.Position) (
	_ context.Context, end func(error) error) {
	if s.span == nil || len(posts) == 0 {
		return ctx, untraced
	}
	traces, err := s.traces.Traces(ctx, bucket, after, upTo)
	if err != nil {
		s.logger.Debug("the traces of grabs could not be read", "bucket", bucket, "error", err)
	}
	if len(traces) == 0 {
		return ctx, untraced
	}
	var parents []string
	for i, p := range posts {
		if posts[i].Trace = traces[ShareOf{p.Hold, p.Part}]; posts[i].Trace != "" {
			parents = append(parents, posts[i].Trace)
		}
	}
	if len(parents) == 0 {
		return ctx, untraced
	}
	ctx, child, finish := s.span(ctx, "envelope.settle", parents)
	for i, p := range posts {
		if p.Trace != "" {
			posts[i].Trace = child(p.Trace)
		}
	}
	return ctx, func(err error) error { finish(err); return loop.Traced(err, parents[0]) }
}

// untraced ends a batch without spans.
func untraced(err error) error { return err }
