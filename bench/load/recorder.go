package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// highestLatency is what a histogram can tell apart; anything longer counts as this.
	highestLatency = 2 * time.Minute
	// significantDigits of a latency in a histogram: it is right to a thousandth.
	significantDigits = 3
	// recorders spreads the workers over locks.
	recorders = 8
	// maxCodes bounds the different codes of errors that are counted apart.
	maxCodes = 64
	// codeOther counts errors beyond maxCodes.
	codeOther = "other"
)

// NewHistogram makes a histogram of latencies in microseconds.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, highestLatency.Microseconds(), significantDigits)
}

// Note adds a latency to a histogram.
func Note(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d, time.Microsecond), highestLatency).Microseconds()) // now within its range
}

// Quantile is the latency that a share q (0 to 1) of the requests stay within; 0 where there were none.
func Quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	if h.TotalCount() == 0 {
		return 0
	}
	return time.Duration(h.ValueAtQuantile(100*q)) * time.Microsecond
}

// tally is what some requests were like.
type tally struct {
	latency *hdrhistogram.Histogram
	lag     *hdrhistogram.Histogram
	failed  int64
	codes   map[string]int64
	example map[string]string // of each code
	kinds   []*hdrhistogram.Histogram
}

func newTally(kinds int) *tally {
	t := &tally{latency: NewHistogram(), lag: NewHistogram(), codes: make(map[string]int64),
		example: make(map[string]string)}
	for range kinds {
		t.kinds = append(t.kinds, NewHistogram())
	}
	return t
}

// drain moves what is in from into t.
func (t *tally) drain(from *tally) {
	t.latency.Merge(from.latency)
	t.lag.Merge(from.lag)
	t.failed += from.failed
	for code, n := range from.codes {
		t.codes[code] += n
	}
	for code, text := range from.example {
		if t.example[code] == "" {
			t.example[code] = text
		}
	}
	for i, kind := range from.kinds {
		t.kinds[i].Merge(kind)
		kind.Reset()
	}
	from.latency.Reset()
	from.lag.Reset()
	from.failed = 0
	clear(from.codes)
	clear(from.example)
}

// recorder takes notes from many workers at once.
type recorder struct {
	parts [recorders]struct {
		mu sync.Mutex
		*tally
	}
	code func(error) string
	kind func(n int64) int
}

func newRecorder(o Options) *recorder {
	r := &recorder{code: o.Code, kind: o.Kind}
	for i := range r.parts {
		r.parts[i].tally = newTally(o.Kinds)
	}
	return r
}

// note records request n. A negative lag is none of the generator's.
func (r *recorder) note(worker int, n int64, latency, lag time.Duration, err error) {
	part := &r.parts[worker%recorders]
	part.mu.Lock()
	defer part.mu.Unlock()
	Note(part.latency, latency)
	if lag >= 0 {
		Note(part.lag, lag)
	}
	if len(part.kinds) > 0 {
		Note(part.kinds[r.kind(n)], latency)
	}
	if err == nil {
		return
	}
	part.failed++
	code := r.code(err)
	if _, known := part.codes[code]; !known && len(part.codes) >= maxCodes {
		code = codeOther
	}
	part.codes[code]++
	if part.example[code] == "" {
		part.example[code] = err.Error()
	}
}

// collect moves everything noted since the last time into t.
func (r *recorder) collect(t *tally) {
	for i := range r.parts {
		part := &r.parts[i]
		part.mu.Lock()
		t.drain(part.tally)
		part.mu.Unlock()
	}
}

// Point is a moment of a run.
type Point struct {
	At        time.Duration // end of the interval, from the start of the run
	PerSecond float64       // requests answered without an error
	P50, P99  time.Duration
	Max       time.Duration
	Errors    int64
}

// Result is what a run was like.
type Result struct {
	Closed  bool          // a closed loop
	Elapsed time.Duration // until the last answer
	Done    int64         // requests answered, errors included
	Errors  int64
	Codes   map[string]int64  // errors by code
	Example map[string]string // the first error of each code
	Latency *hdrhistogram.Histogram
	Lag     *hdrhistogram.Histogram // the generator's own, open loop only
	Waited  int64                   // requests that found all places taken when they were due
	Unsent  int64                   // requests that were due and never left, because no place became free
	Series  []Point
	Kinds   []*hdrhistogram.Histogram // latencies by kind, where the options tell kinds apart
	CPU     time.Duration             // processor time that this process used meanwhile, for all that it did
}

// PerSecond is how many requests were answered without an error.
func (r Result) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Done-r.Errors) / r.Elapsed.Seconds()
}

// Quantile is the latency that a share q of the requests stay within.
func (r Result) Quantile(q float64) time.Duration { return Quantile(r.Latency, q) }
