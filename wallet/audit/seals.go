package audit

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// begin reads what is sealed of a shard as a whole. The totals of an audit start from it: an incremental one from what
// is sealed, a full one from what is gone.
func (r *run) begin(ctx context.Context, shard int, t *totals) (err error) {
	if t.marks, err = seal.MarksOf(ctx, r.earlyOf(shard), r.tables[shard]); err != nil {
		return err
	}
	r.fresh = t.marks.Sealed == 0
	if t.before, err = seal.TotalsOf(ctx, r.earlyOf(shard), r.tables[shard]); err != nil {
		return err
	}
	for currency, of := range t.before {
		from := of.Archived
		if r.incremental {
			from = of.Sealed
		}
		t.posts[currency] += from.Posted
		t.fundings[currency] += from.Outside
		t.funded[currency] += from.Tests
	}
	return nil
}

// compareTotals compares what a full audit has found sealed with the totals of the shard.
func (r *run) compareTotals(ctx context.Context, shard int, t *totals) error {
	if r.incremental {
		return nil
	}
	var units int64
	if err := r.earlyOf(shard).QueryRowContext(ctx, "SELECT COUNT(*) FROM "+r.tables[shard].UnitSeals).Scan(
		&units); err != nil {
		return err
	}
	if units != t.units {
		r.found(ledger.AuditSeal, shard, "seals of holds, top-ups and withdrawals that are there", units, t.units)
	}
	currencies := map[ledger.Currency]bool{}
	for c := range t.before {
		currencies[c] = true
	}
	for c := range t.sealed {
		currencies[c] = true
	}
	for c := range currencies {
		found := t.before[c].Archived
		found.Add(t.sealed[c])
		if found != t.before[c].Sealed {
			r.found(ledger.AuditSeal, shard, fmt.Sprintf("totals of sealed holds, top-ups and withdrawals, %s", c),
				fmt.Sprintf("%+v", t.before[c].Sealed), fmt.Sprintf("%+v", found))
		}
	}
	return nil
}

// checkUnit compares a unit that is sealed with its seal.
func (r *run) checkUnit(shard int, t *totals, u *seal.Unit, isSealed bool, digests map[int64]seal.Digest) {
	digest, has := digests[u.ID()]
	if !isSealed && !has {
		return
	}
	what := fmt.Sprintf("sealed top-up or withdrawal %d", u.ID())
	if u.Hold != nil {
		what = fmt.Sprintf("sealed hold %d", u.ID())
	}
	if isSealed != has {
		r.found(ledger.AuditSeal, shard, what, "its seal and its mark", "one of them")
		return
	}
	if got := u.Digest(); got != digest {
		r.found(ledger.AuditSeal, shard, what+", with all that belongs to it", digest, got)
	}
	t.units++
	currency, more := u.Totals()
	sum := t.sealed[currency]
	sum.Add(more)
	t.sealed[currency] = sum
}

// sealedOf are those of the holds or orders that are marked as sealed.
func sealedOf(ctx context.Context, s *snapshot, table string, ids []int64) (map[int64]bool, error) {
	found := map[int64]bool{}
	err := rows.Collect(ctx, s, func(row *sql.Rows) error {
		id, err := rows.Scalar[int64](row)
		found[id] = true
		return err
	}, "SELECT id FROM "+table+" WHERE sealed = 1 AND id IN "+rows.In(len(ids)), rows.Args(ids)...)
	return found, err
}

func compareKeys(a, b accountKey) int {
	return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.currency, b.currency))
}

func sealPages(ctx context.Context, s *snapshot, t mysqlledger.Tables) iter.Seq2[seal.Seal, error] {
	return rows.Pages(pageSize, func(after *seal.Seal) ([]seal.Seal, error) {
		where, args := "", []any{}
		if after != nil {
			where = "WHERE account > ? OR (account = ? AND currency > ?)"
			args = []any{after.Account, after.Account, string(after.Currency)}
		}
		return seal.Select(ctx, s, t, where+" ORDER BY account, currency LIMIT ?", append(args, pageSize)...)
	})
}

// entriesAbove are the entries of accounts, in their order, above a number for each. keys are in order, and not empty.
func entriesAbove(ctx context.Context, s *snapshot, t mysqlledger.Tables, keys []accountKey,
	above map[accountKey]int64) iter.Seq2[entry, error] {
	return rows.Pages(pageSize, func(after *entry) ([]entry, error) {
		left := keys
		if after != nil {
			i, _ := slices.BinarySearchFunc(keys, accountKey{after.Account, after.Currency}, compareKeys)
			left = keys[i:]
		}
		var args []any
		for i, k := range left {
			seq := above[k]
			if i == 0 && after != nil {
				seq = after.Seq
			}
			args = append(args, k.account, string(k.currency), seq)
		}
		return rows.Select(ctx, s, seal.ScanEntry, "SELECT "+seal.EntryColumns+" FROM "+t.Entries+" WHERE "+
			rows.AnyOf("account = ? AND currency = ? AND seq > ?", len(left))+
			" ORDER BY account, currency, seq LIMIT ?", append(args, pageSize)...)
	})
}

// above are the numbers of accounts up to which they are sealed, and the accounts that have entries above them.
func (r *run) above(ctx context.Context, shard int, groups []group) (seals map[seal.Key]seal.Seal, moved []accountKey,
	from map[accountKey]int64, err error) {
	keys := make([]seal.Key, 0, len(groups))
	for _, g := range groups {
		keys = append(keys, seal.Key{Account: g.account, Currency: g.currency})
	}
	if seals, err = seal.SelectOf(ctx, r.earlyOf(shard), r.tables[shard], keys); err != nil {
		return nil, nil, nil, err
	}
	from = map[accountKey]int64{}
	for _, g := range groups {
		sealed := seals[seal.Key{Account: g.account, Currency: g.currency}].Seq
		if g.last > sealed {
			moved, from[g.accountKey] = append(moved, g.accountKey), sealed
		}
	}
	return seals, moved, from, nil
}
