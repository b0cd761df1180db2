package app

import (
	"context"

	"github.com/hongbao/hongbao/chat/mysqlchat"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
	"github.com/hongbao/hongbao/cover/mysqlcover"
	"github.com/hongbao/hongbao/cover/stock/mysqlstock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/nodes"
	"github.com/hongbao/hongbao/internal/personal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/merchant/mysqlmerchant"
	"github.com/hongbao/hongbao/risk/mysqlrisk"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook/mysqlwebhook"
)

// migrations make the tables of an installation, the ledger's first: a product may write into them.
var migrations = []func(context.Context, *shards.Cluster) error{
	mysqlledger.Migrate, mysqlgroup.Migrate, mysqlcollection.Migrate, mysqlmerchant.Migrate, mysqlwebhook.Migrate,
	mysqlcover.Migrate, mysqlstock.Migrate, mysqlchat.Migrate, trail.Migrate,
	mysqlrisk.Migrate,
	nodes.Migrate,
}

// product is what the installation does for a product.
type product struct {
	audit    audit.Product
	jobs     func(shard int) []job
	personal []personal.Table // rows of users
}

// job runs in the background of one shard until the context ends.
type job func(ctx context.Context)

func onShard(run func(ctx context.Context, shard int), shard int) job {
	return func(ctx context.Context) { run(ctx, shard) }
}

// settler posts grabs.
func (a *App) settler() *envelope.Settler {
	return envelope.NewSettler(a.Pots, a.Pots, a.Ledger, a.Buckets, a.cfg.Log).
		YieldTo(a.overloaded).Trace(a.Pots, a.cfg.Traces.Batch)
}

func (a *App) envelopeJobs(shard int) []job {
	settler := a.settler()
	uses := envelope.NewUseCounter(a.Pots, a.Metadata, a.CoverUses(), a.cfg.Log)
	relay := envelope.NewRelay(a.Pots, a.Pots, a.Metadata, a.Bus, a.cfg.Log)
	jobs := []job{
		onShard(envelope.NewRefunder(a.Pots, a.Ledger, a.Buckets, a.cfg.Log).Run, shard),
		onShard(envelope.NewRetirer(a.Pots, a.Ledger, a.Buckets, a.cfg.Log).Run, shard),
		onShard(envelope.NewSweeper(a.Pots, a.Ledger, a.cfg.Now, a.cfg.Log).Run, shard),
	}
	from, to := a.Buckets.OfShard(shard)
	for bucket := from; bucket < to; bucket++ {
		jobs = append(jobs,
			func(ctx context.Context) { settler.Run(ctx, shard, bucket) },
			func(ctx context.Context) { relay.Run(ctx, bucket) },
			func(ctx context.Context) { uses.Run(ctx, shard, bucket) })
	}
	return jobs
}

func (a *App) transferJobs(shard int) []job {
	return []job{onShard(transfer.NewDuePass(a.Ledger, a.cfg.Log).Run, shard)}
}

func (a *App) collectionJobs(shard int) []job {
	return []job{onShard(collection.NewRescuer(a.Collections, a.cfg.Log).Run, shard)}
}

func (a *App) merchantJobs(shard int) []job {
	return []job{onShard(a.Merchants.RunAnnouncer, shard)}
}

func (a *App) webhookJobs(shard int) []job {
	return []job{
		onShard(a.webhookDispatcher.Run, shard), onShard(a.webhookForgetter.Run, shard),
		func(ctx context.Context) { a.webhookStore.RunResealer(ctx, shard, a.cfg.Log) },
	}
}

func (a *App) coverJobs(shard int) []job {
	return []job{onShard(a.Covers.RunExpirer, shard), onShard(a.Covers.RunPurger, shard)}
}
