package mysqlledger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

// Audit reads all the books and names each contradiction in them; see wallet.AuditReport. It is exact while the system
// runs: what is in flight, or happens meanwhile, is no discrepancy. Its memory does not grow with the books. An error
// says that it could not read them all, and that nothing is known.
//
// It reads two snapshots of every server, all the late ones taken after all the early ones. What concerns one shard is
// checked within its early snapshot. Across shards, cause comes before effect:
//
//   - a post in the early snapshot whose outbox row is gone there was credited before, so the late one has the credit;
//   - a credit in the early snapshot was posted before, so the late one has the post;
//   - likewise mentions, and payments into collections and the parts that they pay.
//
// The snapshots keep the server from purging old versions of rows until the audit ends. TiDB forgets them after its
// tidb_gc_life_time (10 minutes unless set), within which the audit has to end there.
func (l *Ledger) Audit(ctx context.Context) (wallet.AuditReport, error) {
	a := &auditor{l: l, report: wallet.AuditReport{Shards: l.Shards(), InFlight: map[wallet.Currency]int64{}, Discrepancies: []wallet.Discrepancy{}}}
	defer a.close()
	err := a.open(ctx)
	for shard := range l.Shards() {
		if err == nil {
			err = a.shard(ctx, shard)
		}
	}
	if err != nil {
		return wallet.AuditReport{}, shards.Classify(fmt.Errorf("audit: %w", err))
	}
	return a.report, nil
}

type auditor struct {
	l           *Ledger
	early, late []*snapshot // by server
	report      wallet.AuditReport
}

func (a *auditor) open(ctx context.Context) error {
	for _, all := range []*[]*snapshot{&a.early, &a.late} {
		for server := range a.l.cluster.Servers() {
			s, err := takeSnapshot(ctx, a.l.cluster.ServerDB(server))
			if err != nil {
				return err
			}
			*all = append(*all, s)
		}
	}
	return nil
}

func (a *auditor) close() {
	for _, s := range slices.Concat(a.early, a.late) {
		s.close()
	}
}

func (a *auditor) earlyOf(shard int) *snapshot { return a.early[a.l.cluster.ServerOf(shard)] }
func (a *auditor) lateOf(shard int) *snapshot  { return a.late[a.l.cluster.ServerOf(shard)] }

// found names a discrepancy.
func (a *auditor) found(code string, shard int, what string, expected, found any) {
	a.report.Found++
	if len(a.report.Discrepancies) < wallet.MaxDiscrepancies {
		a.report.Discrepancies = append(a.report.Discrepancies, wallet.Discrepancy{
			Code: code, Shard: shard, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)})
	}
}

// sums are minor units per currency.
type sums map[wallet.Currency]int64

// totals are what the passes over a shard add up, to be compared at its end.
type totals struct {
	entries  sums // of all accounts
	clearing sums // entries of #clearing
	credits  sums // posts credited here
	outside  sums // entries of #funding
	fundings sums // what #funding should be, by the orders
	posts    sums // posted here
	inFlight sums // posted here and not credited anywhere
	outbox   sums // rows that are in no inbox

	expected    []mention        // by what is here, to be looked up where they belong
	unmentioned map[mention]bool // of those looked up, what is not there: it may be on its way
}

func (a *auditor) shard(ctx context.Context, shard int) error {
	t := &totals{entries: sums{}, clearing: sums{}, credits: sums{}, outside: sums{}, fundings: sums{}, posts: sums{}, inFlight: sums{}, outbox: sums{}, unmentioned: map[mention]bool{}}
	for _, pass := range []func(context.Context, int, *totals) error{
		a.auditEntries, a.auditHolds, a.auditSpent, a.auditCollections, a.auditOutbox, a.auditFundings, a.auditRejections,
	} {
		if err := pass(ctx, shard, t); err != nil {
			return fmt.Errorf("shard %d: %w", shard, err)
		}
	}
	a.nameUnmentioned(shard, t)
	a.compare(wallet.AuditShardUnbalanced, shard, "sum of all entries", sums{}, t.entries)
	expected := maps.Clone(t.posts)
	for currency, credited := range t.credits {
		expected[currency] -= credited
	}
	a.compare(wallet.AuditClearing, shard, "account #clearing, against posts made here minus posts credited here", expected, t.clearing)
	a.compare(wallet.AuditClearing, shard, "posts not yet credited, against outbox rows in no inbox", t.outbox, t.inFlight)
	a.compare(wallet.AuditFunding, shard, "account #funding, against settled top-ups and withdrawals", t.fundings, t.outside)
	for currency, sum := range t.inFlight {
		if sum != 0 {
			a.report.InFlight[currency] += sum
		}
	}
	return nil
}

// compare names each currency in which two sums differ.
func (a *auditor) compare(code string, shard int, what string, expected, found sums) {
	currencies := slices.Sorted(maps.Keys(found))
	for currency := range expected {
		if _, ok := found[currency]; !ok {
			currencies = append(currencies, currency)
		}
	}
	for _, currency := range currencies {
		if expected[currency] != found[currency] {
			a.found(code, shard, fmt.Sprintf("%s, %s", what, currency), expected[currency], found[currency])
		}
	}
}

// auditRejections names the posts that were kept aside.
func (a *auditor) auditRejections(ctx context.Context, shard int, _ *totals) error {
	for r, err := range rejectionPages(ctx, a.earlyOf(shard), a.l.tables[shard]) {
		if err != nil {
			return err
		}
		a.found(wallet.AuditRejection, shard, fmt.Sprintf("post of hold %d part %d to %q, amount %d", r.Hold, r.Part, r.Payee, r.Minor), "no contradiction", r.Reason)
	}
	return nil
}
