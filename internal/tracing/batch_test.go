package tracing_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hongbao/hongbao/internal/tracing"
)

// traced makes a Tracing that keeps a part of new traces, and returns where its spans are found.
func traced(t *testing.T, sample float64) (*tracing.Tracing, *tracetest.InMemoryExporter) {
	kept := tracetest.NewInMemoryExporter()
	made := tracing.Of(sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sample)))))
	t.Cleanup(func() { _ = made.Close(context.WithoutCancel(t.Context())) })
	return made, kept
}

// cause is what a record carries that was made in a trace of its own.
func cause(t *testing.T, in *tracing.Tracing) string {
	t.Helper()
	ctx, end := in.Span()(t.Context(), "cause")
	end(nil)
	return tracing.Parent(ctx)
}

// Each trace of a batch has a span of each step of the work, one below the other.
func TestABatchGoesOnWithAllItsTraces(t *testing.T) {
	made, kept := traced(t, 1)
	first, second := cause(t, made), cause(t, made)
	ctx, child, end := made.Batch()(t.Context(), "post", []string{first, "", second, first, "torn"})
	inner, _, endInner := made.Batch()(ctx, "credit", []string{child(second)})
	endInner(errors.New("away"))
	end(nil)
	if inner == ctx {
		t.Error("the inner batch has no context of its own")
	}
	if child("") != "" || child("torn") != "torn" {
		t.Error("what is no trace does not stay as it is")
	}
	posts := map[string]tracetest.SpanStub{}
	var credits []tracetest.SpanStub
	for _, s := range kept.GetSpans() {
		switch s.Name {
		case "post":
			posts[s.SpanContext.TraceID().String()] = s
		case "credit":
			credits = append(credits, s)
		}
	}
	if len(posts) != 2 || len(credits) != 1 {
		t.Fatalf("%d posts, %d credits", len(posts), len(credits))
	}
	a, b, c := posts[first[3:35]], posts[second[3:35]], credits[0]
	if a.Parent.SpanID().String() != first[36:52] || b.Parent.SpanID().String() != second[36:52] {
		t.Error("the posts do not follow from what their records carry")
	}
	if len(a.Links) != 1 || a.Links[0].SpanContext.TraceID() != b.SpanContext.TraceID() || len(b.Links) != 1 ||
		b.Links[0].SpanContext.SpanID() != a.SpanContext.SpanID() {
		t.Error("the spans of a batch are not linked")
	}
	if c.Parent.SpanID() != b.SpanContext.SpanID() || c.Status.Code != codes.Error || a.Status.Code == codes.Error {
		t.Errorf("the credit follows from %v with status %v", c.Parent, c.Status)
	}
}

// A batch has a bounded number of spans, and its traces beyond that have links.
func TestABatchIsBounded(t *testing.T) {
	made, kept := traced(t, 1)
	var parents []string
	for range 40 {
		parents = append(parents, cause(t, made))
	}
	_, child, end := made.Batch()(t.Context(), "post", parents)
	end(nil)
	posts := slices.DeleteFunc(kept.GetSpans(), func(s tracetest.SpanStub) bool { return s.Name != "post" })
	if len(posts) != 32 || len(posts[0].Links) != 39 {
		t.Errorf("%d spans, the first with %d links", len(posts), len(posts[0].Links))
	}
	if last := parents[39]; child(last) != last {
		t.Error("what has no span of its own does not go on from its cause")
	}
}

// Without a trace that is kept nothing is carried and nothing begun.
func TestWhatIsNotKeptIsNotCarried(t *testing.T) {
	made, kept := traced(t, 0)
	if parent := cause(t, made); parent != "" || tracing.Parent(t.Context()) != "" {
		t.Errorf("%q is carried", parent)
	}
	unkept := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	ctx, child, end := made.Batch()(t.Context(), "post", []string{"", unkept})
	end(nil)
	if ctx != t.Context() || child(unkept) != unkept || len(kept.GetSpans()) != 0 {
		t.Error("a batch without a trace begins spans")
	}
}
