package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

type auditCmd struct {
	servers
	ForgetSeals *int   `help:"Instead of an audit: take back what audits have sealed on a shard, after a change of it that is explained. The next audit reads all that is there." placeholder:"SHARD"`
	By          string `help:"Who forgets seals. It stands in the trail." placeholder:"NAME"`
	Reason      string `help:"Why, in at most 200 characters."`
	Incremental bool   `help:"Read what no audit has sealed, instead of everything. A change of what is sealed is not found."`
	JSON        bool   `name:"json" help:"Print the report as JSON."`
}

// Validate implements kong.Validatable.
func (a auditCmd) Validate() error {
	if given := a.By != "" && a.Reason != ""; given != (a.ForgetSeals != nil) || !given && a.By+a.Reason != "" {
		return errors.New("--forget-seals, --by and --reason go together: they stand in the trail")
	}
	return nil
}

func (a auditCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return a.with(ctx, quiet, nil, func(_ *connected, s *app.App) error {
		if a.ForgetSeals != nil {
			if err := s.ForgetSeals(ctx, *a.ForgetSeals, a.By, a.Reason); err != nil {
				return err
			}
			at.say("Nothing of shard %d is sealed any more but what is archived.", *a.ForgetSeals)
			return nil
		}
		report, err := s.AuditWith(ctx, audit.Options{Incremental: a.Incremental})
		if err != nil {
			return err
		}
		return a.print(at, report)
	})
}

func (a auditCmd) print(at console, report ledger.AuditReport) error {
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
	if r.Incremental {
		at.say("Read is what no audit has sealed.")
	}
	at.say("%d shards, %d accounts, %d entries, %d holds, %d posts", r.Shards, r.Accounts, r.Entries, r.Holds, r.Posts)
	for currency, minor := range r.InFlight {
		at.say("in flight: %d minor units of %s", minor, currency)
	}
	for _, rebuilt := range r.Rebuilds {
		at.say("rebuilt: %s", rebuilt)
	}
	for _, v := range r.Volatile {
		at.say("volatile: %s", v)
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
