package mysqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// auditCollections checks every collection of a shard against its parts, and each part that is paid against its payment.
//
// A part is paid after its hold was committed, so what the early snapshot shows as paid has its hold in the late one; and
// a payment comes after its claim and before what ends it, so a payment of the early snapshot has its part claimed or
// paid in the late one: see payments.
func (a *auditor) auditCollections(ctx context.Context, shard int, t *totals) error {
	p := &paying{auditor: a, ctx: ctx, shard: shard}
	for c, err := range collectionPages(ctx, a.earlyOf(shard), a.l.tables[shard]) {
		if err != nil {
			return err
		}
		p.collection(c)
		if err := a.expectMentionsOf(ctx, t, c); err != nil {
			return err
		}
		if err := p.checkPaid(false); err != nil {
			return err
		}
	}
	if err := p.checkPaid(true); err != nil {
		return err
	}
	return a.orphanParts(ctx, shard)
}

func (a *auditor) expectMentionsOf(ctx context.Context, t *totals, c wallet.Collection) error {
	who := []string{wallet.MentionGroup(c.Group)}
	for _, part := range c.Parts {
		if part.State != wallet.PartOwn {
			who = append(who, part.Member)
		}
	}
	for _, w := range who {
		if err := a.expectMention(ctx, t, mention{Who: w, Subject: wallet.SubjectCollection, Reference: c.ID}); err != nil {
			return err
		}
	}
	return nil
}

// paying is a walk over a shard's collections.
type paying struct {
	*auditor
	ctx   context.Context
	shard int
	paid  []paidPart
}

type paidPart struct {
	wallet.CollectionPart
	of *wallet.Collection
}

func (p paidPart) String() string {
	return fmt.Sprintf("part of %s in collection %d", p.Member, p.of.ID)
}

// collection compares a collection with its parts.
func (p *paying) collection(c wallet.Collection) {
	name := fmt.Sprintf("collection %d", c.ID)
	var all, due, collected int64
	unpaid := 0
	for _, part := range c.Parts {
		x := paidPart{CollectionPart: part, of: &c}
		if all += part.Minor; part.State != wallet.PartOwn {
			due += part.Minor
		}
		switch part.State {
		case wallet.PartPaid:
			collected += part.Minor
			p.paid = append(p.paid, x)
		case wallet.PartDue, wallet.PartClaimed:
			unpaid++
		case wallet.PartOwn:
		default:
			p.found(wallet.AuditCollection, p.shard, x.String(), "a state", part.State)
		}
		if (part.State == wallet.PartPaid) != (part.Payment != 0) {
			p.found(wallet.AuditCollection, p.shard, fmt.Sprintf("%s, %s: its payment", x, part.State), "one if it is paid", part.Payment)
		}
	}
	if due != c.Due || all > c.Total {
		p.found(wallet.AuditCollection, p.shard, name+": due of the total", fmt.Sprintf("%d of at least %d", due, all), fmt.Sprintf("%d of %d", c.Due, c.Total))
	}
	if collected != c.Collected {
		p.found(wallet.AuditCollection, p.shard, name+", against the sum of its paid parts", collected, c.Collected)
	}
	if complete := unpaid == 0; c.State != wallet.CollectionClosed && complete != (c.State == wallet.CollectionComplete) {
		p.found(wallet.AuditCollection, p.shard, fmt.Sprintf("%s with %d unpaid parts: complete", name, unpaid), complete, c.State)
	}
}

// checkPaid looks for the payments of paid parts, in late snapshots, once there are enough of them or it is the last call.
func (p *paying) checkPaid(last bool) error {
	if len(p.paid) < auditPage && !last {
		return nil
	}
	byShard := map[int][]paidPart{}
	for _, part := range p.paid {
		byShard[p.l.cluster.ForUser(part.Member)] = append(byShard[p.l.cluster.ForUser(part.Member)], part)
	}
	p.paid = nil
	for payer, all := range byShard {
		for chunk := range slices.Chunk(all, auditLookup) {
			ids := make([]any, len(chunk))
			for i, part := range chunk {
				ids[i] = part.Payment
			}
			holds, err := selectHolds(p.ctx, p.lateOf(payer), p.l.tables[payer], "WHERE id IN "+in(len(ids)), ids...)
			if err != nil {
				return err
			}
			for _, part := range chunk {
				i := slices.IndexFunc(holds, func(h wallet.Hold) bool { return h.ID == part.Payment })
				if i < 0 {
					p.found(wallet.AuditPayment, p.shard, part.String(), fmt.Sprintf("payment %d", part.Payment), "no such hold")
				} else if objection := part.against(holds[i]); objection != "" {
					p.found(wallet.AuditPayment, p.shard, part.String(), fmt.Sprintf("payment %d of it", part.Payment), objection)
				}
			}
		}
	}
	return nil
}

// against says what is wrong with the hold that a part names as its payment; "" for nothing.
func (p paidPart) against(h wallet.Hold) string {
	claim, err := claimOf(h)
	want := wallet.Amount{Minor: p.Minor, Currency: p.of.Currency}
	switch {
	case err != nil:
		return "a hold for something else"
	case claim != wallet.CollectionClaim{Collection: p.of.ID, Member: p.Member, Claim: p.Claim}:
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

// claimOf is the claim that a payment of a collection carries.
func claimOf(h wallet.Hold) (claim wallet.CollectionClaim, err error) {
	if h.Subject != wallet.SubjectCollection {
		return claim, fmt.Errorf("mysqlledger: hold %d is a %s", h.ID, h.Subject)
	}
	err = json.Unmarshal(h.Detail, &claim)
	claim.Member = h.Owner
	return claim, err
}

// payments looks for the parts of payments that the early snapshot of a shard has, in late snapshots, once there are
// enough of them or it is the last call.
func (r *reading) payments(last bool) error {
	if len(r.paid) < auditPage && !last {
		return nil
	}
	byShard := map[int][]wallet.Hold{}
	for _, h := range r.paid {
		claim, err := claimOf(h)
		collector, ok := r.l.ShardOf(claim.Collection)
		if err != nil || !ok {
			r.found(wallet.AuditPayment, r.shard, fmt.Sprintf("hold %d", h.ID), "a payment of a part of a collection", string(h.Detail))
			continue
		}
		byShard[collector] = append(byShard[collector], h)
	}
	r.paid = nil
	for collector, all := range byShard {
		for chunk := range slices.Chunk(all, auditLookup) {
			if err := r.partsOf(collector, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reading) partsOf(collector int, holds []wallet.Hold) error {
	type key struct {
		collection int64
		member     string
	}
	var args []any
	for _, h := range holds {
		claim, _ := claimOf(h) // read before
		args = append(args, claim.Collection, claim.Member)
	}
	parts := map[key]wallet.CollectionPart{}
	err := collect(r.ctx, r.lateOf(collector), func(rows *sql.Rows) error {
		var k key
		p, err := scanPart(rows, &k.collection)
		k.member = p.Member
		parts[k] = p
		return err
	}, "SELECT collection, "+partColumns+" FROM "+r.l.tables[collector].parts+" WHERE "+anyOf("collection = ? AND member = ?", len(holds)), args...)
	if err != nil {
		return err
	}
	for _, h := range holds {
		claim, _ := claimOf(h)
		p, ok := parts[key{claim.Collection, claim.Member}]
		pays := p.State == wallet.PartPaid && p.Payment == h.ID || p.State == wallet.PartClaimed && p.Claim == claim.Claim
		if !ok || !pays {
			r.found(wallet.AuditPayment, r.shard, fmt.Sprintf("payment %d by %s", h.ID, h.Owner),
				fmt.Sprintf("claim %d of a part of collection %d", claim.Claim, claim.Collection), fmt.Sprintf("the part is %q, claim %d, payment %d", p.State, p.Claim, p.Payment))
		}
	}
	return nil
}

// orphanParts names parts of collections that do not exist.
func (a *auditor) orphanParts(ctx context.Context, shard int) error {
	t := a.l.tables[shard]
	return collect(ctx, a.earlyOf(shard), func(rows *sql.Rows) error {
		var id int64
		var member string
		err := rows.Scan(&id, &member)
		a.found(wallet.AuditCollection, shard, fmt.Sprintf("part of %s in collection %d", member, id), "a collection", "none")
		return err
	}, "SELECT p.collection, p.member FROM "+t.parts+" p LEFT JOIN "+t.collections+" c ON c.id = p.collection WHERE c.id IS NULL LIMIT ?", wallet.MaxDiscrepancies)
}

// auditCollectionPage is how many collections are read at a time, each with up to MaxCollectionParts parts.
const auditCollectionPage = 20

func collectionPages(ctx context.Context, s *snapshot, t tables) iter.Seq2[wallet.Collection, error] {
	return pages(auditCollectionPage, func(after *wallet.Collection) (page []wallet.Collection, err error) {
		var id int64
		if after != nil {
			id = after.ID
		}
		index := map[int64]int{}
		var ids []any
		err = collect(ctx, s, func(rows *sql.Rows) error {
			c, err := scanCollection(rows)
			index[c.ID] = len(page)
			page, ids = append(page, c), append(ids, c.ID)
			return err
		}, "SELECT "+collectionColumns+" FROM "+t.collections+" WHERE id > ? ORDER BY id LIMIT ?", id, auditCollectionPage)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		err = collect(ctx, s, func(rows *sql.Rows) error {
			var id int64
			p, err := scanPart(rows, &id)
			page[index[id]].Parts = append(page[index[id]].Parts, p)
			return err
		}, "SELECT collection, "+partColumns+" FROM "+t.parts+" WHERE collection IN "+in(len(ids))+" ORDER BY collection, member", ids...)
		return page, err
	})
}
