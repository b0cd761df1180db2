package transfer

import (
	"fmt"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// HoldCheck is what the audit asks about the hold of every transfer: its money is where its state says, and its
// recipient finds it.
func HoldCheck() ledger.HoldCheck {
	return ledger.HoldCheck{
		Subject: Subject,
		Overdue: ledger.Overdue,
		Check:   checkState,
		Index: func(h ledger.Hold) []ledger.IndexEntry {
			return []ledger.IndexEntry{{Of: h.Counterparty, Subject: Subject, Reference: h.ID}}
		},
	}
}

func checkState(h ledger.Hold) []ledger.Finding {
	name := fmt.Sprintf("transfer %d, %s", h.ID, h.Stage)
	var posted, voided int64
	switch fundsIn(h.Stage) {
	case 0:
		return []ledger.Finding{{Code: ledger.AuditHoldStage, What: name, Expected: "a state of a transfer",
			Found: string(h.Stage)}}
	case ledger.FundsPosted:
		posted = h.Amount.Minor
	case ledger.FundsVoided:
		voided = h.Amount.Minor
	}
	if h.Posted == posted && h.Voided == voided {
		return nil
	}
	money := func(posted, voided int64) string { return fmt.Sprintf("%d posted, %d voided", posted, voided) }
	return []ledger.Finding{{Code: ledger.AuditHoldStage, What: name, Expected: money(posted, voided),
		Found: money(h.Posted, h.Voided)}}
}
