package main

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// model are service times in microseconds.
type model struct {
	Grab     float64 // of a node's core, for a grab: RPC, queueing, feed
	Call     float64 // of Redis, for a call that carries grabs
	Each     float64 // of Redis, for each grab in a call
	Flush    float64 // of Redis' disk, once for all calls of a turn of its loop
	Network  float64 // one way
	InFlight int     // calls that a node has under way to a bucket
	Cores    int     // of a node
	Buckets  int     // of a Redis
}

// measured are the service times of one machine (two cores of an AMD EPYC).
//
// Grab is the engine's row in docs/performance.md. Call and Each fit the processor time of Redis that
// docs/capacity.md lists: 11.5 µs a grab with 40 of them in a call, 14.4 with 9, 19 with 2.5, 36 with one. Flush is
// nearly all of the p50 of a grab at an idle Redis, 644 µs (`-bench TakeGrowth`). Network is a guess for one data
// centre.
var measured = model{Grab: 47, Call: 25, Each: 11, Flush: 600, Network: 100, InFlight: 2, Cores: 2, Buckets: 4}

// load is what is asked of a number of machines.
type load struct {
	Nodes, Redis int
	Cores        int     // of a node; 0 for the model's
	Rate         float64 // grabs a second; their times are random, as those of many people are
	Hot          bool    // all want the same bucket
}

// found is what came of it.
type found struct {
	Rate        float64 // grabs answered a second
	P50, P99    float64 // ms, from a grab's arrival at its node to the answer's departure
	PerCall     float64 // grabs
	RedisMicros float64 // processor time of Redis for a grab
	RedisBusy   float64 // processors of Redis; waiting for the disk does not count
	CoresBusy   float64 // of the nodes
}

// call carries grabs of a node to a bucket.
type call struct {
	queue *queue
	since []float64 // when its grabs arrived
}

// queue holds a node's grabs for a bucket, as internal/gather does: while as many calls as may be are under way, grabs
// gather for the next.
type queue struct {
	redis   *redis
	waiting []float64
	calls   int
}

// redis has one thread: in each turn of its loop it carries out all calls that are there, flushes once, and answers.
type redis struct {
	pending, turn []*call
	running       bool
}

type event struct {
	at float64
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

type run struct {
	model
	now       float64
	due       events
	warm      float64 // what is answered before is not counted
	latencies []float64
	calls     int
	carried   int
	service   float64 // of all Redis, without flushes
}

func (r *run) after(micros float64, do func()) { heap.Push(&r.due, event{r.now + micros, do}) }

// simulate lets grabs come for a time, after a quarter of it that is not counted. The same load gives the same result.
func simulate(m model, l load, lasts time.Duration) found {
	if l.Cores > 0 {
		m.Cores = l.Cores
	}
	r := &run{model: m, warm: float64(lasts.Microseconds()) / 4}
	end := r.warm + float64(lasts.Microseconds())
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]*redis, l.Redis)
	for i := range all {
		all[i] = new(redis)
	}
	buckets := l.Redis * m.Buckets
	queues := make([]*queue, l.Nodes*buckets)
	for i := range queues {
		queues[i] = &queue{redis: all[i%l.Redis]}
	}
	cores := make([]float64, l.Nodes*m.Cores) // when each is free
	var worked float64
	var arrive func()
	arrive = func() {
		node, bucket := random.IntN(l.Nodes), 0
		if !l.Hot {
			bucket = random.IntN(buckets)
		}
		of := cores[node*m.Cores : (node+1)*m.Cores]
		first := slices.Index(of, slices.Min(of))
		of[first] = max(of[first], r.now) + m.Grab
		worked += m.Grab
		q, since := queues[node*buckets+bucket], r.now
		r.after(of[first]-r.now, func() { r.enqueue(q, since) })
		if next := random.ExpFloat64() * 1e6 / l.Rate; r.now+next < end {
			r.after(next, arrive)
		}
	}
	arrive()
	for len(r.due) > 0 && r.due[0].at < end {
		e := heap.Pop(&r.due).(event)
		r.now = e.at
		e.do()
	}
	f := r.found(end - r.warm)
	f.RedisBusy = r.service / ((end - r.warm) * float64(l.Redis))
	f.CoresBusy = worked / (end * float64(len(cores)))
	return f
}

func (r *run) enqueue(q *queue, since float64) {
	q.waiting = append(q.waiting, since)
	r.send(q)
}

func (r *run) send(q *queue) {
	if q.calls == r.InFlight || len(q.waiting) == 0 {
		return
	}
	c := &call{q, q.waiting}
	q.waiting = nil
	q.calls++
	r.after(r.Network, func() {
		q.redis.pending = append(q.redis.pending, c)
		r.turn(q.redis)
	})
}

// turn begins a turn of a Redis' loop, unless one is under way.
func (r *run) turn(d *redis) {
	if d.running || len(d.pending) == 0 {
		return
	}
	d.running, d.turn, d.pending = true, d.pending, nil
	var service float64
	for _, c := range d.turn {
		service += r.Call + r.Each*float64(len(c.since))
		if r.now >= r.warm {
			r.calls++
			r.carried += len(c.since)
		}
	}
	if r.now >= r.warm {
		r.service += service
	}
	r.after(service+r.Flush, func() {
		for _, c := range d.turn {
			r.after(r.Network, func() { r.answer(c) })
		}
		d.running = false
		r.turn(d)
	})
}

func (r *run) answer(c *call) {
	if r.now >= r.warm {
		for _, since := range c.since {
			r.latencies = append(r.latencies, (r.now-since)/1000)
		}
	}
	c.queue.calls--
	r.send(c.queue)
}

func (r *run) found(counted float64) found {
	slices.Sort(r.latencies)
	at := func(q float64) float64 {
		if len(r.latencies) == 0 {
			return 0
		}
		return r.latencies[int(q*float64(len(r.latencies)-1))]
	}
	return found{Rate: float64(len(r.latencies)) * 1e6 / counted, P50: at(0.5), P99: at(0.99),
		PerCall: float64(r.carried) / float64(max(r.calls, 1)), RedisMicros: r.service / float64(max(r.carried, 1))}
}
