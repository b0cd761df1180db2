package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// System accounts. No user id contains a #.
const (
	ClearingAccount = "#clearing"
	OutsideAccount  = "#funding"
	TestsAccount    = "#funding-test" // where money that is not real comes from
	HoldPrefix      = "#hold:"
	FundingPrefix   = "#funding:"
)

// HoldAccount is the account of what is held in a hold.
func HoldAccount(id int64) string { return HoldPrefix + strconv.FormatInt(id, 10) }

// FundingAccount is the account of a withdrawal that its provider has not decided.
func FundingAccount(id int64) string { return FundingPrefix + strconv.FormatInt(id, 10) }

// outside is the account opposite to an account's top-ups and withdrawals.
func outside(account string) string {
	if ledger.IsTestAccount(account) {
		return TestsAccount
	}
	return OutsideAccount
}

// entry is a row of entries.
type entry struct {
	account      string
	currency     ledger.Currency
	seq          int64 // of a system account: an id of the transaction
	amount       int64
	balance      int64 // of a system account: 0
	kind         ledger.EntryKind
	subject      ledger.Subject
	reference    int64
	part         int
	counterparty string
	note         string
	at           int64
}

const entryColumns = "account, currency, seq, amount, balance, kind, subject, reference, part, counterparty, note, at"

// errUnbalanced is a mistake in this package: it would have written a transaction that makes or loses money.
var errUnbalanced = errors.New("mysqlledger: the entries of a transaction do not sum to zero")

// writeEntries inserts the entries of a transaction, which must sum to zero in each currency.
func writeEntries(ctx context.Context, tx *sql.Tx, t Tables, entries []entry) error {
	sums := map[ledger.Currency]int64{}
	args := make([]any, 0, len(entries)*12)
	for i := range entries {
		e := &entries[i]
		sums[e.currency] += e.amount
		args = append(args, e.account, string(e.currency), e.seq, e.amount, e.balance, string(e.kind),
			string(e.subject),
			e.reference, e.part, e.counterparty, e.note, e.at)
	}
	for _, sum := range sums {
		if sum != 0 {
			return errUnbalanced
		}
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+t.Entries+" ("+entryColumns+")", 12, args, "")
}

// state is an account after a change.
type state struct{ balance, seq int64 }

// debit takes minor units out of a wallet and counts one entry. Refusals: insufficient_balance, account_frozen.
func debit(ctx context.Context, tx *sql.Tx, t Tables, user string, a ledger.Amount) (s state, err error) {
	done, err := tx.ExecContext(ctx,
		"UPDATE "+t.Accounts+" SET balance = balance - ?, seq = seq + 1 WHERE account = ? AND currency = ? AND "+
			"balance >= ?",
		a.Minor, user, string(a.Currency), a.Minor)
	if err != nil {
		return state{}, err
	}
	n, err := done.RowsAffected()
	if err != nil {
		return state{}, err
	}
	if n == 0 {
		return state{}, insufficientBalance(a)
	}
	// The wallet is locked now: a freeze that this does not see waits for this transaction. See Ledger.Freeze.
	var frozen bool
	err = tx.QueryRowContext(ctx, "SELECT balance, seq, EXISTS (SELECT 1 FROM "+t.Freezes+" WHERE account = ?) FROM "+
		t.Accounts+" WHERE account = ? AND currency = ?", user, user, string(a.Currency)).Scan(&s.balance, &s.seq,
		&frozen)
	if err == nil && frozen {
		err = ledger.Frozen()
	}
	return s, err
}

func insufficientBalance(a ledger.Amount) error {
	return refusal.New(refusal.CodeInsufficientBalance,
		"the wallet does not hold %d minor units of %s: top it up, or give less", a.Minor, a.Currency)
}

// credit puts minor units into a wallet, which it makes if there is none, and counts one entry.
func credit(ctx context.Context, tx *sql.Tx, t Tables, user string, a ledger.Amount) (state, error) {
	_, err := tx.ExecContext(rows.Later(ctx),
		"INSERT INTO "+t.Accounts+" (account, currency, balance, seq) VALUES (?, ?, ?, 1)"+addToAccount, user, string(
			a.Currency), a.Minor)
	if err != nil {
		return state{}, err
	}
	return readAccount(ctx, tx, t, user, a.Currency)
}

// addToAccount makes an INSERT into accounts add to the row that is there.
const addToAccount = " ON DUPLICATE KEY UPDATE balance = balance + VALUES(balance), seq = seq + VALUES(seq)"

// readAccount reads an account that this transaction has locked by changing it.
func readAccount(ctx context.Context, tx *sql.Tx, t Tables, user string, c ledger.Currency) (s state, err error) {
	err = tx.QueryRowContext(ctx, "SELECT balance, seq FROM "+t.Accounts+" WHERE account = ? AND currency = ?", user,
		string(c)).Scan(&s.balance, &s.seq)
	return s, err
}
