package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/wallet"
)

// System accounts. No user id contains a #.
const (
	clearing      = "#clearing"
	outside       = "#funding"
	holdPrefix    = "#hold:"
	fundingPrefix = "#funding:"
)

func holdAccount(id int64) string    { return holdPrefix + strconv.FormatInt(id, 10) }
func fundingAccount(id int64) string { return fundingPrefix + strconv.FormatInt(id, 10) }
func isSystem(account string) bool   { return strings.HasPrefix(account, "#") }

// entry is a row of entries.
type entry struct {
	account      string
	currency     wallet.Currency
	seq          int64 // of a system account: an id of the transaction
	amount       int64
	balance      int64 // of a system account: 0
	kind         wallet.EntryKind
	subject      wallet.Subject
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
func writeEntries(ctx context.Context, tx *sql.Tx, t tables, entries []entry) error {
	sums := map[wallet.Currency]int64{}
	args := make([]any, 0, len(entries)*12)
	for i := range entries {
		e := &entries[i]
		sums[e.currency] += e.amount
		args = append(args, e.account, string(e.currency), e.seq, e.amount, e.balance, string(e.kind), string(e.subject),
			e.reference, e.part, e.counterparty, e.note, e.at)
	}
	for _, sum := range sums {
		if sum != 0 {
			return errUnbalanced
		}
	}
	return insertRows(ctx, tx, "INSERT INTO "+t.entries+" ("+entryColumns+")", 12, args, "")
}

// state is an account after a change.
type state struct{ balance, seq int64 }

// debit takes minor units out of a wallet and counts one entry. Refusal: insufficient_balance.
func debit(ctx context.Context, tx *sql.Tx, t tables, user string, a wallet.Amount) (state, error) {
	done, err := tx.ExecContext(ctx, "UPDATE "+t.accounts+" SET balance = balance - ?, seq = seq + 1 WHERE account = ? AND currency = ? AND balance >= ?",
		a.Minor, user, string(a.Currency), a.Minor)
	if err != nil {
		return state{}, err
	}
	n, err := done.RowsAffected()
	if err != nil {
		return state{}, err
	}
	if n == 0 {
		return state{}, wallet.Refuse(wallet.CodeInsufficientBalance, "the wallet does not hold %d minor units of %s: top it up, or give less", a.Minor, a.Currency)
	}
	return readAccount(ctx, tx, t, user, a.Currency)
}

// credit puts minor units into a wallet, which it makes if there is none, and counts one entry.
func credit(ctx context.Context, tx *sql.Tx, t tables, user string, a wallet.Amount) (state, error) {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.accounts+" (account, currency, balance, seq) VALUES (?, ?, ?, 1)"+addToAccount, user, string(a.Currency), a.Minor)
	if err != nil {
		return state{}, err
	}
	return readAccount(ctx, tx, t, user, a.Currency)
}

// addToAccount makes an INSERT into accounts add to the row that is there.
const addToAccount = " ON DUPLICATE KEY UPDATE balance = balance + VALUES(balance), seq = seq + VALUES(seq)"

// readAccount reads an account that this transaction has locked by changing it.
func readAccount(ctx context.Context, tx *sql.Tx, t tables, user string, c wallet.Currency) (s state, err error) {
	err = tx.QueryRowContext(ctx, "SELECT balance, seq FROM "+t.accounts+" WHERE account = ? AND currency = ?", user, string(c)).Scan(&s.balance, &s.seq)
	return s, err
}
