package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/wallet/seal"
)

// accountKey is a wallet or a system account in one currency.
type accountKey struct {
	account  string
	currency ledger.Currency
}

// state is an account after an entry.
type state struct{ balance, seq int64 }

// entry is a row of entries.
type entry = seal.Entry

func isSystem(account string) bool { return strings.HasPrefix(account, "#") }

// auditEntries reads the entries of a shard in the order of accounts, next to the accounts themselves and their seals.
func (r *run) auditEntries(ctx context.Context, shard int, t *totals) error {
	accounts, stop := pull(accountPages(ctx, r.earlyOf(shard), r.tables[shard]))
	defer stop()
	seals, stop := pull(sealPages(ctx, r.earlyOf(shard), r.tables[shard]))
	defer stop()
	w := &walk{run: r, ctx: ctx, shard: shard, totals: t, accounts: accounts, seals: seals}
	if err := errors.Join(accounts.advance(), seals.advance()); err != nil {
		return err
	}
	read := w.all
	if r.incremental {
		read = w.new
	}
	if err := read(); err != nil {
		return err
	}
	if err := w.passOver(nil); err != nil {
		return err
	}
	if err := w.checkSystem(); err != nil {
		return err
	}
	return r.checkCredits(ctx, shard, &w.credits, true)
}

// puller is a sequence that is read one by one.
type puller[T any] struct {
	pull func() (T, error, bool)
	head T
	more bool
}

func pull[T any](seq iter.Seq2[T, error]) (p *puller[T], stop func()) {
	next, stop := iter.Pull2(seq)
	return &puller[T]{pull: next}, stop
}

func (p *puller[T]) advance() (err error) {
	p.head, err, p.more = p.pull()
	return err
}

// walk is a walk over a shard's entries. key is the account it is in, sum and last what it saw of it.
type walk struct {
	*run
	ctx   context.Context
	shard int
	*totals

	accounts *puller[accountRow]
	seals    *puller[seal.Seal]

	key    accountKey
	sum    int64
	last   state
	sealed *seal.Seal // of the account; nil for none
	read   seal.State // of what is sealed, as a full audit finds it

	holds, fundings []string // system accounts of holds and fundings, to be looked up
	credits         []entry  // posts credited, to be looked up
}

// all reads every entry.
func (w *walk) all() error {
	for e, err := range entryPages(w.ctx, w.earlyOf(w.shard), w.tables[w.shard]) {
		if err != nil {
			return err
		}
		if key := (accountKey{e.Account, e.Currency}); key != w.key {
			if err := w.leave(); err != nil {
				return err
			}
			if err := w.enter(key); err != nil {
				return err
			}
		}
		if err := w.entry(e); err != nil {
			return err
		}
	}
	return w.leave()
}

// new reads the entries above the seals.
func (w *walk) new() error {
	early, t := w.earlyOf(w.shard), w.tables[w.shard]
	for groups, err := range rows.Chunks(groupPages(w.ctx, early, t, w.marks.Sealed), lookupSize) {
		if err != nil {
			return err
		}
		_, moved, from, err := w.above(w.ctx, w.shard, walked(groups))
		if err != nil {
			return err
		}
		if err := w.groups(groups, moved, from); err != nil {
			return err
		}
	}
	return nil
}

// groups goes through some accounts, of which those that moved have entries above their seals.
func (w *walk) groups(groups []group, moved []accountKey, from map[accountKey]int64) error {
	entries := &puller[entry]{}
	if len(moved) > 0 {
		var stop func()
		entries, stop = pull(entriesAbove(w.ctx, w.earlyOf(w.shard), w.tables[w.shard], moved, from))
		defer stop()
		if err := entries.advance(); err != nil {
			return err
		}
	}
	for _, g := range groups {
		if err := w.enter(g.accountKey); err != nil {
			return err
		}
		w.bounds(g)
		for entries.more && entries.head.Account == g.account && entries.head.Currency == g.currency {
			if err := w.entry(entries.head); err != nil {
				return err
			}
			if err := entries.advance(); err != nil {
				return err
			}
		}
		if err := w.leave(); err != nil {
			return err
		}
	}
	return nil
}

// walked leaves out accounts of holds and orders, whose entries are read with what they belong to.
func walked(groups []group) []group {
	return slices.DeleteFunc(slices.Clone(groups), func(g group) bool { return ofUnit(g.account) })
}

func ofUnit(account string) bool {
	return strings.HasPrefix(account, mysqlledger.HoldPrefix) || strings.HasPrefix(account, mysqlledger.FundingPrefix)
}

// bounds compares the first and the last number of an account with its seal.
func (w *walk) bounds(g group) {
	var sealed seal.Seal
	if w.sealed != nil {
		sealed = *w.sealed
	}
	what := fmt.Sprintf("entries of account %s, %s", g.account, g.currency)
	if first := sealed.Archived.Seq + 1; !isSystem(g.account) && g.first != first && sealed.Seq > 0 {
		w.found(ledger.AuditAccountSequence, w.shard, what+": the first", first, g.first)
	}
	if g.last < sealed.Seq && sealed.Entries > sealed.Archived.Entries {
		w.found(ledger.AuditSeal, w.shard, what+": the last", sealed.Seq, g.last)
	}
}

func (w *walk) entry(e entry) error {
	w.report.Entries++
	w.totals.entries[e.Currency] += e.Amount
	w.sum += e.Amount
	if s := w.sealed; s != nil && !w.incremental && e.Seq <= s.Seq {
		w.read.Add(e)
	}
	switch {
	case !isSystem(e.Account):
		return w.userEntry(e)
	default:
		w.shared(e.Account, e.Currency, e.Amount)
	}
	return nil
}

// shared adds up what moved on the accounts that many share.
func (w *walk) shared(account string, c ledger.Currency, minor int64) {
	switch account {
	case mysqlledger.ClearingAccount:
		w.totals.clearing[c] += minor
	case mysqlledger.OutsideAccount:
		w.totals.outside[c] += minor
	case mysqlledger.TestsAccount:
		w.totals.tests[c] += minor
	}
}

func (w *walk) userEntry(e entry) error {
	if e.Seq != w.last.seq+1 {
		w.found(ledger.AuditAccountSequence, w.shard, fmt.Sprintf("entry after %d of account %s, %s", w.last.seq,
			e.Account, e.Currency), w.last.seq+1, e.Seq)
	}
	if e.Balance != w.last.balance+e.Amount {
		w.found(ledger.AuditAccountRunning, w.shard, fmt.Sprintf("entry %d of account %s, %s", e.Seq, e.Account,
			e.Currency), w.last.balance+e.Amount, e.Balance)
	}
	w.last = state{balance: e.Balance, seq: e.Seq}
	if e.Kind != ledger.EntryPost {
		return nil
	}
	w.totals.credits[e.Currency] += e.Amount
	w.credits = append(w.credits, e)
	return w.checkCredits(w.ctx, w.shard, &w.credits, false)
}

// enter begins an account, at its seal or, for a full audit, at what is archived of it.
func (w *walk) enter(key accountKey) error {
	if err := w.passOver(&key); err != nil {
		return err
	}
	w.begin(key)
	if w.seals.more && sealKey(w.seals.head) == key {
		sealed := w.seals.head
		w.start(&sealed)
		if err := w.seals.advance(); err != nil {
			return err
		}
	}
	switch account := key.account; {
	case strings.HasPrefix(account, mysqlledger.HoldPrefix):
		w.holds = append(w.holds, account)
	case strings.HasPrefix(account, mysqlledger.FundingPrefix):
		w.fundings = append(w.fundings, account)
	case account == mysqlledger.ClearingAccount || account == mysqlledger.OutsideAccount ||
		account == mysqlledger.TestsAccount:
	case isSystem(account):
		w.found(ledger.AuditAccountUnknown, w.shard, "account "+account, "no such account", "entries of it")
	case w.cluster.ForUser(account) != w.shard:
		w.found(ledger.AuditAccountUnknown, w.shard, "account "+account,
			fmt.Sprintf("on shard %d", w.cluster.ForUser(account)), "entries of it here")
	}
	if len(w.holds)+len(w.fundings) >= pageSize {
		return w.checkSystem()
	}
	return nil
}

func sealKey(s seal.Seal) accountKey { return accountKey{s.Account, s.Currency} }

func (w *walk) begin(key accountKey) {
	w.key, w.sum, w.last, w.sealed, w.read = key, 0, state{}, nil, seal.State{}
}

// start takes up what is sealed, or what is archived, as if it had been read.
func (w *walk) start(sealed *seal.Seal) {
	from := sealed.Archived
	if w.incremental {
		from = sealed.State
	}
	w.sealed, w.read, w.sum, w.last = sealed, from, from.Balance, state{balance: from.Balance, seq: from.Seq}
	w.totals.entries[sealed.Currency] += from.Balance
	if isSystem(sealed.Account) {
		w.shared(sealed.Account, sealed.Currency, from.Balance)
	} else {
		w.totals.credits[sealed.Currency] += from.Credits
	}
}

// leave ends the account that the walk is in.
func (w *walk) leave() error {
	if w.key.account == "" {
		return nil
	}
	if s := w.sealed; s != nil && w.read != s.State {
		w.found(ledger.AuditSeal, w.shard, fmt.Sprintf("sealed entries of account %s, %s, up to %d", s.Account,
			s.Currency, s.Seq), fmt.Sprintf("%+v", s.State), fmt.Sprintf("%+v", w.read))
	}
	key := w.key
	w.key = accountKey{}
	if isSystem(key.account) {
		return nil
	}
	if !w.accounts.more || w.accounts.head.accountKey != key {
		w.found(ledger.AuditAccountMissing, w.shard, fmt.Sprintf("account %s, %s", key.account, key.currency),
			w.sum, "no account")
		return nil
	}
	w.checkAccount(w.sum, w.last)
	return w.accounts.advance()
}

// passOver goes through accounts without entries, up to the next that has some; nil: all the rest.
func (w *walk) passOver(next *accountKey) error {
	before := func(k accountKey, more bool) bool { return more && (next == nil || compareKeys(k, *next) < 0) }
	for {
		account, sealed := w.accounts.head.accountKey, sealKey(w.seals.head)
		hasAccount, hasSeal := before(account, w.accounts.more), before(sealed, w.seals.more)
		switch {
		case hasSeal && (!hasAccount || compareKeys(sealed, account) <= 0):
			if err := w.withoutEntries(); err != nil {
				return err
			}
		case hasAccount:
			w.checkAccount(0, state{})
			if err := w.accounts.advance(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// withoutEntries deals with a seal whose account has no entries: they should all be archived.
func (w *walk) withoutEntries() error {
	sealed := w.seals.head
	w.begin(sealKey(sealed))
	w.start(&sealed)
	if w.incremental {
		w.read = sealed.Archived
	}
	if err := w.seals.advance(); err != nil {
		return err
	}
	return w.leave()
}

// checkAccount compares the account with the sum of its entries and with the last of them.
func (w *walk) checkAccount(sum int64, last state) {
	w.report.Accounts++
	what := fmt.Sprintf("account %s, %s", w.accounts.head.account, w.accounts.head.currency)
	if w.accounts.head.balance != sum {
		w.found(ledger.AuditAccountBalance, w.shard, what, sum, w.accounts.head.balance)
	}
	if w.accounts.head.balance != last.balance {
		w.found(ledger.AuditAccountRunning, w.shard, what+", against its last running balance", last.balance,
			w.accounts.head.balance)
	}
	if w.accounts.head.seq != last.seq {
		w.found(ledger.AuditAccountSequence, w.shard, what+", against its last entry", last.seq, w.accounts.head.seq)
	}
	if w.accounts.head.balance < 0 {
		w.found(ledger.AuditAccountNegative, w.shard, what, "0 or more", w.accounts.head.balance)
	}
}

// checkSystem looks up the holds and fundings whose accounts the walk has met.
func (w *walk) checkSystem() error {
	t := w.tables[w.shard]
	err := w.checkNamed(w.holds, mysqlledger.HoldPrefix, t.Holds)
	if err == nil {
		err = w.checkNamed(w.fundings, mysqlledger.FundingPrefix, t.Fundings)
	}
	w.holds, w.fundings = nil, nil
	return err
}

func (w *walk) checkNamed(accounts []string, prefix, table string) error {
	if len(accounts) == 0 {
		return nil
	}
	unknown := map[int64]string{}
	var ids []any
	for _, account := range accounts {
		id, err := strconv.ParseInt(strings.TrimPrefix(account, prefix), 10, 64)
		if err != nil || prefix+strconv.FormatInt(id, 10) != account {
			w.found(ledger.AuditAccountUnknown, w.shard, "account "+account, "no such account", "entries of it")
			continue
		}
		unknown[id] = account
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	err := rows.Collect(w.ctx, w.earlyOf(w.shard), func(row *sql.Rows) error {
		var id int64
		err := row.Scan(&id)
		delete(unknown, id)
		return err
	}, "SELECT id FROM "+table+" WHERE id IN "+rows.In(len(ids)), ids...)
	for _, account := range unknown {
		w.found(ledger.AuditAccountUnknown, w.shard, "account "+account, "no such account", "entries of it")
	}
	return err
}
