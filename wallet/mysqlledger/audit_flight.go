package mysqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/hongbao/hongbao/wallet"
)

// flight is a post that is to be found again as a credit.
type flight struct {
	postRow
	subject  wallet.Subject
	currency wallet.Currency
}

func (f flight) String() string {
	return fmt.Sprintf("post of hold %d part %d to %s", f.Hold, f.Part, f.Payee)
}

// checkCredits looks for the posts of credits that the early snapshot of a shard has, in late snapshots, once there are
// enough of them or it is the last call.
func (a *auditor) checkCredits(ctx context.Context, shard int, credits *[]entry, last bool) error {
	if len(*credits) < auditPage && !last {
		return nil
	}
	bySource := map[int][]entry{}
	for _, e := range *credits {
		source, ok := a.l.ShardOf(e.reference)
		if !ok {
			a.found(wallet.AuditCreditUnposted, shard, creditName(e), "a post", "no shard has that hold")
			continue
		}
		bySource[source] = append(bySource[source], e)
	}
	*credits = (*credits)[:0]
	for source, all := range bySource {
		for chunk := range slices.Chunk(all, auditLookup) {
			posted, err := a.lookUpPosts(ctx, a.lateOf(source), source, chunk)
			if err != nil {
				return err
			}
			for _, e := range chunk {
				if !slices.ContainsFunc(posted[partKey{e.reference, e.part}], func(p postRow) bool { return p.Payee == e.account }) {
					a.found(wallet.AuditCreditUnposted, shard, creditName(e), "a post", "none")
				}
			}
		}
	}
	return nil
}

func creditName(e entry) string {
	return fmt.Sprintf("entry %d of account %s, %s: hold %d part %d", e.seq, e.account, e.currency, e.reference, e.part)
}

// lookUpPosts finds posts by hold and part, named by the reference and part of entries.
func (a *auditor) lookUpPosts(ctx context.Context, s *snapshot, shard int, keys []entry) (map[partKey][]postRow, error) {
	var args []any
	for _, e := range keys {
		args = append(args, e.reference, e.part)
	}
	found := map[partKey][]postRow{}
	err := collect(ctx, s, func(rows *sql.Rows) error {
		var p postRow
		err := rows.Scan(&p.Hold, &p.Part, &p.Payee, &p.Minor, &p.outbox)
		found[partKey{p.Hold, p.Part}] = append(found[partKey{p.Hold, p.Part}], p)
		return err
	}, "SELECT hold, part, payee, amount, outbox FROM "+a.l.tables[shard].posts+" WHERE "+anyOf("hold = ? AND part = ?", len(keys)), args...)
	return found, err
}

// checkFlights looks for the credits of posts that the early snapshot of a shard has, in late snapshots, once there are
// enough of them or it is the last call. Those without one must be in flight.
func (a *auditor) checkFlights(ctx context.Context, shard int, flights *[]flight, last bool, t *totals) error {
	if len(*flights) < auditPage && !last {
		return nil
	}
	byDest := map[int][]flight{}
	for _, f := range *flights {
		dest := a.l.cluster.ForUser(f.Payee)
		byDest[dest] = append(byDest[dest], f)
	}
	*flights = (*flights)[:0]
	for dest, all := range byDest {
		for chunk := range slices.Chunk(all, auditLookup) {
			missing, err := a.matchCredits(ctx, dest, chunk)
			if err != nil {
				return err
			}
			if err := a.checkInFlight(ctx, shard, dest, missing, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// matchCredits compares posts with their credits and returns those that have none.
func (a *auditor) matchCredits(ctx context.Context, dest int, flights []flight) (missing []flight, err error) {
	var args []any
	for _, f := range flights {
		args = append(args, f.Payee, string(wallet.EntryPost), string(f.subject), f.Hold, f.Part)
	}
	type key struct {
		partKey
		payee string
	}
	credits := map[key][]wallet.Amount{}
	err = collect(ctx, a.lateOf(dest), func(rows *sql.Rows) error {
		var k key
		var c wallet.Amount
		err := rows.Scan(&k.payee, &k.hold, &k.part, &c.Minor, &c.Currency)
		credits[k] = append(credits[k], c)
		return err
	}, "SELECT account, reference, part, amount, currency FROM "+a.l.tables[dest].entries+" WHERE "+
		anyOf("account = ? AND kind = ? AND subject = ? AND reference = ? AND part = ?", len(flights)), args...)
	if err != nil {
		return nil, err
	}
	for _, f := range flights {
		found := credits[key{partKey{f.Hold, f.Part}, f.Payee}]
		want := wallet.Amount{Minor: f.Minor, Currency: f.currency}
		switch {
		case len(found) == 0:
			missing = append(missing, f)
		case len(found) > 1:
			a.found(wallet.AuditCreditTwice, dest, f.String(), "one credit", len(found))
		case found[0] != want:
			a.found(wallet.AuditCreditDiffers, dest, f.String(), want, found[0])
		}
	}
	return missing, nil
}

// checkInFlight checks that posts without a credit are in an outbox row that has not arrived.
func (a *auditor) checkInFlight(ctx context.Context, shard, dest int, missing []flight, t *totals) error {
	if len(missing) == 0 {
		return nil
	}
	var ids []int64
	for _, f := range missing {
		ids = append(ids, f.outbox)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	waiting, err := lookUpIDs(ctx, a.earlyOf(shard), a.l.tables[shard].outbox, "dest", dest, ids)
	if err != nil {
		return err
	}
	arrived, err := lookUpIDs(ctx, a.lateOf(dest), a.l.tables[dest].inbox, "source", shard, ids)
	if err != nil {
		return err
	}
	for _, f := range missing {
		t.inFlight[f.currency] += f.Minor
		if !waiting[f.outbox] || arrived[f.outbox] {
			a.found(wallet.AuditPostNotCredited, shard, f.String(), fmt.Sprintf("a credit on shard %d", dest), "none, and not in flight")
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
	err := collect(ctx, s, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		there[id] = true
		return err
	}, "SELECT id FROM "+table+" WHERE "+column+" = ? AND id IN "+in(len(ids)), args...)
	return there, err
}

// auditOutbox checks that each outbox row is the posts that it carries, and adds up those that have not arrived.
func (a *auditor) auditOutbox(ctx context.Context, shard int, t *totals) error {
	if err := a.checkMentions(ctx, t, true); err != nil {
		return err
	}
	rows := pages(auditOutbox, func(after *outboxRow) ([]outboxRow, error) {
		return readOutboxRows(ctx, a.earlyOf(shard), a.l.tables[shard], after)
	})
	for row, err := range rows {
		if err != nil {
			return err
		}
		if a.l.checkShard(row.dest) != nil {
			a.found(wallet.AuditOutbox, shard, fmt.Sprintf("outbox row %d", row.id), "a shard to go to", row.dest)
			continue
		}
		arrived, err := lookUpIDs(ctx, a.lateOf(row.dest), a.l.tables[row.dest].inbox, "source", shard, []int64{row.id})
		if err != nil {
			return err
		}
		if !arrived[row.id] {
			t.outbox[row.currency] += row.amount
		}
		if err := a.checkParcel(ctx, shard, row, t); err != nil {
			return err
		}
	}
	return nil
}

type outboxRow struct {
	parcel
	legs []byte
}

func readOutboxRows(ctx context.Context, s *snapshot, t tables, after *outboxRow) (page []outboxRow, err error) {
	where, args := "", []any{}
	if after != nil {
		where, args = " WHERE dest > ? OR (dest = ? AND id > ?)", []any{after.dest, after.dest, after.id}
	}
	err = collect(ctx, s, func(rows *sql.Rows) error {
		var r outboxRow
		err := rows.Scan(&r.dest, &r.id, &r.currency, &r.amount, &r.legs)
		page = append(page, r)
		return err
	}, "SELECT "+parcelColumns+" FROM "+t.outbox+where+" ORDER BY dest, id LIMIT ?", append(args, auditOutbox)...)
	return page, err
}

func (a *auditor) checkParcel(ctx context.Context, shard int, row outboxRow, t *totals) error {
	what := fmt.Sprintf("outbox row %d for shard %d", row.id, row.dest)
	if err := row.unpack(row.legs); err != nil {
		a.found(wallet.AuditOutbox, shard, what, "legs", "unreadable")
		return nil
	}
	for _, m := range row.contents.Mentions {
		delete(t.unmentioned, m)
	}
	var keys []entry
	var sum int64
	for _, g := range row.contents.Legs {
		sum += g.Amount
		keys = append(keys, entry{account: g.Payee, reference: row.contents.Holds[g.Hold].ID, part: g.Part, amount: g.Amount})
	}
	if sum != row.amount {
		a.found(wallet.AuditOutbox, shard, what+", against the sum of its legs", sum, row.amount)
	}
	for chunk := range slices.Chunk(keys, auditLookup) {
		posts, err := a.lookUpPosts(ctx, a.earlyOf(shard), shard, chunk)
		if err != nil {
			return err
		}
		for _, k := range chunk {
			if !slices.ContainsFunc(posts[partKey{k.reference, k.part}], func(p postRow) bool {
				return p.Payee == k.account && p.Minor == k.amount && p.outbox == row.id
			}) {
				a.found(wallet.AuditOutbox, shard, fmt.Sprintf("%s, leg of hold %d part %d to %s", what, k.reference, k.part, k.account), "a post that it carries", "none")
			}
		}
	}
	return nil
}
