package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// SubjectResolution is the subject of holds that pay what a rejected post would have paid.
const SubjectResolution Subject = "resolution"

// Decision is what an operator decides about a rejection.
type Decision string

// Decisions.
const (
	DecisionPay     Decision = "pay"     // the payee gets the amount, out of an account that the operator names
	DecisionDismiss Decision = "dismiss" // nobody is owed anything
)

// Resolution is a rejection with what was decided about it. It is decided once, for good.
type Resolution struct {
	Rejection
	Currency Currency // of the hold; empty where there is no such hold and nothing is decided
	Decision Decision // empty until somebody has decided
	Account  string   // who pays
	By       string   // who decided
	Why      string
	At       time.Time // when
	Payment  int64     // the hold that paid; 0 where nothing is paid, or not yet
}

// Open says whether somebody has still to decide, or to pay.
func (r Resolution) Open() bool {
	return r.Decision == "" || r.Decision == DecisionPay && r.Payment == 0
}

// resolutionIDLength is how many hexadecimal digits name a rejection: 48 bits, among a few that one person looks at.
const resolutionIDLength = 12

// ID names a rejection.
func (r Rejection) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d %s", r.Hold, r.Part, r.Minor, r.Payee))
	return hex.EncodeToString(sum[:])[:resolutionIDLength]
}
