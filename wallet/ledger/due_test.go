package ledger_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// shelf is ledger.DueHolds in memory: holds of which two expire each second, until they are ended.
type shelf struct {
	mu     sync.Mutex
	holds  []ledger.Hold
	calls  int
	limits []int
	err    error
	now    func() time.Time
}

var epoch = time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)

func newShelf(n int) *shelf {
	s := new(shelf)
	for i := range n {
		s.holds = append(s.holds, ledger.Hold{ID: int64(i + 1), ExpiresAt: epoch.Add(time.Duration(i/2) * time.Second)})
	}
	return s
}

// DueHolds implements ledger.DueHolds.
func (s *shelf) DueHolds(
	_ context.Context, shard int, subject ledger.Subject, after ledger.Hold, limit int,
) (due []ledger.Hold, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; shard != 3 || subject != "gift" {
		return nil, errors.New("another shard or subject was asked for")
	}
	s.limits = append(s.limits, limit)
	for _, h := range s.holds {
		if behind := h.ExpiresAt.Compare(after.ExpiresAt) > 0 || h.ExpiresAt.Equal(after.ExpiresAt) &&
			h.ID > after.ID; behind || after.ID == 0 {
			if !h.ExpiresAt.After(s.now()) && len(due) < limit {
				due = append(due, h)
			}
		}
	}
	return due, s.err
}

// end takes a hold off the shelf, and returns how many are left.
func (s *shelf) end(h ledger.Hold) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = slices.DeleteFunc(s.holds, func(o ledger.Hold) bool { return o.ID == h.ID })
	return len(s.holds)
}

func duePass(s *shelf, now time.Time, end func(ledger.Hold) (bool, error)) *ledger.DuePass {
	s.now = func() time.Time { return now }
	return &ledger.DuePass{
		Name: "test", Holds: s, Subject: "gift", Log: slog.New(slog.DiscardHandler),
		End: func(_ context.Context, h ledger.Hold) (bool, error) { return end(h) },
	}
}

// A pass looks at everything that is due, page by page, once, and at nothing else.
func TestDuePassLooksAtAllThatIsDue(t *testing.T) {
	s := newShelf(1000)
	var mu sync.Mutex
	seen := map[int64]int{}
	p := duePass(s, epoch.Add(225*time.Second), func(h ledger.Hold) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		seen[h.ID]++
		return h.ID%3 > 0, nil // some cannot be ended yet, and stay where they are
	})
	due, ended, err := p.Pass(t.Context(), 3)
	if due != 452 || ended != 302 || err != nil || len(seen) != 452 {
		t.Errorf("%d due, %d ended, %v, %d seen; want 452, 302 and 452", due, ended, err, len(seen))
	}
	for id, n := range seen {
		if n != 1 || id > 452 {
			t.Errorf("hold %d was looked at %d times", id, n)
		}
	}
	if s.calls != 3 || slices.Max(s.limits) != 200 {
		t.Errorf("%d reads of at most %v", s.calls, s.limits)
	}
}

// One that fails does not hold up the others, and its error is told.
func TestDuePassGoesOnAfterAFailure(t *testing.T) {
	broken := errors.New("broken")
	p := duePass(newShelf(500), epoch.Add(time.Hour), func(h ledger.Hold) (bool, error) {
		if h.ID == 7 {
			return false, broken
		}
		return true, nil
	})
	if due, ended, err := p.Pass(t.Context(), 3); due != 500 || ended != 499 || !errors.Is(err, broken) {
		t.Errorf("%d due, %d ended, %v", due, ended, err)
	}
}

// What every hold would meet ends the pass: a ledger that cannot be reached, and what the product says is such.
func TestDuePassStopsWhereNothingCanBeDone(t *testing.T) {
	away := errors.New("somebody else is away")
	for what, line := range map[string]struct {
		err  error
		away func(error) bool
		due  int
	}{
		"unavailable":          {refusal.New(refusal.CodeUnavailable, "not now"), nil, 200},
		"the product's own":    {away, func(err error) bool { return errors.Is(err, away) }, 200},
		"one that is not such": {away, nil, 500},
	} {
		p := duePass(newShelf(500), epoch.Add(time.Hour), func(ledger.Hold) (bool, error) { return false, line.err })
		p.Away = line.away
		if due, ended, err := p.Pass(t.Context(), 3); due != line.due || ended != 0 || !errors.Is(err, line.err) {
			t.Errorf("%s: %d due, %d ended, %v", what, due, ended, err)
		}
	}
	s := newShelf(5)
	s.err = away
	p := duePass(s, epoch.Add(time.Hour), func(ledger.Hold) (bool, error) { return true, nil })
	if due, ended, err := p.Pass(t.Context(), 3); due != 0 || ended != 0 || !errors.Is(err, away) {
		t.Errorf("a list that cannot be read: %d due, %d ended, %v", due, ended, err)
	}
}

func TestDuePassStopsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := duePass(newShelf(500), epoch.Add(time.Hour), func(ledger.Hold) (bool, error) { stop(); return true, nil })
	if due, _, err := p.Pass(ctx, 3); due != 200 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d due, %v", due, err)
	}
}

// Run ends what becomes due while it runs, and stops with its context.
func TestDuePassRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, began, empty := newShelf(6), time.Now(), make(chan struct{})
		p := duePass(s, epoch, func(h ledger.Hold) (bool, error) {
			if s.end(h) == 0 {
				close(empty)
			}
			return true, nil
		})
		s.now = func() time.Time { return epoch.Add(time.Since(began)) }
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { p.Run(ctx, 3); close(stopped) }()
		<-empty
		if took := time.Since(began); took < 2*time.Second || took > time.Minute {
			t.Errorf("the last was ended after %v, and was due after 2 s", took)
		}
		stop()
		<-stopped
	})
}
