package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// maxBatchSpans bounds the traces of a batch that get a span of their own; the first span has links to the others.
const maxBatchSpans = 32

// batchKey is that of a context's value with the spans of the batch around it, by their traces.
type batchKey struct{}

// Parent is what a record carries for those who work on it later: the span of a context as W3C's traceparent, 55 ASCII
// bytes; "" where the context has none that is kept.
func Parent(ctx context.Context) string { return parentOf(trace.SpanContextFromContext(ctx)) }

func parentOf(s trace.SpanContext) string {
	if !s.IsValid() || !s.IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), s), carrier)
	return carrier["traceparent"]
}

// spanOf reads what Parent made. What is no traceparent, or is not kept, is invalid.
func spanOf(parent string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	s := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(),
		propagation.MapCarrier{"traceparent": parent}))
	if !s.IsSampled() {
		return trace.SpanContext{}
	}
	return s
}

// Batch is a function that begins a span in each of the traces that the records of a batch carry, as the child of what
// the record says, or of the span of the batch around it. The first span has links to what the others go on from, and
// they have links to it. The context that it returns is the first span's, child gives the Parent of what follows in a
// record's trace, and end ends all spans. Records without a trace cost nothing. It is nil without tracing.
func (t *Tracing) Batch() func(ctx context.Context, name string, parents []string) (
	_ context.Context, child func(parent string) string, end func(error)) {
	if t == nil {
		return nil
	}
	return t.batch
}

func (t *Tracing) batch(ctx context.Context, name string, parents []string) (
	_ context.Context, child func(parent string) string, end func(error)) {
	outer, _ := ctx.Value(batchKey{}).(map[trace.TraceID]trace.SpanContext)
	var from []trace.SpanContext // one of each trace
	known := map[trace.TraceID]bool{}
	for _, parent := range parents {
		s := spanOf(parent)
		if !s.IsValid() || known[s.TraceID()] {
			continue
		}
		known[s.TraceID()] = true
		if around, ok := outer[s.TraceID()]; ok {
			s = around
		}
		from = append(from, s)
	}
	if len(from) == 0 {
		return ctx, func(parent string) string { return parent }, func(error) {}
	}
	var spans []trace.Span
	own := make(map[trace.TraceID]trace.SpanContext, len(from))
	for i, parent := range from[:min(len(from), maxBatchSpans)] {
		var links []trace.Link
		if i > 0 {
			links = []trace.Link{{SpanContext: spans[0].SpanContext()}}
		} else {
			for _, other := range from[1:] {
				links = append(links, trace.Link{SpanContext: other})
			}
		}
		_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), name,
			trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...),
			trace.WithAttributes(attribute.Int("hongbao.batch.records", len(parents)),
				attribute.Int("hongbao.batch.traces", len(from))))
		spans = append(spans, span)
		own[parent.TraceID()] = span.SpanContext()
	}
	child = func(parent string) string {
		if s, ok := own[spanOf(parent).TraceID()]; ok {
			return parentOf(s)
		}
		return parent
	}
	end = func(err error) {
		for _, span := range spans {
			if err != nil {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
	return trace.ContextWithSpan(context.WithValue(ctx, batchKey{}, own), spans[0]), child, end
}
