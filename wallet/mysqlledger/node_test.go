package mysqlledger_test

import (
	"sync"
	"testing"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// Two processes by mistake have the same node number, and make the same id for two outbox rows. The second is written
// after the first was delivered and deleted: it must not be taken for it.
func TestAnOutboxIDThatComesTwice(t *testing.T) {
	c := shardstest.New(t, 1)
	one, two, courier := ledgertest.OpenMySQLOn(t, c, 0), ledgertest.OpenMySQLOn(t, c, 0), ledgertest.OpenMySQLOn(t, c,
		5)
	one.TopUp("alice", 100_000)
	twice := 0
	for round := 0; round < 200 && twice == 0; round++ {
		first, second := one.Gift("alice", 10), one.Gift("alice", 10)

		// The second post has its ids, and then waits for a row that this transaction will not keep.
		tx, err := c.ServerDB(0).Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("INSERT INTO "+c.Table(0, "posts")+
			" (hold, part, payee, amount, at, outbox) VALUES (?, 0, 'x', 1, 0, 0)", second.ID); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				_, err := two.Post(t.Context(), 0, []ledger.Post{ledgertest.Pay(second, 0, "carol")})
				if err == nil {
					return
				}
				if !shards.IsDuplicate(err) { // the id of its entries came twice too: a settler posts again
					t.Errorf("post: %v", err)
					return
				}
			}
		})
		one.PostAll(ledgertest.Pay(first, 0, "bob"))
		courier.DeliverAll()
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		var a, b int64
		for id, to := range map[int64]*int64{first.ID: &a, second.ID: &b} {
			if err := c.DB(0).QueryRowContext(t.Context(), "SELECT outbox FROM "+c.Table(0, "posts")+" WHERE hold = ?",
				id).Scan(to); err != nil {
				t.Fatal(err)
			}
		}
		if a == b {
			twice++
		}
		courier.DeliverAll()
		if got, want := one.Balance("carol"), int64(round+1)*10; got != want {
			t.Fatalf("carol was credited %d, want %d: rows with the same id: %v", got, want, a == b)
		}
	}
	t.Logf("%d ids came twice", twice)
	one.WantBalanced(0)
}
