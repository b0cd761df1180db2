package transfer_test

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
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
)

// clock is the time by which a test's system lives.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) skip(d time.Duration) { c.ahead.Add(int64(d)) }
func (c *clock) after(d time.Duration) func() time.Time {
	return func() time.Time { return c.now().Add(d) }
}

// rig is an installation without workers: a test makes their passes itself.
type rig struct {
	*app.App
	t     *testing.T
	clock *clock
	calls int
}

// funds is what each user of a rig has in CNY.
const funds = 10_000

// newRig opens an installation whose users are in group "g" and have some money.
func newRig(t *testing.T, change func(*app.Config), users ...string) *rig {
	t.Helper()
	r := &rig{t: t, clock: &clock{}}
	r.System = apptest.New(t, func(c *app.Config) {
		c.Now = r.clock.now
		if change != nil {
			change(c)
		}
	})
	apptest.Fund(t, r.System, "g", funds, users...)
	return r
}

// quiet is a log for parts whose failures are the test's purpose.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// elsewhere is a user on another shard than another one.
func (r *rig) elsewhere(other string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("user-%d", i); r.Cluster.ForUser(name) != r.Cluster.ForUser(other) {
			return name
		}
	}
}

// offer offers 100 CNY cents.
func (r *rig) offer(sender, to, arrives string) transfer.Transfer {
	r.t.Helper()
	r.calls++
	t, err := r.Transfers.Offer(r.t.Context(), sender, transfer.Offer{
		RequestID: fmt.Sprintf("offer-%d", r.calls), To: to, Minor: 100, Currency: "CNY", Note: "午饭", ArrivesIn: arrives,
	})
	if err != nil {
		r.t.Fatalf("offer: %v", err)
	}
	return t
}

// deliver brings all credits and mentions to where they belong.
func (r *rig) deliver() {
	r.t.Helper()
	apptest.Settle(r.t, r.System)
}

// move makes all steps that are due.
func (r *rig) move() (moved int) {
	r.t.Helper()
	return r.moveWith(transfer.NewMover(r.Ledger, r.clock.now, quiet()))
}

func (r *rig) moveWith(m *transfer.Mover) (moved int) {
	r.t.Helper()
	for shard := range r.Buckets.Shards {
		n, err := m.Pass(r.t.Context(), shard)
		if err != nil {
			r.t.Errorf("mover: %v", err)
		}
		moved += n
	}
	return moved
}

func (r *rig) keep() (done int) {
	r.t.Helper()
	keeper := transfer.NewKeeper(r.Collections, quiet())
	for shard := range r.Buckets.Shards {
		n, err := keeper.Pass(r.t.Context(), shard)
		if err != nil {
			r.t.Errorf("keeper: %v", err)
		}
		done += n
	}
	return done
}

func (r *rig) wantBalances(want map[string]int64) {
	r.t.Helper()
	for user, minor := range want {
		if got := apptest.Balance(r.t, r.System, user); got != minor {
			r.t.Errorf("%s has %d, want %d", user, got, minor)
		}
	}
}

// mustBalance delivers everything and audits the books.
func (r *rig) mustBalance() {
	r.t.Helper()
	r.deliver()
	apptest.MustBalance(r.t, r.System)
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if got := refusal.CodeOf(err); got != code || code == "" && err != nil {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// listener is a Publisher that remembers.
type listener struct {
	mu     sync.Mutex
	events map[string][]map[string]any // by topic
	fails  bool
}

var errDied = errors.New("the process died here")

func (l *listener) Publish(_ context.Context, topic string, events [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails {
		return errDied
	}
	if l.events == nil {
		l.events = map[string][]map[string]any{}
	}
	for _, e := range events {
		var event map[string]any
		if err := json.Unmarshal(e, &event); err != nil {
			return err
		}
		l.events[topic] = append(l.events[topic], event)
	}
	return nil
}

// types are the kinds of the events of a topic, in their order.
func (l *listener) types(topic string) (types []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events[topic] {
		types = append(types, e["type"].(string))
	}
	return types
}

// tell publishes all notices.
func (r *rig) tell(l *listener) {
	r.t.Helper()
	herald := transfer.NewHerald(r.Ledger, l, quiet())
	for shard := range r.Buckets.Shards {
		for n := 1; n > 0; {
			var err error
			if n, err = herald.Pass(r.t.Context(), shard); err != nil && !errors.Is(err, errDied) {
				r.t.Fatal(err)
			}
		}
	}
}

func (r *rig) wantEvents(topic string, want ...string) {
	r.t.Helper()
	l := &listener{}
	r.tell(l)
	if got := l.types(topic); !slices.Equal(got, want) {
		r.t.Errorf("%s heard %v, want %v", topic, got, want)
	}
}
