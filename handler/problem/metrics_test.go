package problem_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/hongbao/hongbao/handler/problem"
)

// A request that is traced leaves its trace at the bucket that it fell into; any other leaves none.
func TestATracedRequestIsAnExemplar(t *testing.T) {
	registry := prometheus.NewRegistry()
	seconds := problem.NewSeconds("test_seconds", "A test.")
	registry.MustRegister(seconds)
	exemplars := func() (found []string) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				for _, b := range m.GetHistogram().GetBucket() {
					for _, label := range b.GetExemplar().GetLabel() {
						found = append(found, label.GetName()+"="+label.GetValue())
					}
				}
			}
		}
		return found
	}
	ok := seconds.WithLabelValues("EnvelopeService.Grab", problem.OK)
	problem.Observe(t.Context(), ok, time.Now())
	of := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}
	problem.Observe(trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(of)), ok, time.Now())
	if found := exemplars(); len(found) > 0 {
		t.Errorf("requests that no trace is kept of leave %v", found)
	}
	of.TraceFlags = trace.FlagsSampled
	traced := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(of))
	problem.Observe(traced, ok, time.Now())
	if found := exemplars(); len(found) != 1 || found[0] != "trace_id="+of.TraceID.String() {
		t.Errorf("a traced request leaves %v", found)
	}
}
