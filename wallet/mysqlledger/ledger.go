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
	"github.com/sony/sonyflake/v2"

	"github.com/hongbao/hongbao/internal/shards"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// maxHeadBytes bounds the memory of the cache of what never changes about holds.
const maxHeadBytes = 64 << 20

// defaultSettleWidth keeps a server of some cores busy; more at a time would wait for each other's locks.
const defaultSettleWidth = 8

// Config is what a Ledger needs.
type Config struct {
	Cluster *shards.Cluster
	Node    int // 0 to MaxNode, another one in each process that makes ids
	// SettleWidth bounds the transactions of posts and deliveries that are under way at a time on each server, so that
	// settling leaves some of it to those who wait for an answer; 0 means 8.
	SettleWidth int
	Log         *slog.Logger
	Registerer  prometheus.Registerer // nil for none
	Now         func() time.Time
}

// Ledger is the durable ledger. It is safe for concurrent use.
type Ledger struct {
	cluster *shards.Cluster
	log     *slog.Logger
	now     func() time.Time
	ids     []*sonyflake.Sonyflake // by shard
	tables  []tables               // by shard
	heads   *otter.Cache[int64, *head]
	told    []chan struct{} // by shard
	paused  pauses
	gates   []chan struct{} // by shard: one delivery of this process to it at a time
	lanes   []chan struct{} // by server: SettleWidth
	metrics metrics
}

// New makes a Ledger. It makes no connection.
func New(cfg Config) (*Ledger, error) {
	l := &Ledger{cluster: cfg.Cluster, log: cfg.Log, now: cfg.Now}
	var err error
	if l.ids, err = generators(cfg.Node, cfg.Cluster.Shards()); err != nil {
		return nil, err
	}
	for shard := range cfg.Cluster.Shards() {
		l.tables = append(l.tables, nameTables(cfg.Cluster, shard))
		l.gates = append(l.gates, make(chan struct{}, 1))
		l.told = append(l.told, make(chan struct{}, 1))
	}
	if cfg.SettleWidth == 0 {
		cfg.SettleWidth = defaultSettleWidth
	}
	for range cfg.Cluster.Servers() {
		l.lanes = append(l.lanes, make(chan struct{}, cfg.SettleWidth))
	}
	l.heads, err = otter.New(&otter.Options[int64, *head]{
		MaximumWeight: maxHeadBytes,
		Weigher:       func(_ int64, h *head) uint32 { return h.bytes() },
	})
	if err != nil {
		return nil, fmt.Errorf("mysqlledger: cache of holds: %w", err)
	}
	if l.metrics, err = newMetrics(cfg.Registerer); err != nil {
		return nil, fmt.Errorf("mysqlledger: metrics: %w", err)
	}
	return l, nil
}

// Migrate brings the tables of every shard up to date. A shard that cannot be reached does not hold up the others; then
// the error wraps shards.ErrUnavailable and Migrate is to be called again.
func (l *Ledger) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return l.cluster.MigrateAll(ctx, shards.Migrations{FS: files, Table: "ledger_version"})
}

// Shards is the number of shards.
func (l *Ledger) Shards() int { return l.cluster.Shards() }

// tables are the full names of a shard's tables.
type tables struct {
	accounts, entries, holds, posts, requests, outbox, inbox, rejections, fundings string
	spent, mentions, notices, collections, parts                                   string
}

func nameTables(c *shards.Cluster, shard int) tables {
	name := func(table string) string { return c.Table(shard, table) }
	return tables{
		accounts: name("accounts"), entries: name("entries"), holds: name("holds"), posts: name("posts"),
		requests: name("requests"), outbox: name("outbox"), inbox: name("inbox"), rejections: name("rejections"),
		fundings: name("fundings"), spent: name("spent"), mentions: name("mentions"), notices: name("notices"),
		collections: name("collections"), parts: name("collection_parts"),
	}
}

func (l *Ledger) checkShard(shard int) error {
	if shard < 0 || shard >= l.Shards() {
		return fmt.Errorf("mysqlledger: there is no shard %d: there are 0 to %d", shard, l.Shards()-1)
	}
	return nil
}

// lane waits for one of the SettleWidth lanes of a shard's server, and returns how to leave it.
func (l *Ledger) lane(ctx context.Context, shard int) (leave func(), err error) {
	lane := l.lanes[l.cluster.ServerOf(shard)]
	select {
	case lane <- struct{}{}:
		return func() { <-lane }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
