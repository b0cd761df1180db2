package ledger

import (
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Freeze keeps what an account has where it is: nothing is held of it and nothing is withdrawn, until it is thawed.
// What arrives, arrives, and what comes back of the account's own holds does too. What was set aside before is promised
// to others: it is posted or voided as if there were no freeze.
//
// A ledger looks at freezes in the transaction that takes the money, after it has locked the wallet, so no process and
// no cache has to hear of one. Once a call of Freeze has returned, nothing leaves.
type Freeze struct {
	Account string
	By      string // who froze it: an operator
	Reason  string // for operators, never for the account's user; as refusal.CheckReason has it
	At      time.Time
}

// Check finds what no freeze can be. Refusal: invalid_argument.
func (f Freeze) Check() error {
	if err := CheckAccount("account", f.Account); err != nil {
		return err
	}
	if err := refusal.CheckID("by", f.By); err != nil {
		return err
	}
	return refusal.CheckReason(f.Reason)
}

// Frozen refuses to take money out of a frozen account. It tells no reason: who is frozen must not learn what is known.
func Frozen() error {
	return refusal.New(refusal.CodeAccountFrozen, "nothing leaves this wallet for now: ask the support")
}
