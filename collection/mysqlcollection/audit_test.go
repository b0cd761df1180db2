package mysqlcollection_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// gathering is a collection of alice's: bob (on the other shard) has paid his part, and carol (on bob's shard) has
// claimed hers.
type gathering struct {
	*book
	home, away int
	bob, carol string
	collection collection.Collection
	payment    ledger.Hold
}

func openGathering(t *testing.T) *gathering {
	g := &gathering{book: open(t)}
	g.home = g.Cluster.ForUser("alice")
	g.away = 1 - g.home
	g.bob = g.Elsewhere("alice")
	for i := 0; g.carol == "" || g.Cluster.ForUser(g.carol) != g.away; i++ {
		g.carol = fmt.Sprintf("carol-%d", i)
	}
	g.TopUp(g.bob, 1000)
	g.collection = g.opened("alice", g.bob, g.carol)
	g.payment = g.contribute(g.collection, g.bob)
	if _, err := g.store.Claim(t.Context(), g.collection.ID, g.carol, time.Now()); err != nil {
		t.Fatal(err)
	}
	g.DeliverAll()
	g.WantBalanced(0)
	return g
}

func (g *gathering) fill(text string) string {
	return strings.NewReplacer("$collection", fmt.Sprint(g.collection.ID), "$payment", fmt.Sprint(g.payment.ID),
		"$bob", "'"+g.bob+"'", "$carol", "'"+g.carol+"'").Replace(text)
}

func (g *gathering) sql(shard int, statements string) {
	g.T.Helper()
	for _, table := range []string{"holds", "index_entries", "collections", "collection_parts"} {
		statements = strings.ReplaceAll(statements, "{"+table+"}", g.Table(shard, table))
	}
	for statement := range strings.SplitSeq(g.fill(statements), ";") {
		done, err := g.Cluster.DB(shard).ExecContext(g.T.Context(), statement)
		if err != nil {
			g.T.Fatalf("%s: %v", statement, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			g.T.Fatalf("%s: changed %d rows, %v", statement, n, err)
		}
	}
}

// The books are broken by hand in each way there is, and each is named.
func TestAuditNamesWhatIsWrongWithCollections(t *testing.T) {
	devstack.SkipInShort(t) // the end of the test counts what its cases did
	named := map[string]bool{}
	for _, c := range []struct {
		name  string
		home  string // statements on alice's shard
		away  string // statements on bob's and carol's
		codes []string
		what  string // part of what the first of the codes names
	}{
		{"a bill nobody finds", "", "DELETE FROM {index_entries} WHERE reference = $collection AND who = $carol",
			[]string{ledger.AuditIndex}, "collection $collection"},
		{"a bill that the group does not find", "$group", "", []string{ledger.AuditIndex}, "collection $collection"},
		{"more due than the parts", "UPDATE {collections} SET due = due + 1, total = total + 1", "",
			[]string{mysqlcollection.AuditCollection}, "collection $collection: due"},
		{"more collected than was paid", "UPDATE {collections} SET collected = collected + 1", "",
			[]string{mysqlcollection.AuditCollection}, "collection $collection"},
		{"complete with an unpaid part", "UPDATE {collections} SET state = 'complete'", "",
			[]string{mysqlcollection.AuditCollection}, "collection $collection with 1 unpaid"},
		{"open with none",
			"UPDATE {collection_parts} SET state = 'own' WHERE member = $carol; UPDATE {collections} SET due = 100", "",
			[]string{mysqlcollection.AuditCollection}, "collection $collection with 0 unpaid"},
		{"a collection that is gone", "DELETE FROM {collections}", "", []string{mysqlcollection.AuditCollection},
			"in collection $collection"},
		{"a part in no state", "UPDATE {collection_parts} SET state = 'lost' WHERE member = $carol", "",
			[]string{mysqlcollection.AuditCollection}, "part of "},
		{"a part that is due and has a payment", "UPDATE {collection_parts} SET payment = 5 WHERE member = $carol", "",
			[]string{mysqlcollection.AuditCollection}, "part of "},
		{"a part that was paid by nothing", "UPDATE {collection_parts} SET payment = 5 WHERE member = $bob", "",
			[]string{mysqlcollection.AuditPayment}, "part of "},
		{"a part that was paid by something else",
			"UPDATE {collection_parts} SET payment = $payment, state = 'paid' WHERE member = $carol; UPDATE " +
				"{collections} SET collected = 200, state = 'complete'", "",
			[]string{mysqlcollection.AuditPayment}, "part of "},
		{"a part that was paid too little",
			"UPDATE {collection_parts} SET amount = 101 WHERE member = $bob; UPDATE {collections} SET due = 201, " +
				"total = 201, collected = 101", "", []string{mysqlcollection.AuditPayment}, "part of "},
		{"a part under another claim", "UPDATE {collection_parts} SET claim = 2 WHERE member = $bob", "",
			[]string{mysqlcollection.AuditPayment}, "part of "},
		{"a payment that was made for nothing",
			"UPDATE {collection_parts} SET state = 'due', payment = 0 WHERE member = $bob; UPDATE {collections} SET " +
				"collected = 0", "", []string{mysqlcollection.AuditPayment}, "payment $payment"},
		{"a payment of no collection", "", "UPDATE {holds} SET detail = '{}' WHERE id = $payment",
			[]string{mysqlcollection.AuditPayment}, ""},
		{"a payment of another claim", "",
			`UPDATE {holds} SET detail = REPLACE(detail, '"claim":1', '"claim":2') WHERE id = $payment`, []string{
				mysqlcollection.AuditPayment}, ""},
		{"a payment that is something else", "", "UPDATE {holds} SET subject = 'offer' WHERE id = $payment",
			[]string{mysqlcollection.AuditPayment, ledger.AuditHoldStage}, "part of "},
		{"a payment that was not posted", "", "UPDATE {holds} SET posted = 0, is_open = 1 WHERE id = $payment",
			[]string{mysqlcollection.AuditPayment, ledger.AuditHoldPosted}, "part of "},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := openGathering(t)
			if c.home == "$group" {
				g.sql(g.Cluster.ForUser("g"), "DELETE FROM {index_entries} WHERE who = '#group:g'")
			} else if c.home != "" {
				g.sql(g.home, c.home)
			}
			if c.away != "" {
				g.sql(g.away, c.away)
			}
			r := g.Audited()
			for i, code := range c.codes {
				named[code] = true
				if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool {
					return d.Code == code && (i > 0 || strings.Contains(d.What, g.fill(c.what))) &&
						d.Expected != d.Found
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
	for _, code := range []string{ledger.AuditIndex, mysqlcollection.AuditCollection, mysqlcollection.AuditPayment} {
		if !named[code] {
			t.Errorf("no case breaks the books as %s", code)
		}
	}
}

// While payments are made and delivered, every audit finds the books balanced.
func TestAuditWhilePaymentsAreMade(t *testing.T) {
	b := open(t)
	users := []string{"alice", "bob", "carol", "dave"}
	for _, u := range users {
		b.TopUp(u, 1_000_000)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i, collector := range users[1:] {
		all.Go(func() {
			for ctx.Err() == nil {
				c := b.opened(collector, users[0], users[1+(i+1)%3])
				b.contribute(c, users[0])
				b.contribute(c, users[1+(i+1)%3])
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			for shard := range b.Shards() {
				if _, err := b.Deliver(t.Context(), shard); err != nil {
					t.Errorf("deliver: %v", err)
				}
			}
		}
	})
	for range 25 {
		for _, d := range b.Audited().Discrepancies {
			t.Errorf("audit: %+v", d)
		}
	}
	stop()
	all.Wait()
	b.DeliverAll()
	b.WantBalanced(0)
}
