package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/envelope/redispot"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	// auditLag is how old a win may be that is not settled, a credit that has not arrived, and a rebuild that is not
	// over. Workers take seconds.
	auditLag = ledger.Overdue
	// auditRebuilds bounds the rebuilds of a shard that an audit names.
	auditRebuilds = 100
	// endedGrace is how long the pot of an envelope that has just ended may take until it is retired: a Retirer finds
	// within 10 s what a settler that died has left.
	endedGrace = 30 * time.Second
	endedLook  = time.Second
	// auditHolds is how many holds are looked up at a time.
	auditHolds = 500
)

// Audit reads all the books, and looks at what follows from them: what is stuck between Redis and the ledger, pots that
// would never end, buckets that were rebuilt, and servers that may forget. An error says that it could not read them
// all, and that nothing is known. Error: shards.ErrUnavailable.
func (a *App) Audit(ctx context.Context) (ledger.AuditReport, error) {
	return a.AuditWith(ctx, audit.Options{})
}

// AuditWith is Audit of what audit.Options say. What follows from the books is looked at as a whole.
func (a *App) AuditWith(ctx context.Context, o audit.Options) (ledger.AuditReport, error) {
	return a.audit(ctx, o, endedGrace)
}

// audit is AuditWith. The pot of an envelope that has just ended has to be retired within grace.
func (a *App) audit(ctx context.Context, o audit.Options, grace time.Duration) (ledger.AuditReport, error) {
	report, err := a.Auditor.AuditWith(ctx, o)
	if errors.Is(err, audit.ErrUnsealed) {
		a.cfg.Log.Warn("the next audit reads again what this one could not seal", "error", err)
		err = nil
	}
	if err != nil {
		return report, err
	}
	found := func(code string, shard int, what, expected, found string) {
		report.Found++
		if len(report.Discrepancies) < ledger.MaxDiscrepancies {
			report.Discrepancies = append(report.Discrepancies,
				ledger.Discrepancy{Code: code, Shard: shard, What: what, Expected: expected, Found: found})
		}
	}
	for _, shard := range a.Cluster.All() {
		if err := a.auditLag(ctx, shard, found); err != nil {
			return report, err
		}
		rebuilds, err := a.auditRebuilds(ctx, shard, found)
		if err != nil {
			return report, err
		}
		report.Rebuilds = append(report.Rebuilds, rebuilds...)
	}
	if err := a.auditEndless(ctx, grace, found); err != nil {
		return report, err
	}
	a.CheckPromises(ctx)
	volatile, _ := a.Volatile()
	for _, kind := range slices.Sorted(maps.Keys(volatile)) {
		report.Volatile = append(report.Volatile, kind+": "+volatile[kind].Error())
	}
	return report, nil
}

// finder hears of a discrepancy.
type finder func(code string, shard int, what, expected, found string)

// auditLag names wins that have waited too long for their post, and posts for their credit. What a lost bucket's log
// holds nobody can say: the shard's rebuild is named instead.
func (a *App) auditLag(ctx context.Context, shard int, found finder) error {
	within := "within " + auditLag.String()
	b, err := a.backlog(ctx, shard)
	switch {
	case errors.Is(err, pots.ErrLost):
		found(ledger.AuditSettleLag, shard, "the pots", "their logs, read to the end", err.Error())
		b.SettleAge = 0
		if b.ClearingAge, err = a.Ledger.Outbox().Age(ctx, shard); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if b.SettleAge > auditLag {
		found(ledger.AuditSettleLag, shard, fmt.Sprintf("%d wins in the logs of the pots", b.SettleEntries),
			"settled "+within, "the oldest is "+b.SettleAge.Round(time.Second).String()+" old")
	}
	if b.ClearingAge > auditLag {
		found(ledger.AuditClearingOld, shard, "credits on their way to other shards", "delivered "+within,
			"the oldest is "+b.ClearingAge.Round(time.Second).String()+" old")
	}
	return nil
}

// auditRebuilds tells which buckets were rebuilt, and names rebuilds that do not end.
func (a *App) auditRebuilds(ctx context.Context, shard int, found finder) ([]string, error) {
	all, err := a.Ledger.Rebuilds(ctx, shard, auditRebuilds)
	if err != nil {
		return nil, err
	}
	now, err := a.Ledger.Time(ctx, shard)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, r := range all {
		began := time.UnixMilli(r.Began).UTC()
		text := fmt.Sprintf("bucket %d, shard %d, %s: %s", r.Source, shard, began.Format(time.RFC3339), r.Reason)
		if settled := settledLogs(r.Settled); settled != "" {
			text += ", was settled up to " + settled
		}
		texts = append(texts, text)
		if r.Ended == 0 && now.Sub(began) > auditLag {
			found(ledger.AuditRebuildOpen, shard, fmt.Sprintf("rebuild of bucket %d", r.Source),
				"over within "+auditLag.String(), "it began at "+began.Format(time.RFC3339))
		}
	}
	return texts, nil
}

// settledLogs leaves out of the logs of a bucket, each with its position, those of which nothing was settled.
func settledLogs(settled string) string {
	const sep = ", "
	logs := slices.DeleteFunc(strings.Split(settled, sep), func(log string) bool {
		_, position, _ := strings.Cut(log, " ")
		return position == ""
	})
	return strings.Join(logs, sep)
}

// auditEndless names shares that can be taken for ever, and pots of envelopes that have ended and would be kept for
// ever.
func (a *App) auditEndless(ctx context.Context, grace time.Duration, found finder) error {
	endless := map[redispot.Endless]bool{}
	deadline := time.Now().Add(grace)
	for first := true; first || len(endless) > 0 && time.Now().Before(deadline); first = false {
		if !first {
			loop.Wait(ctx, endedLook, nil) // it may have ended a moment ago
		}
		now := map[redispot.Endless]bool{}
		if err := a.Pots.Endless(ctx, func(e redispot.Endless) { now[e] = true }); err != nil {
			return err
		}
		if err := a.withoutOpen(ctx, now); err != nil {
			return err
		}
		for e := range now {
			if !first && !endless[e] {
				delete(now, e)
			}
		}
		endless = now
	}
	for e := range endless {
		shard, _ := a.Ledger.ShardOf(e.Envelope)
		what, expected := fmt.Sprintf("pot of envelope %d", e.Envelope), "forgotten when the envelope has ended"
		if e.Shares {
			what, expected = "shares of envelope "+fmt.Sprint(e.Envelope), "an expiry"
		}
		found(ledger.AuditPotEndless, shard, what, expected, "no time to live")
	}
	return nil
}

// withoutOpen leaves out pots of envelopes that are open.
func (a *App) withoutOpen(ctx context.Context, pots map[redispot.Endless]bool) error {
	var ids []int64
	for e := range pots {
		if !e.Shares {
			ids = append(ids, e.Envelope)
		}
	}
	for some := range slices.Chunk(ids, auditHolds) {
		holds, err := a.Ledger.GetHolds(ctx, some)
		if err != nil {
			return err
		}
		for _, h := range holds {
			if h.Open {
				delete(pots, redispot.Endless{Envelope: h.ID})
			}
		}
	}
	return nil
}
