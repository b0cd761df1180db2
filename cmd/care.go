package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/wallet/ledger"
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

func (m migrateCmd) Run(ctx context.Context, at console) error {
	c, err := m.connect(ctx, at)
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

type auditCmd struct {
	servers
	JSON bool `name:"json" help:"Print the report as JSON."`
}

func (a auditCmd) Run(ctx context.Context, at console) error {
	c, err := a.connect(ctx, console{out: io.Discard, err: at.err, log: at.log})
	if err != nil {
		return err
	}
	defer c.close()
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	report, err := s.Auditor.Audit(ctx)
	if err != nil {
		return err
	}
	if a.JSON {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		at.say("%s", text)
	} else {
		printAudit(at, report)
	}
	if !report.Balanced() {
		return exitCode(1)
	}
	return nil
}

func printAudit(at console, r ledger.AuditReport) {
	at.say("%d shards, %d accounts, %d entries, %d holds, %d posts", r.Shards, r.Accounts, r.Entries, r.Holds, r.Posts)
	for currency, minor := range r.InFlight {
		at.say("in flight: %d minor units of %s", minor, currency)
	}
	for _, d := range r.Discrepancies {
		at.say("%s on shard %d: %s: expected %s, found %s", d.Code, d.Shard, d.What, d.Expected, d.Found)
	}
	if more := r.Found - int64(len(r.Discrepancies)); more > 0 {
		at.say("… and %d more", more)
	}
	if r.Balanced() {
		at.say("The books balance.")
	} else {
		at.say("The books DO NOT balance: %d discrepancies.", r.Found)
	}
}

// recoverNode is the node number of `recover`, which makes ids beside the processes that serve.
const recoverNode = 63

type recoverCmd struct{ servers }

func (r recoverCmd) Run(ctx context.Context, at console) error {
	c, err := r.connect(ctx, at)
	if err != nil {
		return err
	}
	defer c.close()
	c.config.Node = recoverNode
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	recovery, err := s.Recover(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("not finished, %d pots filled; run it again", recovery.Filled), err)
	}
	sayRecovery(at, recovery)
	return nil
}

func sayRecovery(at console, r app.Recovery) {
	switch {
	case r.Lost:
		at.say("Redis had lost its pots; %d were filled again from the ledger.", r.Filled)
	case r.Filled > 0:
		at.say("Nothing was lost; %d pots that a crash had left out were filled.", r.Filled)
	default:
		at.say("Nothing was lost and nothing is missing.")
	}
}
