package app

import (
	"context"
	"fmt"

	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// auditTrailBroken is the code of a record that does not follow from the one before.
const auditTrailBroken = "trail_broken"

// trailAudit checks the trail as the books are checked.
func (a *App) trailAudit() audit.Product {
	return audit.Product{
		HoldCheck: ledger.HoldCheck{Subject: "trail"}, // which no hold has
		Tables: func(ctx context.Context, r *audit.Reader) error {
			if r.Shard() != trail.Shard {
				return nil
			}
			return a.Trail.Check(ctx, r.Early(), func(record trail.Record, why string) {
				r.Found(auditTrailBroken, fmt.Sprintf("record %d of the trail", record.Seq), "an unbroken chain", why)
			})
		},
	}
}

// noJobs is for what has nothing to do in the background.
func noJobs(int) []job { return nil }
