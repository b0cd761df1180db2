package system

import (
	"context"
	"sync"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/roster"
	"github.com/hongbao/hongbao/transfer"
)

const (
	deliverInterval = 200 * time.Millisecond // between looks for what an earlier delivery left over
	fundingInterval = 5 * time.Second
)

// Work owns a part of the shards, as long as the context lives, and does for each what has to be done behind the users'
// backs: settle, deliver, relay, refund, sweep, move transfers, keep collections, publish notices, and finish top-ups
// and withdrawals. Which part follows from who else is alive.
func (s *System) Work(ctx context.Context, r *roster.Roster) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { _ = r.Run(ctx) }) // returns nil, and logs what Redis refuses

	stop := make(map[int]context.CancelFunc)
	for {
		owned := make(map[int]bool)
		for _, shard := range r.Owned() {
			owned[shard] = true
			if stop[shard] != nil {
				continue
			}
			shardCtx, cancel := context.WithCancel(ctx)
			stop[shard] = cancel
			all.Go(func() { s.workShard(shardCtx, shard) })
		}
		for shard, cancel := range stop {
			if !owned[shard] {
				cancel()
				delete(stop, shard)
			}
		}
		select {
		case <-r.Changes():
		case <-ctx.Done():
			for _, cancel := range stop {
				cancel()
			}
			return
		}
	}
}

// workShard does everything for one shard until the context ends.
func (s *System) workShard(ctx context.Context, shard int) {
	cfg := s.cfg
	settled := make(chan struct{}, 1)
	settler := envelope.NewSettler(s.Pots, s.Pots, s.Ledger, cfg.Log, func(int, int) {
		select {
		case settled <- struct{}{}:
		default: // a signal is waiting already
		}
	})
	relay := envelope.NewRelay(s.Pots, s.Pots, s.Heads, s.Bus, cfg.Log)
	log := cfg.Log.With("shard", shard)

	var roles sync.WaitGroup
	defer roles.Wait()
	from, to := s.Buckets.OfShard(shard)
	for bucket := from; bucket < to; bucket++ {
		roles.Go(func() { settler.Run(ctx, shard, bucket) })
		roles.Go(func() { relay.Run(ctx, bucket) })
	}
	roles.Go(func() { envelope.NewRefunder(s.Pots, s.Ledger, cfg.Now, cfg.Log).Run(ctx, shard) })
	roles.Go(func() { envelope.NewSweeper(s.Pots, s.Ledger, cfg.Now, cfg.Log).Run(ctx, shard) })
	roles.Go(func() { transfer.NewMover(s.Ledger, cfg.Now, cfg.Log).Run(ctx, shard) })
	roles.Go(func() { transfer.NewKeeper(s.Collections, cfg.Log).Run(ctx, shard) })
	roles.Go(func() { transfer.NewHerald(s.Ledger, s.Bus, cfg.Log).Run(ctx, shard, s.Ledger.Told(shard)) })
	roles.Go(func() {
		loop.Job{Name: "deliver", Log: log, Interval: deliverInterval, Wake: settled, Yield: envelope.Crowded(s.Pots)}.Run(ctx, func(ctx context.Context) (bool, error) {
			credits, err := s.Ledger.Deliver(ctx, shard)
			return credits > 0, err
		})
	})
	roles.Go(func() {
		loop.Job{Name: "fundings", Log: log, Interval: fundingInterval}.Run(ctx, func(ctx context.Context) (bool, error) {
			_, err := s.Wallets.ResumeFundings(ctx, shard)
			return false, err
		})
	})
}
