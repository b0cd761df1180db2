package bench

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
)

// departure is when a grab left that won.
type departure struct {
	taken
	group int
	at    time.Time
}

// departures are noted by worker.
type departures [][]departure

func (d departures) note(worker int, e int64, share int32, group int, at time.Time) {
	d[worker] = append(d[worker], departure{taken{e, share}, group, at})
}

// delivery is how events reached listeners.
type delivery struct {
	latency   *hdrhistogram.Histogram // from when the grab left until the listener had its event
	delivered int64
	missing   int64 // events that a listener should have had, and was not told that it missed
	twice     int64
	cut       []string // connections that the server ended, and why
	reloads   int64
}

// deliveries compares what listeners heard with what was grabbed.
func deliveries(d departures, l *listeners) delivery {
	left := make(map[taken]time.Time)
	byGroup := make([]int64, len(l.byGroup))
	for _, some := range d {
		for _, one := range some {
			left[one.taken] = one.at
			byGroup[one.group]++
		}
	}
	found := delivery{latency: load.NewHistogram()}
	seen := make(map[taken]bool)
	for _, one := range l.all {
		clear(seen)
		for _, h := range one.heard {
			for _, t := range h.taken {
				at, ours := left[t]
				switch {
				case !ours: // a grab before the load, or one that was not answered
				case seen[t]:
					found.twice++
				default:
					seen[t] = true
					found.delivered++
					load.Note(found.latency, h.at.Sub(at))
				}
			}
		}
		if one.reload {
			found.reloads++
		}
		if one.err != nil {
			found.cut = append(found.cut, one.err.Error())
		}
		if !one.reload && one.err == nil {
			found.missing += byGroup[one.group] - int64(len(seen))
		}
	}
	return found
}

// within is the result of grabs as their listeners had it: late when they were told late, and one that somebody was not
// told of has never left.
func (d delivery) within(r load.Result) load.Result {
	r.Latency = d.latency
	r.Unsent += d.missing + d.reloads + int64(len(d.cut))
	return r
}

// write puts the delivery into the report of a suite.
func (d delivery) write(listeners int, found *report.Suite) {
	found.Figures = append(found.Figures,
		report.Figure{Name: "listeners", Value: float64(listeners)},
		report.Figure{Name: "events delivered", Value: float64(d.delivered)},
		report.Figure{Name: "p50 from grab to event", Value: report.Milliseconds(load.Quantile(d.latency, .5)),
			Unit: "ms"},
		report.Figure{Name: "p99 from grab to event", Value: report.Milliseconds(load.Quantile(d.latency, .99)),
			Unit: "ms"},
		report.Figure{Name: "events delivered twice", Value: float64(d.twice)},
		report.Figure{Name: "listeners told to reload", Value: float64(d.reloads)})
	if d.missing > 0 {
		found.Failures = append(found.Failures, fmt.Sprintf(
			"%d events never reached their listener, who was not told so", d.missing))
	}
	if n := len(d.cut); n > 0 {
		found.Failures = append(found.Failures, fmt.Sprintf("%d of %d connections were cut: %s", n, listeners,
			d.cut[0]))
	}
}
