package mysqlledger

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/index"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet/ledger"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// maxMetadataBytes bounds the memory of the cache of what never changes about holds.
const maxMetadataBytes = 64 << 20

// defaultSettleWidth keeps a server of some cores busy; more at a time would wait for each other's locks.
const defaultSettleWidth = 8

// Config is what a Ledger needs.
type Config struct {
	Cluster *shards.Cluster
	IDs     *shards.IDs // with a number that no other process has
	// SettleWidth bounds the transactions of posts and deliveries that are under way at a time on each server, so that
	// settling leaves some of it to those who wait for an answer; 0 means 8.
	SettleWidth int
	// Consumers take in the messages of products, after those of index entries and before those of credits.
	Consumers  []outbox.Consumer
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil for none
	Now        func() time.Time      // for records of when something was; it decides nothing
	// Clock stands in for the databases' clocks, which say what is due; nil: their own. Tests let time pass with it.
	Clock func() time.Time
	// Span is that of outbox.Config; nil for no tracing.
	Span outbox.BatchSpan
}

// Ledger is the durable ledger. It is safe for concurrent use.
type Ledger struct {
	cluster    *shards.Cluster
	ids        *shards.IDs
	outbox     *outbox.Outbox
	index      *index.Index
	now, clock func() time.Time
	tables     []Tables // by shard
	metadata   *otter.Cache[int64, *ledger.Hold]
	semaphores []chan struct{}           // by server: SettleWidth
	holds      []*gather.Queue[holdCall] // by shard
	metrics    metrics
}

// New makes a Ledger. It makes no connection.
func New(cfg Config) (*Ledger, error) {
	l := &Ledger{cluster: cfg.Cluster, ids: cfg.IDs, index: index.New(cfg.Cluster), now: cfg.Now, clock: cfg.Clock}
	var err error
	for _, shard := range cfg.Cluster.All() {
		l.tables = append(l.tables, TablesOf(cfg.Cluster, shard))
	}
	l.holds = l.holdQueues()
	if cfg.SettleWidth == 0 {
		cfg.SettleWidth = defaultSettleWidth
	}
	for range cfg.Cluster.Servers() {
		l.semaphores = append(l.semaphores, make(chan struct{}, cfg.SettleWidth))
	}
	l.metadata, err = otter.New(&otter.Options[int64, *ledger.Hold]{
		MaximumWeight: maxMetadataBytes,
		Weigher:       func(_ int64, h *ledger.Hold) uint32 { return metadataBytes(h) },
	})
	if err != nil {
		return nil, fmt.Errorf("mysqlledger: cache of holds: %w", err)
	}
	if l.metrics, err = newMetrics(cfg.Registerer); err != nil {
		return nil, fmt.Errorf("mysqlledger: metrics: %w", err)
	}
	consumers := append([]outbox.Consumer{l.index}, cfg.Consumers...)
	l.outbox, err = outbox.New(outbox.Config{
		Cluster: cfg.Cluster, IDs: l.ids, Consumers: append(consumers, credits{l}), Acquire: l.acquire,
		Log: cfg.Log, Registerer: cfg.Registerer, Now: cfg.Now, Span: cfg.Span,
	})
	return l, err
}

// Migrate brings the tables of every shard up to date, with those of the outbox and the index. A shard that cannot be
// reached does not hold up the others; then the error wraps shards.ErrUnavailable, and the caller tries again.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	if err := outbox.Migrate(ctx, c); err != nil {
		return err
	}
	if err := index.Migrate(ctx, c); err != nil {
		return err
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "ledger_version"})
}

// Shards is the number of shards.
func (l *Ledger) Shards() int { return l.cluster.Shards() }

// Outbox carries the ledger's messages.
func (l *Ledger) Outbox() *outbox.Outbox { return l.outbox }

// NewID makes an id for a record of this owner; see shards.IDs.
func (l *Ledger) NewID(owner string) (int64, error) { return l.ids.ForUser(owner) }

// ShardOf is the shard that an id carries. ok is false for an id that no shard of this installation can have made.
func (l *Ledger) ShardOf(id int64) (shard int, ok bool) { return l.cluster.ShardOf(id) }

// Tables are the full names of a shard's tables.
type Tables struct {
	Accounts, Entries, Holds, Posts, Requests, Rejections, Fundings, DailyUsage, Sources, SourceRebuilds,
	Resolutions, Freezes, Seals, UnitSeals, SealTotals, SealMarks, Archives string
}

// TablesOf names the tables of a shard.
func TablesOf(c *shards.Cluster, shard int) Tables {
	name := func(table string) string { return c.Table(shard, table) }
	return Tables{
		Accounts: name("accounts"), Entries: name("entries"), Holds: name("holds"), Posts: name("posts"),
		Requests: name("requests"), Rejections: name("rejections"), Fundings: name("fundings"),
		DailyUsage: name("daily_usage"), Sources: name("sources"), SourceRebuilds: name("source_rebuilds"),
		Resolutions: name("resolutions"), Freezes: name("freezes"),
		Seals: name("seals"), UnitSeals: name("unit_seals"), SealTotals: name("seal_totals"),
		SealMarks: name("seal_marks"), Archives: name("archives"),
	}
}

func (l *Ledger) checkShard(shard int) error {
	if shard < 0 || shard >= l.Shards() {
		return fmt.Errorf("mysqlledger: there is no shard %d: there are 0 to %d", shard, l.Shards()-1)
	}
	return nil
}

// acquireTimeout bounds the wait for a place: where it is over, the server has not answered for as long.
const acquireTimeout = 5 * time.Second

// acquire waits for one of the SettleWidth places of a shard's server, and returns how to leave it. Error:
// shards.ErrUnavailable.
func (l *Ledger) acquire(ctx context.Context, shard int) (release func(), err error) {
	semaphore := l.semaphores[l.cluster.ServerOf(shard)]
	timer := time.NewTimer(acquireTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil, shards.Classify(fmt.Errorf("all %d writers of server %d have been busy for %v: %w",
			cap(semaphore), l.cluster.ServerOf(shard), acquireTimeout, context.DeadlineExceeded))
	case semaphore <- struct{}{}:
		return func() { <-semaphore }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
