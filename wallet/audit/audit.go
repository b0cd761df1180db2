// Package audit reads the books and names what they contradict themselves about.
//
// A full audit reads all rows, and compares them with the seals of audits before it. An incremental one reads what no
// seal covers. Neither writes anything, unless it is asked to seal what it has read and found right: see
// docs/adr/0020-seals.md.
//
// An audit is exact while the system runs: what is in flight, or happens meanwhile, is no discrepancy. Its memory does
// not grow with the books.
//
// It reads two snapshots of every server, all the late ones taken after all the early ones. What concerns one shard is
// checked within its early snapshot. Across shards, cause comes before effect:
//
//   - a post in the early snapshot whose message is gone there was credited before, so the late one has the credit;
//   - a credit in the early snapshot was posted before, so the late one has the post;
//   - likewise index entries, and whatever products check across shards.
//
// The snapshots keep the server from purging old versions of rows until the audit ends. TiDB forgets them after its
// tidb_gc_life_time (10 minutes unless set), within which the audit has to end there.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/index"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// Auditor audits the books of an installation. It is safe for concurrent use.
type Auditor struct {
	cluster  *shards.Cluster
	outbox   *outbox.Outbox
	index    *index.Index
	tables   []mysqlledger.Tables // by shard
	products []Product
	writes   func() error // stands before each transaction that seals; tests end the process there
}

// idsSettle is how old an id has to be that no transaction with a lower one will commit any more. An id is made within
// a lease of 30 s, and a transaction ends within minutes; what is later than this is named by the sums it breaks.
const idsSettle = time.Hour

// New makes an auditor. Every product whose holds are in the books must be among the products.
func New(c *shards.Cluster, o *outbox.Outbox, products ...Product) *Auditor {
	a := &Auditor{cluster: c, outbox: o, index: index.New(c), products: products, writes: func() error { return nil }}
	for _, shard := range c.All() {
		a.tables = append(a.tables, mysqlledger.TablesOf(c, shard))
	}
	return a
}

// Options are those of an audit. The zero value asks for a full one that writes nothing.
type Options struct {
	Incremental bool // read what no seal covers
	Seal        bool // seal what was read and cannot change any more, if nothing was found
	// Settled is how old the ids are of entries of shared accounts that are sealed; 0 means an hour.
	Settled time.Duration
}

// Audit reads all the books. An error says that it could not read them all, and that nothing is known. Error:
// shards.ErrUnavailable.
func (a *Auditor) Audit(ctx context.Context) (ledger.AuditReport, error) {
	return a.AuditWith(ctx, Options{})
}

// ErrUnsealed says that an audit found nothing, and could not seal everything that it has read. Its report stands, and
// the next one reads the rest again.
var ErrUnsealed = errors.New("audit: not everything that was read could be sealed")

// AuditWith is Audit with options. Any number of workers may audit and seal at a time. Errors: as Audit, and
// ErrUnsealed.
func (a *Auditor) AuditWith(ctx context.Context, o Options) (ledger.AuditReport, error) {
	r := &run{Auditor: a, incremental: o.Incremental, report: ledger.AuditReport{
		Shards: a.cluster.Shards(), InFlight: map[ledger.Currency]int64{}, Discrepancies: []ledger.Discrepancy{},
		Incremental: o.Incremental,
	}}
	defer r.close()
	err := r.open(ctx)
	for _, shard := range a.cluster.All() {
		if err == nil {
			err = r.shard(ctx, shard)
		}
	}
	if err != nil {
		return ledger.AuditReport{}, shards.ClassifyFixed(fmt.Errorf("audit: %w", err))
	}
	if o.Seal && r.report.Balanced() {
		if err := r.seal(ctx, cmp.Or(o.Settled, idsSettle)); err != nil {
			return r.report, fmt.Errorf("%w: %w", ErrUnsealed, err)
		}
	}
	return r.report, nil
}

func (a *Auditor) product(s ledger.Subject) (Product, bool) {
	i := slices.IndexFunc(a.products, func(p Product) bool { return p.Subject == s })
	if i < 0 {
		return Product{}, false
	}
	return a.products[i], true
}

// run is one audit.
type run struct {
	*Auditor
	incremental bool
	early, late []*snapshot // by server
	archived    []int64     // by shard: the mark in the late snapshot below which a hold that is not there was archived
	fresh       bool        // nothing is sealed of the shard that is read
	servers     []int       // by shard, when the snapshots were taken
	report      ledger.AuditReport
}

func (r *run) open(ctx context.Context) error {
	if err := r.cluster.Refresh(ctx); err != nil {
		return err
	}
	for _, shard := range r.cluster.All() {
		r.servers = append(r.servers, r.cluster.ServerOf(shard))
	}
	for _, all := range []*[]*snapshot{&r.early, &r.late} {
		for server := range r.cluster.Servers() {
			s, err := takeSnapshot(ctx, r.cluster.ServerDB(server))
			if err != nil {
				return err
			}
			*all = append(*all, s)
		}
	}
	for _, shard := range r.cluster.All() {
		m, err := seal.MarksOf(ctx, r.lateOf(shard), r.tables[shard])
		if err != nil {
			return err
		}
		r.archived = append(r.archived, m.Archived)
	}
	return nil
}

func (r *run) close() {
	for _, s := range slices.Concat(r.early, r.late) {
		s.close()
	}
}

func (r *run) earlyOf(shard int) *snapshot { return r.early[r.servers[shard]] }
func (r *run) lateOf(shard int) *snapshot  { return r.late[r.servers[shard]] }

// found names a discrepancy.
func (r *run) found(code string, shard int, what string, expected, found any) {
	r.report.Found++
	if len(r.report.Discrepancies) < ledger.MaxDiscrepancies {
		r.report.Discrepancies = append(r.report.Discrepancies, ledger.Discrepancy{
			Code: code, Shard: shard, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found),
		})
	}
}

// sums are minor units per currency.
type sums map[ledger.Currency]int64

// totals are what the passes over a shard add up, to be compared at its end.
type totals struct {
	entries  sums // of all accounts
	clearing sums // entries of #clearing
	credits  sums // posts credited here
	outside  sums // entries of #funding
	fundings sums // what #funding should be, by the orders
	tests    sums // entries of #funding-test
	funded   sums // what #funding-test should be, by the orders
	posts    sums // posted here
	inFlight sums // posted here and not credited anywhere
	outbox   sums // messages that are in no inbox

	marks  seal.Marks                           // of the early snapshot
	before map[ledger.Currency]seal.ShardTotals // of the units that are sealed, and those of them that are gone
	sealed map[ledger.Currency]seal.Totals      // of the units that a full audit has found sealed
	units  int64                                // how many

	expected []index.Entry        // by what is here, to be looked up where they belong
	missing  map[index.Entry]bool // of those looked up, what is not there: it may be on its way
}

func (r *run) shard(ctx context.Context, shard int) error {
	t := &totals{
		entries: sums{}, clearing: sums{}, credits: sums{}, outside: sums{}, fundings: sums{}, tests: sums{},
		funded: sums{}, posts: sums{},
		inFlight: sums{}, outbox: sums{}, missing: map[index.Entry]bool{}, sealed: map[ledger.Currency]seal.Totals{},
	}
	if err := r.begin(ctx, shard, t); err != nil {
		return fmt.Errorf("shard %d: %w", shard, err)
	}
	for _, pass := range []func(context.Context, int, *totals) error{
		r.auditEntries, r.auditHolds, r.auditDailyUsage, r.auditProducts, r.auditOutbox, r.auditFundings,
		r.auditRejections,
	} {
		if err := pass(ctx, shard, t); err != nil {
			return fmt.Errorf("shard %d: %w", shard, err)
		}
	}
	r.nameMissing(shard, t)
	if err := r.compareTotals(ctx, shard, t); err != nil {
		return fmt.Errorf("shard %d: %w", shard, err)
	}
	r.compare(ledger.AuditShardUnbalanced, shard, "sum of all entries", sums{}, t.entries)
	expected := maps.Clone(t.posts)
	for currency, credited := range t.credits {
		expected[currency] -= credited
	}
	r.compare(ledger.AuditClearing, shard, "account #clearing, against posts made here minus posts credited here",
		expected, t.clearing)
	r.compare(ledger.AuditClearing, shard, "posts not yet credited, against messages in no inbox", t.outbox, t.inFlight)
	r.compare(ledger.AuditFunding, shard, "account #funding, against settled top-ups and withdrawals", t.fundings,
		t.outside)
	r.compare(ledger.AuditFunding, shard, "account #funding-test, against those of test accounts", t.funded, t.tests)
	for currency, sum := range t.inFlight {
		if sum != 0 {
			r.report.InFlight[currency] += sum
		}
	}
	return nil
}

// compare names each currency in which two sums differ.
func (r *run) compare(code string, shard int, what string, expected, found sums) {
	currencies := slices.Sorted(maps.Keys(found))
	for currency := range expected {
		if _, ok := found[currency]; !ok {
			currencies = append(currencies, currency)
		}
	}
	for _, currency := range currencies {
		if expected[currency] != found[currency] {
			r.found(code, shard, fmt.Sprintf("%s, %s", what, currency), expected[currency], found[currency])
		}
	}
}

// auditRejections names the posts that were kept aside, unless an operator has dismissed or paid them.
func (r *run) auditRejections(ctx context.Context, shard int, _ *totals) error {
	for rejected, err := range rejectionPages(ctx, r.earlyOf(shard), r.tables[shard]) {
		if err != nil {
			return err
		}
		what := fmt.Sprintf("post of hold %d part %d to %q, amount %d", rejected.Hold, rejected.Part, rejected.Payee,
			rejected.Minor)
		switch {
		case rejected.Decision == "":
			r.found(ledger.AuditRejection, shard, what, "no contradiction", rejected.Reason)
		case rejected.Open():
			r.found(ledger.AuditRejection, shard, what, "paid from "+rejected.Account, "decided, and not paid")
		case rejected.Payment != 0:
			if err := r.auditResolution(ctx, shard, what, rejected); err != nil {
				return err
			}
		}
	}
	return nil
}

// auditResolution looks for the payment of a rejection, where it was made before it was noted.
func (r *run) auditResolution(ctx context.Context, shard int, what string, paid ledger.Resolution) error {
	at, ok := r.cluster.ShardOf(paid.Payment)
	var holds []ledger.Hold
	if ok {
		var err error
		holds, err = mysqlledger.SelectHolds(ctx, r.lateOf(at), r.tables[at], "WHERE id = ?", paid.Payment)
		if err != nil {
			return err
		}
	}
	if len(holds) == 0 && ok && paid.Payment < r.archived[at] {
		return nil
	}
	if len(holds) != 1 || holds[0].Owner != paid.Account || holds[0].Counterparty != paid.Payee ||
		holds[0].Posted != paid.Minor || holds[0].Amount.Currency != paid.Currency {
		r.found(ledger.AuditRejection, shard, what, fmt.Sprintf("paid from %s by hold %d", paid.Account, paid.Payment),
			fmt.Sprintf("%+v", holds))
	}
	return nil
}
