package redispot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
	"github.com/hongbao/hongbao/internal/pots"
)

const (
	benchShares   = 100
	benchOpen     = 256 // envelopes grabbed from at a time
	benchParallel = 128 // goroutines for each processor
	benchFillers  = 32
)

// benchPots fills at least as many pots as the winners empty.
func benchPots(b *testing.B, atOnce, buckets, winners int) (*rig, []int64) {
	const block = benchShares * benchOpen
	return filledPots(b, atOnce, buckets, (winners+block-1)/block*benchOpen, benchShares)
}

// filledPots fills a number of pots.
func filledPots(b *testing.B, atOnce, buckets, number, each int) (*rig, []int64) {
	r := singleRig(b)
	p := r.pots(b, r.client, func(c *Config) {
		c.CallsInFlight = atOnce
		c.Buckets = pots.Buckets{Shards: buckets, PerShard: 1}
		c.ShardOf = func(id int64) (int, bool) { return int(id % int64(buckets)), true }
	})
	if err := p.Install(b.Context()); err != nil {
		b.Fatal(err)
	}
	ids := make([]int64, number)
	var wg sync.WaitGroup
	for filler := range benchFillers {
		wg.Go(func() {
			for i := filler; i < len(ids); i += benchFillers {
				e := pottest.Envelope(pottest.Shares(each)...)
				if err := p.Fill(b.Context(), e, nil); err != nil {
					b.Error(err)
				}
				ids[i] = e.ID
			}
		})
	}
	wg.Wait()
	r.Pots = p
	return r, ids
}

// BenchmarkTakeHot grabs as BenchmarkTakeWinners, of few envelopes at a time, so that calls carry many grabs of each.
func BenchmarkTakeHot(b *testing.B) {
	for _, open := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) { takeWinners(b, DefaultCallsInFlight, 4, open) })
	}
}

// BenchmarkTakeWinners grabs shares that are there, by users who have none, of many envelopes at a time.
func BenchmarkTakeWinners(b *testing.B) {
	for _, atOnce := range []int{1, 2, 4} {
		for _, buckets := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("calls=%d/buckets=%d", atOnce, buckets), func(b *testing.B) {
				takeWinners(b, atOnce, buckets, benchOpen)
			})
		}
	}
}

// takeWinners grabs from a number of envelopes at a time, neighbours from different ones.
func takeWinners(b *testing.B, atOnce, buckets, open int) {
	p, ids := benchPots(b, atOnce, buckets, b.N)
	var next atomic.Int64
	b.SetParallelism(benchParallel)
	b.ReportAllocs()
	done := measureCPU(b, p)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := int(next.Add(1) - 1)
			id := ids[n/(benchShares*open)*open+n%open]
			if _, outcome, err := p.Take(b.Context(), id, "user"+strconv.Itoa(n)); err != nil ||
				outcome != envelope.Won {
				b.Errorf("%q, %v", outcome, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grabs/s")
	done()
}

// BenchmarkTakeFromProcesses has a number of processes, each with connections of its own, grab from the pots of one
// Redis, by 512 callers together. The more there are, the fewer grabs each call to Redis carries. It reports that
// number and what a grab costs; bench/capacity is fed with it.
func BenchmarkTakeFromProcesses(b *testing.B) {
	const callers, buckets = 512, 4
	for _, processes := range []int{1, 4, 16, 64, 128, 256} {
		b.Run(fmt.Sprintf("processes=%d", processes), func(b *testing.B) {
			r, ids := benchPots(b, DefaultCallsInFlight, buckets, b.N)
			all := make([]*Pots, processes)
			for i := range all {
				client := r.open(b)
				all[i] = r.pots(b, client, func(c *Config) {
					c.Buckets = pots.Buckets{Shards: buckets, PerShard: 1}
					c.ShardOf = func(id int64) (int, bool) { return int(id % buckets), true }
				})
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			before := scriptCalls(b, r)
			done := measureCPU(b, r)
			b.ResetTimer()
			for caller := range callers {
				p := all[caller%processes]
				wg.Go(func() {
					for {
						n := int(next.Add(1) - 1)
						if n >= b.N {
							return
						}
						id := ids[n/(benchShares*benchOpen)*benchOpen+n%benchOpen]
						if _, outcome, err := p.Take(b.Context(), id, "user"+strconv.Itoa(n)); err != nil ||
							outcome != envelope.Won {
							b.Errorf("%q, %v", outcome, err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grabs/s")
			b.ReportMetric(float64(b.N)/(scriptCalls(b, r)-before), "grabs/call")
			done()
		})
	}
}

// scriptCalls is how many scripts a Redis has run.
func scriptCalls(t testing.TB, r *rig) float64 {
	info := do(t, r.client, "INFO", "commandstats")
	text, err := info.ToString()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(text, "cmdstat_evalsha:calls=")
	calls, _, _ := strings.Cut(after, ",")
	n, err := strconv.ParseFloat(calls, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// BenchmarkTakeGrowth is whether a grab takes longer where an envelope has more shares, or more envelopes are open. It
// reports the p50 of grabs by a few callers, who leave Redis mostly idle.
func BenchmarkTakeGrowth(b *testing.B) {
	const grabs, callers, few, many = 20_000, 8, 100, 100_000
	for _, x := range []struct{ shares, open int }{{few, grabs / few}, {many, 8}, {grabs / 10, 10}, {2, many}} {
		b.Run(fmt.Sprintf("shares=%d/open=%d", x.shares, x.open), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p, ids := filledPots(b, DefaultCallsInFlight, 4, x.open, x.shares)
				latencies := make([]time.Duration, grabs)
				var next atomic.Int64
				var wg sync.WaitGroup
				b.StartTimer()
				for range callers {
					wg.Go(func() {
						for {
							n := int(next.Add(1) - 1)
							if n >= grabs {
								return
							}
							began := time.Now()
							// Spread over all that are open: 7919 is a prime, so no share is asked for twice.
							id := ids[n*7919%len(ids)]
							if _, outcome, err := p.Take(b.Context(), id, "user"+strconv.Itoa(n)); err != nil ||
								outcome != envelope.Won {
								b.Errorf("%q, %v", outcome, err)
								return
							}
							latencies[n] = time.Since(began)
						}
					})
				}
				wg.Wait()
				slices.Sort(latencies)
				b.ReportMetric(float64(latencies[grabs/2].Microseconds()), "p50-us")
				b.ReportMetric(float64(latencies[grabs*99/100].Microseconds()), "p99-us")
			}
		})
	}
}

// BenchmarkTakeLosers grabs from drained envelopes, as most grabs of a popular one do.
func BenchmarkTakeLosers(b *testing.B) {
	p, ids := benchPots(b, DefaultCallsInFlight, 4, 1)
	for _, id := range ids {
		for u := range benchShares {
			pottest.MustTake(b, p, id, "winner"+strconv.Itoa(u), envelope.Won)
		}
	}
	var next atomic.Int64
	b.SetParallelism(benchParallel)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			if _, outcome, err := p.Take(b.Context(), ids[n%benchOpen], "loser"); err != nil ||
				outcome != envelope.Empty {
				b.Errorf("%q, %v", outcome, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "grabs/s")
}

// measureCPU reports the processor time of Redis and of this process for each grab, which a busy machine falsifies less
// than the time on the clock.
func measureCPU(b *testing.B, r *rig) (done func()) {
	redis := func() float64 {
		info := do(b, r.client, "INFO", "cpu")
		text, err := info.ToString()
		if err != nil {
			b.Fatal(err)
		}
		var sum float64
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name == "used_cpu_sys" || name == "used_cpu_user" {
				seconds, err := strconv.ParseFloat(value, 64)
				if err != nil {
					b.Fatal(err)
				}
				sum += seconds
			}
		}
		return sum
	}
	self := func() float64 {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return (time.Duration(usage.Utime.Nano()) + time.Duration(usage.Stime.Nano())).Seconds()
	}
	redisBefore, selfBefore := redis(), self()
	return func() {
		const micro = 1e6
		b.ReportMetric((redis()-redisBefore)*micro/float64(b.N), "redis-cpu-us/grab")
		b.ReportMetric((self()-selfBefore)*micro/float64(b.N), "own-cpu-us/grab")
	}
}
