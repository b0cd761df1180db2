package audit

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/hongbao/hongbao/internal/index"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// Product is what a product adds to the audit.
type Product struct {
	ledger.HoldCheck
	// Tables checks the product's own tables on a shard; nil for a product that has none.
	Tables func(ctx context.Context, r *Reader) error
}

// Reader is one shard's books as a product's check sees them.
type Reader struct {
	run    *run
	shard  int
	totals *totals
}

// Page is how many rows a check reads at a time, and Lookup how many keys it looks up at a time.
const (
	Page   = pageSize
	Lookup = lookupSize
)

// Shard is the shard that is checked.
func (r *Reader) Shard() int { return r.shard }

// Early is the shard as it was when the audit began.
func (r *Reader) Early() rows.Querier { return r.run.earlyOf(r.shard) }

// Late is any shard as it was after Early. What had followed, elsewhere, from something that Early shows is in it.
func (r *Reader) Late(shard int) rows.Querier { return r.run.lateOf(shard) }

// Holds are the holds of a subject that the shard had in Early, in the order of ids.
func (r *Reader) Holds(ctx context.Context, s ledger.Subject) iter.Seq2[ledger.Hold, error] {
	return rows.Pages(lookupSize, func(after *ledger.Hold) ([]ledger.Hold, error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		return mysqlledger.SelectHolds(ctx, r.Early(), r.run.tables[r.shard],
			"WHERE subject = ? AND id > ? ORDER BY id LIMIT ?", string(s), id, lookupSize)
	})
}

// LateHolds are those of the holds, at most Lookup, that a shard had in Late.
func (r *Reader) LateHolds(ctx context.Context, shard int, ids []int64) ([]ledger.Hold, error) {
	return mysqlledger.SelectHolds(ctx, r.Late(shard), r.run.tables[shard], "WHERE id IN "+rows.In(len(ids)),
		rows.Args(ids)...)
}

// Archived says whether a hold of a shard that is not there was archived. It was sealed before, and so found right.
func (r *Reader) Archived(shard int, id int64) bool { return id < r.run.archived[shard] }

// Found names a discrepancy.
func (r *Reader) Found(code, what string, expected, found any) {
	r.run.found(code, r.shard, what, expected, found)
}

// Expect says that index entries must be found, or be on their way from this shard.
func (r *Reader) Expect(ctx context.Context, entries ...ledger.IndexEntry) error {
	return r.run.expect(ctx, r.totals, entries)
}

// auditProducts lets each product check its own tables.
func (r *run) auditProducts(ctx context.Context, shard int, t *totals) error {
	for _, p := range r.products {
		if p.Tables == nil {
			continue
		}
		if err := p.Tables(ctx, &Reader{run: r, shard: shard, totals: t}); err != nil {
			return fmt.Errorf("%s: %w", p.Subject, err)
		}
	}
	return nil
}

// checkHold asks the product of a hold about it.
func (r *run) checkHold(ctx context.Context, shard int, t *totals, h ledger.Hold) error {
	p, ok := r.product(h.Subject)
	if !ok {
		r.found(ledger.AuditHoldSubject, shard, fmt.Sprintf("hold %d", h.ID), "a hold of a product", string(h.Subject))
		return nil
	}
	if now := r.earlyOf(shard).at; p.Overdue > 0 && h.Open && now.After(h.ExpiresAt.Add(p.Overdue)) {
		r.found(ledger.AuditHoldOverdue, shard, fmt.Sprintf("%s %d, whose time was over at %s", h.Subject, h.ID,
			h.ExpiresAt.Format(time.RFC3339)), "nothing pending", h.Pending())
	}
	if p.Check != nil {
		for _, f := range p.Check(h) {
			r.found(f.Code, shard, f.What, f.Expected, f.Found)
		}
	}
	if p.Index != nil {
		return r.expect(ctx, t, p.Index(h))
	}
	return nil
}

// expect notes that index entries must be somewhere.
func (r *run) expect(ctx context.Context, t *totals, entries []ledger.IndexEntry) error {
	for _, e := range entries {
		t.expected = append(t.expected, index.Entry{Who: e.Of, Subject: string(e.Subject), Reference: e.Reference})
	}
	return r.checkExpected(ctx, t, false)
}

// checkExpected looks for the index entries that are expected, in late snapshots, once there are enough of them or it
// is the last call. Those that are nowhere must be in a message: see auditOutbox.
func (r *run) checkExpected(ctx context.Context, t *totals, last bool) error {
	if len(t.expected) < pageSize && !last {
		return nil
	}
	byDest := map[int][]index.Entry{}
	for _, e := range t.expected {
		dest := r.cluster.ForUser(ledger.IndexOwner(e.Who))
		byDest[dest] = append(byDest[dest], e)
	}
	t.expected = t.expected[:0]
	for dest, all := range byDest {
		for len(all) > 0 {
			chunk := all[:min(len(all), lookupSize)]
			all = all[len(chunk):]
			found, err := r.index.Find(ctx, r.lateOf(dest), dest, chunk)
			if err != nil {
				return err
			}
			for _, e := range chunk {
				if !found[e] {
					t.missing[e] = true
				}
			}
		}
	}
	return nil
}

// nameMissing names what somebody whom it concerns cannot find.
func (r *run) nameMissing(shard int, t *totals) {
	for e := range t.missing {
		r.found(ledger.AuditIndex, shard, fmt.Sprintf("%s %d", e.Subject, e.Reference), "an index entry of "+e.Who,
			"none, and not on its way")
	}
}
