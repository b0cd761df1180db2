package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/hongbao/hongbao/wallet"
)

// auditHolds reads every hold of a shard, and every post next to it.
func (a *auditor) auditHolds(ctx context.Context, shard int, t *totals) error {
	next, stop := iter.Pull2(postPages(ctx, a.earlyOf(shard), a.l.tables[shard]))
	defer stop()
	r := &reading{auditor: a, ctx: ctx, shard: shard, totals: t, next: next}
	if err := r.advance(); err != nil {
		return err
	}
	for holds, err := range chunks(holdPages(ctx, a.earlyOf(shard), a.l.tables[shard]), auditLookup) {
		if err != nil {
			return err
		}
		books, err := a.entriesOfHolds(ctx, shard, holds)
		if err != nil {
			return err
		}
		for i := range holds {
			if err := r.hold(&holds[i], books); err != nil {
				return err
			}
		}
	}
	if err := r.orphans(nil); err != nil {
		return err
	}
	if err := r.payments(true); err != nil {
		return err
	}
	return a.checkFlights(ctx, shard, &r.flights, true, t)
}

// reading goes through holds and posts in step.
type reading struct {
	*auditor
	ctx   context.Context
	shard int
	*totals

	next    func() (postRow, error, bool)
	post    postRow
	more    bool
	flights []flight
	paid    []wallet.Hold // payments into collections
}

func (r *reading) advance() (err error) {
	r.post, err, r.more = r.next()
	return err
}

// orphans deals with posts of holds before h (nil: all the rest), which therefore do not exist.
func (r *reading) orphans(h *wallet.Hold) error {
	for r.more && (h == nil || r.post.Hold < h.ID) {
		r.report.Posts++
		r.found(wallet.AuditPostHold, r.shard, flight{postRow: r.post}.String(), "a hold", "none")
		if err := r.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) hold(h *wallet.Hold, books holdBooks) error {
	if err := r.orphans(h); err != nil {
		return err
	}
	r.report.Holds++
	name := fmt.Sprintf("hold %d", h.ID)
	var parts int64
	for _, part := range h.Parts {
		parts += part
	}
	if parts != h.Amount.Minor {
		r.found(wallet.AuditHoldAmount, r.shard, name+", against the sum of its parts", parts, h.Amount.Minor)
	}
	if h.Posted < 0 || h.Voided < 0 || h.Pending() < 0 {
		r.found(wallet.AuditHoldAmount, r.shard, name+": amount = posted + voided + pending, none below 0", h.Amount.Minor,
			fmt.Sprintf("%d + %d + %d", h.Posted, h.Voided, h.Pending()))
	}
	if h.Open != (h.Pending() > 0) {
		r.found(wallet.AuditHoldOpen, r.shard, name+fmt.Sprintf(" with %d pending: open", h.Pending()), h.Pending() > 0, h.Open)
	}
	if got := books.account[accountKey{holdAccount(h.ID), h.Amount.Currency}]; got != h.Pending() {
		r.found(wallet.AuditHoldEntries, r.shard, name+": its entries, against what is pending", h.Pending(), got)
	}
	if got := books.owner[ownerKey{h.ID, h.Owner, h.Amount.Currency, wallet.EntryHold}]; got != -h.Amount.Minor {
		r.found(wallet.AuditHoldOwner, r.shard, fmt.Sprintf("%s in the statement of %s", name, h.Owner), -h.Amount.Minor, got)
	}
	if got := books.owner[ownerKey{h.ID, h.Owner, h.Amount.Currency, wallet.EntryVoid}]; got != h.Voided {
		r.found(wallet.AuditHoldOwner, r.shard, fmt.Sprintf("void of %s in the statement of %s", name, h.Owner), h.Voided, got)
	}
	r.stage(h, name)
	if err := r.social(h); err != nil {
		return err
	}
	return r.posts(h, name)
}

// social notes what a transfer or a payment into a collection must be found by.
func (r *reading) social(h *wallet.Hold) error {
	switch h.Subject {
	case wallet.SubjectTransfer:
		return r.expectMention(r.ctx, r.totals, mention{Who: h.Counterparty, Subject: h.Subject, Reference: h.ID})
	case wallet.SubjectCollection:
		r.paid = append(r.paid, *h)
		return r.payments(false)
	}
	return nil
}

// posts goes through the posts of a hold.
func (r *reading) posts(h *wallet.Hold, name string) error {
	var posted int64
	last := -1
	payees := map[string]bool{}
	for r.more && r.post.Hold == h.ID {
		p := r.post
		what := flight{postRow: p}.String()
		r.report.Posts++
		posted += p.Minor
		r.totals.posts[h.Amount.Currency] += p.Minor
		switch {
		case p.Part < 0 || p.Part >= len(h.Parts):
			r.found(wallet.AuditPostHold, r.shard, what, fmt.Sprintf("one of %d parts", len(h.Parts)), p.Part)
		case p.Minor != h.Parts[p.Part]:
			r.found(wallet.AuditPostAmount, r.shard, what, h.Parts[p.Part], p.Minor)
		}
		if p.Part == last {
			r.found(wallet.AuditPartTwice, r.shard, what, "one post of the part", "another one")
		}
		if h.Subject.Counted() && p.Payee != h.Counterparty {
			r.found(wallet.AuditPostPayee, r.shard, what, "a post to "+h.Counterparty, p.Payee)
		}
		if payees[p.Payee] {
			r.found(wallet.AuditUserTwice, r.shard, what, "one post to the user", "another one")
		}
		last, payees[p.Payee] = p.Part, true
		r.flights = append(r.flights, flight{postRow: p, subject: h.Subject, currency: h.Amount.Currency})
		if err := r.checkFlights(r.ctx, r.shard, &r.flights, false, r.totals); err != nil {
			return err
		}
		if err := r.advance(); err != nil {
			return err
		}
	}
	if posted != h.Posted {
		r.found(wallet.AuditHoldPosted, r.shard, name+", against the sum of its posts", posted, h.Posted)
	}
	return nil
}

// holdBooks are the entries of some holds: sums of their own accounts, and what their owners' statements show of them.
type holdBooks struct {
	account map[accountKey]int64
	owner   map[ownerKey]int64
}

type ownerKey struct {
	hold     int64
	owner    string
	currency wallet.Currency
	kind     wallet.EntryKind
}

func (a *auditor) entriesOfHolds(ctx context.Context, shard int, holds []wallet.Hold) (holdBooks, error) {
	books := holdBooks{account: map[accountKey]int64{}, owner: map[ownerKey]int64{}}
	var accounts, legs []any
	for _, h := range holds {
		accounts = append(accounts, holdAccount(h.ID))
		for _, kind := range []wallet.EntryKind{wallet.EntryHold, wallet.EntryVoid} {
			legs = append(legs, h.Owner, string(kind), string(h.Subject), h.ID)
		}
	}
	table := a.l.tables[shard].entries
	err := sumAccounts(ctx, a.earlyOf(shard), table, accounts, books.account)
	if err != nil {
		return books, err
	}
	err = collect(ctx, a.earlyOf(shard), func(rows *sql.Rows) error {
		var k ownerKey
		var amount int64
		err := rows.Scan(&k.hold, &k.owner, &k.currency, &k.kind, &amount)
		books.owner[k] += amount
		return err
	}, "SELECT reference, account, currency, kind, amount FROM "+table+" WHERE "+
		anyOf("account = ? AND kind = ? AND subject = ? AND reference = ?", len(legs)/4), legs...)
	return books, err
}

// sumAccounts adds up the entries of accounts.
func sumAccounts(ctx context.Context, s *snapshot, entries string, accounts []any, into map[accountKey]int64) error {
	return collect(ctx, s, func(rows *sql.Rows) error {
		var k accountKey
		var amount int64
		err := rows.Scan(&k.account, &k.currency, &amount)
		into[k] += amount
		return err
	}, "SELECT account, currency, amount FROM "+entries+" WHERE account IN "+in(len(accounts)), accounts...)
}
