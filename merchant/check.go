package merchant

import (
	"fmt"
	"strings"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// AuditMove is the code of the discrepancy that money of a merchant left it under the label of its own moves.
const AuditMove = "merchant_move"

// HoldCheck is what the audit has to know of the holds of merchants: each was paid at once, from one wallet of a
// merchant to another of the same side.
func HoldCheck() ledger.HoldCheck {
	return ledger.HoldCheck{Subject: Subject, Check: func(h ledger.Hold) []ledger.Finding {
		what := fmt.Sprintf("move %d", h.ID)
		var found []ledger.Finding
		if record(h.Owner) == "" || record(h.Owner) != record(h.Counterparty) ||
			ledger.IsTestAccount(h.Owner) != ledger.IsTestAccount(h.Counterparty) {
			found = append(found, ledger.Finding{
				Code: AuditMove, What: what, Expected: "another wallet of " + h.Owner, Found: h.Counterparty,
			})
		}
		if h.Posted != h.Amount.Minor {
			found = append(found, ledger.Finding{
				Code: AuditMove, What: what + ": posted", Expected: fmt.Sprint(h.Amount.Minor),
				Found: fmt.Sprint(h.Posted),
			})
		}
		return found
	}}
}

// record is what the wallets of one merchant have in common; "" for what is no wallet of a merchant.
func record(account string) string {
	at := strings.LastIndexByte(account, '~')
	if at < 0 || !strings.HasPrefix(account, product+"~") {
		return ""
	}
	return account[:at]
}
