package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
)

// lagInterval is how often the settle lag is looked at during a load.
const lagInterval = 200 * time.Millisecond

// backlog is what the target has acknowledged and not yet done.
type backlog struct{ shards []*operatorapi.ShardBacklog }

func (t *Target) backlog() (backlog, error) {
	shards, err := t.ops.Operator.Backlog(context.Background()) // also after Ctrl-C: what was answered is checked
	if err != nil {
		return backlog{}, explainAt(err, "ask for the backlog")
	}
	return backlog{shards}, nil
}

// empty says that every win is a credit.
func (b backlog) empty() bool {
	for _, s := range b.shards {
		if s.SettleEntries > 0 || s.SettleAgeMs > 0 || s.ClearingAgeMs > 0 {
			return false
		}
	}
	return true
}

// relayed says that listeners were sent everything.
func (b backlog) relayed() bool {
	for _, s := range b.shards {
		if s.RelayEntries > 0 {
			return false
		}
	}
	return true
}

// lag is the age of the oldest win that is not a credit.
func (b backlog) lag() time.Duration {
	var oldest int64
	for _, s := range b.shards {
		oldest = max(oldest, s.SettleAgeMs, s.ClearingAgeMs)
	}
	return time.Duration(oldest) * time.Millisecond
}

// open counts the wins that are not credits, given when the backlog was looked at.
func (b backlog) open(wins []win, at time.Time) (n int64) {
	since := make(map[int64]int64)
	for _, s := range b.shards {
		since[int64(s.Shard)] = at.UnixMilli() - max(s.SettleAgeMs, s.ClearingAgeMs)
	}
	for _, w := range wins {
		if from, ok := since[w.envelope%shardsOfIDs]; ok && w.at > from {
			n++
		}
	}
	return n
}

// lagWatch looks at the settle lag while a load is on.
type lagWatch struct {
	stop    context.CancelFunc
	running sync.WaitGroup
	now     atomic.Int64 // milliseconds
	seen    []report.Lag
}

// watchLag starts looking. A look that fails is left out: the load itself shows what is wrong.
func watchLag(ctx context.Context, t *Target) *lagWatch {
	ctx, cancel := context.WithCancel(ctx)
	w := &lagWatch{stop: cancel}
	began := time.Now()
	w.running.Go(func() {
		ticker := time.NewTicker(lagInterval)
		defer ticker.Stop()
		for {
			if b, err := t.backlog(); err == nil {
				w.now.Store(b.lag().Milliseconds())
				w.seen = append(w.seen, report.Lag{T: time.Since(began).Seconds(), Ms: float64(b.lag().Milliseconds())})
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return w
}

// end stops looking and returns what was seen.
func (w *lagWatch) end() []report.Lag {
	w.stop()
	w.running.Wait()
	return w.seen
}

// lag is what was seen last.
func (w *lagWatch) lag() time.Duration { return time.Duration(w.now.Load()) * time.Millisecond }
