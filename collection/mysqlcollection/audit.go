package mysqlcollection

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Codes of discrepancies.
const (
	AuditCollection = "collection" // a collection contradicts its parts
	AuditPayment    = "payment"    // a paid part without its payment, or a payment without its part
)

// auditPage is how many collections are read at a time, each with up to MaxParts parts.
const auditPage = 20

// Audit is what collections add to the audit: every collection of a shard against its parts, each part that is paid
// against its payment, and each payment against its part.
//
// A part is paid after its hold was committed, so what the early snapshot shows as paid has its hold in the late one;
// and a payment comes after its claim and before what ends it, so a payment of the early snapshot has its part claimed
// or paid in the late one.
func (s *Store) Audit() audit.Product {
	return audit.Product{HoldCheck: ledger.HoldCheck{Subject: collection.Subject}, Tables: s.audit}
}

func (s *Store) audit(ctx context.Context, r *audit.Reader) error {
	c := &check{Store: s, Reader: r, ctx: ctx}
	for found, err := range c.collections() {
		if err != nil {
			return err
		}
		c.collection(found)
		if err := r.Expect(ctx, indexOf(found)...); err != nil {
			return err
		}
		if err := c.checkPaid(false); err != nil {
			return err
		}
	}
	if err := c.checkPaid(true); err != nil {
		return err
	}
	if err := c.orphanParts(); err != nil {
		return err
	}
	for holds, err := range rows.Chunks(r.Holds(ctx, collection.Subject), audit.Lookup) {
		if err != nil {
			return err
		}
		if err := c.checkPayments(holds); err != nil {
			return err
		}
	}
	return nil
}

// indexOf are the index entries of a collection: it is found from its group and from everybody who is asked.
func indexOf(c collection.Collection) []ledger.IndexEntry {
	entries := []ledger.IndexEntry{{Of: ledger.IndexGroup(c.Group), Subject: collection.Subject, Reference: c.ID}}
	for _, part := range c.Parts {
		if part.State != collection.PartOwn {
			entries = append(entries, ledger.IndexEntry{Of: part.Member, Subject: collection.Subject, Reference: c.ID})
		}
	}
	return entries
}

// check is a walk over a shard's collections.
type check struct {
	*Store
	*audit.Reader
	ctx  context.Context
	paid []paidPart
}

type paidPart struct {
	collection.Part
	of *collection.Collection
}

func (p paidPart) String() string {
	return fmt.Sprintf("part of %s in collection %d", p.Member, p.of.ID)
}

// collection compares a collection with its parts.
func (c *check) collection(of collection.Collection) {
	name := fmt.Sprintf("collection %d", of.ID)
	var all, due, collected int64
	unpaid := 0
	for _, part := range of.Parts {
		p := paidPart{Part: part, of: &of}
		if all += part.Minor; part.State != collection.PartOwn {
			due += part.Minor
		}
		switch part.State {
		case collection.PartPaid:
			collected += part.Minor
			c.paid = append(c.paid, p)
		case collection.PartDue, collection.PartClaimed:
			unpaid++
		case collection.PartOwn:
		default:
			c.Found(AuditCollection, p.String(), "a state", part.State)
		}
		if (part.State == collection.PartPaid) != (part.Payment != 0) {
			c.Found(AuditCollection, fmt.Sprintf("%s, %s: its payment", p, part.State), "one if it is paid",
				part.Payment)
		}
	}
	if due != of.Due || all > of.Total {
		c.Found(AuditCollection, name+": due of the total", fmt.Sprintf("%d of at least %d", due, all),
			fmt.Sprintf("%d of %d", of.Due, of.Total))
	}
	if collected != of.Collected {
		c.Found(AuditCollection, name+", against the sum of its paid parts", collected, of.Collected)
	}
	if complete := unpaid == 0; of.State != collection.StateClosed &&
		complete != (of.State == collection.StateComplete) {
		c.Found(AuditCollection, fmt.Sprintf("%s with %d unpaid parts: complete", name, unpaid), complete, of.State)
	}
}

// checkPaid looks for the payments of paid parts, in late snapshots, once there are enough of them or it is the last
// call.
func (c *check) checkPaid(last bool) error {
	if len(c.paid) < audit.Page && !last {
		return nil
	}
	byShard := map[int][]paidPart{}
	for _, part := range c.paid {
		payer := c.cluster.ForUser(part.Member)
		byShard[payer] = append(byShard[payer], part)
	}
	c.paid = nil
	for payer, all := range byShard {
		for chunk := range slices.Chunk(all, audit.Lookup) {
			if err := c.paymentsOf(payer, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) paymentsOf(payer int, parts []paidPart) error {
	ids := make([]int64, len(parts))
	for i, part := range parts {
		ids[i] = part.Payment
	}
	holds, err := c.LateHolds(c.ctx, payer, ids)
	if err != nil {
		return err
	}
	for _, part := range parts {
		i := slices.IndexFunc(holds, func(h ledger.Hold) bool { return h.ID == part.Payment })
		if i < 0 && c.Archived(payer, part.Payment) {
			continue
		}
		if i < 0 {
			c.Found(AuditPayment, part.String(), fmt.Sprintf("payment %d", part.Payment), "no such hold")
		} else if objection := part.against(holds[i]); objection != "" {
			c.Found(AuditPayment, part.String(), fmt.Sprintf("payment %d of it", part.Payment), objection)
		}
	}
	return nil
}

// against says what is wrong with the hold that a part names as its payment; "" for nothing.
func (p paidPart) against(h ledger.Hold) string {
	claim, err := claimOf(h)
	want := ledger.Amount{Minor: p.Minor, Currency: p.of.Currency}
	switch {
	case err != nil:
		return "a hold for something else"
	case claim != collection.Claim{Collection: p.of.ID, Member: p.Member, Claim: p.Claim}:
		return fmt.Sprintf("a payment of claim %d of %s in collection %d", claim.Claim, claim.Member, claim.Collection)
	case h.Counterparty != p.of.Collector:
		return "a payment to " + h.Counterparty
	case h.Amount != want:
		return fmt.Sprintf("%d of %s", h.Amount.Minor, h.Amount.Currency)
	case h.Posted != h.Amount.Minor:
		return fmt.Sprintf("%d of %d posted", h.Posted, h.Amount.Minor)
	}
	return ""
}

// claimOf is the claim that a payment carries.
func claimOf(h ledger.Hold) (claim collection.Claim, err error) {
	if h.Subject != collection.Subject {
		return claim, fmt.Errorf("mysqlcollection: hold %d is a %s", h.ID, h.Subject)
	}
	err = json.Unmarshal(h.Detail, &claim)
	claim.Member = h.Owner
	return claim, err
}

// checkPayments looks for the parts of payments in late snapshots.
func (c *check) checkPayments(holds []ledger.Hold) error {
	byShard := map[int][]ledger.Hold{}
	for _, h := range holds {
		claim, err := claimOf(h)
		collector, ok := c.cluster.ShardOf(claim.Collection)
		if err != nil || !ok {
			c.Found(AuditPayment, fmt.Sprintf("hold %d", h.ID), "a payment of a part of a collection", string(h.Detail))
			continue
		}
		byShard[collector] = append(byShard[collector], h)
	}
	for collector, some := range byShard {
		if err := c.partsOf(collector, some); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) partsOf(collector int, holds []ledger.Hold) error {
	type key struct {
		collection int64
		member     string
	}
	var args []any
	for _, h := range holds {
		claim, _ := claimOf(h) // read before
		args = append(args, claim.Collection, claim.Member)
	}
	parts := map[key]collection.Part{}
	err := rows.Collect(c.ctx, c.Late(collector), func(row *sql.Rows) error {
		var k key
		p, err := scanPart(row, &k.collection)
		k.member = p.Member
		parts[k] = p
		return err
	}, "SELECT collection, "+partColumns+" FROM "+c.tables(collector).parts+" WHERE "+
		rows.AnyOf("collection = ? AND member = ?", len(holds)), args...)
	if err != nil {
		return err
	}
	for _, h := range holds {
		claim, _ := claimOf(h)
		p, ok := parts[key{claim.Collection, claim.Member}]
		pays := p.State == collection.PartPaid && p.Payment == h.ID || p.State == collection.PartClaimed &&
			p.Claim == claim.Claim
		if !ok || !pays {
			c.Found(AuditPayment, fmt.Sprintf("payment %d by %s", h.ID, h.Owner),
				fmt.Sprintf("claim %d of a part of collection %d", claim.Claim, claim.Collection),
				fmt.Sprintf("the part is %q, claim %d, payment %d", p.State, p.Claim, p.Payment))
		}
	}
	return nil
}

// orphanParts names parts of collections that do not exist.
func (c *check) orphanParts() error {
	t := c.tables(c.Shard())
	return rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
		var id int64
		var member string
		err := row.Scan(&id, &member)
		c.Found(AuditCollection, fmt.Sprintf("part of %s in collection %d", member, id), "a collection", "none")
		return err
	}, "SELECT p.collection, p.member FROM "+t.parts+" p LEFT JOIN "+t.collections+
		" c ON c.id = p.collection WHERE c.id IS NULL LIMIT ?", ledger.MaxDiscrepancies)
}

// collections are those of the shard, with their parts.
func (c *check) collections() iter.Seq2[collection.Collection, error] {
	t := c.tables(c.Shard())
	return rows.Pages(auditPage, func(after *collection.Collection) ([]collection.Collection, error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		page, err := rows.Select(c.ctx, c.Early(), func(row *sql.Rows) (collection.Collection,
			error) {
			return scanCollection(row)
		},
			"SELECT "+collectionColumns+" FROM "+t.collections+" WHERE id > ? ORDER BY id LIMIT ?", id, auditPage)
		if err != nil || len(page) == 0 {
			return nil, err
		}
		at := map[int64]int{}
		ids := make([]int64, len(page))
		for i, found := range page {
			at[found.ID], ids[i] = i, found.ID
		}
		err = rows.Collect(c.ctx, c.Early(), func(row *sql.Rows) error {
			var of int64
			p, err := scanPart(row, &of)
			page[at[of]].Parts = append(page[at[of]].Parts, p)
			return err
		}, "SELECT collection, "+partColumns+" FROM "+t.parts+" WHERE collection IN "+rows.In(len(ids))+
			" ORDER BY collection, member", rows.Args(ids)...)
		return page, err
	})
}
