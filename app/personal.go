package app

import (
	"context"
	"slices"

	"github.com/hongbao/hongbao/chat/mysqlchat"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/personal"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/risk/mysqlrisk"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// Personal are the tables with rows of users: those of what every installation has, and those of products.
func (a *App) Personal() (tables []personal.Table) {
	tables = slices.Concat(mysqlledger.Personal(), trail.Personal(), mysqlchat.Personal(), mysqlgroup.Personal(),
		mysqlrisk.Personal())
	for _, p := range a.products {
		tables = append(tables, p.personal...)
	}
	return tables
}

// actionExport is what the trail calls it.
const actionExport = "export_user"

// Export is whose rows somebody wants, and why.
type Export struct{ User, By, Reason string }

// ExportUser hands out all rows of a user: see personal.Export. What cannot be recorded in the trail is not done.
// Refusal: invalid_argument.
func (a *App) ExportUser(ctx context.Context, e Export, hand func(personal.Row) error) error {
	if err := ledger.CheckAccount("user", e.User); err != nil {
		return err
	}
	if err := refusal.CheckReason(e.Reason); err != nil {
		return err
	}
	act := trail.Act{By: e.By, Action: actionExport, Detail: map[string]any{"user": e.User, "reason": e.Reason}}
	return a.Trail.Recorded(ctx, act, func() error {
		return personal.Export(ctx, a.Cluster, a.Personal(), e.User, hand)
	})
}
