package redispot

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/hongbao/hongbao/envelope"
)

const (
	benchShares   = 100
	benchParallel = 500 // goroutines for each processor
)

// benchPots fills as many pots of 100 as there are winners.
func benchPots(b *testing.B, atOnce, buckets, winners int) (*Pots, []int64) {
	r := singleRig(b)
	p := r.pots(b, r.client, func(c *Config) {
		c.CallsInFlight = atOnce
		c.Buckets = envelope.Buckets{Shards: buckets, PerShard: 1}
		c.ShardOf = func(id int64) (int, bool) { return int(id % int64(buckets)), true }
	})
	if err := p.Install(b.Context()); err != nil {
		b.Fatal(err)
	}
	ids := make([]int64, (winners+benchShares-1)/benchShares)
	for i := range ids {
		e := testEnvelope(shares(benchShares)...)
		mustFill(b, p, e)
		ids[i] = e.ID
	}
	return p, ids
}

// BenchmarkTakeWinners grabs shares that are there, by users who have none, of many envelopes at a time.
func BenchmarkTakeWinners(b *testing.B) {
	for _, atOnce := range []int{1, 2, 4} {
		for _, buckets := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("calls=%d/buckets=%d", atOnce, buckets), func(b *testing.B) {
				p, ids := benchPots(b, atOnce, buckets, b.N)
				var next atomic.Int64
				b.SetParallelism(benchParallel)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						n := int(next.Add(1) - 1)
						// Neighbours grab from different envelopes, a hundred of them at a time.
						block, in := n/(benchShares*benchShares), n%(benchShares*benchShares)
						i := block*benchShares + in%benchShares
						if i >= len(ids) {
							i = len(ids) - 1 - in%min(len(ids), benchShares)
						}
						if _, _, err := p.Take(b.Context(), ids[i], "user"+strconv.Itoa(n)); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grabs/s")
			})
		}
	}
}

// BenchmarkTakeLosers grabs from drained envelopes, as most grabs of a popular one do.
func BenchmarkTakeLosers(b *testing.B) {
	const envelopes = 50
	p, ids := benchPots(b, DefaultCallsInFlight, 4, envelopes*benchShares)
	for _, id := range ids {
		for u := range benchShares {
			mustTake(b, p, id, "winner"+strconv.Itoa(u), envelope.Won)
		}
	}
	var next atomic.Int64
	b.SetParallelism(benchParallel)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			if _, outcome, err := p.Take(b.Context(), ids[n%envelopes], "loser"); err != nil || outcome != envelope.Empty {
				b.Errorf("%q, %v", outcome, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grabs/s")
}
