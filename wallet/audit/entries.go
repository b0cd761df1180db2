package audit

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// accountKey is a wallet or a system account in one currency.
type accountKey struct {
	account  string
	currency ledger.Currency
}

// state is an account after an entry.
type state struct{ balance, seq int64 }

// entry is a row of entries, as far as it is audited.
type entry struct {
	account   string
	currency  ledger.Currency
	seq       int64
	amount    int64
	balance   int64
	kind      ledger.EntryKind
	subject   ledger.Subject
	reference int64
	part      int
}

func isSystem(account string) bool { return strings.HasPrefix(account, "#") }

// auditEntries reads every entry of a shard in the order of accounts, next to the accounts themselves.
func (r *run) auditEntries(ctx context.Context, shard int, t *totals) error {
	next, stop := iter.Pull2(accountPages(ctx, r.earlyOf(shard), r.tables[shard]))
	defer stop()
	w := &walk{run: r, ctx: ctx, shard: shard, totals: t, next: next}
	if err := w.advance(); err != nil {
		return err
	}
	for e, err := range entryPages(ctx, r.earlyOf(shard), r.tables[shard]) {
		if err != nil {
			return err
		}
		if err := w.entry(e); err != nil {
			return err
		}
	}
	if err := w.leave(); err != nil {
		return err
	}
	for w.more { // accounts behind the last entry
		if err := w.idle(); err != nil {
			return err
		}
	}
	if err := w.checkSystem(); err != nil {
		return err
	}
	return r.checkCredits(ctx, shard, &w.credits, true)
}

// walk is a walk over a shard's entries. key is the account it is in, sum and last what it saw of it.
type walk struct {
	*run
	ctx   context.Context
	shard int
	*totals

	next    func() (accountRow, error, bool)
	account accountRow // the next of the accounts table
	more    bool

	key  accountKey
	sum  int64
	last state

	holds, fundings []string // system accounts of holds and fundings, to be looked up
	credits         []entry  // posts credited, to be looked up
}

func (w *walk) advance() (err error) {
	w.account, err, w.more = w.next()
	return err
}

func (w *walk) entry(e entry) error {
	w.report.Entries++
	w.totals.entries[e.currency] += e.amount
	if key := (accountKey{e.account, e.currency}); key != w.key {
		if err := w.leave(); err != nil {
			return err
		}
		w.key, w.sum, w.last = key, 0, state{}
		if err := w.enter(); err != nil {
			return err
		}
	}
	w.sum += e.amount
	switch {
	case e.account == mysqlledger.ClearingAccount:
		w.totals.clearing[e.currency] += e.amount
	case e.account == mysqlledger.OutsideAccount:
		w.totals.outside[e.currency] += e.amount
	case e.account == mysqlledger.TestsAccount:
		w.totals.tests[e.currency] += e.amount
	case !isSystem(e.account):
		return w.userEntry(e)
	}
	return nil
}

func (w *walk) userEntry(e entry) error {
	if e.seq != w.last.seq+1 {
		w.found(ledger.AuditAccountSequence, w.shard, fmt.Sprintf("entry after %d of account %s, %s", w.last.seq,
			e.account, e.currency), w.last.seq+1, e.seq)
	}
	if e.balance != w.last.balance+e.amount {
		w.found(ledger.AuditAccountRunning, w.shard, fmt.Sprintf("entry %d of account %s, %s", e.seq, e.account,
			e.currency), w.last.balance+e.amount, e.balance)
	}
	w.last = state{balance: e.balance, seq: e.seq}
	if e.kind != ledger.EntryPost {
		return nil
	}
	w.totals.credits[e.currency] += e.amount
	w.credits = append(w.credits, e)
	return w.checkCredits(w.ctx, w.shard, &w.credits, false)
}

// enter begins an account.
func (w *walk) enter() error {
	account := w.key.account
	switch {
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

// leave ends the account that the walk is in.
func (w *walk) leave() error {
	if w.key.account == "" || isSystem(w.key.account) {
		return nil
	}
	for w.more && (w.account.account < w.key.account || w.account.account == w.key.account &&
		w.account.currency < w.key.currency) {
		if err := w.idle(); err != nil {
			return err
		}
	}
	if !w.more || w.account.accountKey != w.key {
		w.found(ledger.AuditAccountMissing, w.shard, fmt.Sprintf("account %s, %s", w.key.account, w.key.currency),
			w.sum, "no account")
		return nil
	}
	w.checkAccount(w.sum, w.last)
	return w.advance()
}

// idle deals with an account that has no entries.
func (w *walk) idle() error {
	w.checkAccount(0, state{})
	return w.advance()
}

// checkAccount compares the account with the sum of its entries and with the last of them.
func (w *walk) checkAccount(sum int64, last state) {
	w.report.Accounts++
	what := fmt.Sprintf("account %s, %s", w.account.account, w.account.currency)
	if w.account.balance != sum {
		w.found(ledger.AuditAccountBalance, w.shard, what, sum, w.account.balance)
	}
	if w.account.balance != last.balance {
		w.found(ledger.AuditAccountRunning, w.shard, what+", against its last running balance", last.balance,
			w.account.balance)
	}
	if w.account.seq != last.seq {
		w.found(ledger.AuditAccountSequence, w.shard, what+", against its last entry", last.seq, w.account.seq)
	}
	if w.account.balance < 0 {
		w.found(ledger.AuditAccountNegative, w.shard, what, "0 or more", w.account.balance)
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
