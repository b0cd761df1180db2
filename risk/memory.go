package risk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Memory is Windows in one process. Beyond a number of windows it forgets those that were not asked for longest, which
// gives their subjects a full window again. It is safe for concurrent use.
type Memory struct {
	now func() time.Time
	max int // windows of a generation; 0 for no bound

	mu           sync.Mutex
	young, aging map[windowKey]*window // what is asked for moves to the young; the aging ones are forgotten whole
}

type windowKey struct{ rule, whose, with string }

// window has the claims that a rule counted, oldest first, at most one more than the rule lets pass.
type window []counted

type counted struct {
	id     string
	at     time.Time
	amount ledger.Amount
}

// NewMemory makes a Memory of at most so many windows; 0 for no bound.
func NewMemory(most int, now func() time.Time) *Memory {
	return &Memory{now: now, max: (most + 1) / 2, young: map[windowKey]*window{}, aging: map[windowKey]*window{}}
}

// Take implements Windows.
func (m *Memory) Take(_ context.Context, c Claim, counters []Counter) (Taken, error) {
	return m.take(c, counters, m.now()), nil
}

// take is Take at a time.
func (m *Memory) take(c Claim, counters []Counter, now time.Time) Taken {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := c.ID()
	windows, known := make([]*window, len(counters)), make([]bool, len(counters))
	for i, counter := range counters {
		windows[i] = m.window(counter.Rule, counter.Whose, counter.With)
		windows[i].forget(now.Add(-counter.Window))
		known[i] = windows[i].find(id) >= 0
		if counter.Stops && !known[i] && windows[i].exceeds(counter, c.Amount) {
			return Taken{Exceeded: i}
		}
	}
	taken := Taken{Exceeded: -1}
	for i, counter := range counters {
		if known[i] {
			continue
		}
		w := append(*windows[i], counted{id: id, at: now, amount: c.Amount})
		*windows[i] = w[max(0, len(w)-counter.Count-1):]
		taken.New = true
	}
	return taken
}

// Release implements Windows.
func (m *Memory) Release(_ context.Context, c Claim, counters []Counter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, counter := range counters {
		w := m.window(counter.Rule, counter.Whose, counter.With)
		if i := w.find(c.ID()); i >= 0 {
			*w = append((*w)[:i:i], (*w)[i+1:]...)
		}
	}
	return nil
}

// full says whether a rule would stop a user's next claim of any amount.
func (m *Memory) full(r Rule, user string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.find(windowKey{r.Name, user, ""})
	if !ok {
		return r.Count == 0
	}
	w.forget(now.Add(-r.Window))
	if len(*w) >= r.Count {
		return true
	}
	for currency, most := range r.Amount {
		if w.sum(currency) >= most {
			return true
		}
	}
	return false
}

// window finds or makes a window.
func (m *Memory) window(rule, whose, with string) *window {
	key := windowKey{rule, whose, with}
	if w, ok := m.find(key); ok {
		return w
	}
	w := &window{}
	m.keep(key, w)
	return w
}

func (m *Memory) find(key windowKey) (*window, bool) {
	if w, ok := m.young[key]; ok {
		return w, true
	}
	w, ok := m.aging[key]
	if ok {
		delete(m.aging, key)
		m.keep(key, w)
	}
	return w, ok
}

func (m *Memory) keep(key windowKey, w *window) {
	if m.max > 0 && len(m.young) >= m.max {
		m.young, m.aging = map[windowKey]*window{}, m.young
	}
	m.young[key] = w
}

// forget drops what was counted at a time or before.
func (w *window) forget(until time.Time) {
	n := 0
	for n < len(*w) && !(*w)[n].at.After(until) {
		n++
	}
	*w = (*w)[n:]
}

func (w *window) find(id string) int {
	for i, c := range *w {
		if c.id == id {
			return i
		}
	}
	return -1
}

// exceeds says whether one more claim goes beyond what may pass.
func (w *window) exceeds(c Counter, more ledger.Amount) bool {
	return len(*w) >= c.Count || c.Amount > 0 && w.sum(more.Currency) > c.Amount-more.Minor
}

func (w *window) sum(c ledger.Currency) (sum int64) {
	for _, counted := range *w {
		if counted.amount.Currency == c {
			sum += counted.amount.Minor
		}
	}
	return sum
}

// bound says what a rule lets pass.
func (r Rule) bound(c ledger.Currency) string {
	text := fmt.Sprintf("at most %d in %v", r.Count, r.Window)
	if most := r.Amount[c]; most > 0 {
		text += fmt.Sprintf(", and %d minor units of %s", most, c)
	}
	return text
}
