package memledger

import (
	"slices"
	"strconv"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func holdAccount(id int64) string { return "#hold:" + strconv.FormatInt(id, 10) }

// fundingAccount is the account of a withdrawal that its provider has not decided.
func fundingAccount(id int64) string { return outsideAccount + ":" + strconv.FormatInt(id, 10) }

// balance is what a user owns.
func (s *state) balance(user string, c ledger.Currency) int64 {
	entries := s.wallets[accountKey{user, c}]
	if len(entries) == 0 {
		return 0
	}
	return entries[len(entries)-1].Balance
}

// addTo changes the balance of a system account.
func (tx *transaction) addTo(account string, c ledger.Currency, minor int64) {
	key := accountKey{account, c}
	put(tx, tx.system, key, tx.system[key]+minor)
}

// credit adds an entry, whose Minor may be negative, to a wallet and returns the balance after it.
func (tx *transaction) credit(user string, c ledger.Currency, e entry) int64 {
	key := accountKey{user, c}
	entries := tx.wallets[key]
	if len(entries) == 0 {
		all := append(slices.Clone(tx.currencies[user]), c)
		slices.Sort(all)
		put(tx, tx.currencies, user, all)
	}
	e.Seq, e.Balance, e.At = int64(len(entries)+1), tx.balance(user, c)+e.Minor, millis(e.At)
	put(tx, tx.wallets, key, append(entries, e))
	return e.Balance
}

// debit takes an amount out of a wallet and returns the balance after it. e is the entry, without its Minor. Refusals:
// insufficient_balance, account_frozen.
func (tx *transaction) debit(user string, a ledger.Amount, e entry) (int64, error) {
	if tx.balance(user, a.Currency) < a.Minor {
		return 0, refusal.New(refusal.CodeInsufficientBalance,
			"the wallet does not hold %d minor units of %s: top it up, or give less", a.Minor, a.Currency)
	}
	if _, frozen := tx.freezes[user]; frozen {
		return 0, ledger.Frozen()
	}
	e.Minor = -a.Minor
	return tx.credit(user, a.Currency, e), nil
}
