package load

import (
	"math"
	"testing"
	"time"
)

func all(s *Schedule) (dues []time.Duration) {
	for {
		due, ok := s.Next()
		if !ok {
			return dues
		}
		dues = append(dues, due)
	}
}

func TestEvenSpreadsEvenly(t *testing.T) {
	dues := all(Even(Segment{For: time.Second, Rate: 4}, Segment{For: time.Second, Rate: 0},
		Segment{For: 500 * time.Millisecond, Rate: 10}))
	ms := time.Millisecond
	want := []time.Duration{0, 250 * ms, 500 * ms, 750 * ms, 2000 * ms, 2100 * ms, 2200 * ms, 2300 * ms, 2400 * ms}
	if len(dues) != len(want) {
		t.Fatalf("%v", dues)
	}
	for i := range want {
		if dues[i].Round(time.Microsecond) != want[i] {
			t.Errorf("request %d is due at %v, not %v", i, dues[i], want[i])
		}
	}
}

// A request whose turn falls behind a segment comes in the next one, so a rate that changes loses and gains nothing.
func TestEvenCarriesFractionsOver(t *testing.T) {
	s := Even(Segment{For: 100 * time.Millisecond, Rate: 5}, Segment{For: time.Second, Rate: 5})
	if n := len(all(s)); n != 6 {
		t.Errorf("%d requests", n)
	}
	var segments []Segment
	for range 1000 {
		segments = append(segments, Segment{For: time.Millisecond, Rate: 500})
	}
	if n := len(all(Even(segments...))); n != 500 {
		t.Errorf("%d requests of 500", n)
	}
}

func TestPoissonIsRandomAroundItsRate(t *testing.T) {
	const rate, seconds = 10_000, 10
	dues := all(Poisson(1, Segment{For: seconds * time.Second, Rate: rate}))
	// The number has a standard deviation of √100,000 = 316.
	if off := math.Abs(float64(len(dues)) - rate*seconds); off > 4*316 {
		t.Errorf("%d requests", len(dues))
	}
	// The gaps are exponential: as much deviation as mean.
	var sum, squares float64
	last := time.Duration(0)
	for _, due := range dues {
		if due < last {
			t.Fatal("a request is due before the one before it")
		}
		gap := (due - last).Seconds()
		sum, squares, last = sum+gap, squares+gap*gap, due
	}
	mean := sum / float64(len(dues))
	deviation := math.Sqrt(squares/float64(len(dues)) - mean*mean)
	if ratio := deviation / mean; ratio < .97 || ratio > 1.03 {
		t.Errorf("deviation is %.3f of the mean gap", ratio)
	}
	again := all(Poisson(1, Segment{For: seconds * time.Second, Rate: rate}))
	if len(again) != len(dues) || again[777] != dues[777] {
		t.Error("the same seed gave another schedule")
	}
}
