package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shardmove"
)

const (
	deliverInterval = 200 * time.Millisecond // between looks for what an earlier delivery left over
	fundingInterval = 5 * time.Second
	rescueInterval  = time.Second // between looks for shards that a dead mover holds
)

// Work owns a part of the shards, as long as the context lives, and runs each of those shards' background jobs. Which
// part follows from who else is alive.
func (a *App) Work(ctx context.Context, m *membership.Member) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { _ = m.Run(ctx) }) // returns nil, and logs what Redis refuses
	all.Go(func() { a.tellUses(ctx) })
	all.Go(func() { a.rescueShards(ctx) })

	stop := make(map[int]context.CancelFunc)
	for {
		owned := make(map[int]bool)
		for _, shard := range m.Owned() {
			owned[shard] = true
			if stop[shard] != nil {
				continue
			}
			shardCtx, cancel := context.WithCancel(ctx)
			stop[shard] = cancel
			all.Go(func() { a.workShard(shardCtx, shard) })
		}
		for shard, cancel := range stop {
			if !owned[shard] {
				cancel()
				delete(stop, shard)
			}
		}
		select {
		case <-m.Changes():
		case <-ctx.Done():
			for _, cancel := range stop {
				cancel()
			}
			return
		}
	}
}

// YieldTo makes Work yield to grabs that wait for their answers elsewhere in this process, as it yields to those at
// the pots. Call it before Work.
func (a *App) YieldTo(waiting func() int) { a.elsewhere = waiting }

// overloaded says whether the jobs of this process yield to people who grab. Whoever waits elsewhere may wait at the
// pots too, so the two are not added.
func (a *App) overloaded() bool {
	return envelope.Overloaded(a.Pots.Waiting()) || a.elsewhere != nil && envelope.Overloaded(a.elsewhere())
}

// workShard runs the jobs of one shard until the context ends: those of the ledger, and those of each product.
func (a *App) workShard(ctx context.Context, shard int) {
	jobs := []job{
		func(ctx context.Context) { a.resumeFundings(ctx, shard) },
		func(ctx context.Context) { a.reportBacklog(ctx, shard) },
		onShard(a.Rebuilder().Run, shard),
		onShard(outbox.NewPublisher(a.Ledger.Outbox(), a.Bus, a.cfg.Log).Run, shard),
	}
	if shard == auditShard {
		jobs = append(jobs, a.auditJob)
	}
	for server := range a.Cluster.Servers() { // none waits for another
		jobs = append(jobs, func(ctx context.Context) { a.deliver(ctx, shard, server) })
	}
	for _, p := range a.products {
		jobs = append(jobs, p.jobs(shard)...)
	}
	var all sync.WaitGroup
	for _, run := range jobs {
		all.Go(func() { run(ctx) })
	}
	all.Wait()
}

// rescueShards gives shards back whose movers died in the fence.
func (a *App) rescueShards(ctx context.Context) {
	job := loop.Job{Name: "rescue_shards", Log: a.cfg.Log, Interval: rescueInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		var failed error
		for _, shard := range a.Cluster.Fenced() {
			rescued, err := shardmove.Rescue(ctx, shardmove.Config{Cluster: a.Cluster, Shard: shard})
			if rescued {
				a.cfg.Log.Warn("a move died in the middle of its switch: the shard is where it was", "shard", shard)
				err = a.Cluster.Refresh(ctx)
			}
			failed = errors.Join(failed, err)
		}
		return false, failed
	})
}

// deliver brings what a shard has for those on a server.
func (a *App) deliver(ctx context.Context, shard, server int) {
	job := loop.Job{
		Name: "deliver", Log: a.cfg.Log.With("shard", shard, "to_server", server), Interval: deliverInterval,
		Wake: a.Ledger.Outbox().Wake(shard, server), Yield: a.overloaded,
	}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		delivered, err := a.Ledger.Outbox().DeliverTo(ctx, shard, server)
		return delivered > 0, err
	})
}

func (a *App) resumeFundings(ctx context.Context, shard int) {
	job := loop.Job{Name: "fundings", Log: a.cfg.Log.With("shard", shard), Interval: fundingInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		_, err := a.Wallets.ResumeFundings(ctx, shard)
		return false, err
	})
}
