package mysqlledger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// gathering is a set of books with transfers and collections in them: alice has offered bob (on the other shard) one
// transfer that is open and one that has arrived, and declined is one that went back; bob has paid his part of her
// collection, and carol (on bob's shard) has claimed hers.
type gathering struct {
	*book
	home, away             int
	bob, carol             string
	offered, arrived, back ledger.Hold
	collection             collection.Collection
	payment                ledger.Hold
}

func openGathering(t *testing.T) *gathering {
	g := &gathering{book: open(t, 2)}
	g.home = g.cluster.ForUser("alice")
	g.away = 1 - g.home
	g.bob = g.elsewhere("alice")
	for i := 0; g.carol == "" || g.cluster.ForUser(g.carol) != g.away; i++ {
		g.carol = fmt.Sprintf("carol-%d", i)
	}
	g.topUp("alice", 1000)
	g.topUp(g.bob, 1000)
	g.offered, g.arrived, g.back = g.book.offered(g.bob), g.book.offered(g.bob), g.book.offered(g.bob)
	for h, to := range map[*ledger.Hold]ledger.Stage{&g.arrived: transfer.StateArrived, &g.back: transfer.StateDeclined} {
		var done bool
		var err error
		if *h, done, err = g.Advance(t.Context(), step(*h, transfer.StateOffered, to)); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	g.collection = g.book.opened("alice", g.bob, g.carol)
	g.payment = g.contribute(g.collection, g.bob)
	if _, err := g.Claim(t.Context(), g.collection.ID, g.carol, time.Now()); err != nil {
		t.Fatal(err)
	}
	g.deliver()
	g.wantBalanced(0)
	return g
}

func (g *gathering) fill(text string) string {
	return strings.NewReplacer("$offered", fmt.Sprint(g.offered.ID), "$arrived", fmt.Sprint(g.arrived.ID), "$back", fmt.Sprint(g.back.ID),
		"$collection", fmt.Sprint(g.collection.ID), "$payment", fmt.Sprint(g.payment.ID), "$bob", "'"+g.bob+"'", "$carol", "'"+g.carol+"'").Replace(text)
}

func (g *gathering) sql(shard int, statements string) {
	g.t.Helper()
	for _, table := range []string{"accounts", "entries", "holds", "posts", "spent", "mentions", "collections", "collection_parts"} {
		statements = strings.ReplaceAll(statements, "{"+table+"}", g.cluster.Table(shard, table))
	}
	for statement := range strings.SplitSeq(g.fill(statements), ";") {
		done, err := g.cluster.DB(shard).ExecContext(g.t.Context(), statement)
		if err != nil {
			g.t.Fatalf("%s: %v", statement, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 && !strings.HasPrefix(strings.TrimSpace(statement), "ALTER") {
			g.t.Fatalf("%s: changed %d rows, %v", statement, n, err)
		}
	}
}

// The books are broken by hand in each way there is, and each is named.
func TestAuditNamesWhatIsWrongWithTransfersAndCollections(t *testing.T) {
	devstack.SkipInShort(t) // the end of the test counts what its cases did
	named := map[string]bool{}
	for _, c := range []struct {
		name  string
		home  string // statements on alice's shard
		away  string // statements on bob's and carol's
		codes []string
		what  string // part of what the first of the codes names
	}{
		{"arrived, and still held", "UPDATE {holds} SET stage = 'arrived' WHERE id = $offered", "", []string{ledger.AuditHoldStage}, "hold $offered, arrived"},
		{"expired, and still held", "UPDATE {holds} SET stage = 'expired' WHERE id = $offered", "", []string{ledger.AuditHoldStage}, "hold $offered, expired"},
		{"offered, and paid", "UPDATE {holds} SET stage = 'offered' WHERE id = $arrived", "", []string{ledger.AuditHoldStage}, "hold $arrived, offered"},
		{"recalled, and paid", "UPDATE {holds} SET stage = 'recalled' WHERE id = $arrived", "", []string{ledger.AuditHoldStage}, "hold $arrived, recalled"},
		{"arrived, and given back", "UPDATE {holds} SET stage = 'arrived' WHERE id = $back", "", []string{ledger.AuditHoldStage}, "hold $back, arrived"},
		{"no stage", "UPDATE {holds} SET stage = '' WHERE id = $back", "", []string{ledger.AuditHoldStage}, "hold $back"},
		{"a stage that is none", "UPDATE {holds} SET stage = 'lost' WHERE id = $offered", "", []string{ledger.AuditHoldStage}, "hold $offered"},
		{"a stage of a payment", "", "UPDATE {holds} SET stage = 'arrived' WHERE id = $payment", []string{ledger.AuditHoldStage}, "hold $payment"},
		{"paid to somebody else", "UPDATE {holds} SET counterparty = 'zoe' WHERE id = $arrived", "", []string{ledger.AuditPostPayee, ledger.AuditMention}, "post of hold $arrived part 0"},
		{"more spent than was sent", "UPDATE {spent} SET amount = amount + 1", "", []string{ledger.AuditSpent}, "spent by alice in CNY"},
		{"spent that was not counted", "", "DELETE FROM {spent}", []string{ledger.AuditSpent}, "spent by "},
		{"spent by nobody", "INSERT INTO {spent} VALUES ('aaron', 'CNY', 20000, 5)", "", []string{ledger.AuditSpent}, "spent by aaron"},
		{"spent by nobody, at the end", "INSERT INTO {spent} VALUES ('zoe', 'CNY', 20000, 5)", "", []string{ledger.AuditSpent}, "spent by zoe"},
		{"spent on another day", "UPDATE {spent} SET day = day + 1", "", []string{ledger.AuditSpent}, "spent by alice"},
		{"an offer nobody finds", "", "DELETE FROM {mentions} WHERE reference = $offered", []string{ledger.AuditMention}, "transfer $offered"},
		{"a bill nobody finds", "", "DELETE FROM {mentions} WHERE reference = $collection AND who = $carol", []string{ledger.AuditMention}, "collection $collection"},
		{"a bill that the group does not find", "$group", "", []string{ledger.AuditMention}, "collection $collection"},
		{"more due than the parts", "UPDATE {collections} SET due = due + 1, total = total + 1", "", []string{ledger.AuditCollection}, "collection $collection: due"},
		{"more collected than was paid", "UPDATE {collections} SET collected = collected + 1", "", []string{ledger.AuditCollection}, "collection $collection"},
		{"complete with an unpaid part", "UPDATE {collections} SET state = 'complete'", "", []string{ledger.AuditCollection}, "collection $collection with 1 unpaid"},
		{"open with none", "UPDATE {collection_parts} SET state = 'own' WHERE member = $carol; UPDATE {collections} SET due = 100", "", []string{ledger.AuditCollection}, "collection $collection with 0 unpaid"},
		{"a collection that is gone", "DELETE FROM {collections}", "", []string{ledger.AuditCollection}, "in collection $collection"},
		{"a part in no state", "UPDATE {collection_parts} SET state = 'lost' WHERE member = $carol", "", []string{ledger.AuditCollection}, "part of "},
		{"a part that is due and has a payment", "UPDATE {collection_parts} SET payment = 5 WHERE member = $carol", "", []string{ledger.AuditCollection}, "part of "},
		{"a part that was paid by nothing", "UPDATE {collection_parts} SET payment = 5 WHERE member = $bob", "", []string{ledger.AuditPayment}, "part of "},
		{"a part that was paid by something else", "UPDATE {collection_parts} SET payment = $payment, state = 'paid' WHERE member = $carol; UPDATE {collections} SET collected = 200, state = 'complete'", "",
			[]string{ledger.AuditPayment}, "part of "},
		{"a part that was paid too little", "UPDATE {collection_parts} SET amount = 101 WHERE member = $bob; UPDATE {collections} SET due = 201, total = 201, collected = 101", "", []string{ledger.AuditPayment}, "part of "},
		{"a part under another claim", "UPDATE {collection_parts} SET claim = 2 WHERE member = $bob", "", []string{ledger.AuditPayment}, "part of "},
		{"a payment that was made for nothing", "UPDATE {collection_parts} SET state = 'due', payment = 0 WHERE member = $bob; UPDATE {collections} SET collected = 0", "", []string{ledger.AuditPayment}, "payment $payment"},
		{"a payment of no collection", "", "UPDATE {holds} SET detail = '{}' WHERE id = $payment", []string{ledger.AuditPayment}, ""},
		{"a payment of another claim", "", `UPDATE {holds} SET detail = REPLACE(detail, '"claim":1', '"claim":2') WHERE id = $payment`, []string{ledger.AuditPayment}, ""},
		{"a payment that is a transfer", "", "UPDATE {holds} SET subject = 'transfer' WHERE id = $payment", []string{ledger.AuditPayment, ledger.AuditHoldStage}, "part of "},
		{"a payment that was not posted", "", "UPDATE {holds} SET posted = 0, is_open = 1 WHERE id = $payment", []string{ledger.AuditPayment, ledger.AuditHoldPosted}, "part of "},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := openGathering(t)
			if c.home == "$group" {
				g.sql(g.cluster.ForUser("g"), "DELETE FROM {mentions} WHERE who = '#group:g'")
			} else if c.home != "" {
				g.sql(g.home, c.home)
			}
			if c.away != "" {
				g.sql(g.away, c.away)
			}
			r := g.audit()
			for i, code := range c.codes {
				named[code] = true
				if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool {
					return d.Code == code && (i > 0 || strings.Contains(d.What, g.fill(c.what))) && d.Expected != d.Found
				}) {
					t.Errorf("no %s about %q in %+v", code, g.fill(c.what), r.Discrepancies)
				}
			}
			for _, d := range r.Discrepancies {
				if !slices.Contains(c.codes, d.Code) {
					t.Logf("also %+v", d)
				}
			}
		})
	}
	for _, code := range []string{ledger.AuditHoldStage, ledger.AuditPostPayee, ledger.AuditSpent, ledger.AuditMention, ledger.AuditCollection, ledger.AuditPayment} {
		if !named[code] {
			t.Errorf("no case breaks the books as %s", code)
		}
	}
}

// While transfers and payments are made and moved and delivered, every audit finds the books balanced.
func TestAuditWhileTransfersAndPaymentsAreMade(t *testing.T) {
	b := open(t, 4)
	users := []string{"alice", "bob", "carol", "dave"}
	for _, u := range users {
		b.topUp(u, 1_000_000)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			h := b.offered([]string{"bob", "carol", "erin"}[n%3])
			to := []ledger.Stage{transfer.StateArrived, transfer.StateDeclined, transfer.StateRecalled, transfer.StateAccepted}[n%4]
			if _, done, err := b.Advance(t.Context(), step(h, transfer.StateOffered, to)); !done || err != nil {
				t.Errorf("advance: %v, %v", done, err)
			}
		}
	})
	for i, collector := range users[1:] {
		wg.Go(func() {
			for ctx.Err() == nil {
				c := b.opened(collector, users[0], users[1+(i+1)%3])
				b.contribute(c, users[0])
				b.contribute(c, users[1+(i+1)%3])
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			for shard := range b.Shards() {
				if _, err := b.Deliver(t.Context(), shard); err != nil {
					t.Errorf("deliver: %v", err)
				}
			}
		}
	})
	for range 25 {
		for _, d := range b.audit().Discrepancies {
			t.Errorf("audit: %+v", d)
		}
	}
	stop()
	wg.Wait()
	b.deliver()
	b.wantBalanced(0)
}
