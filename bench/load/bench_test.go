package load

import (
	"testing"
	"time"
)

// BenchmarkOpen is what the generator itself costs for each request, in processor time: it shares the machine with what
// it measures.
func BenchmarkOpen(b *testing.B) {
	for _, x := range []struct {
		name string
		rate float64
	}{{"10k", 10_000}, {"50k", 50_000}, {"200k", 200_000}} {
		b.Run(x.name, func(b *testing.B) {
			span := time.Duration(float64(b.N) / x.rate * float64(time.Second))
			r := Open(b.Context(), Even(Segment{For: span, Rate: x.rate}), Options{},
				func(int, int64) error { return nil })
			b.ReportMetric(float64(r.CPU.Nanoseconds())/float64(max(r.Done, 1)), "cpu-ns/op")
			b.ReportMetric(float64(Quantile(r.Lag, .5).Microseconds()), "lag-p50-µs")
			b.ReportMetric(float64(Quantile(r.Lag, .99).Microseconds()), "lag-p99-µs")
		})
	}
}

// BenchmarkClosed is the same for a closed loop.
func BenchmarkClosed(b *testing.B) {
	r := Closed(b.Context(), 256, time.Hour, Options{}, func(_ int, n int64) error {
		if n >= int64(b.N) {
			return ErrDry
		}
		return nil
	})
	b.ReportMetric(float64(r.CPU.Nanoseconds())/float64(max(r.Done, 1)), "cpu-ns/op")
}
