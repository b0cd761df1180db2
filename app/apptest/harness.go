package apptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/push"
)

// Funds is what each user of a Harness has in CNY, in minor units.
const Funds = 10_000

// ErrDied is what a part that a test lets die answers.
var ErrDied = errors.New("the process died here")

// Clock is the time by which a test's installation lives.
type Clock struct{ ahead atomic.Int64 }

// Now is the time of day, moved by what was skipped.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Skip moves the clock.
func (c *Clock) Skip(d time.Duration) { c.ahead.Add(int64(d)) }

// Harness is an installation without workers, whose passes a test makes itself.
type Harness struct {
	*app.App
	T     testing.TB
	Clock *Clock
	calls int
}

// NewHarness opens an installation whose users are in group "g" and have Funds.
func NewHarness(t testing.TB, change func(*app.Config), users ...string) *Harness {
	t.Helper()
	h := &Harness{T: t, Clock: &Clock{}}
	h.App = New(t, func(c *app.Config) {
		c.Now, c.Clock = h.Clock.Now, h.Clock.Now
		if change != nil {
			change(c)
		}
	})
	Fund(t, h.App, "g", Funds, users...)
	return h
}

// Quiet is a log for parts whose failures are the test's purpose.
func Quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// RequestID is one that the test has not used.
func (h *Harness) RequestID() string {
	h.calls++
	return fmt.Sprintf("request-%d", h.calls)
}

// Elsewhere is a user on another shard than another one.
func (h *Harness) Elsewhere(other string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("user-%d", i); h.Cluster.ForUser(name) != h.Cluster.ForUser(other) {
			return name
		}
	}
}

// TopUp gives a user money.
func (h *Harness) TopUp(user string, minor int64) {
	h.T.Helper()
	if _, err := h.Wallets.TopUp(h.T.Context(), user, h.RequestID(), minor, "CNY"); err != nil {
		h.T.Fatal(err)
	}
}

// Empty takes all that a user has out.
func (h *Harness) Empty(user string) {
	h.T.Helper()
	h.Deliver()
	if has := h.Balance(user); has > 0 {
		if _, err := h.Wallets.Withdraw(h.T.Context(), user, h.RequestID(), has, "CNY"); err != nil {
			h.T.Fatal(err)
		}
	}
}

// Deliver brings all credits and index entries to their shards.
func (h *Harness) Deliver() {
	h.T.Helper()
	Settle(h.T, h.App)
}

// Balance is what a user has in CNY.
func (h *Harness) Balance(user string) int64 { return Balance(h.T, h.App, user) }

// WantBalances compares what users have.
func (h *Harness) WantBalances(want map[string]int64) {
	h.T.Helper()
	for user, minor := range want {
		if got := h.Balance(user); got != minor {
			h.T.Errorf("%s has %d, want %d", user, got, minor)
		}
	}
}

// MustBalance delivers everything and audits the books.
func (h *Harness) MustBalance() {
	h.T.Helper()
	h.Deliver()
	MustBalance(h.T, h.App)
}

// Pass makes one pass of a background job on each shard, and returns what all of them did.
func (h *Harness) Pass(pass func(ctx context.Context, shard int) (done int, err error)) (all int) {
	h.T.Helper()
	for _, shard := range h.Cluster.All() {
		n, err := pass(h.T.Context(), shard)
		if err != nil {
			h.T.Errorf("a pass over shard %d: %v", shard, err)
		}
		all += n
	}
	return all
}

// WantCode compares the code of a refusal; "" wants no error.
func WantCode(t testing.TB, what string, err error, code string) {
	t.Helper()
	if got := refusal.CodeOf(err); got != code || code == "" && err != nil {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// Must is v, where there is no error.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Work runs a worker until the test ends.
func (h *Harness) Work() {
	h.T.Helper()
	worker, err := membership.New(h.Redis, membership.Config{Key: "workers", Worker: "w", Partitions: h.Buckets.Shards},
		Quiet())
	if err != nil {
		h.T.Fatal(err)
	}
	h.T.Cleanup(Start(h.T, func(ctx context.Context) { h.App.Work(ctx, worker) }))
}

// Listen hears a topic of the installation's bus.
func (h *Harness) Listen(topic string) *Recorder {
	h.T.Helper()
	r := &Recorder{}
	stop, err := h.Bus.Listen(h.T.Context(), topic, func(b push.Batch) {
		events := make([][]byte, len(b.Events))
		for i, e := range b.Events {
			events[i] = json.RawMessage(e)
		}
		_ = r.Publish(context.Background(), b.Topic, events) // it never fails
	})
	if err != nil {
		h.T.Fatal(err)
	}
	h.T.Cleanup(stop)
	return r
}

// Heard waits until a recorder has heard events of these types, in any number.
func (h *Harness) Heard(r *Recorder, topic string, types ...string) {
	h.T.Helper()
	Until(h.T, fmt.Sprintf("%s hears %v, having heard %v", topic, types, r.Types(topic)), func() bool {
		heard := r.Types(topic)
		return !slices.ContainsFunc(types, func(want string) bool { return !slices.Contains(heard, want) })
	})
}

// Publish hands all events that wait to a recorder. Those that it refuses go on waiting.
func (h *Harness) Publish(r *Recorder) {
	h.T.Helper()
	publisher := outbox.NewPublisher(h.Ledger.Outbox(), r, Quiet())
	for _, shard := range h.Cluster.All() {
		for n := 1; n > 0; {
			var err error
			if n, err = publisher.Pass(h.T.Context(), shard); err != nil && !errors.Is(err, ErrDied) {
				h.T.Fatal(err)
			}
		}
	}
}

// WantEvents hands out all events that wait, and compares the types of those of a topic.
func (h *Harness) WantEvents(topic string, want ...string) {
	h.T.Helper()
	r := &Recorder{}
	h.Publish(r)
	if got := r.Types(topic); !slices.Equal(got, want) {
		h.T.Errorf("%s heard %v, want %v", topic, got, want)
	}
}

// Recorder is a broker that remembers what was published.
type Recorder struct {
	mu     sync.Mutex
	events map[string][]map[string]any // by topic
	away   bool
}

// SetAway lets it refuse everything with ErrDied, or no longer.
func (r *Recorder) SetAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

// Publish implements outbox.Broker.
func (r *Recorder) Publish(_ context.Context, topic string, events [][]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return ErrDied
	}
	if r.events == nil {
		r.events = map[string][]map[string]any{}
	}
	for _, e := range events {
		var event map[string]any
		if err := json.Unmarshal(e, &event); err != nil {
			return err
		}
		r.events[topic] = append(r.events[topic], event)
	}
	return nil
}

// Events are those of a topic, in their order.
func (r *Recorder) Events(topic string) []map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events[topic])
}

// Types are the types of the events of a topic, in their order.
func (r *Recorder) Types(topic string) (types []string) {
	for _, e := range r.Events(topic) {
		types = append(types, e["type"].(string))
	}
	return types
}

// Mortal lets a process die at one of its calls: before the call has done anything, or after it has done all, and
// nobody has heard of it. After that every call of it dies.
type Mortal struct {
	At    string // the name of the call
	After bool
	dead  bool
}

// Call does something under a name, unless the process is dead or dies there.
func (m *Mortal) Call(name string, do func() error) error {
	if m.dead {
		return ErrDied
	}
	if name != m.At {
		return do()
	}
	m.dead = true
	if m.After {
		_ = do() // whatever it answered, nobody hears it
	}
	return ErrDied
}
