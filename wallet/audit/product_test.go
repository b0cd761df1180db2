package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
)

// receipts is a product with a table of its own: one row for each hold, on the shard of the hold's counterparty.
type receipts struct{ cluster *shards.Cluster }

const (
	receipt     ledger.Subject = "receipt"
	codeReceipt string         = "receipt_differs"
)

func (p receipts) product() audit.Product {
	return audit.Product{HoldCheck: ledger.HoldCheck{Subject: receipt}, Tables: p.check}
}

func (p receipts) table(shard int) string { return p.cluster.Table(shard, "receipts") }

// check compares a shard's receipts with their holds, and wants each hold to be found by its counterparty.
func (p receipts) check(ctx context.Context, r *audit.Reader) error {
	for h, err := range r.Holds(ctx, receipt) {
		if err != nil {
			return err
		}
		if err := r.Expect(ctx, ledger.IndexEntry{Of: h.Counterparty, Subject: receipt, Reference: h.ID}); err != nil {
			return err
		}
	}
	amounts := map[int64]int64{}
	err := rows.Collect(ctx, r.Early(), func(row *sql.Rows) error {
		var id, minor int64
		err := row.Scan(&id, &minor)
		amounts[id] = minor
		return err
	}, "SELECT hold, amount FROM "+p.table(r.Shard()))
	if err != nil {
		return err
	}
	for id, minor := range amounts {
		source, _ := p.cluster.ShardOf(id)
		holds, err := r.LateHolds(ctx, source, []int64{id})
		if err != nil {
			return err
		}
		if len(holds) != 1 || holds[0].Amount.Minor != minor {
			r.Found(codeReceipt, fmt.Sprintf("receipt of hold %d", id), minor, holds)
		}
	}
	return nil
}

// fair is a set of books with offers and receipts in them: alice has offered bob (on the other shard) one that is open,
// one that has arrived and one that came back, has paid him for a receipt, and holds a gift.
type fair struct {
	*ledgertest.MySQL
	home, away                            int
	bob                                   string
	offered, arrived, back, receipt, gift ledger.Hold
}

func openFair(t *testing.T) *fair {
	c := shardstest.New(t, 2)
	p := receipts{c}
	f := &fair{MySQL: ledgertest.OpenMySQLOn(t, c, 0, p.product())}
	f.home, f.bob = c.ForUser("alice"), f.Elsewhere("alice")
	f.away = 1 - f.home
	for _, shard := range c.All() {
		f.Exec(shard, "CREATE TABLE "+p.table(shard)+" (hold BIGINT NOT NULL PRIMARY KEY, amount BIGINT NOT NULL)")
	}
	f.TopUp("alice", 1000)
	f.offered, f.arrived, f.back = f.Offer("alice", f.bob), f.Offer("alice", f.bob), f.Offer("alice", f.bob)
	f.arrived = f.MustAdvance(f.arrived, ledgertest.Offered, ledgertest.Arrived)
	f.back = f.MustAdvance(f.back, ledgertest.Offered, ledgertest.Returned)
	f.gift = f.Gift("alice", 5)
	paid := f.Draft("alice", 70)
	paid.Subject, paid.Counterparty = receipt, f.bob
	f.receipt = ledgertest.Must(f.Make(paid, ledger.HoldOptions{PayNow: true}))
	f.Exec(f.away, "INSERT INTO "+p.table(f.away)+" VALUES (?, 70)", paid.ID)
	f.DeliverAll()
	f.WantBalanced(0)
	return f
}

func (f *fair) fill(text string) string {
	return strings.NewReplacer("$offered", fmt.Sprint(f.offered.ID), "$arrived", fmt.Sprint(f.arrived.ID),
		"$back", fmt.Sprint(f.back.ID), "$receipt", fmt.Sprint(f.receipt.ID), "$gift", fmt.Sprint(f.gift.ID)).Replace(
		text)
}

// breakBooks carries out a statement, which must change something.
func (f *fair) breakBooks(shard int, statement string) {
	f.T.Helper()
	for _, table := range []string{"holds", "daily_usage", "index_entries", "receipts"} {
		statement = strings.ReplaceAll(statement, "{"+table+"}", f.Table(shard, table))
	}
	done, err := f.Cluster.DB(shard).ExecContext(f.T.Context(), f.fill(statement))
	if err != nil {
		f.T.Fatalf("%s: %v", statement, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		f.T.Fatalf("%s: changed %d rows, %v", statement, n, err)
	}
}

// The books are broken by hand in each way that stages, daily usage, index entries and a product's own check can find.
func TestAuditNamesWhatProductsKnow(t *testing.T) {
	named := map[string]bool{}
	stage := []string{ledger.AuditHoldStage}
	usage := []string{ledger.AuditDailyUsage}
	f := openFair(t)
	restore := f.Keep(append(slices.Clone(ledgerTables), "receipts")...)
	for _, c := range []struct {
		name  string
		home  string // a statement on alice's shard
		away  string // a statement on bob's
		codes []string
		what  string // part of what the first of the codes names
	}{
		{"arrived, and still held", "UPDATE {holds} SET stage = 'arrived' WHERE id = $offered", "", stage,
			"offer $offered, arrived"},
		{"returned, and still held", "UPDATE {holds} SET stage = 'returned' WHERE id = $offered", "", stage,
			"offer $offered, returned"},
		{"offered, and paid", "UPDATE {holds} SET stage = 'offered' WHERE id = $arrived", "", stage,
			"offer $arrived, offered"},
		{"returned, and paid", "UPDATE {holds} SET stage = 'returned' WHERE id = $arrived", "", stage,
			"offer $arrived, returned"},
		{"arrived, and given back", "UPDATE {holds} SET stage = 'arrived' WHERE id = $back", "", stage,
			"offer $back, arrived"},
		{"no stage", "UPDATE {holds} SET stage = '' WHERE id = $back", "", stage, "offer $back"},
		{"a stage that is none", "UPDATE {holds} SET stage = 'lost' WHERE id = $offered", "", stage, "offer $offered"},
		{"a stage of a gift", "UPDATE {holds} SET stage = 'arrived' WHERE id = $gift", "", stage, "gift $gift"},
		{"a product that nobody registered", "UPDATE {holds} SET subject = 'lost' WHERE id = $gift", "",
			[]string{ledger.AuditHoldSubject, ledger.AuditHoldOwner}, "hold $gift"},
		{"paid to somebody else", "UPDATE {holds} SET counterparty = 'zoe' WHERE id = $arrived", "",
			[]string{ledger.AuditPostPayee, ledger.AuditIndex}, "post of hold $arrived part 0"},
		{"more used than was sent", "UPDATE {daily_usage} SET amount = amount + 1", "", usage,
			"daily usage of alice in CNY"},
		{"usage that was not noted", "DELETE FROM {daily_usage}", "", usage, "daily usage of alice"},
		{"usage by nobody", "INSERT INTO {daily_usage} VALUES ('aaron', 'CNY', 20000, 5)", "", usage,
			"daily usage of aaron"},
		{"usage by nobody, at the end", "INSERT INTO {daily_usage} VALUES ('zoe', 'CNY', 20000, 5)", "", usage,
			"daily usage of zoe"},
		{"usage on another day", "UPDATE {daily_usage} SET day = day + 1", "", usage, "daily usage of alice"},
		{"a hold that no longer counts", "UPDATE {holds} SET counts_daily = 0 WHERE id = $offered", "", usage,
			"daily usage of alice"},
		{"a hold that counts after all", "UPDATE {holds} SET counts_daily = 1 WHERE id = $gift", "", usage,
			"daily usage of alice"},
		{"an offer nobody finds", "", "DELETE FROM {index_entries} WHERE reference = $offered",
			[]string{ledger.AuditIndex}, "offer $offered"},
		{"a receipt nobody finds", "", "DELETE FROM {index_entries} WHERE reference = $receipt",
			[]string{ledger.AuditIndex}, "receipt $receipt"},
		{"a receipt of another amount", "", "UPDATE {receipts} SET amount = 71", []string{codeReceipt},
			"receipt of hold $receipt"},
		{"a receipt of no hold", "", "UPDATE {receipts} SET hold = hold + 1024", []string{codeReceipt},
			"receipt of hold"},
	} {
		for _, code := range c.codes {
			named[code] = true
		}
		t.Run(c.name, func(t *testing.T) {
			defer restore()
			if c.home != "" {
				f.breakBooks(f.home, c.home)
			}
			if c.away != "" {
				f.breakBooks(f.away, c.away)
			}
			r := f.Audited()
			for i, code := range c.codes {
				if !slices.ContainsFunc(r.Discrepancies, func(d ledger.Discrepancy) bool {
					return d.Code == code && (i > 0 || strings.Contains(d.What, f.fill(c.what))) &&
						d.Expected != d.Found
				}) {
					t.Errorf("no %s about %q in %+v", code, f.fill(c.what), r.Discrepancies)
				}
			}
			for _, d := range r.Discrepancies {
				if !slices.Contains(c.codes, d.Code) {
					t.Logf("also %+v", d)
				}
			}
		})
	}
	for _, code := range []string{
		ledger.AuditHoldStage, ledger.AuditHoldSubject, ledger.AuditPostPayee, ledger.AuditDailyUsage,
		ledger.AuditIndex,
	} {
		if !named[code] {
			t.Errorf("no case breaks the books as %s", code)
		}
	}
}

// An index entry on its way is no discrepancy; one whose message is lost is.
func TestAuditFindsAnIndexEntryThatIsLost(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 2)
	b.TopUp("alice", 1000)
	h := b.Offer("alice", "bob")
	b.WantBalanced(0)
	shard, _ := b.ShardOf(h.ID)
	b.Exec(shard, "DELETE FROM "+b.Table(shard, "outbox")+" WHERE kind = 'index'")
	r := b.Audited()
	if r.Found != 1 || r.Discrepancies[0].Code != ledger.AuditIndex || r.Discrepancies[0].What != fmt.Sprint("offer ",
		h.ID) {
		t.Errorf("audit: %+v", r)
	}
}

// While offers and payments are made and moved and delivered, every audit finds the books balanced.
func TestAuditWhileOffersAndPaymentsAreMade(t *testing.T) {
	b := ledgertest.OpenMySQL(t, 4)
	users := []string{"alice", "bob", "carol", "dave"}
	for _, u := range users {
		b.TopUp(u, 1_000_000)
	}
	// While an audit reads, this many offers and payments are made: without a bound, a quick disk makes the books grow
	// quicker than they are read.
	const perAudit = 100
	turns := make(chan struct{}, perAudit)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		n := 0
		for range turns {
			n++
			h := b.Offer("alice", []string{"bob", "carol", "erin"}[n%3])
			to := []ledger.Stage{ledgertest.Arrived, ledgertest.Returned, ledgertest.Accepted}[n%3]
			step := ledgertest.StepOf(h, ledgertest.Offered, to)
			if _, done, err := b.Advance(step, ledgertest.Soon(h)); !done || err != nil {
				t.Errorf("advance: %v, %v", done, err)
			}
		}
	})
	for i, payer := range users[1:] {
		wg.Go(func() {
			for range turns {
				h := b.Draft(payer, 7)
				h.Counterparty, h.CountsDaily = users[(i+2)%4], true
				if _, err := b.Make(h, ledger.HoldOptions{PayNow: true}); err != nil {
					t.Errorf("pay: %v", err)
				}
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
		for range perAudit - len(turns) {
			turns <- struct{}{}
		}
		for _, d := range b.Audited().Discrepancies {
			t.Errorf("audit: %+v", d)
		}
	}
	close(turns)
	stop()
	wg.Wait()
	b.DeliverAll()
	b.WantBalanced(0)
}
