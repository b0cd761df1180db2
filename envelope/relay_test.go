package envelope_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// event is what listeners are told, with the fields that a test looks at.
type event struct {
	Type     string `json:"type"`
	Envelope string `json:"envelope_id"`
	User     string `json:"user_id"`
	Amount   int64  `json:"amount"`
	Refunded int64  `json:"refunded"`
	Total    int64  `json:"total"`
	Best     struct {
		User   string `json:"user_id"`
		Amount int64  `json:"amount"`
	} `json:"best"`
}

// listener collects what is published to a group.
type listener struct {
	mu     sync.Mutex
	events []event
}

func listen(t *testing.T, s *app.App, group string) *listener {
	t.Helper()
	l := &listener{}
	stop, err := s.Bus.Listen(t.Context(), ledger.GroupTopic(group), func(b push.Batch) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, raw := range b.Events {
			var e event
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Errorf("event %s: %v", raw, err)
			}
			l.events = append(l.events, e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return l
}

// types are the kinds of events about an envelope, in order.
func (l *listener) types(id int64) (types []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Envelope == strconv.FormatInt(id, 10) {
			types = append(types, e.Type)
		}
	}
	return types
}

func (l *listener) last(kind string) event {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range slices.Backward(l.events) {
		if e.Type == kind {
			return e
		}
	}
	return event{}
}

func TestTheGroupHearsWhatHappens(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.Limits.OpenFor = 2 * time.Second })
	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol")
	l := listen(t, s, "g")
	workers, err := membership.New(s.Redis, membership.Config{Key: "workers", Worker: "w",
		Partitions: s.Buckets.Shards}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	stop := apptest.Start(t, func(ctx context.Context) { s.Work(ctx, workers) })
	defer stop()

	drained := send(t, s, "alice", order("drained", 300, 2))
	luck := []envelope.Take{grab(t, s, "bob", drained.ID).Take, grab(t, s, "carol", drained.ID).Take}
	apptest.Until(t, "the group hears that it is drained", func() bool {
		return slices.Equal(l.types(drained.ID), []string{"envelope.sent", "envelope.grabbed", "envelope.grabbed",
			"envelope.drained"})
	})
	best := luck[0]
	if luck[1].Minor > luck[0].Minor {
		best = luck[1]
	}
	if got := l.last("envelope.drained").Best; got.User != best.User || got.Amount != best.Minor {
		t.Errorf("best luck %+v, want %+v", got, best)
	}

	refunded := send(t, s, "alice", order("refunded", 200, 2))
	taken := grab(t, s, "bob", refunded.ID).Take.Minor
	apptest.Until(t, "the group hears of the refund", func() bool {
		return slices.Equal(l.types(refunded.ID), []string{"envelope.sent", "envelope.grabbed", "envelope.refunded"})
	})
	if got := l.last("envelope.refunded").Refunded; got != 200-taken {
		t.Errorf("refunded %d, want %d", got, 200-taken)
	}
	v, err := s.Envelopes.Get(t.Context(), "bob", refunded.ID)
	if err != nil || v.State != envelope.StateExpired || v.Refunded != 200-taken || !v.Revealed {
		t.Errorf("view: %s, refunded %d, revealed %t, %v", v.State, v.Refunded, v.Revealed, err)
	}
	checkRevealed(t, v)
	if g := grab(t, s, "carol", refunded.ID); g.Outcome != envelope.Expired {
		t.Errorf("a late grab: %s", g.Outcome)
	}
	if g := grab(t, s, "bob", refunded.ID); g.Outcome != envelope.AlreadyWon || g.Take.Minor != taken {
		t.Errorf("a late repeat: %+v", g)
	}
	apptest.Until(t, "the credits arrive", func() bool {
		return apptest.Balance(t, s,
			"bob") == 1000+luck[0].Minor+taken
	})
	apptest.MustBalance(t, s)
}
