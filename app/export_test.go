package app

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// AuditWithin is Audit with another time within which the pot of an envelope that has just ended has to be retired.
func (a *App) AuditWithin(ctx context.Context, grace time.Duration) (ledger.AuditReport, error) {
	return a.audit(ctx, audit.Options{}, grace)
}
