package mysqlledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// Two processes make ids for many users: no id comes twice, and each carries its user's shard.
func TestIDs(t *testing.T) {
	c, err := shards.Open(shards.Config{DSNs: []string{"root@unix(/nowhere/mysql.sock)/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seen := map[int64]bool{}
	for _, l := range []*ledgertest.MySQL{ledgertest.OnMySQL(t, c, 0), ledgertest.OnMySQL(t, c, shards.MaxNode)} {
		for i := range 2000 {
			user := fmt.Sprintf("user-%d", i)
			id, err := l.NewID(user)
			shard, ok := l.ShardOf(id)
			if err != nil || seen[id] || !ok || shard != c.ForUser(user) {
				t.Fatalf("id %d of %s: shard %d, %v, %v, seen %v", id, user, shard, ok, err, seen[id])
			}
			seen[id] = true
		}
		for _, id := range []int64{0, -1, 1<<20 | 4, 1<<20 | 1023} {
			if _, ok := l.ShardOf(id); ok {
				t.Errorf("id %d passes for one of ours", id)
			}
		}
	}
}

func TestServerDownIsUnavailable(t *testing.T) {
	c, err := shards.Open(shards.Config{DSNs: []string{"root@unix(/nowhere/mysql.sock)/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := ledgertest.OnMySQL(t, c, 0)
	h := b.Draft("alice", 1)
	ctx, r := t.Context(), ledgertest.Request(t, "r", 1)
	calls := map[string]func() error{
		"Hold":    func() error { _, err := b.Hold(ctx, r, h); return err },
		"Tx":      func() error { return b.Tx(ctx, h.ID, func(ledger.Tx) error { return nil }) },
		"GetHold": func() error { _, err := b.GetHold(ctx, h.ID); return err },
		"Post":    func() error { _, err := b.Post(ctx, 0, []ledger.Post{{Hold: h.ID &^ 1023}}); return err },
		"Void":    func() error { _, _, err := b.Void(ctx, h.ID, 0); return err },
		"Indexed": func() error { _, err := b.Indexed(ctx, "alice", ledgertest.Offer, 0, 1); return err },
		"Cancel":  func() error { _, _, err := b.CancelRequest(ctx, "alice", r); return err },
		"Deliver": func() error { _, err := b.Deliver(ctx, 0); return err },
		"Publish": func() error { _, err := b.Publish(ctx, 0, new(ledgertest.Inbox)); return err },
		"Age":     func() error { _, err := b.Age(ctx, 0); return err },
		"Audit":   func() error { _, err := b.Audit(ctx); return err },
		"Migrate": func() error { return mysqlledger.Migrate(context.Background(), c) },
	}
	for name, call := range calls {
		if err := call(); refusal.CodeOf(err) != refusal.CodeUnavailable {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
}

// Two processes with one node number make the same id: the second hold is an error, and the first stays as it is.
func TestSameIDIsNeverOverwritten(t *testing.T) {
	c := shardstest.New(t, 2)
	one, two := ledgertest.OpenMySQLOn(t, c, 7), ledgertest.OpenMySQLOn(t, c, 7)
	one.TopUp("alice", 1000)
	h := one.Gift("alice", 10, 20)
	other := two.Draft("alice", 500)
	other.ID = h.ID
	if _, err := two.Hold(t.Context(), ledgertest.Request(t, "other", "other"), other); !errors.Is(err,
		mysqlledger.ErrIDExists) {
		t.Errorf("hold with an id that exists: %v, want an error", err)
	}
	if got, err := two.GetHold(t.Context(), h.ID); err != nil || !ledgertest.SameHold(got, h) {
		t.Errorf("the first: %+v, %v", got, err)
	}
	one.WantBalances(map[string]int64{"alice": 970})
	one.WantBalanced(0)
}

// Two hundred requests at once, from two processes: what passes together is what one by one would.
func TestTwoProcessesCannotPassTheLimitTogether(t *testing.T) {
	c := shardstest.New(t, 2)
	books := []*ledgertest.MySQL{ledgertest.OpenMySQLOn(t, c, 1), ledgertest.OpenMySQLOn(t, c, 2)}
	one := books[0]
	one.TopUp("alice", 100_000)
	at := ledgertest.Day("2026-02-16 12:00:00")
	var mu sync.Mutex
	var wg sync.WaitGroup
	held, refused := 0, 0
	for i := range 200 {
		wg.Go(func() {
			_, err := books[i%2].OfferOf(7, 500, cny, at)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				held++
			case refusal.CodeOf(err) == refusal.CodeDailyLimitExceeded:
				refused++
			default:
				t.Errorf("offer: %v", err)
			}
		})
	}
	wg.Wait()
	if held != 71 || refused != 129 {
		t.Errorf("%d held and %d refused, want 71 and 129", held, refused)
	}
	one.WantBalances(map[string]int64{"alice": 100_000 - 71*7})
	one.DeliverAll()
	one.WantBalanced(0)
}

// A request is carried out or cancelled, never both, whoever comes first.
func TestCancelRacesHold(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 2)
	b.TopUp("alice", 100_000)
	ctx := t.Context()
	made, cancelled := 0, 0
	for i := range 100 {
		h := b.Draft("alice", 10)
		r := ledgertest.Must(ledger.OwnRequest(fmt.Sprintf("test:%d", i), "test", i))
		var held ledger.Hold
		var holdErr, cancelErr error
		var id int64
		var ok bool
		var both sync.WaitGroup
		both.Go(func() { held, holdErr = b.HoldWith(ctx, r, h, ledger.HoldOptions{}) })
		both.Go(func() { id, ok, cancelErr = b.CancelRequest(ctx, "alice", r) })
		both.Wait()
		switch {
		case cancelErr == nil && ok && holdErr == nil && held.ID == h.ID && id == h.ID:
			made++
		case cancelErr == nil && !ok && errors.Is(holdErr, ledger.ErrCancelled):
			cancelled++
		default:
			t.Fatalf("hold: %+v, %v; cancelled: %d, %v, %v", held, holdErr, id, ok, cancelErr)
		}
		again, againOK, err := b.CancelRequest(ctx, "alice", r)
		if again != id || againOK != ok || err != nil {
			t.Errorf("cancelled again: %d, %v, %v", again, againOK, err)
		}
		if found, there, err := b.Requested(ctx, "alice", r); there != ok || err != nil || ok && found != id {
			t.Errorf("requested: %d, %v, %v", found, there, err)
		}
	}
	t.Logf("%d made, %d cancelled", made, cancelled)
	if made == 0 || cancelled == 0 {
		t.Errorf("%d made, %d cancelled: there was no race", made, cancelled)
	}
	b.WantBalances(map[string]int64{"alice": int64(100_000 - 10*made)})
	b.WantBalanced(0)
}

// A request that comes again while the first is still on its way waits for that one, and undoes what it did itself.
func TestAClaimWaitsForTheFirst(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 1)
	b.TopUp("alice", 1000)
	ctx, r := t.Context(), ledgertest.Request(t, "r", 1)
	first, again := b.Draft("alice", 10), b.Draft("alice", 10)
	claimed, second := make(chan struct{}), make(chan error, 1)
	go func() {
		<-claimed
		_, err := b.Make(again, ledger.HoldOptions{}) // another request, which is not held up
		second <- errors.Join(err, b.Tx(ctx, again.ID, func(tx ledger.Tx) error {
			return tx.Claim(ctx, "alice", r,
				again.ID)
		}))
	}()
	runs := 0
	err := b.Tx(ctx, first.ID, func(tx ledger.Tx) error {
		if err := tx.Claim(ctx, "alice", r, first.ID); err != nil {
			return err
		}
		if runs++; runs == 1 {
			close(claimed)
		}
		_, err := tx.Hold(ctx, first, ledger.HoldOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before, ok := errors.AsType[*ledger.RepeatedError](<-second)
	if !ok || before.Reference != first.ID {
		t.Errorf("the second: %v", before)
	}
	b.DeliverAll()
	b.WantBalanced(0)
}

// A credit wakes its delivery when it is committed; what others are to read about later does not.
func TestACreditWakesItsDelivery(t *testing.T) {
	b := ledgertest.OpenMySQLOn(t, shardstest.New(t, 1), 0)
	wake := b.Ledger.Outbox().Wake(0, 0)
	woken := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	b.TopUp("alice", 100)
	gift := b.Gift("alice", 10)
	if woken() {
		t.Error("an envelope that was sent wakes the delivery of its entry in an index")
	}
	b.PostAll(ledgertest.Pay(gift, 0, "bob"))
	if !woken() {
		t.Error("a post does not wake the delivery of its credit")
	}
}
