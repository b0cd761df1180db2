package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/shards"
)

// installation are the flags that matter once, when there is no installation yet.
type installation struct {
	BucketsPerShard int  `help:"Redis buckets of each shard, fixed at installation. On a single Redis: 1, so that batches stay full. On a cluster: enough that shards × buckets ≥ 256." default:"1"`
	Sandbox         bool `help:"Install without real money: top-ups and withdrawals settle at once. With --no-sandbox, money is real and moves through the bank at --funding-url." default:"true" negatable:""`
}

func (i installation) install(ctx context.Context, c *connected) error {
	return app.Install(ctx, c.config, i.BucketsPerShard, i.Sandbox)
}

type migrateCmd struct {
	servers
	installation
}

func (i installation) check() error {
	if i.BucketsPerShard < 1 || i.BucketsPerShard > shards.MaxBuckets {
		return fmt.Errorf("--buckets-per-shard %d is out of range: give 1 to %d", i.BucketsPerShard, shards.MaxBuckets)
	}
	return nil
}

func (m migrateCmd) check() error { return errors.Join(m.servers.check(), m.installation.check()) }

func (m migrateCmd) Run(ctx context.Context, at console) error {
	c, err := m.connectOrMake(ctx, at)
	if err != nil {
		return err
	}
	defer c.close()
	if err := m.install(ctx, c); err != nil {
		return err
	}
	at.say("The installation is up to date.")
	return nil
}
