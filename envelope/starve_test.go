package envelope_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/mempot"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/memledger"
)

// inMemory is one shard with two buckets.
type inMemory struct {
	buckets pots.Buckets
	ledger  *memledger.Ledger
	pots    *mempot.Pots
	now     func() time.Time
	t       *testing.T
	sent    int
}

func newInMemory(t *testing.T, now func() time.Time) *inMemory {
	t.Helper()
	m := &inMemory{buckets: pots.Buckets{Shards: 1, PerShard: 2}, now: now, t: t}
	m.ledger = ledgertest.Must(memledger.New(memledger.Config{Shards: 1, Now: now, NewID: memledger.Count()}))
	m.pots = ledgertest.Must(mempot.New(mempot.Config{Buckets: m.buckets, ShardOf: m.ledger.ShardOf, Now: now,
		After: time.After}))
	ledgertest.OfMemory(t, m.ledger, new(ledgertest.Clock)).TopUp("alice", 10_000_000)
	return m
}

// send sends an envelope, whose pot nobody fills where filled is false.
func (m *inMemory) send(shares int, filled bool) int64 {
	m.t.Helper()
	m.sent++
	var p envelope.Pot = m.pots
	if !filled {
		p = brokenPot{m.pots}
	}
	everybody := members{"alice": true}
	for i := range shares {
		everybody[fmt.Sprint("user", i)] = true
	}
	service := envelope.NewService(m.ledger, p, everybody, nil, envelope.NewMetadata(m.ledger),
		envelope.DefaultLimits(), m.now)
	_, err := service.Send(m.t.Context(), "alice", order(fmt.Sprint("r", m.sent), int64(shares)*10, shares))
	if err != nil && filled || !filled && !errors.Is(err, errDied) {
		m.t.Fatal(err)
	}
	lines := ledgertest.Must(service.ListSent(m.t.Context(), "alice", 0, 1))
	return lines[0].ID
}

// inBucket says which bucket an envelope is in.
func (m *inMemory) inBucket(id int64) int { return m.buckets.Of(0, id) }

// hurried is a ledger that is too slow for more than most posts at a time.
type hurried struct {
	*memledger.Ledger
	most     int
	tooMany  atomic.Int64
	accepted atomic.Int64
}

func (l *hurried) Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
	upTo string) (ledger.PostResult, error) {
	if len(posts) > l.most {
		l.tooMany.Add(1)
		return ledger.PostResult{}, fmt.Errorf("settle: %w", context.DeadlineExceeded)
	}
	r, err := l.Ledger.Settle(ctx, shard, posts, from, upTo)
	l.accepted.Add(int64(r.Posted))
	return r, err
}

// A batch that takes the ledger too long is settled in halves, not the same again and again.
func TestABatchThatTakesTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the pauses of a settler: not with -short")
	}
	m := newInMemory(t, time.Now)
	const shares = 100
	grabbed := 0
	for grabbed < 4*shares { // all in one bucket
		id := m.send(shares, true)
		if m.inBucket(id) != 0 {
			continue
		}
		for i := range shares {
			_, outcome, err := m.pots.Take(t.Context(), id, fmt.Sprint("user", i))
			if err != nil || outcome != envelope.Won {
				t.Fatal(outcome, err)
			}
			grabbed++
		}
	}
	slow := &hurried{Ledger: m.ledger, most: 60}
	settler := envelope.NewSettler(m.pots, m.pots, slow, m.buckets, quiet())
	defer apptest.Start(t, func(ctx context.Context) { settler.Run(ctx, 0, 0) })()
	apptest.Until(t, "all is settled", func() bool { return slow.accepted.Load() == int64(grabbed) })
	if slow.tooMany.Load() == 0 {
		t.Error("no batch was too large")
	}
}

// More envelopes of a lost bucket than one look takes hold up neither the refunds nor the pots of the others.
func TestALostBucketHoldsUpNoOther(t *testing.T) {
	clock := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	m := newInMemory(t, func() time.Time { return clock })
	var unfilled []int64
	lost, kept := 0, 0
	for lost < 250 || kept < 30 {
		if id := m.send(1, true); m.inBucket(id) == 0 {
			lost++
		} else {
			kept++
		}
	}
	for range 20 {
		if id := m.send(1, false); m.inBucket(id) == 1 {
			unfilled = append(unfilled, id)
		}
	}
	if err := m.pots.Lose(0); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Hour)
	filled, err := envelope.NewSweeper(m.pots, m.ledger, m.now, quiet()).All(t.Context(), 0)
	if filled != len(unfilled) || !errors.Is(err, pots.ErrLost) {
		t.Errorf("%d pots were filled, %v; want %d, and to hear of the lost bucket", filled, err, len(unfilled))
	}
	clock = clock.Add(25 * time.Hour)
	refunder := envelope.NewRefunder(m.pots, m.ledger, m.buckets, quiet())
	if _, ended, err := refunder.Pass(t.Context(), 0); ended != kept+len(unfilled) || !errors.Is(err, pots.ErrLost) {
		t.Errorf("%d were refunded, %v; want %d, and to hear of the lost bucket", ended, err, kept+len(unfilled))
	}
}

// hiding is a ledger in which one hold is not committed yet.
type hiding struct {
	*memledger.Ledger
	id atomic.Int64
}

func (l *hiding) OpenHolds(ctx context.Context, shard int, s ledger.Subject, after int64,
	limit int) ([]ledger.Hold, error) {
	holds, err := l.Ledger.OpenHolds(ctx, shard, s, after, limit)
	var seen []ledger.Hold
	for _, h := range holds {
		if h.ID != l.id.Load() {
			seen = append(seen, h)
		}
	}
	return seen, err
}

// A hold that appears below those at which the sweeper has looked is looked at all the same.
func TestAHoldThatAppearsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		m := newInMemory(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
		late, early := m.send(1, false), m.send(1, false)
		if late > early {
			t.Fatal("ids do not ascend")
		}
		l := &hiding{Ledger: m.ledger}
		l.id.Store(late)
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { envelope.NewSweeper(m.pots, l, m.now, quiet()).Run(ctx, 0); close(stopped) }()
		missing := func(after time.Duration) []int64 {
			time.Sleep(after) // virtual
			return ledgertest.Must(m.pots.Missing(t.Context(), []int64{late, early}))
		}
		if got := missing(5 * time.Minute); len(got) != 1 || got[0] != late {
			t.Errorf("missing are %v, want the late one", got)
		}
		l.id.Store(0)
		ahead.Store(int64(10 * time.Minute)) // its clock decides when it goes back
		if got := missing(time.Minute); len(got) != 0 {
			t.Errorf("missing are %v", got)
		}
		stop()
		<-stopped
	})
}
