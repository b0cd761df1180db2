package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// What Examine puts up with.
const (
	examineTimeout = 10 * time.Second // for each server, and for each shard
	maxSkew        = time.Second
	maxSettleAge   = 30 * time.Second
	maxClearingAge = time.Minute
	maxEventAge    = 10 * time.Minute
	maxRejections  = 1000 // more are not counted
	fullPercent    = 80   // of a server's memory or connections
)

// WorkersKey is the key of Redis under which workers know of each other.
const WorkersKey = "hongbao:workers"

// examination is one run of Examine.
type examination struct {
	cfg     Config
	found   []Finding
	cluster *shards.Cluster
	down    map[int]bool // servers of MySQL
}

func (e *examination) find(name, where, format string, args ...any) {
	e.found = append(e.found, Finding{name, where, fmt.Sprintf(format, args...)})
}

// Examine looks at an installation and returns what is wrong with it. It changes nothing, and goes on where something
// is down. The error is one of the configuration.
func Examine(ctx context.Context, cfg Config) ([]Finding, error) {
	cfg.VolatileRedis, cfg.VolatileMySQL = true, true // it is told, not refused
	cfg.Log = slog.New(slog.DiscardHandler)           // what is wrong is in the findings
	e := &examination{cfg: cfg, down: map[int]bool{}}
	var err error
	if e.cluster, err = openCluster(cfg); err != nil {
		return nil, err
	}
	defer e.cluster.Close()
	option, err := RedisOption(cfg.Redis)
	if err != nil {
		return nil, err
	}
	for server := range e.cluster.Servers() {
		e.mysql(ctx, server)
	}
	isInstalled := e.tables(ctx)
	if e.redis(ctx, option) && isInstalled {
		e.system(ctx)
	}
	return e.found, ctx.Err()
}

// tables looks at what is installed, and says whether this binary can work with it.
func (e *examination) tables(ctx context.Context) bool {
	if e.down[e.cluster.ServerOf(0)] {
		e.find(FindingUnknown, "tables", "the server of shard 0, which says what is installed, does not answer")
		return false
	}
	_, err := e.cluster.Installation(ctx)
	switch {
	case errors.Is(err, shards.ErrNotInstalled):
		e.find(FindingNotInstalled, "", "%v", err)
		return false
	case errors.Is(err, shards.ErrInstalledOtherwise):
		e.find(FindingInstalledOtherwise, "", "%v", err)
		return false
	case errors.Is(err, shards.ErrServerUnknown):
		e.find(FindingServerUnknown, "", "%v", err)
		return false
	case err != nil:
		e.find(FindingUnknown, "tables", "%v", err)
		return false
	}
	if e.fenced(ctx) {
		return false
	}
	missing, err := e.cluster.Missing(ctx)
	for _, shard := range missing {
		e.find(FindingShardMissing, fmt.Sprintf("shard %d", shard), "%s is not on MySQL server %d",
			e.cluster.Schema(shard), e.cluster.ServerOf(shard))
	}
	if err == nil && len(missing) == 0 {
		err = e.cluster.CheckVersions(ctx, migrations...)
	}
	switch {
	case errors.Is(err, shards.ErrTablesOlder):
		e.find(FindingTablesOlder, "", "%v", err)
	case errors.Is(err, shards.ErrTablesNewer):
		e.find(FindingTablesNewer, "", "%v", err)
	case err != nil:
		e.find(FindingUnknown, "tables", "%v", err)
	}
	return err == nil && len(missing) == 0
}

// fenced says whether shards are in the last moment of a move.
func (e *examination) fenced(ctx context.Context) (is bool) {
	places, err := e.cluster.Places(ctx)
	if err != nil {
		e.find(FindingUnknown, "placements", "%v", err)
	}
	for _, p := range places {
		if p.Fenced {
			e.find(FindingShardFenced, fmt.Sprintf("shard %d", p.Shard), "its move to %s is not finished", p.Target)
			is = true
		}
	}
	return is
}

// system looks at the installation as a process would that is part of it.
func (e *examination) system(ctx context.Context) {
	cfg := e.cfg
	cfg.Registerer, cfg.Funding, cfg.Unfunded = prometheus.NewRegistry(), nil, true
	a, err := Open(ctx, cfg)
	if errors.Is(err, redisbucket.ErrForeign) {
		e.find(FindingPotsForeign, "", "%v", err)
		return
	}
	if err != nil {
		e.find(FindingUnknown, "installation", "%v", err)
		return
	}
	defer a.Close()
	isLost := false
	if err := a.PotsHome(ctx); errors.Is(err, pots.ErrLost) {
		isLost = true
		present, _, _ := a.Pots.Markers(ctx)
		e.find(FindingPotsLost, "", "%d of %d buckets are marked as this installation's", present,
			a.Buckets.Shards*a.Buckets.PerShard)
	} else if err != nil {
		e.find(FindingUnknown, "pots", "%v", err)
	}
	switch workers, err := membership.Alive(ctx, a.Redis, WorkersKey, membership.DefaultTimeout); {
	case err != nil:
		e.find(FindingUnknown, "workers", "%v", err)
	case workers == 0:
		e.find(FindingNoWorker, "", "no worker has given a sign of life for %v", membership.DefaultTimeout)
	}
	for _, shard := range a.Cluster.All() {
		if !e.down[a.Cluster.ServerOf(shard)] {
			e.shard(ctx, a, shard, isLost)
		}
	}
}

// shard looks how far behind a shard is, and at what should not be in it.
func (e *examination) shard(ctx context.Context, a *App, shard int, isLost bool) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	where := fmt.Sprintf("shard %d", shard)
	if !isLost {
		b, err := a.backlog(ctx, shard)
		if err != nil {
			e.find(FindingUnknown, where, "%v", err)
			return
		}
		if b.SettleAge > maxSettleAge {
			e.find(FindingSettlingSlow, where, "%d grabs wait for their credit, the oldest for %v", b.SettleEntries,
				b.SettleAge.Round(time.Second))
		}
		if b.ClearingAge > maxClearingAge {
			e.find(FindingClearingSlow, where, "a credit has been on its way for %v", b.ClearingAge.Round(time.Second))
		}
	}
	if age, err := a.Ledger.Outbox().OutsideAge(ctx, shard); err != nil {
		e.find(FindingUnknown, where, "%v", err)
	} else if age > maxEventAge {
		e.find(FindingEventsSlow, where, "an event has waited to be told for %v", age.Round(time.Second))
	}
	count := func(query string, args ...any) (n int64) {
		if err := a.Cluster.DB(shard).QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
			e.find(FindingUnknown, where, "%v", shards.Classify(err))
		}
		return n
	}
	for _, p := range a.products {
		if p.audit.Overdue == 0 {
			continue
		}
		n := count("SELECT COUNT(*) FROM "+a.Cluster.Table(shard, "holds")+" WHERE subject = ? AND is_open = 1 AND "+
			"expires_at < UNIX_TIMESTAMP() * 1000 - ?", string(p.audit.Subject), p.audit.Overdue.Milliseconds())
		if n > 0 {
			e.find(FindingHoldsOverdue, where, "%d of %s are open %v after their time", n, p.audit.Subject,
				p.audit.Overdue)
		}
	}
	switch open, err := a.Ledger.Resolutions(ctx, shard, false, ledger.Rejection{}, maxRejections); {
	case err != nil:
		e.find(FindingUnknown, where, "%v", err)
	case len(open) > 0:
		e.find(FindingPostsRejected, where, "%d posts were kept aside, and nobody has decided about them", len(open))
	}
}

// clock compares a server's clock with this process's. at is what it said at some time between began and now.
func (e *examination) clock(where string, began, at, now time.Time) {
	if early, late := began.Sub(at), at.Sub(now); early > maxSkew || late > maxSkew {
		off := max(early, late).Round(time.Millisecond)
		e.find(FindingClocksDiffer, where, "its clock is %v off this machine's", off)
	}
}

// nodesOf are those of a Redis, in a fixed order.
func nodesOf(client rueidis.Client) (addresses []string, all map[string]rueidis.Client) {
	all = client.Nodes()
	for address := range all {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	return addresses, all
}
