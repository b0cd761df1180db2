package transfer_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
)

// An offer that expires while it is accepted: exactly one wins, 1,000 times, and the money is where the winner says.
// The time is over between the two calls or before both.
func TestExpiryRacesAcceptance(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	const rounds = 1000
	if _, err := r.Wallets.TopUp(t.Context(), "alice", "more", 100*rounds, "CNY"); err != nil {
		t.Fatal(err)
	}
	duePass := transfer.NewDuePass(r.Ledger, apptest.Quiet())
	arrived, expired := 0, 0
	for round := range rounds {
		x := r.offer("alice", "bob", "now")
		shard, _ := r.Ledger.ShardOf(x.ID)
		var moved int
		var acceptErr error
		var both sync.WaitGroup
		start := make(chan struct{})
		both.Go(func() {
			<-start
			_, acceptErr = r.Transfers.Accept(t.Context(), "bob", x.ID)
		})
		both.Go(func() {
			<-start
			r.skipLater(25*time.Hour, x.ID, round)
			var err error
			if _, moved, err = duePass.Pass(t.Context(), shard); err != nil {
				t.Errorf("due pass: %v", err)
			}
		})
		close(start)
		both.Wait()
		end, err := r.Transfers.Get(t.Context(), "bob", x.ID)
		if err != nil {
			t.Fatal(err)
		}
		switch code := refusal.CodeOf(acceptErr); {
		case acceptErr == nil && moved == 0 && end.State == transfer.StateArrived:
			arrived++
		case code == transfer.CodeExpired && moved == 1 && end.State == transfer.StateExpired:
			expired++
		default:
			t.Fatalf("accept: %v, %d expired, and it is %s", acceptErr, moved, end.State)
		}
	}
	t.Logf("%d arrived, %d expired", arrived, expired)
	if arrived == 0 || expired == 0 {
		t.Errorf("%d arrived, %d expired: there was no race", arrived, expired)
	}
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": int64(apptest.Funds + 100*rounds - 100*arrived),
		"bob": int64(apptest.Funds + 100*arrived)})
}

// skipLater moves the clock after some look-ups, another number in each round, so that it is moved before, amid and
// after what a call beside it does.
func (r *rig) skipLater(d time.Duration, id int64, round int) {
	const most = 8
	for range round % most {
		if _, err := r.Transfers.Get(r.T.Context(), "bob", id); err != nil {
			r.T.Error(err)
		}
	}
	r.Clock.Skip(d)
}

// Likewise an arrival that is called back.
func TestRecallRacesArrival(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	const rounds = 200
	if _, err := r.Wallets.TopUp(t.Context(), "alice", "more", 100*rounds, "CNY"); err != nil {
		t.Fatal(err)
	}
	duePass := transfer.NewDuePass(r.Ledger, apptest.Quiet())
	arrived, recalled := 0, 0
	for round := range rounds {
		x := r.offer("alice", "bob", "2h")
		accept(r, x.ID)
		shard, _ := r.Ledger.ShardOf(x.ID)
		var moved int
		var recallErr error
		var both sync.WaitGroup
		both.Go(func() { _, recallErr = r.Transfers.Recall(t.Context(), "alice", x.ID) })
		both.Go(func() {
			r.skipLater(3*time.Hour, x.ID, round)
			var err error
			if _, moved, err = duePass.Pass(t.Context(), shard); err != nil {
				t.Errorf("due pass: %v", err)
			}
		})
		both.Wait()
		switch code := refusal.CodeOf(recallErr); {
		case recallErr == nil && moved == 0:
			recalled++
		case code == transfer.CodeAlreadyArrived && moved == 1:
			arrived++
		default:
			t.Fatalf("recall: %v, %d arrived", recallErr, moved)
		}
	}
	t.Logf("%d arrived, %d recalled", arrived, recalled)
	if arrived == 0 || recalled == 0 {
		t.Errorf("%d arrived, %d recalled: there was no race", arrived, recalled)
	}
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": int64(apptest.Funds + 100*rounds - 100*arrived),
		"bob": int64(apptest.Funds + 100*arrived)})
}

// Two processes with four due passes expire and arrive the same transfers: each step is made, told and counted once.
func TestTwoWorkersOnTheSameTransfers(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	const each = 40
	for range each {
		r.offer("alice", "bob", "now")
		accept(r, r.offer("alice", "bob", "2h").ID)
	}
	cfg := r.Config()
	other := apptest.Open(t, cfg)
	r.Clock.Skip(25 * time.Hour)
	var moved atomic.Int64
	var all sync.WaitGroup
	for _, s := range []*app.App{r.App, other, r.App, other} {
		duePass := transfer.NewDuePass(s.Ledger, apptest.Quiet())
		all.Go(func() {
			for shard := range s.Buckets.Shards {
				for n := 1; n > 0; {
					var err error
					if _, n, err = duePass.Pass(t.Context(), shard); err != nil {
						t.Errorf("due pass: %v", err)
					}
					moved.Add(int64(n))
				}
			}
		})
	}
	all.Wait()
	if moved.Load() != 2*each {
		t.Errorf("%d steps were made of %d transfers", moved.Load(), 2*each)
	}
	l := &apptest.Recorder{}
	r.Publish(l)
	counts := map[string]int{}
	for _, kind := range l.Types("user:bob") {
		counts[kind]++
	}
	if counts["transfer.expired"] != each || counts["transfer.arrived"] != each {
		t.Errorf("bob heard %v", counts)
	}
	r.MustBalance()
	r.WantBalances(map[string]int64{"alice": apptest.Funds - 100*each, "bob": apptest.Funds + 100*each})
}

// Everybody does everything at once to the same transfer: one thing happens.
func TestEverythingAtOnce(t *testing.T) {
	r := newRig(t, nil, "alice", "bob")
	for range 30 {
		x := r.offer("alice", "bob", "now")
		var done atomic.Int64
		var all sync.WaitGroup
		for range 3 {
			for _, call := range []func() (transfer.Transfer, error){
				func() (transfer.Transfer, error) { return r.Transfers.Accept(t.Context(), "bob", x.ID) },
				func() (transfer.Transfer, error) { return r.Transfers.Decline(t.Context(), "bob", x.ID) },
				func() (transfer.Transfer, error) { return r.Transfers.Recall(t.Context(), "alice", x.ID) },
			} {
				all.Go(func() {
					if _, err := call(); err == nil {
						done.Add(1)
					} else if refusal.CodeOf(err) == "" {
						t.Errorf("%v", err)
					}
				})
			}
		}
		all.Wait()
		if done.Load() != 1 {
			t.Errorf("%d calls succeeded", done.Load())
		}
	}
	r.MustBalance()
	if sum := r.Balance("alice") + r.Balance("bob"); sum != 2*apptest.Funds {
		t.Errorf("together they have %d, want %d", sum, 2*apptest.Funds)
	}
}
