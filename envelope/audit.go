package envelope

import (
	"fmt"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// HoldCheck is what the audit asks about the hold of every envelope: it has no stage.
func HoldCheck() ledger.HoldCheck {
	return ledger.HoldCheck{Subject: Subject, Overdue: ledger.Overdue, Check: func(h ledger.Hold) []ledger.Finding {
		if h.Staged() {
			return []ledger.Finding{{Code: ledger.AuditHoldStage, What: fmt.Sprintf("envelope %d", h.ID),
				Expected: "no stage", Found: string(h.Stage)}}
		}
		return nil
	}}
}
