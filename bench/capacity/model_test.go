package main

import (
	"math"
	"testing"
	"time"
)

const second = time.Second

func near(got, want, within float64) bool { return math.Abs(got-want) <= within*want }

// A grab that meets nobody takes what its steps take together.
func TestAGrabAlone(t *testing.T) {
	m := measured
	f := simulate(m, load{Nodes: 1, Redis: 1, Rate: 20}, 10*second)
	if want := (m.Grab + 2*m.Network + m.Call + m.Each + m.Flush) / 1000; !near(f.P50, want, 0.001) {
		t.Errorf("p50 %.4f ms, want %.4f", f.P50, want)
	}
	if f.RedisMicros != m.Call+m.Each || f.PerCall != 1 {
		t.Errorf("%.1f µs of Redis, %.1f grabs a call", f.RedisMicros, f.PerCall)
	}
}

// One core, random arrivals and a fixed service time (M/D/1): of all grabs, the share 1−ρ does not wait at all.
func TestOneCoreIsAQueueOfItsKind(t *testing.T) {
	m := model{Grab: 100, InFlight: 1 << 20, Cores: 1, Buckets: 1}
	for _, busy := range []float64{0.4, 0.8} {
		f := simulate(m, load{Nodes: 1, Redis: 1, Rate: busy * 1e4}, 10*second)
		if !near(f.CoresBusy, busy, 0.02) {
			t.Errorf("busy %.3f, want %.1f", f.CoresBusy, busy)
		}
		if waits := f.P50 > m.Grab/1000; waits != (busy > 0.5) {
			t.Errorf("at %.1f half of the grabs take %.4f ms", busy, f.P50)
		}
	}
}

// While Redis keeps up, all that is asked is answered; beyond what it can do, no more than that.
func TestRedisIsTheBound(t *testing.T) {
	most := 1e6 / measured.Each // with endless calls
	for _, rate := range []float64{5_000, 20_000, 50_000} {
		if f := simulate(measured, load{Nodes: 10, Redis: 1, Rate: rate}, second); !near(f.Rate, rate, 0.05) {
			t.Errorf("%.0f of %.0f a second", f.Rate, rate)
		}
	}
	if f := simulate(measured, load{Nodes: 50, Redis: 1, Rate: 3 * most}, second); f.Rate > most {
		t.Errorf("%.0f a second, but Redis can do %.0f", f.Rate, most)
	}
}

// A busy bucket gathers more grabs for each call, which makes each cheaper.
func TestACrowdIsCheaper(t *testing.T) {
	calm := simulate(measured, load{Nodes: 10, Redis: 1, Rate: 2_000, Hot: true}, second)
	crowd := simulate(measured, load{Nodes: 10, Redis: 1, Rate: 40_000, Hot: true}, second)
	if crowd.PerCall < 2*calm.PerCall || crowd.RedisMicros > 0.7*calm.RedisMicros {
		t.Errorf("calm: %.1f grabs a call, %.1f µs; crowd: %.1f, %.1f µs", calm.PerCall, calm.RedisMicros,
			crowd.PerCall, crowd.RedisMicros)
	}
}

// With machines that grow with the load, a grab costs Redis more until nothing gathers any more, and then no more.
func TestTheCostOfAGrabStaysFlat(t *testing.T) {
	at := func(nodes int) found {
		l := load{Nodes: nodes, Redis: max(1, nodes*2/5), Rate: float64(nodes) * perNode}
		return simulate(measured, l, second/4)
	}
	one, thirty, hundred := at(1), at(30), at(100)
	if one.RedisMicros > 0.9*thirty.RedisMicros || !near(hundred.RedisMicros, thirty.RedisMicros, 0.03) {
		t.Errorf("µs of Redis: %.1f with one node, %.1f with 30, %.1f with 100", one.RedisMicros, thirty.RedisMicros,
			hundred.RedisMicros)
	}
	if !near(hundred.CoresBusy, one.CoresBusy, 0.05) {
		t.Errorf("cores: %.3f, %.3f", one.CoresBusy, hundred.CoresBusy)
	}
	if hundred != at(100) {
		t.Error("the same load had another result")
	}
}
