package envelope_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// TestRedisGoesBack has a real Redis lose its newest writes, as a replica without the tail does that takes over.
func TestRedisGoesBack(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.Log = quiet() })
	apptest.Fund(t, s, "g", 1_000_000, "alice", "bob", "carol", "dave")
	for _, test := range []struct {
		name string
		run  func(*testing.T, *app.App)
	}{
		{"somebody wins a share that was paid already", testTailLost},
		{"nobody grabs any more", testTailLostAndQuiet},
		{"between a settler's read and its commit", testBackBeforeCommit},
		{"between a settler's commit and its acknowledgement", testBackBeforeAcknowledge},
		{"while a settler stands still", testPausedSettler},
		{"and then back behind the rebuild", testBackTwice},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
	apptest.MustBalanceBut(t, s, ledger.AuditRejection)
}

var requests atomic.Int64

func nextRequest() string { return fmt.Sprint("epoch-", requests.Add(1)) }

// b wins and is paid. Redis forgets that, and c is told to have won the same share.
func testTailLost(t *testing.T, s *app.App) {
	e := send(t, s, "alice", order(nextRequest(), 600, 3))
	restore := apptest.CopyRedis(t, s)
	bobs := grab(t, s, "bob", e.ID)
	apptest.Settle(t, s)
	restore()
	carols := grab(t, s, "carol", e.ID)
	if carols.Outcome != envelope.Won || carols.Take.Share != bobs.Take.Share {
		t.Fatalf("carol has %+v, bob %+v: they should have the same share", carols, bobs)
	}
	if err := s.Drain(t.Context()); !errors.Is(err, pots.ErrLost) {
		t.Errorf("a settler of a log that went back: %v", err)
	}
	if _, err := s.Envelopes.Grab(t.Context(), "dave", e.ID); !errors.Is(err, pots.ErrLost) {
		t.Errorf("a grab in a bucket that went back: %v", err)
	}
	rebuilt(t, s, 1)
	if again := grab(t, s, "bob", e.ID); again.Outcome != envelope.AlreadyWon || again.Take != bobs.Take {
		t.Errorf("bob has %+v, and had %+v", again, bobs)
	}
	for _, user := range []string{"carol", "dave"} {
		if g := grab(t, s, user, e.ID); g.Outcome != envelope.Won {
			t.Errorf("%s: %s", user, g.Outcome)
		}
	}
	wantPaid(t, s, e.ID, 600, "bob", "carol", "dave")
}

// The same, and nobody comes by: the rest has to go back all the same.
func testTailLostAndQuiet(t *testing.T, s *app.App) {
	e := send(t, s, "alice", order(nextRequest(), 600, 3))
	restore := apptest.CopyRedis(t, s)
	bobs := grab(t, s, "bob", e.ID)
	apptest.Settle(t, s)
	restore()
	if err := s.Drain(t.Context()); !errors.Is(err, pots.ErrLost) {
		t.Errorf("an idle settler of a log that went back: %v", err)
	}
	rebuilt(t, s, 1)
	apptest.Expire(t, s)
	refunder := envelope.NewRefunder(s.Pots, s.Ledger, s.Buckets, quiet())
	shard, _ := s.Ledger.ShardOf(e.ID)
	if due, ended, err := refunder.Pass(t.Context(), shard); due != ended || err != nil {
		t.Errorf("refunds: %d of %d, %v", ended, due, err)
	}
	wantPaid(t, s, e.ID, bobs.Take.Minor, "bob")
}

// interrupted lets Redis go back at a point of a settler's pass.
type interrupted struct {
	envelope.Log
	envelope.Ledger
	beforeCommit, beforeAcknowledge func()
}

func (i *interrupted) Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
	upTo string) (ledger.PostResult, error) {
	if f := i.beforeCommit; f != nil && len(posts) > 0 {
		i.beforeCommit = nil
		f()
	}
	return i.Ledger.Settle(ctx, shard, posts, from, upTo)
}

func (i *interrupted) Acknowledge(ctx context.Context, bucket int, r pots.Reader, upTo pots.Position) error {
	if f := i.beforeAcknowledge; f != nil {
		i.beforeAcknowledge = nil
		f()
	}
	return i.Log.Acknowledge(ctx, bucket, r, upTo)
}

// pass makes a settler's pass over the bucket of an envelope.
func (i *interrupted) pass(t *testing.T, s *app.App, id int64) error {
	t.Helper()
	shard, _ := s.Ledger.ShardOf(id)
	settler := envelope.NewSettler(i, s.Pots, i, s.Buckets, quiet())
	_, err := settler.Pass(t.Context(), shard, s.Buckets.Of(shard, id), 0)
	return err
}

// What is read before Redis goes back and committed afterwards is paid, and Redis learns of it.
func testBackBeforeCommit(t *testing.T, s *app.App) {
	e := send(t, s, "alice", order(nextRequest(), 600, 3))
	restore := apptest.CopyRedis(t, s)
	grab(t, s, "bob", e.ID)
	i := &interrupted{Log: s.Pots, Ledger: s.Ledger, beforeCommit: restore}
	if err := i.pass(t, s, e.ID); !errors.Is(err, pots.ErrWentBack) {
		t.Errorf("a settler whose log went back before its commit: %v", err)
	}
	rebuilt(t, s, 1)
	for _, user := range []string{"carol", "dave"} {
		grab(t, s, user, e.ID)
	}
	wantPaid(t, s, e.ID, 600, "bob", "carol", "dave")
}

// A new win must not be acknowledged unread because it lies below what a settler has read of a log that is gone.
func testBackBeforeAcknowledge(t *testing.T, s *app.App) {
	e := send(t, s, "alice", order(nextRequest(), 600, 3))
	restore := apptest.CopyRedis(t, s)
	grab(t, s, "bob", e.ID)
	i := &interrupted{Log: s.Pots, Ledger: s.Ledger, beforeAcknowledge: func() {
		restore()
		grab(t, s, "carol", e.ID)
	}}
	if err := i.pass(t, s, e.ID); !errors.Is(err, pots.ErrWentBack) {
		t.Errorf("an acknowledgement of what the log lacks: %v", err)
	}
	rebuilt(t, s, 1)
	for _, user := range []string{"carol", "dave"} {
		grab(t, s, user, e.ID)
	}
	wantPaid(t, s, e.ID, 600, "bob", "carol", "dave")
}

// A settler reads, and stands still for as long as a recovery and more grabs take.
func testPausedSettler(t *testing.T, s *app.App) {
	e := send(t, s, "alice", order(nextRequest(), 600, 3))
	grab(t, s, "bob", e.ID) // whom the loss of Redis costs the win
	i := &interrupted{Log: s.Pots, Ledger: s.Ledger, beforeCommit: func() {
		if err := s.Redis.Do(t.Context(), s.Redis.B().Flushall().Build()).Error(); err != nil {
			t.Fatal(err)
		}
		if recovery, err := s.Recover(t.Context()); err != nil || !recovery.Lost {
			t.Fatalf("recover: %+v, %v", recovery, err)
		}
		if g := grab(t, s, "carol", e.ID); g.Outcome != envelope.Won {
			t.Errorf("carol: %s", g.Outcome)
		}
		apptest.Settle(t, s)
	}}
	if err := i.pass(t, s, e.ID); err != nil {
		t.Errorf("a settler that wakes up: %v", err)
	}
	wantPaid(t, s, e.ID, -1, "carol")
}

// Redis goes back to before it was rebuilt: the epoch is over, and what its log had is paid already.
func testBackTwice(t *testing.T, s *app.App) {
	e := send(t, s, "alice", order(nextRequest(), 600, 3))
	start := apptest.CopyRedis(t, s)
	grab(t, s, "bob", e.ID)
	apptest.Settle(t, s)
	start()
	_ = s.Drain(t.Context())
	rebuilt(t, s, 1)
	grab(t, s, "carol", e.ID)
	apptest.Settle(t, s)
	start()
	if _, err := s.Envelopes.Grab(t.Context(), "dave", e.ID); !errors.Is(err, pots.ErrLost) {
		t.Errorf("a grab in an epoch that is over: %v", err)
	}
	rebuilt(t, s, 1)
	grab(t, s, "dave", e.ID)
	wantPaid(t, s, e.ID, 600, "bob", "carol", "dave")
}

// rebuilt expects that so many buckets have to be rebuilt, none is lost afterwards, and none is rebuilt again.
func rebuilt(t *testing.T, s *app.App, want int) {
	t.Helper()
	for _, want := range []int{want, 0} {
		total := 0
		for _, shard := range s.Cluster.All() {
			done, err := s.Rebuilder().Pass(t.Context(), shard, false)
			if err != nil {
				t.Fatal(err)
			}
			total += done.Buckets
		}
		if total != want {
			t.Errorf("%d buckets were rebuilt, want %d", total, want)
		}
	}
	apptest.Until(t, "the pots are ours", func() bool { return s.PotsHome(t.Context()) == nil })
}

// wantPaid settles, and expects who was paid of an envelope, and how much in all; -1: whatever.
func wantPaid(t *testing.T, s *app.App, id, total int64, users ...string) {
	t.Helper()
	apptest.Settle(t, s)
	h, err := s.Ledger.GetHold(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if total >= 0 && h.Posted != total || total >= 0 && h.Open {
		t.Errorf("posted %d, pending %d; want %d and 0", h.Posted, h.Pending(), total)
	}
	paid, err := s.Ledger.Posts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range paid {
		names[p.Payee] = true
	}
	for _, user := range users {
		if !names[user] {
			t.Errorf("%s was not paid: %+v", user, paid)
		}
	}
	if len(names) != len(users) {
		t.Errorf("paid were %v, want %v", names, users)
	}
}
