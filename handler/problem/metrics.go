package problem

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// OK is the code of success in metrics.
const OK = "ok"

// NewSeconds makes a histogram of how long requests take, in seconds, by method and code. Its buckets are the same for
// RPC and HTTP, so that what the gateway adds can be read off.
func NewSeconds(name, help string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help,
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"method", "code"})
}

// Observe counts how long a request took since it began. Where it is traced its trace is the exemplar of its bucket.
func Observe(ctx context.Context, seconds prometheus.Observer, began time.Time) {
	took := time.Since(began).Seconds()
	traced := trace.SpanContextFromContext(ctx)
	with, ok := seconds.(prometheus.ExemplarObserver)
	if !ok || !traced.IsSampled() {
		seconds.Observe(took)
		return
	}
	with.ObserveWithExemplar(took, prometheus.Labels{"trace_id": traced.TraceID().String()})
}
