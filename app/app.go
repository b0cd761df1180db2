// Package app puts an installation together: it is the one place that knows which concrete store stands behind each
// interface of the domain. Commands start parts of it; tests run it on private servers.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/chat"
	"github.com/hongbao/hongbao/chat/mysqlchat"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/collection/mysqlcollection"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/mysqlcover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/cover/stock/mysqlstock"
	"github.com/hongbao/hongbao/cover/stock/redisstock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/redispot"
	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/nodes"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/personal"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/trail"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/merchant/mysqlmerchant"
	"github.com/hongbao/hongbao/push/redisbus"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/risk/mysqlrisk"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/audit"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook"
	"github.com/hongbao/hongbao/webhook/httpsender"
	"github.com/hongbao/hongbao/webhook/mysqlwebhook"
)

// Config says where an installation's servers are and how it behaves. Redis, MySQL, Shards, Now, Log and
// Registerer are required.
type Config struct {
	Redis     []string    // see RedisOption
	MySQL     []string    // DSNs of servers, without a database
	Placement map[int]int // shard → index into MySQL, where it is not shard mod len(MySQL)
	Prefix    string      // of the schemas' names; empty for the usual one
	Shards    int

	Limits      envelope.Limits
	Transfers   transfer.Rules
	Collections collection.Rules
	Webhooks    webhook.Rules
	Covers      cover.Rules // the default ones where Validity is 0
	Stock       stock.Rules // the default ones where there are no Prices
	Art         cover.Art   // of covers; nil for a process that takes and shows none
	// AuditEvery is how often workers audit the books of their own accord; 0 is never.
	AuditEvery time.Duration
	// FullAuditEvery is how often one of them reads everything; the others read what no seal covers. 0 is always.
	FullAuditEvery time.Duration
	// Withdrawals bound a user's day, everything else that counts included; the zero value counts nothing.
	Withdrawals ledger.DailyLimits
	// Rules decide about claims of money; nil for none.
	Rules *risk.Rules
	// Secrets are the keys that secrets of others are kept sealed with. Without them none can be made.
	Secrets *sealed.Keys
	// Funding moves real money in and out. It is nil for a sandbox installation, whose money comes from wallet.Sandbox,
	// and for a process that is Unfunded.
	Funding wallet.Funding
	// Unfunded says that this process moves no money in or out, so that an installation with real money can be opened
	// without Funding.
	Unfunded     bool
	WaitReplicas int
	// VolatileRedis accepts a Redis that may forget what it has acknowledged (see ErrVolatileRedis), and VolatileMySQL
	// servers that may lose their last commits (see shards.ErrVolatile).
	VolatileRedis, VolatileMySQL bool
	WaitTimeout                  time.Duration
	SettleWidth                  int  // see mysqlledger.Config
	Span                         Span // nil for no tracing
	// Traces is what the jobs need to go on with the traces of what they do; all nil for no tracing.
	Traces Traces

	Log        *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Clock      func() time.Time // stands in for the clocks of the shards' databases, in tests; nil: their own
}

// App is an installation as one process sees it.
type App struct {
	Installation shards.Installation
	Buckets      pots.Buckets
	Cluster      *shards.Cluster
	Nodes        *nodes.Leases // the numbers with which this process makes ids
	Redis        rueidis.Client
	Ledger       *mysqlledger.Ledger
	Pots         *redispot.Pots
	Metadata     *envelope.Metadata
	Envelopes    *envelope.Service
	Transfers    *transfer.Service
	Collections  *collection.Service
	Chats        *chat.Service
	Merchants    *merchant.Service
	Revoked      *revoked.List // it is as it was when opened until its Run runs
	RateLimits   *ratelimit.Limiter
	Trail        *trail.Trail // what operators did
	Tally        *trail.Tally // who was not let in; it is written while its Run runs
	Webhooks     *webhook.Service
	Covers       *cover.Service
	Stock        *stock.Service // the pieces of covers
	StockStore   *mysqlstock.Store
	CoverPots    *redisstock.Pots
	Events       webhook.Publisher // how products tell owners what happened
	Wallets      *wallet.Service
	Risk         *risk.Service // nil where there are no rules
	Reviews      *mysqlrisk.Store
	Groups       *group.Directory
	Bus          *redisbus.Bus
	Auditor      *audit.Auditor

	CoverDirectory *cover.Directory // what others need of covers, from memory
	CoverStore     *mysqlcover.Store

	cfg         Config
	funding     wallet.Funding
	redisOption rueidis.ClientOption
	changes     groupChanges
	products    []product

	webhookDispatcher *webhook.Dispatcher
	webhookForgetter  *webhook.Forgetter
	webhookStore      *mysqlwebhook.Store

	stockSettler  *stock.Settler
	merchantStore merchant.Store
	stockKeeper   *stock.Keeper

	backlogs backlogGauges
	audits   auditGauges
	rebuilds *prometheus.CounterVec // by reason
	promises promises
	used     usedCovers
	close    []func()

	elsewhere func() int // people who wait for a share in this process, but not at the pots; nil for none
}

// Install makes the installation on the servers where there is none, brings its tables up to date, and marks a Redis
// that has never been used. It may be repeated and run by several processes. sandbox says that money is not real.
func Install(ctx context.Context, cfg Config, bucketsPerShard int, sandbox bool) error {
	cluster, err := openCluster(cfg)
	if err != nil {
		return err
	}
	defer cluster.Close()
	// A new binary may migrate old tables, and never the reverse.
	if err := cluster.CheckVersions(ctx, migrations...); errors.Is(err, shards.ErrTablesNewer) {
		return err
	}
	_, err = cluster.Install(ctx, shards.Installation{BucketsPerShard: bucketsPerShard, Sandbox: sandbox})
	if err != nil {
		return err
	}
	for _, migrate := range migrations {
		if err := migrate(ctx, cluster); err != nil {
			return err
		}
	}
	cfg.Registerer = prometheus.NewRegistry()
	cfg.Funding, cfg.Unfunded = nil, true
	a, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer a.Close()
	if a.Installation.PotsReady {
		return nil
	}
	if err := a.Pots.Install(ctx); err != nil {
		return err
	}
	return cluster.SetPotsReady(ctx)
}

// Open connects to an installation. Servers that are down are an error only for Redis and for shard 0, which says what
// the installation is. Errors: shards.ErrNotInstalled, shards.ErrInstalledOtherwise, shards.ErrTablesOlder,
// shards.ErrTablesNewer, redisbucket.ErrForeign, ErrVolatileRedis, shards.ErrVolatile, ErrNoFunding,
// ErrSandbox.
func Open(ctx context.Context, cfg Config) (*App, error) {
	a := &App{cfg: cfg}
	if err := a.connect(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) connect(ctx context.Context) (err error) {
	if a.Cluster, err = openCluster(a.cfg); err != nil {
		return err
	}
	a.onClose(func() { _ = a.Cluster.Close() })
	if a.Installation, err = a.Cluster.Installation(ctx); err != nil {
		return err
	}
	if err := a.Cluster.CheckVersions(ctx, migrations...); err != nil {
		return err
	}
	if a.funding, err = chooseFunding(a.Installation, a.cfg); err != nil {
		return err
	}
	a.Buckets = pots.Buckets{Shards: a.Installation.Shards, PerShard: a.Installation.BucketsPerShard}
	if a.redisOption, err = RedisOption(a.cfg.Redis); err != nil {
		return err
	}
	if !a.cfg.VolatileRedis {
		a.redisOption = guarded(a.redisOption)
	}
	if a.Redis, err = rueidis.NewClient(a.redisOption); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	a.onClose(a.Redis.Close)
	a.CheckPromises(ctx)
	if err := load(&a.promises.redis); err != nil && !a.cfg.VolatileRedis {
		return err
	}
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { a.watchPromises(watch) })
	watching.Go(func() { a.watchPlaces(watch) })
	a.onClose(func() { stop(); watching.Wait() })
	if err := a.assemble(ctx); err != nil {
		return err
	}
	// Lost pots are for Recover to find. Another installation's must not be touched by anybody.
	if err := a.PotsHome(ctx); errors.Is(err, redisbucket.ErrForeign) {
		return err
	}
	return nil
}

func (a *App) assemble(ctx context.Context) (err error) {
	cfg := a.cfg
	a.Nodes = nodes.New(nodes.Config{Cluster: a.Cluster, Process: processName(), Log: cfg.Log})
	ids := shards.NewIDsOf(a.Cluster, a.Nodes)
	a.onClose(func() { a.Nodes.Close(context.WithoutCancel(ctx), ids.End) })
	events := mysqlwebhook.NewConsumer(a.Cluster, ids)
	a.Ledger, err = mysqlledger.New(mysqlledger.Config{
		Cluster: a.Cluster, IDs: ids, SettleWidth: cfg.SettleWidth, Consumers: []outbox.Consumer{events,
			mysqlstock.NewConsumer(a.Cluster), mysqlstock.NewUseConsumer(a.Cluster, a.used.note)},
		Log: cfg.Log, Registerer: cfg.Registerer, Now: cfg.Now,
		Clock: cfg.Clock, Span: cfg.Traces.Batch,
	})
	if err != nil {
		return err
	}
	a.Pots, err = redispot.New(a.Redis, redispot.Config{
		Buckets: a.Buckets, ShardOf: a.Ledger.ShardOf, Installation: a.Installation.ID, Epoch: a.epochOf,
		WaitReplicas: cfg.WaitReplicas, WaitTimeout: cfg.WaitTimeout, Registerer: cfg.Registerer, Durable: a.durable,
		TraceOf: cfg.Traces.Parent,
	})
	if err != nil {
		return err
	}
	if err := a.registerStores(); err != nil {
		return err
	}
	if a.backlogs, err = newBacklogGauges(cfg.Registerer); err != nil {
		return err
	}
	if a.audits, err = newAuditGauges(cfg.Registerer); err != nil {
		return err
	}
	if a.rebuilds, err = newRebuildCounter(cfg.Registerer); err != nil {
		return err
	}
	a.Metadata = envelope.NewMetadata(a.Ledger)
	if a.Bus, err = redisbus.New(a.Redis, a.redisOption, cfg.Log, cfg.Registerer); err != nil {
		return err
	}
	a.onClose(a.Bus.Close)
	if err := a.openGroups(ctx); err != nil {
		return err
	}
	if a.Revoked, err = revoked.Open(ctx, a.Redis, cfg.Log, cfg.Now); err != nil {
		return err
	}
	a.RateLimits = ratelimit.New(a.Redis)
	a.Trail = trail.New(a.Cluster, cfg.Now)
	a.Tally = trail.NewTally(a.Trail, cfg.Log, cfg.Now)
	if err := a.openRisk(); err != nil {
		return err
	}
	collections := mysqlcollection.New(a.Cluster, a.Ledger)
	webhooks, err := a.openWebhooks(events)
	if err != nil {
		return err
	}
	webhookEvents := merchantEvents{webhooks}
	merchants := mysqlmerchant.New(a.Cluster, a.Ledger).PublishTo(webhookEvents)
	a.merchantStore = merchants
	a.Transfers = transfer.NewService(a.Ledger, cfg.Transfers, cfg.Now)
	a.Collections = collection.NewService(a.Ledger, collections, a.Groups, cfg.Collections, cfg.Now)
	a.Chats = chat.NewService(a.Ledger, mysqlchat.New(a.Cluster, a.Ledger), a.Groups, cfg.Now)
	a.Merchants = merchant.NewService(a.Ledger, merchants, keyRevocations{a.Revoked}, cfg.Now, cfg.Log)
	if err := a.openCovers(webhookEvents); err != nil {
		return err
	}
	if err := a.openStock(webhookEvents); err != nil {
		return err
	}
	a.Envelopes = envelope.NewService(a.Ledger, a.pot(), a.Groups, a.Stock, a.Metadata, cfg.Limits, cfg.Now)
	a.Wallets = wallet.NewService(a.Ledger, fundingOfTests{a.funding}, cfg.Now).Limit(cfg.Withdrawals)
	a.products = []product{
		{audit.Product{HoldCheck: envelope.HoldCheck()}, a.envelopeJobs, nil},
		{audit.Product{HoldCheck: transfer.HoldCheck()}, a.transferJobs,
			[]personal.Table{mysqlledger.PersonalHolds(transfer.Subject)}},
		{collections.Audit(), a.collectionJobs, collections.Personal()},
		{merchants.Audit(), a.merchantJobs, merchants.Personal()},
		{webhooks.Audit(), a.webhookJobs, nil},
		{a.CoverStore.Audit(), a.coverJobs, a.CoverStore.Personal()},
		{a.StockStore.Audit(), a.stockJobs, a.StockStore.Personal()},
		{a.trailAudit(), noJobs, nil},
		{audit.Product{HoldCheck: wallet.ResolutionCheck()}, noJobs, nil},
	}
	audited := make([]audit.Product, len(a.products))
	for i, p := range a.products {
		audited[i] = p.audit
	}
	a.Auditor = audit.New(a.Cluster, a.Ledger.Outbox(), audited...)
	return nil
}

func (a *App) openWebhooks(events *mysqlwebhook.Consumer) (*mysqlwebhook.Store, error) {
	cfg := a.cfg
	store, err := mysqlwebhook.New(a.Cluster, a.Ledger, cfg.Secrets, cfg.Registerer, cfg.Now)
	if err != nil {
		return nil, err
	}
	sender := httpsender.New(httpsender.Config{AllowPrivate: cfg.Webhooks.AllowPrivate, Now: cfg.Now})
	a.onClose(sender.Close)
	a.Events, a.webhookStore = store, store
	rules := cfg.Webhooks
	rules.Types = eventTypes()
	a.Webhooks = webhook.NewService(store, rules, cfg.Now)
	a.webhookDispatcher = webhook.NewDispatcher(store, sender, events.Wake, cfg.Now, cfg.Log)
	a.webhookForgetter = webhook.NewForgetter(store, cfg.Now, cfg.Log)
	return store, nil
}

// CheckSecrets finds out whether this process has the keys of all secrets that are kept sealed. Error:
// *sealed.NoKeyError.
func (a *App) CheckSecrets(ctx context.Context) error { return a.webhookStore.CheckSecrets(ctx) }

// Close lets go of everything that Open opened, in reverse order.
func (a *App) Close() {
	for i := len(a.close) - 1; i >= 0; i-- {
		a.close[i]()
	}
	a.close = nil
}

func (a *App) onClose(f func()) { a.close = append(a.close, f) }

// Checks are what this process needs in order to serve, by name: Redis answers and holds our pots, every MySQL server
// answers, and all keep what they acknowledge.
func (a *App) Checks() map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{
		"redis": func(ctx context.Context) error { return a.Redis.Do(ctx, a.Redis.B().Ping().Build()).Error() },
		"pots":  a.PotsHome, "durability": a.checkPromises,
	}
	for i := range a.Cluster.Servers() {
		checks[fmt.Sprintf("mysql-%d", i)] = a.Cluster.ServerDB(i).PingContext
	}
	return checks
}

// PotsHome returns nil when every bucket of Redis is marked as this installation's, else pots.ErrLost or
// redisbucket.ErrForeign.
func (a *App) PotsHome(ctx context.Context) error {
	present, foreign, err := a.Pots.Markers(ctx)
	switch {
	case err != nil:
		return err
	case foreign:
		return redisbucket.ErrForeign
	case present < a.Buckets.Shards*a.Buckets.PerShard:
		return pots.ErrLost
	}
	return nil
}

func openCluster(cfg Config) (*shards.Cluster, error) {
	return shards.Open(shards.Config{DSNs: cfg.MySQL, Shards: cfg.Shards, Prefix: cfg.Prefix, Placement: cfg.Placement,
		Volatile: cfg.VolatileMySQL})
}

// RedisOption reads the addresses of one Redis, or of a cluster where there are several. An address is a URL as in
// redis://user:password@host:6379, rediss://… (TLS) or unix:///path, or host:port; credentials are those of the first.
func RedisOption(addresses []string) (option rueidis.ClientOption, err error) {
	if len(addresses) == 0 {
		return option, errors.New("no Redis is configured: give at least one address")
	}
	for i, address := range addresses {
		if !strings.Contains(address, "://") {
			address = "redis://" + address
		}
		one, err := rueidis.ParseURL(strings.TrimSuffix(address, "/"))
		if err != nil { // the URL may hold a password: the error is not passed on
			return option, fmt.Errorf(
				"the Redis address number %d is malformed: give redis://user:password@host:port or unix:///path", i+1)
		}
		if i == 0 {
			option = one
			continue
		}
		option.InitAddress = append(option.InitAddress, one.InitAddress...)
	}
	option.AlwaysPipelining = true
	option.DisableCache = true // client-side caching is not used
	return option, nil
}

// processName is where this process runs, for people.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return strconv.Itoa(os.Getpid()) + "@" + strings.ToValidUTF8(host, "?")
}

// Config is what the installation was opened with.
func (a *App) Config() Config { return a.cfg }
