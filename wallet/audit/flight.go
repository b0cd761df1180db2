package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/internal/index"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

type partKey struct {
	hold int64
	part int
}

// flight is a post that is to be found again as a credit.
type flight struct {
	postRow
	subject  ledger.Subject
	currency ledger.Currency
}

func (f flight) String() string {
	return fmt.Sprintf("post of hold %d part %d to %s", f.Hold, f.Part, f.Payee)
}

// checkCredits looks for the posts of credits that the early snapshot of a shard has, in late snapshots, once there are
// enough of them or it is the last call.
func (r *run) checkCredits(ctx context.Context, shard int, credits *[]entry, last bool) error {
	if len(*credits) < pageSize && !last {
		return nil
	}
	bySource := map[int][]entry{}
	for _, e := range *credits {
		source, ok := r.cluster.ShardOf(e.Reference)
		if !ok {
			r.found(ledger.AuditCreditUnposted, shard, creditName(e), "a post", "no shard has that hold")
			continue
		}
		bySource[source] = append(bySource[source], e)
	}
	*credits = (*credits)[:0]
	for source, all := range bySource {
		for chunk := range slices.Chunk(all, lookupSize) {
			posted, err := r.lookUpPosts(ctx, r.lateOf(source), source, chunk)
			if err != nil {
				return err
			}
			for _, e := range chunk {
				r.checkCredit(shard, source, e, posted[partKey{e.Reference, e.Part}])
			}
		}
		if r.incremental {
			if err := r.checkOnce(ctx, shard, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCredit compares a credit with the posts of its hold and part.
func (r *run) checkCredit(shard, source int, e entry, posted []postRow) {
	i := slices.IndexFunc(posted, func(p postRow) bool { return p.Payee == e.Account })
	switch {
	case i < 0 && (!r.incremental || r.fresh) && e.Reference < r.archived[source]:
		// Its hold was archived. That was sealed before, and so was this.
	case i < 0:
		r.found(ledger.AuditCreditUnposted, shard, creditName(e), "a post", "none")
	case r.incremental && posted[i].Minor != e.Amount: // a full audit compares them when it comes to the post
		r.found(ledger.AuditCreditDiffers, shard, creditName(e), posted[i].Minor, e.Amount)
	}
}

// checkOnce looks whether credits above the seals were made before: their posts may be of holds that are not read.
func (r *run) checkOnce(ctx context.Context, shard int, credits []entry) error {
	for chunk := range slices.Chunk(credits, lookupSize) {
		var args []any
		for _, e := range chunk {
			args = append(args, e.Account, string(e.Kind), string(e.Subject), e.Reference, e.Part)
		}
		times := map[payment]int{}
		err := rows.Collect(ctx, r.earlyOf(shard), func(row *sql.Rows) error {
			var p payment
			err := row.Scan(&p.payee, &p.hold, &p.part)
			times[p]++
			return err
		}, "SELECT "+byLeg(r.tables[shard].Entries)+"account, reference, part FROM "+
			r.tables[shard].Entries+" WHERE "+rows.AnyOf(
			"account = ? AND kind = ? AND subject = ? AND reference = ? AND part = ?", len(chunk)), args...)
		if err != nil {
			return err
		}
		for _, e := range chunk {
			if n := times[payment{partKey{e.Reference, e.Part}, e.Account}]; n > 1 {
				r.found(ledger.AuditCreditTwice, shard, creditName(e), "one credit", n)
			}
		}
	}
	return nil
}

// payment is who is paid which part.
type payment struct {
	partKey
	payee string
}

// notArchived leaves out posts whose holds are gone by now: they were sealed, and their credits may be gone, too.
func (r *run) notArchived(ctx context.Context, shard int, missing []flight) ([]flight, error) {
	var ids []int64
	for _, f := range missing {
		if f.Hold < r.archived[shard] {
			ids = append(ids, f.Hold)
		}
	}
	if len(ids) == 0 {
		return missing, nil
	}
	there := map[int64]bool{}
	err := rows.Collect(ctx, r.lateOf(shard), func(row *sql.Rows) error {
		id, err := rows.Scalar[int64](row)
		there[id] = true
		return err
	}, "SELECT id FROM "+r.tables[shard].Holds+" WHERE id IN "+rows.In(len(ids)), rows.Args(ids)...)
	return slices.DeleteFunc(missing, func(f flight) bool {
		return f.Hold < r.archived[shard] && !there[f.Hold]
	}), err
}

func creditName(e entry) string {
	return fmt.Sprintf("entry %d of account %s, %s: hold %d part %d", e.Seq, e.Account, e.Currency, e.Reference, e.Part)
}

// lookUpPosts finds posts by hold and part, named by the reference and part of entries.
func (r *run) lookUpPosts(ctx context.Context, s *snapshot, shard int, keys []entry) (map[partKey][]postRow, error) {
	var args []any
	for _, e := range keys {
		args = append(args, e.Reference, e.Part)
	}
	found := map[partKey][]postRow{}
	err := rows.Collect(ctx, s, func(row *sql.Rows) error {
		p, err := scanPost(row)
		found[partKey{p.Hold, p.Part}] = append(found[partKey{p.Hold, p.Part}], p)
		return err
	}, "SELECT hold, part, payee, amount, at, outbox, draw FROM "+r.tables[shard].Posts+" WHERE "+rows.AnyOf(
		"hold = ? AND part = ?", len(keys)), args...)
	return found, err
}

// checkFlights looks for the credits of posts that the early snapshot of a shard has, in late snapshots, once there are
// enough of them or it is the last call. Those without one must be in flight.
func (r *run) checkFlights(ctx context.Context, shard int, flights *[]flight, last bool, t *totals) error {
	if len(*flights) < pageSize && !last {
		return nil
	}
	byDest := map[int][]flight{}
	for _, f := range *flights {
		dest := r.cluster.ForUser(f.Payee)
		byDest[dest] = append(byDest[dest], f)
	}
	*flights = (*flights)[:0]
	for dest, all := range byDest {
		for chunk := range slices.Chunk(all, lookupSize) {
			missing, err := r.matchCredits(ctx, dest, chunk)
			if err != nil {
				return err
			}
			if missing, err = r.notArchived(ctx, shard, missing); err != nil {
				return err
			}
			if err := r.checkInFlight(ctx, shard, dest, missing, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// matchCredits compares posts with their credits and returns those that have none.
func (r *run) matchCredits(ctx context.Context, dest int, flights []flight) (missing []flight, err error) {
	var args []any
	for _, f := range flights {
		args = append(args, f.Payee, string(ledger.EntryPost), string(f.subject), f.Hold, f.Part)
	}
	credits := map[payment][]ledger.Amount{}
	err = rows.Collect(ctx, r.lateOf(dest), func(row *sql.Rows) error {
		var k payment
		var c ledger.Amount
		err := row.Scan(&k.payee, &k.hold, &k.part, &c.Minor, &c.Currency)
		credits[k] = append(credits[k], c)
		return err
	}, "SELECT "+byLeg(r.tables[dest].Entries)+"account, reference, part, amount, currency FROM "+
		r.tables[dest].Entries+" WHERE "+
		rows.AnyOf("account = ? AND kind = ? AND subject = ? AND reference = ? AND part = ?", len(flights)), args...)
	if err != nil {
		return nil, err
	}
	for _, f := range flights {
		found := credits[payment{partKey{f.Hold, f.Part}, f.Payee}]
		want := ledger.Amount{Minor: f.Minor, Currency: f.currency}
		switch {
		case len(found) == 0:
			missing = append(missing, f)
		case len(found) > 1:
			r.found(ledger.AuditCreditTwice, dest, f.String(), "one credit", len(found))
		case found[0] != want:
			r.found(ledger.AuditCreditDiffers, dest, f.String(), want, found[0])
		}
	}
	return missing, nil
}

// checkInFlight checks that posts without a credit are in an outbox row that has not arrived.
func (r *run) checkInFlight(ctx context.Context, shard, dest int, missing []flight, t *totals) error {
	if len(missing) == 0 {
		return nil
	}
	var ids []int64
	for _, f := range missing {
		ids = append(ids, f.outbox)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	waiting, err := lookUpIDs(ctx, r.earlyOf(shard), r.cluster.Table(shard, "outbox"), "dest", dest, ids)
	if err != nil {
		return err
	}
	arrived, err := lookUpIDs(ctx, r.lateOf(dest), r.cluster.Table(dest, "inbox"), "source", shard, ids)
	if err != nil {
		return err
	}
	for _, f := range missing {
		t.inFlight[f.currency] += f.Minor
		if !waiting[f.outbox] || arrived[f.outbox] {
			r.found(ledger.AuditPostNotCredited, shard, f.String(), fmt.Sprintf("a credit on shard %d", dest),
				"none, and not in flight")
		}
	}
	return nil
}

// lookUpIDs says which ids are in an outbox for a shard or in an inbox from one.
func lookUpIDs(ctx context.Context, s *snapshot, table, column string, shard int, ids []int64) (map[int64]bool, error) {
	args := []any{shard}
	for _, id := range ids {
		args = append(args, id)
	}
	there := map[int64]bool{}
	err := rows.Collect(ctx, s, func(row *sql.Rows) error {
		var id int64
		err := row.Scan(&id)
		there[id] = true
		return err
	}, "SELECT id FROM "+table+" WHERE "+column+" = ? AND id IN "+rows.In(len(ids)), args...)
	return there, err
}

// auditOutbox checks that each message is the posts that it carries, and adds up those that have not arrived.
func (r *run) auditOutbox(ctx context.Context, shard int, t *totals) error {
	if err := r.checkExpected(ctx, t, true); err != nil {
		return err
	}
	table := r.cluster.Table(shard, "outbox")
	messages := rows.Pages(outboxPage, func(after *outbox.Message) ([]outbox.Message, error) {
		if after == nil {
			after = &outbox.Message{Dest: outbox.Outside}
		}
		return rows.Select(ctx, r.earlyOf(shard), outbox.Scan, "SELECT "+outbox.Columns+" FROM "+table+
			" WHERE dest > ? OR (dest = ? AND id > ?) ORDER BY dest, id LIMIT ?", after.Dest, after.Dest, after.ID,
			outboxPage)
	})
	for m, err := range messages {
		if err != nil {
			return err
		}
		if m.Dest == outbox.Outside {
			continue
		}
		if m.Dest < 0 || m.Dest >= r.cluster.Shards() {
			r.found(ledger.AuditOutbox, shard, fmt.Sprintf("message %d", m.ID), "a shard to go to", m.Dest)
			continue
		}
		arrived, err := lookUpIDs(ctx, r.lateOf(m.Dest), r.cluster.Table(m.Dest, "inbox"), "source", shard,
			[]int64{m.ID})
		if err != nil {
			return err
		}
		if !arrived[m.ID] && m.Amount != 0 {
			t.outbox[ledger.Currency(m.Currency)] += m.Amount
		}
		if err := r.checkMessage(ctx, shard, m, t); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) checkMessage(ctx context.Context, shard int, m outbox.Message, t *totals) error {
	what := fmt.Sprintf("message %d for shard %d", m.ID, m.Dest)
	if err := r.outbox.Decode(&m); err != nil {
		r.found(ledger.AuditOutbox, shard, what, "a payload", "unreadable")
		return nil
	}
	switch content := m.Content().(type) {
	case index.Entries:
		for _, e := range content.All {
			delete(t.missing, e)
		}
	case *mysqlledger.Legs:
		return r.checkLegs(ctx, shard, what, m, content)
	}
	return nil
}

// checkLegs checks that a message of credits is the posts that it carries.
func (r *run) checkLegs(ctx context.Context, shard int, what string, m outbox.Message, legs *mysqlledger.Legs) error {
	var keys []entry
	var sum int64
	for _, g := range legs.All {
		sum += g.Amount
		keys = append(keys, entry{Account: g.Payee, Reference: legs.Holds[g.Hold].ID, Part: g.Part, Amount: g.Amount})
	}
	if sum != m.Amount {
		r.found(ledger.AuditOutbox, shard, what+", against the sum of its legs", sum, m.Amount)
	}
	for chunk := range slices.Chunk(keys, lookupSize) {
		posts, err := r.lookUpPosts(ctx, r.earlyOf(shard), shard, chunk)
		if err != nil {
			return err
		}
		for _, k := range chunk {
			carried := slices.ContainsFunc(posts[partKey{k.Reference, k.Part}], func(p postRow) bool {
				return p.Payee == k.Account && p.Minor == k.Amount && p.outbox == m.ID
			})
			if !carried {
				leg := fmt.Sprintf("%s, leg of hold %d part %d to %s", what, k.Reference, k.Part, k.Account)
				r.found(ledger.AuditOutbox, shard, leg, "a post that it carries", "none")
			}
		}
	}
	return nil
}
