package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Op is one request: it asks, and returns when it has the answer. worker is below the number of places or callers, and
// no two requests at the same time have the same; n counts the requests of the run from 0. What it needs of a context
// it brings along. ErrDry ends the run.
type Op func(worker int, n int64) error

// ErrDry says that there is nothing left to ask for. It is no failure, and not counted.
var ErrDry = errors.New("load: nothing left to ask for")

const (
	// DefaultPlaces is how many requests may be outstanding unless told.
	DefaultPlaces = 512
	// MaxPlaces bounds it: each may take a connection.
	MaxPlaces = 20_000
	// pacerTick is the clock of the pacer: a request is due at the first tick after its place in the schedule, so at
	// high rates some leave together. A wake-up costs a virtual machine some 25 µs, so 4,000 of them a second cost a
	// tenth of a processor.
	pacerTick = 250 * time.Microsecond
	// pacerNap is the longest: then it looks whether the run was stopped.
	pacerNap = 50 * time.Millisecond
	// pacerOverrun is how long after its end a schedule may still be worked off by a generator that is behind.
	pacerOverrun = time.Second
)

// Options say how a run is made and watched.
type Options struct {
	Places   int                 // most requests outstanding in an open loop; 0: DefaultPlaces
	Interval time.Duration       // of the points of the series; 0: a second
	Observe  func(Point)         // called at the end of each interval; nil: nobody watches
	Code     func(error) string  // groups errors; nil: all are "error"
	Kinds    int                 // how many kinds of requests are told apart; 0: none
	Kind     func(n int64) int   // the kind of request n, from 0; required where there are kinds
	sleep    func(time.Duration) // nil: an alarm's
}

func (o Options) filled() Options {
	if o.Places <= 0 {
		o.Places = DefaultPlaces
	}
	o.Places = min(o.Places, MaxPlaces)
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Observe == nil {
		o.Observe = func(Point) {}
	}
	if o.Code == nil {
		o.Code = func(error) string { return "error" }
	}
	return o
}

// run is what both loops share.
type run struct {
	options Options
	op      Op
	began   time.Time
	notes   *recorder
	done    atomic.Int64
	waited  int64
	unsent  int64
	stop    context.CancelFunc
}

// ticket is a request that is due.
type ticket struct {
	n    int64
	due  time.Duration
	late bool // because all places were taken
}

// Open makes requests as the schedule says. It ends with the schedule, or with the context, when every request that
// left has its answer: what an Op does must be bounded.
func Open(ctx context.Context, s *Schedule, o Options, op Op) Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{options: o.filled(), op: op, stop: cancel}
	if o.sleep == nil {
		a := newAlarm()
		defer a.close()
		r.options.sleep = a.sleep
	}
	r.notes = newRecorder(r.options)
	work := make(chan ticket, r.options.Places)
	places := make(chan struct{}, r.options.Places)

	r.began = time.Now()
	var workers sync.WaitGroup
	for worker := range r.options.Places {
		workers.Go(func() {
			for t := range work {
				r.answer(worker, t)
				<-places
			}
		})
	}
	result := r.measure(func() {
		r.pace(ctx, s, places, work)
		close(work)
		workers.Wait()
	}, false)
	if ctx.Err() == nil {
		result.Elapsed = max(result.Elapsed, s.Span())
	}
	return result
}

// pace hands out tickets when they are due.
func (r *run) pace(ctx context.Context, s *Schedule, places chan struct{}, work chan<- ticket) {
	end := time.NewTimer(time.Until(r.began.Add(s.Span())))
	defer end.Stop()
	var free time.Duration // until here all places were taken
	for n := int64(0); ; n++ {
		due, ok := s.Next()
		if !ok {
			return
		}
		due = (due + pacerTick - 1).Truncate(pacerTick)
		for wait := due - time.Since(r.began); wait > 0; wait = due - time.Since(r.began) {
			if ctx.Err() != nil {
				return
			}
			r.options.sleep(min(wait, pacerNap))
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(r.began) > s.Span()+pacerOverrun {
			r.unsent = 1 + rest(s)
			return
		}
		select {
		case places <- struct{}{}:
		default:
			select {
			case places <- struct{}{}:
				free = time.Since(r.began)
			case <-end.C:
				r.unsent = 1 + rest(s)
				return
			case <-ctx.Done():
				return
			}
		}
		t := ticket{n: n, due: due, late: due < free}
		if t.late {
			r.waited++
		}
		work <- t // there is room: it has a place
	}
}

// rest counts the tickets that nobody gets any more.
func rest(s *Schedule) (n int64) {
	for {
		if _, ok := s.Next(); !ok {
			return n
		}
		n++
	}
}

// answer carries out a request of an open loop.
func (r *run) answer(worker int, t ticket) {
	left := time.Since(r.began)
	err := r.op(worker, t.n)
	if errors.Is(err, ErrDry) {
		r.stop()
		return
	}
	lag := left - t.due
	if t.late {
		lag = -1
	}
	r.done.Add(1)
	r.notes.note(worker, t.n, time.Since(r.began)-t.due, lag, err)
}

// Closed lets callers ask for a while, each again as soon as it has its answer.
func Closed(ctx context.Context, callers int, span time.Duration, o Options, op Op) Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{options: o.filled(), op: op, stop: cancel}
	r.notes = newRecorder(r.options)
	var next atomic.Int64
	var over atomic.Bool
	defer context.AfterFunc(ctx, func() { over.Store(true) })()

	r.began = time.Now()
	timer := time.AfterFunc(span, func() { over.Store(true) })
	defer timer.Stop()
	return r.measure(func() {
		var workers sync.WaitGroup
		for worker := range min(callers, MaxPlaces) {
			workers.Go(func() {
				for !over.Load() {
					left, n := time.Now(), next.Add(1)-1
					err := r.op(worker, n)
					if errors.Is(err, ErrDry) {
						r.stop()
						return
					}
					r.done.Add(1)
					r.notes.note(worker, n, time.Since(left), -1, err)
				}
			})
		}
		workers.Wait()
	}, true)
}

// cpuTime is the processor time that this process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure lets work go on and keeps its figures.
func (r *run) measure(work func(), closed bool) Result {
	total, interval := newTally(r.options.Kinds), newTally(r.options.Kinds)
	result := Result{Closed: closed}
	var began time.Duration // of the interval
	take := func() {
		at := time.Since(r.began)
		r.notes.collect(interval)
		if at-began >= r.options.Interval/2 { // a shorter one, at the end, would say little
			p := Point{
				At: at, PerSecond: float64(interval.latency.TotalCount()-interval.failed) / (at - began).Seconds(),
				Errors: interval.failed,
				P50:    Quantile(interval.latency, .5), P99: Quantile(interval.latency,
					.99), Max: Quantile(interval.latency, 1),
			}
			result.Series = append(result.Series, p)
			r.options.Observe(p)
		}
		total.drain(interval)
		began = at
	}

	before := cpuTime()
	finished := make(chan struct{})
	go func() { defer close(finished); work() }()
	ticker := time.NewTicker(r.options.Interval)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-ticker.C:
		case <-finished:
			running = false
		}
		take()
	}
	result.CPU = cpuTime() - before
	result.Elapsed, result.Done = began, r.done.Load()
	result.Errors, result.Codes, result.Example = total.failed, total.codes, total.example
	result.Latency, result.Lag, result.Kinds = total.latency, total.lag, total.kinds
	result.Waited, result.Unsent = r.waited, r.unsent
	return result
}
