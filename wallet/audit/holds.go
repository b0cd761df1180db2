package audit

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// auditHolds reads every hold of a shard, and every post next to it.
func (r *run) auditHolds(ctx context.Context, shard int, t *totals) error {
	next, stop := iter.Pull2(postPages(ctx, r.earlyOf(shard), r.tables[shard]))
	defer stop()
	w := &holdWalk{run: r, ctx: ctx, shard: shard, totals: t, next: next}
	if err := w.advance(); err != nil {
		return err
	}
	for holds, err := range rows.Chunks(holdPages(ctx, r.earlyOf(shard), r.tables[shard]), lookupSize) {
		if err != nil {
			return err
		}
		books, err := r.entriesOfHolds(ctx, shard, holds)
		if err != nil {
			return err
		}
		for i := range holds {
			if err := w.hold(&holds[i], books); err != nil {
				return err
			}
		}
	}
	if err := w.orphans(nil); err != nil {
		return err
	}
	return r.checkFlights(ctx, shard, &w.flights, true, t)
}

// holdWalk goes through holds and posts in step.
type holdWalk struct {
	*run
	ctx   context.Context
	shard int
	*totals

	next    func() (postRow, error, bool)
	post    postRow
	more    bool
	flights []flight
}

func (w *holdWalk) advance() (err error) {
	w.post, err, w.more = w.next()
	return err
}

// orphans deals with posts of holds before h (nil: all the rest), which therefore do not exist.
func (w *holdWalk) orphans(h *ledger.Hold) error {
	for w.more && (h == nil || w.post.Hold < h.ID) {
		w.report.Posts++
		w.found(ledger.AuditPostHold, w.shard, flight{postRow: w.post}.String(), "a hold", "none")
		if err := w.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (w *holdWalk) hold(h *ledger.Hold, books holdBooks) error {
	if err := w.orphans(h); err != nil {
		return err
	}
	w.report.Holds++
	name := fmt.Sprintf("hold %d", h.ID)
	w.shares(h, name)
	if h.Posted < 0 || h.Voided < 0 || h.Pending() < 0 {
		w.found(ledger.AuditHoldAmount, w.shard, name+": amount = posted + voided + pending, none below 0",
			h.Amount.Minor,
			fmt.Sprintf("%d + %d + %d", h.Posted, h.Voided, h.Pending()))
	}
	if h.Open != (h.Pending() > 0) {
		w.found(ledger.AuditHoldOpen, w.shard, name+fmt.Sprintf(" with %d pending: open", h.Pending()), h.Pending() > 0,
			h.Open)
	}
	if got := books.account[accountKey{mysqlledger.HoldAccount(h.ID), h.Amount.Currency}]; got != h.Pending() {
		w.found(ledger.AuditHoldEntries, w.shard, name+": its entries, against what is pending", h.Pending(), got)
	}
	if got := books.owner[ownerKey{h.ID, h.Owner, h.Amount.Currency, ledger.EntryHold}]; got != -h.Amount.Minor {
		w.found(ledger.AuditHoldOwner, w.shard, fmt.Sprintf("%s in the statement of %s", name, h.Owner),
			-h.Amount.Minor, got)
	}
	if got := books.owner[ownerKey{h.ID, h.Owner, h.Amount.Currency, ledger.EntryVoid}]; got != h.Voided {
		w.found(ledger.AuditHoldOwner, w.shard, fmt.Sprintf("void of %s in the statement of %s", name, h.Owner),
			h.Voided, got)
	}
	if err := w.checkHold(w.ctx, w.shard, w.totals, *h); err != nil {
		return err
	}
	return w.posts(h, name)
}

// shares checks that a hold's parts, or its units, make up its amount.
func (w *holdWalk) shares(h *ledger.Hold, name string) {
	if h.Metered() {
		if h.Amount.Minor%h.Unit != 0 || h.Posted%h.Unit != 0 || h.Voided%h.Unit != 0 {
			w.found(ledger.AuditHoldAmount, w.shard, name+": amount, posted and voided",
				fmt.Sprintf("units of %d", h.Unit), fmt.Sprintf("%d, %d and %d", h.Amount.Minor, h.Posted, h.Voided))
		}
		return
	}
	var parts int64
	for _, part := range h.Parts {
		parts += part
	}
	if parts != h.Amount.Minor {
		w.found(ledger.AuditHoldAmount, w.shard, name+", against the sum of its parts", parts, h.Amount.Minor)
	}
}

// posts goes through the posts of a hold.
func (w *holdWalk) posts(h *ledger.Hold, name string) error {
	var posted int64
	last := -1
	payees := map[string]bool{}
	for w.more && w.post.Hold == h.ID {
		p := w.post
		what := flight{postRow: p}.String()
		w.report.Posts++
		posted += p.Minor
		w.totals.posts[h.Amount.Currency] += p.Minor
		switch {
		case h.Metered():
			// The posts lie end to end: the part of each is how many units were paid before it.
			if before := (posted - p.Minor) / h.Unit; p.Minor%h.Unit != 0 || int64(p.Part) != before {
				w.found(ledger.AuditPostAmount, w.shard, what,
					fmt.Sprintf("whole units of %d after %d units", h.Unit, before),
					fmt.Sprintf("%d after %d units", p.Minor, p.Part))
			}
		case p.Part < 0 || p.Part >= len(h.Parts):
			w.found(ledger.AuditPostHold, w.shard, what, fmt.Sprintf("one of %d parts", len(h.Parts)), p.Part)
		case p.Minor != h.Parts[p.Part]:
			w.found(ledger.AuditPostAmount, w.shard, what, h.Parts[p.Part], p.Minor)
		}
		if p.Part == last {
			w.found(ledger.AuditPartTwice, w.shard, what, "one post of the part", "another one")
		}
		if h.Counterparty != "" && p.Payee != h.Counterparty {
			w.found(ledger.AuditPostPayee, w.shard, what, "a post to "+h.Counterparty, p.Payee)
		}
		if payees[p.Payee] && !h.Metered() {
			w.found(ledger.AuditUserTwice, w.shard, what, "one post to the user", "another one")
		}
		last, payees[p.Payee] = p.Part, true
		w.flights = append(w.flights, flight{postRow: p, subject: h.Subject, currency: h.Amount.Currency})
		if err := w.checkFlights(w.ctx, w.shard, &w.flights, false, w.totals); err != nil {
			return err
		}
		if err := w.advance(); err != nil {
			return err
		}
	}
	if posted != h.Posted {
		w.found(ledger.AuditHoldPosted, w.shard, name+", against the sum of its posts", posted, h.Posted)
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
	currency ledger.Currency
	kind     ledger.EntryKind
}

func (r *run) entriesOfHolds(ctx context.Context, shard int, holds []ledger.Hold) (holdBooks, error) {
	books := holdBooks{account: map[accountKey]int64{}, owner: map[ownerKey]int64{}}
	var accounts, legs []any
	for _, h := range holds {
		accounts = append(accounts, mysqlledger.HoldAccount(h.ID))
		for _, kind := range []ledger.EntryKind{ledger.EntryHold, ledger.EntryVoid} {
			legs = append(legs, h.Owner, string(kind), string(h.Subject), h.ID)
		}
	}
	table := r.tables[shard].Entries
	err := sumAccounts(ctx, r.earlyOf(shard), table, accounts, books.account)
	if err != nil {
		return books, err
	}
	err = rows.Collect(ctx, r.earlyOf(shard), func(row *sql.Rows) error {
		var k ownerKey
		var amount int64
		err := row.Scan(&k.hold, &k.owner, &k.currency, &k.kind, &amount)
		books.owner[k] += amount
		return err
	}, "SELECT reference, account, currency, kind, amount FROM "+table+" WHERE "+
		rows.AnyOf("account = ? AND kind = ? AND subject = ? AND reference = ?", len(legs)/4), legs...)
	return books, err
}

// sumAccounts adds up the entries of accounts.
func sumAccounts(ctx context.Context, s *snapshot, entries string, accounts []any, into map[accountKey]int64) error {
	return rows.Collect(ctx, s, func(row *sql.Rows) error {
		var k accountKey
		var amount int64
		err := row.Scan(&k.account, &k.currency, &amount)
		into[k] += amount
		return err
	}, "SELECT account, currency, amount FROM "+entries+" WHERE account IN "+rows.In(len(accounts)), accounts...)
}
