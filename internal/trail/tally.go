package trail

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"
)

// Bounds of a Tally.
const (
	tallyInterval = time.Minute
	// maxTallied is how many lines an interval has at most; whatever more happens is counted together, by Others.
	maxTallied = 50
	flushTime  = 10 * time.Second // for writing them when the process ends
)

// Others stands for those whom a Tally does not name, because there are too many.
const Others = "others"

// Appender is what a Tally needs of a Trail.
type Appender interface {
	Append(ctx context.Context, r Record) error
}

// Tally is for what strangers may do at any rate: it counts, and a minute of it is at most maxTallied records and a
// few, with {"count":…,"since":…} as their detail. What it cannot write it writes a minute later. It is safe for
// concurrent use.
type Tally struct {
	trail Appender
	log   *slog.Logger
	now   func() time.Time

	mu     sync.Mutex
	since  time.Time // of what is counted
	counts map[tallied]int64
}

// tallied is what is counted together.
type tallied struct{ actor, action, outcome string }

// NewTally makes a Tally. Its Run writes what it counts.
func NewTally(t Appender, log *slog.Logger, now func() time.Time) *Tally {
	return &Tally{trail: t, log: log, now: now, since: now(), counts: map[tallied]int64{}}
}

// Add counts what somebody did, so many times. None of the texts may come from whoever is counted, but actor as an
// address.
func (t *Tally) Add(actor, action, outcome string, times int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tallied{actor, action, outcome}
	if _, known := t.counts[key]; !known && len(t.counts) >= maxTallied {
		key.actor = Others // of so many actions and outcomes as there are
	}
	t.counts[key] += int64(times)
}

// Run writes what was counted, once a minute and when the context ends, until then.
func (t *Tally) Run(ctx context.Context) {
	every := time.NewTicker(tallyInterval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			t.Flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
			defer cancel()
			t.Flush(last)
			return
		}
	}
}

// Flush writes what was counted since the last time. What cannot be written is counted on.
func (t *Tally) Flush(ctx context.Context) {
	t.mu.Lock()
	counts, since := t.counts, t.since
	t.counts, t.since = map[tallied]int64{}, t.now()
	t.mu.Unlock()
	for key, count := range counts {
		detail, _ := json.Marshal(struct { // of a number and a time: never fails
			Count int64  `json:"count"`
			Since string `json:"since"`
		}{count, since.UTC().Format(time.RFC3339)})
		err := t.trail.Append(ctx, Record{Actor: key.actor, Action: key.action, Outcome: key.outcome,
			Detail: string(detail)})
		if err != nil {
			t.log.Warn("what strangers did could not be recorded yet", "actor", key.actor, "action", key.action,
				"outcome", key.outcome, "count", count, "error", err)
			t.Add(key.actor, key.action, key.outcome, int(count))
		}
	}
}
