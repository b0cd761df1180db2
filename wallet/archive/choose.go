package archive

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// maxStep bounds the entries of a step.
const maxStep = 1000

// choice finds what can be archived of a shard.
type choice struct {
	*Archiver
	ctx   context.Context
	shard int
	bound time.Time
	below int64 // the first id of the bound
}

func (c *choice) db() *shards.DB        { return c.cluster.DB(c.shard) }
func (c *choice) t() mysqlledger.Tables { return c.tables[c.shard] }

// lines are what can be archived of a kind.
func (c *choice) lines(k Kind) iter.Seq2[Line, error] {
	switch k {
	case Requests:
		return c.requests()
	case Holds, Orders:
		return c.units(k)
	case Entries:
		return c.entries()
	default:
		return c.inbox()
	}
}

// pages yields what choose makes of pages of keys. fetch returns up to size keys above the last.
func pages[K any](size int, fetch func(after *K) ([]K, error),
	choose func([]K) ([]Line, error)) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for page, err := range rows.Chunks(rows.Pages(size, fetch), size) {
			var lines []Line
			if err == nil {
				lines, err = choose(page)
			}
			if err != nil {
				yield(Line{}, err)
				return
			}
			for _, l := range lines {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// requests are those that are old, and were cancelled or made something that cannot change any more. They go first: a
// request whose hold is gone could not be answered.
func (c *choice) requests() iter.Seq2[Line, error] {
	fetch := func(after *Request) ([]Request, error) {
		where, args := "", []any{}
		if after != nil {
			where = " WHERE user > ? OR (user = ? AND request_id > ?)"
			args = []any{after.User, after.User, after.ID}
		}
		return rows.Select(c.ctx, c.db(), func(row *sql.Rows) (r Request, err error) {
			err = row.Scan(&r.User, &r.ID, &r.Fingerprint, &r.Reference, &r.At)
			return r, err
		}, "SELECT user, request_id, fingerprint, reference, at FROM "+c.t().Requests+where+
			" ORDER BY user, request_id LIMIT ?", append(args, rows.Max)...)
	}
	return pages(rows.Max, fetch, func(page []Request) (lines []Line, err error) {
		old := slices.DeleteFunc(page, func(r Request) bool {
			return r.At >= c.bound.UnixMilli() || r.Reference >= c.below
		})
		over := map[int64]bool{0: true}
		for table, ended := range map[string]string{c.t().Holds: "is_open = 0", c.t().Fundings: "state <> '" +
			string(wallet.FundingPending) + "'"} {
			var ids []any
			for _, r := range old {
				ids = append(ids, r.Reference)
			}
			if len(ids) == 0 {
				return nil, nil
			}
			err := rows.Collect(c.ctx, c.db(), func(row *sql.Rows) error {
				id, err := rows.Scalar[int64](row)
				over[id] = true
				return err
			}, "SELECT id FROM "+table+" WHERE "+ended+" AND id IN "+rows.In(len(ids)), ids...)
			if err != nil {
				return nil, err
			}
		}
		for i := range old {
			if over[old[i].Reference] {
				lines = append(lines, Line{Request: &old[i]})
			}
		}
		return lines, nil
	})
}

// units are sealed holds or orders below the bound. The credits of a hold's posts have to be sealed, too.
func (c *choice) units(k Kind) iter.Seq2[Line, error] {
	table := c.t().Fundings
	if k == Holds {
		table = c.t().Holds
	}
	fetch := func(after *int64) ([]int64, error) {
		var last int64
		if after != nil {
			last = *after
		}
		return rows.Select(c.ctx, c.db(), rows.Scalar[int64], "SELECT id FROM "+table+
			" WHERE sealed = 1 AND id > ? AND id < ? ORDER BY id LIMIT ?", last, c.below, seal.Batch)
	}
	return pages(seal.Batch, fetch, func(ids []int64) ([]Line, error) {
		units, err := c.read(k, ids)
		if err != nil {
			return nil, err
		}
		if units, err = c.credited(units); err != nil {
			return nil, err
		}
		seals, err := seal.Units(c.ctx, c.db(), c.t(), ids)
		if err != nil {
			return nil, err
		}
		lines := make([]Line, len(units))
		for i := range units {
			lines[i].Unit = &Unit{Unit: units[i], Seal: seals[units[i].ID()]}
		}
		return lines, nil
	})
}

// read reads units with all that belongs to them.
func (c *choice) read(k Kind, ids []int64) (units []seal.Unit, err error) {
	account, at := mysqlledger.FundingAccount, map[string]int{}
	if k == Holds {
		account = mysqlledger.HoldAccount
		holds, err := mysqlledger.SelectHolds(c.ctx, c.db(), c.t(), "WHERE id IN "+rows.In(len(ids))+" ORDER BY id",
			rows.Args(ids)...)
		if err != nil {
			return nil, err
		}
		for i := range holds {
			units = append(units, seal.Unit{Hold: &holds[i]})
		}
	} else {
		orders, err := mysqlledger.SelectFundings(c.ctx, c.db(), c.t(), "WHERE id IN "+rows.In(len(ids))+
			" ORDER BY id", rows.Args(ids)...)
		if err != nil {
			return nil, err
		}
		for i := range orders {
			units = append(units, seal.Unit{Order: &orders[i]})
		}
	}
	var accounts []any
	for i := range units {
		name := account(units[i].ID())
		at[name] = i
		accounts = append(accounts, name)
	}
	if len(units) == 0 {
		return nil, nil
	}
	err = rows.Collect(c.ctx, c.db(), func(row *sql.Rows) error {
		e, err := seal.ScanEntry(row)
		units[at[e.Account]].Entries = append(units[at[e.Account]].Entries, e)
		return err
	}, "SELECT "+seal.EntryColumns+" FROM "+c.t().Entries+" WHERE account IN "+rows.In(len(accounts))+
		" ORDER BY account, currency, seq", accounts...)
	if err != nil || k != Holds {
		return units, err
	}
	return units, rows.Collect(c.ctx, c.db(), func(row *sql.Rows) error {
		var hold int64
		var p seal.Post
		err := row.Scan(&hold, &p.Part, &p.Payee, &p.Amount, &p.At, &p.Outbox, &p.Draw)
		i := at[account(hold)]
		units[i].Posts = append(units[i].Posts, p)
		return err
	}, "SELECT hold, part, payee, amount, at, outbox, draw FROM "+c.t().Posts+" WHERE hold IN "+rows.In(len(ids))+
		" ORDER BY hold, part", rows.Args(ids)...)
}

// credited leaves out holds of which a credit is not sealed.
func (c *choice) credited(units []seal.Unit) ([]seal.Unit, error) {
	type leg struct {
		hold int64
		part int
	}
	byDest := map[int][]any{}
	wanted := map[leg]bool{}
	for i := range units {
		for _, p := range units[i].Posts {
			h, dest := units[i].Hold, c.cluster.ForUser(p.Payee)
			byDest[dest] = append(byDest[dest], p.Payee, string(ledger.EntryPost), string(h.Subject), h.ID, p.Part)
			wanted[leg{h.ID, p.Part}] = true
		}
	}
	for dest, args := range byDest {
		t := c.tables[dest]
		for chunk := range slices.Chunk(args, 5*seal.Batch) {
			err := rows.Collect(c.ctx, c.cluster.DB(dest), func(row *sql.Rows) error {
				var l leg
				err := row.Scan(&l.hold, &l.part)
				delete(wanted, l)
				return err
			}, "SELECT e.reference, e.part FROM "+t.Entries+" e JOIN "+t.Seals+" s ON s.account = e.account AND "+
				"s.currency = e.currency AND s.seq >= e.seq WHERE "+rows.AnyOf("e.account = ? AND e.kind = ? AND "+
				"e.subject = ? AND e.reference = ? AND e.part = ?", len(chunk)/5), chunk...)
			if err != nil {
				return nil, err
			}
		}
	}
	late := map[int64]bool{}
	for l := range wanted {
		late[l.hold] = true
	}
	return slices.DeleteFunc(units, func(u seal.Unit) bool { return late[u.ID()] }), nil
}

// entries are those below seals, account by account, up to the first that has to stay.
func (c *choice) entries() iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		fetch := func(after *seal.Seal) ([]seal.Seal, error) {
			where, args := "", []any{}
			if after != nil {
				where = "AND (account > ? OR (account = ? AND currency > ?))"
				args = []any{after.Account, after.Account, string(after.Currency)}
			}
			return seal.Select(c.ctx, c.db(), c.t(), "WHERE seq > archived_seq "+where+
				" ORDER BY account, currency LIMIT ?", append(args, seal.Batch)...)
		}
		for s, err := range rows.Pages(seal.Batch, fetch) {
			for from := s.Archived; ; {
				var step *Step
				if err == nil {
					step, err = c.next(s, from)
				}
				if err != nil {
					yield(Line{}, err)
					return
				}
				if step == nil {
					break
				}
				if !yield(Line{Step: step}, nil) {
					return
				}
				from = step.To
			}
		}
	}
}

// next is the next step of an account; nil for none.
func (c *choice) next(s seal.Seal, from seal.State) (*Step, error) {
	last := s.Seq
	shared := strings.HasPrefix(s.Account, "#")
	if shared {
		last = min(last, c.below-1)
	}
	entries, err := rows.Select(c.ctx, c.db(), seal.ScanEntry, "SELECT "+seal.EntryColumns+" FROM "+c.t().Entries+
		" WHERE account = ? AND currency = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?", s.Account,
		string(s.Currency), from.Seq, last, maxStep)
	if err != nil {
		return nil, err
	}
	if !shared {
		if entries, err = c.gone(entries); err != nil {
			return nil, err
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	step := &Step{Key: s.Key, From: from, To: from, Entries: entries}
	for _, e := range entries {
		step.To.Add(e)
	}
	if step.To.Seq == s.Seq && step.To != s.State {
		return nil, fmt.Errorf("account %s, %s: its entries are not what was sealed: run hongbao audit", s.Account,
			s.Currency)
	}
	return step, nil
}

// gone are a wallet's entries up to the first that is too new or whose hold or order is still there.
func (c *choice) gone(entries []seal.Entry) ([]seal.Entry, error) {
	if i := slices.IndexFunc(entries, func(e seal.Entry) bool { return e.At >= c.bound.UnixMilli() }); i >= 0 {
		entries = entries[:i]
	}
	type place struct {
		shard int
		table string
	}
	at := func(e seal.Entry) place {
		switch {
		case e.Subject == wallet.Subject:
			return place{c.shard, c.t().Fundings}
		case e.Kind == ledger.EntryPost:
			shard, _ := c.cluster.ShardOf(e.Reference) // the audit has found it
			return place{shard, c.tables[shard].Holds}
		}
		return place{c.shard, c.t().Holds}
	}
	ids := map[place][]any{}
	for _, e := range entries {
		ids[at(e)] = append(ids[at(e)], e.Reference)
	}
	there := map[int64]bool{}
	for p, some := range ids {
		err := rows.Collect(c.ctx, c.cluster.DB(p.shard), func(row *sql.Rows) error {
			id, err := rows.Scalar[int64](row)
			there[id] = true
			return err
		}, "SELECT id FROM "+p.table+" WHERE id IN "+rows.In(len(some)), some...)
		if err != nil {
			return nil, err
		}
	}
	if i := slices.IndexFunc(entries, func(e seal.Entry) bool { return there[e.Reference] }); i >= 0 {
		entries = entries[:i]
	}
	return entries, nil
}

// inbox are ids of messages that are no longer in the outbox they came from.
func (c *choice) inbox() iter.Seq2[Line, error] {
	table := c.cluster.Table(c.shard, "inbox")
	fetch := func(after *MessageID) ([]MessageID, error) {
		last := MessageID{Source: -1}
		if after != nil {
			last = *after
		}
		// Ids ascend in time, and the key begins with the source.
		return rows.Select(c.ctx, c.db(), func(row *sql.Rows) (m MessageID, err error) {
			err = row.Scan(&m.Source, &m.ID, &m.At)
			return m, err
		}, "SELECT source, id, at FROM "+table+" WHERE (source > ? OR (source = ? AND id > ?)) AND id < ? "+
			"ORDER BY source, id LIMIT ?", last.Source, last.Source, last.ID, c.below, rows.Max)
	}
	return pages(rows.Max, fetch, func(page []MessageID) (lines []Line, err error) {
		bySource := map[int][]any{}
		for _, m := range page {
			bySource[m.Source] = append(bySource[m.Source], m.ID)
		}
		sent := map[MessageID]bool{}
		for source, ids := range bySource {
			err := rows.Collect(c.ctx, c.cluster.DB(source), func(row *sql.Rows) error {
				id, err := rows.Scalar[int64](row)
				sent[MessageID{Source: source, ID: id}] = true
				return err
			}, "SELECT id FROM "+c.cluster.Table(source, "outbox")+" WHERE dest = ? AND id IN "+rows.In(len(ids)),
				append([]any{c.shard}, ids...)...)
			if err != nil {
				return nil, err
			}
		}
		for i, m := range page {
			if m.At < c.bound.UnixMilli() && !sent[MessageID{Source: m.Source, ID: m.ID}] {
				lines = append(lines, Line{Message: &page[i]})
			}
		}
		return lines, nil
	})
}
