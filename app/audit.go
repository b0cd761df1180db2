package app

import (
	"context"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Audit reads all the books, and says which servers may have forgotten some of them. An error says that it could not
// read them all, and that nothing is known. Error: shards.ErrUnavailable.
func (a *App) Audit(ctx context.Context) (ledger.AuditReport, error) {
	report, err := a.Auditor.Audit(ctx)
	if err != nil {
		return report, err
	}
	a.CheckPromises(ctx)
	found, _ := a.Volatile()
	for _, kind := range slices.Sorted(maps.Keys(found)) {
		report.Volatile = append(report.Volatile, kind+": "+found[kind].Error())
	}
	return report, nil
}
