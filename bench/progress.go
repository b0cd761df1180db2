package bench

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
)

// Progress is told what happens.
type Progress interface {
	Suite(name, about string)                    // a suite begins
	Step(what string)                            // something is done that is not measured
	Load(what string, span time.Duration)        // a load begins
	Point(p load.Point, settleLag time.Duration) // a moment of it
	LoadEnd()
}

// NewProgress shows what happens: on a terminal with a bar, elsewhere in plain lines.
func NewProgress(w io.Writer, terminal bool) Progress {
	if terminal {
		return &barProgress{w: w}
	}
	return &lineProgress{w: w}
}

// moment is a point in words.
func moment(p load.Point, lag time.Duration) string {
	return fmt.Sprintf("%s/s  p99 %s ms  errors %d  settle lag %d ms", report.Count(p.PerSecond),
		report.Short(report.Milliseconds(p.P99)), p.Errors, lag.Milliseconds())
}

// lineEvery is how often a plain line says how a load is going.
const lineEvery = 2 * time.Second

// lineProgress writes plain lines.
type lineProgress struct {
	mu   sync.Mutex
	w    io.Writer
	last time.Duration // at which a line was written
}

func (l *lineProgress) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}

func (l *lineProgress) Suite(name, about string) { l.say("%s: %s", name, about) }
func (l *lineProgress) Step(what string)         { l.say("  %s", what) }

func (l *lineProgress) Load(what string, span time.Duration) {
	l.say("  %s, for %v", what, span)
	l.last = 0
}

func (l *lineProgress) Point(p load.Point, lag time.Duration) {
	if p.At-l.last >= lineEvery {
		l.say("    %4.0f s  %s", p.At.Seconds(), moment(p, lag))
		l.last = p.At
	}
}

func (l *lineProgress) LoadEnd() {}

// barProgress draws a bar for each load, and keeps one line for everything else.
type barProgress struct {
	mu   sync.Mutex
	w    io.Writer
	bar  *progressbar.ProgressBar
	what string
	span time.Duration
}

// clearLine goes back to the beginning of an empty line.
const clearLine = "\r\033[K"

func (b *barProgress) Suite(name, about string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.w, clearLine+"%s: %s\n", name, about)
}

func (b *barProgress) Step(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.w, clearLine+"  %s", what)
}

func (b *barProgress) Load(what string, span time.Duration) {
	const width, refresh = 24, 100 * time.Millisecond
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprint(b.w, clearLine)
	b.what, b.span = what, span
	b.bar = progressbar.NewOptions64(span.Milliseconds(), progressbar.OptionSetWriter(b.w),
		progressbar.OptionSetWidth(width),
		progressbar.OptionSetDescription("  "+what), progressbar.OptionSetPredictTime(
			false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionThrottle(
			refresh), progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionClearOnFinish())
}

func (b *barProgress) Point(p load.Point, lag time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar == nil {
		return
	}
	b.bar.Describe("  " + b.what + "  " + moment(p, lag))
	_ = b.bar.Set64(min(p.At, b.span).Milliseconds()) // a bar that cannot be drawn is no reason to stop
}

func (b *barProgress) LoadEnd() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Finish()
		b.bar = nil
	}
	fmt.Fprint(b.w, clearLine)
}
