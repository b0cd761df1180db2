package app

import (
	"context"
	"slices"

	"github.com/hongbao/hongbao/chat/mysqlchat"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/personal"
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

// ExportUser hands out all rows of a user: see personal.Export. Refusal: invalid_argument for what is no user id.
func (a *App) ExportUser(ctx context.Context, user string, hand func(personal.Row) error) error {
	if err := ledger.CheckAccount("user", user); err != nil {
		return err
	}
	return personal.Export(ctx, a.Cluster, a.Personal(), user, hand)
}
