package load

import (
	"math/rand/v2"
	"time"
)

// Segment is a part of a schedule with one rate.
type Segment struct {
	For  time.Duration
	Rate float64 // requests a second; 0 for a pause
}

// Schedule says when requests are due. It is for one run and for one goroutine.
type Schedule struct {
	segments []Segment
	step     func() float64 // to the next request, in requests

	at     int           // the segment
	begins time.Duration // of it
	before float64       // requests due before it
	mass   float64       // of the next request: how many come before it, fractional where random
}

// Even spreads requests evenly over each segment.
func Even(segments ...Segment) *Schedule {
	return &Schedule{segments: segments, step: func() float64 { return 1 }}
}

// Poisson makes requests arrive at random, independent of each other, as those of many people do. The same seed gives
// the same schedule.
func Poisson(seed uint64, segments ...Segment) *Schedule {
	random := rand.New(rand.NewPCG(seed, seed))
	s := &Schedule{segments: segments, step: random.ExpFloat64}
	s.mass = s.step()
	return s
}

// Next returns when the next request is due, counted from the start of the run; ok is false at the end.
func (s *Schedule) Next() (due time.Duration, ok bool) {
	for s.at < len(s.segments) {
		segment := s.segments[s.at]
		within := s.mass - s.before
		if total := segment.Rate * segment.For.Seconds(); within < total {
			s.mass += s.step()
			return s.begins + time.Duration(within/segment.Rate*float64(time.Second)), true
		} else {
			s.before += total
		}
		s.begins += segment.For
		s.at++
	}
	return 0, false
}

// Span is how long the schedule is.
func (s *Schedule) Span() time.Duration {
	var span time.Duration
	for _, segment := range s.segments {
		span += segment.For
	}
	return span
}

// Requests is about how many there will be.
func (s *Schedule) Requests() int64 {
	var n float64
	for _, segment := range s.segments {
		n += segment.Rate * segment.For.Seconds()
	}
	return int64(n)
}
