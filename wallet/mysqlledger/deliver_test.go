package mysqlledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// Eight workers in two processes deliver the same legs at the same time: each is credited once.
func TestConcurrentDuplicateDelivery(t *testing.T) {
	c := shardstest.New(t, 8) // of which two and two share transactions
	one, two := ledgertest.OpenMySQLOn(t, c, 1), ledgertest.OpenMySQLOn(t, c, 2)
	senders := []string{"alice", "bob", "carol", "dave", "erin", "frank"}
	const rounds = 12
	for _, s := range senders {
		one.TopUp(s, 1000)
	}
	for round := range rounds {
		for _, s := range senders {
			h := one.Gift(s, 4, 3, 2, 1)
			for part := range h.Parts { // one batch, and so one outbox row, each
				one.PostAll(ledgertest.Pay(h, part, fmt.Sprintf("user-%d", (round+part)%7)))
			}
		}
	}
	one.WantBalanced(rounds * int64(len(senders)) * 10)
	var wg sync.WaitGroup
	for i := range 8 {
		l := []*ledgertest.MySQL{one, two}[i%2]
		wg.Go(func() {
			for shard := range l.Shards() {
				for {
					n, err := l.Deliver(t.Context(), shard)
					if err != nil {
						t.Errorf("deliver: %v", err)
						return
					}
					if n == 0 {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	one.DeliverAll() // a worker that lost a race may have ended early
	var sum int64
	for i := range 7 {
		sum += one.Balance(fmt.Sprintf("user-%d", i))
	}
	if want := rounds * int64(len(senders)) * 10; sum != want {
		t.Errorf("%d were credited, want %d", sum, want)
	}
	one.WantBalanced(0)
}

// A worker that stops between the commit at the destination and the deletion at the source leaves its outbox rows. They
// are put back here, next to newer ones, and credited no second time; the newer ones are credited.
func TestCrashBeforeTheOutboxIsCleared(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 8) // of which two and two share transactions
	b.TopUp("alice", 1000)
	h := b.Gift("alice", 40, 30, 20, 10)
	b.PostAll(ledgertest.Pay(h, 0, "bob"), ledgertest.Pay(h, 1, "carol"), ledgertest.Pay(h, 2, "dave"),
		ledgertest.Pay(h,
			3, "erin"))
	shard, _ := b.ShardOf(h.ID)
	outbox, kept := b.Cluster.Table(shard, "outbox"), b.Cluster.Table(shard, "kept")
	b.Exec(shard, "CREATE TABLE "+kept+" LIKE "+outbox)
	b.Exec(shard, "INSERT INTO "+kept+" SELECT * FROM "+outbox)
	if n := b.DeliverAll(); n != 4 {
		t.Fatalf("%d delivered", n)
	}
	b.Exec(shard, "INSERT INTO "+outbox+" SELECT * FROM "+kept)
	b.WantBalanced(0) // what is in an inbox has arrived, whatever the outbox says
	next := b.Gift("alice", 4, 3, 2, 1)
	b.PostAll(ledgertest.Pay(next, 0, "bob"), ledgertest.Pay(next, 1, "carol"), ledgertest.Pay(next, 2, "dave"),
		ledgertest.Pay(next, 3, "erin"))
	b.WantBalanced(10)
	b.DeliverAll()
	b.WantBalances(map[string]int64{"bob": 44, "carol": 33, "dave": 22, "erin": 11})
	b.WantBalanced(0)
	if left := b.Count(shard, "SELECT COUNT(*) FROM "+outbox); left != 0 {
		t.Errorf("%d rows are still in the outbox", left)
	}
}

// Two servers, of which the second is down for a while: the first goes on, and what was posted arrives afterwards.
func TestServerDownForAWhile(t *testing.T) {
	ctx := t.Context()
	second := devstack.NewTestMySQL(t)
	b := ledgertest.OpenMySQL(t, 4, devstack.TestMySQL(t), second.DSN())
	userOf := func(shard, nth int) string {
		for i := 0; ; i++ {
			if name := fmt.Sprintf("u%d", i); b.Cluster.ForUser(name) == shard {
				if nth--; nth < 0 {
					return name
				}
			}
		}
	}
	sender := userOf(0, 0)
	b.TopUp(sender, 1000)
	b.TopUp(userOf(1, 0), 7)
	second.Kill()

	var paid []string
	for round := range 30 {
		h := b.Gift(sender, 4, 3, 2, 1)
		for shard := range 4 {
			payee := userOf(shard, 1+round%3)
			b.PostAll(ledgertest.Pay(h, shard, payee))
			paid = append(paid, payee)
		}
	}
	failures := 0
	for { // deliver what can be delivered; the shards that are down fail once and are then left alone
		n, err := b.Deliver(ctx, 0)
		if err != nil {
			failures++
			if !errors.Is(err, shards.ErrUnavailable) {
				t.Fatalf("deliver: %v", err)
			}
		}
		if n == 0 && err == nil {
			break
		}
	}
	if failures == 0 || failures > 20 {
		t.Errorf("%d deliveries failed; a server that is down should be tried a few times, not all the time", failures)
	}
	for i, payee := range paid {
		if shard := i % 4; shard%2 == 0 && b.Balance(payee) == 0 {
			t.Errorf("%s on shard %d, which is up, has nothing", payee, shard)
		}
	}
	if _, err := b.Audit(ctx); refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("audit while a server is down: %v", err)
	}
	if _, err := b.Balances(ctx, userOf(1, 0)); !errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("balance of a user on the server that is down: %v", err)
	}
	if err := second.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for age := time.Hour; age > 0; {
		select {
		case <-deadline.C:
			t.Fatalf("the oldest credit has been waiting for %v", age)
		case <-poll.C:
		}
		_, err := b.Deliver(ctx, 0)
		if err != nil {
			t.Fatalf("deliver after the restart: %v", err)
		}
		if age, err = b.Age(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	for shard, each := range []int64{4, 3, 2, 1} {
		for nth := range 3 {
			if got := b.Balance(userOf(shard, 1+nth)); got != 10*each {
				t.Errorf("user of shard %d has %d, want %d", shard, got, 10*each)
			}
		}
	}
	b.WantBalanced(0)
}
