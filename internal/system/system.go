// Package system puts an installation together: it is the one place that knows which concrete store stands behind each
// interface of the domain. Commands start parts of it; tests run it on private servers.
package system

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/redispot"
	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/push/redisbus"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// Config says where an installation's servers are and how it behaves. Redis, MySQL and Shards are required.
type Config struct {
	Redis     []string    // see RedisOption
	MySQL     []string    // DSNs of servers, without a database
	Placement map[int]int // shard → index into MySQL, where it is not shard mod len(MySQL)
	Prefix    string      // of the schemas' names; empty for the usual one
	Shards    int
	Node      int // 0 to 63, another one in each process

	Limits envelope.Limits
	Rules  transfer.Rules
	// Funding moves real money in and out. It is nil for a sandbox installation, whose money comes from wallet.Sandbox,
	// and for a process that is Unfunded.
	Funding wallet.Funding
	// Unfunded says that this process moves no money in or out, so that an installation with real money can be opened
	// without Funding.
	Unfunded     bool
	WaitReplicas int
	// VolatileRedis accepts a Redis that may forget what it has acknowledged (see ErrVolatileRedis).
	VolatileRedis bool
	// RecoverPause is how long Recover waits, after it has found that pots are lost, for settlements that began before:
	// what they post must not be given away again. In an installation, PostTimeout of the envelope and a little more.
	RecoverPause time.Duration
	WaitTimeout  time.Duration
	SettleWidth  int // see mysqlledger.Config

	Log        *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// System is an installation as one process sees it.
type System struct {
	Installation shards.Installation
	Buckets      envelope.Buckets
	Cluster      *shards.Cluster
	Redis        rueidis.Client
	Ledger       *mysqlledger.Ledger
	Pots         *redispot.Pots
	Heads        *envelope.Heads
	Envelopes    *envelope.Service
	Transfers    *transfer.Service
	Collections  *transfer.Collections
	Wallets      *wallet.Service
	Groups       *group.Directory
	Bus          *redisbus.Bus

	cfg         Config
	funding     wallet.Funding
	redisOption rueidis.ClientOption
	changes     groupChanges
	close       []func()
}

// Install makes the installation on the servers where there is none, brings its tables up to date, and marks a Redis
// that has never been used. It may be repeated and run by several processes. sandbox says that money is not real.
func Install(ctx context.Context, cfg Config, bucketsPerShard int, sandbox bool) error {
	cluster, err := openCluster(cfg)
	if err != nil {
		return err
	}
	defer cluster.Close()
	_, err = cluster.Install(ctx, shards.Installation{BucketsPerShard: bucketsPerShard, Sandbox: sandbox})
	if err != nil {
		return err
	}
	ledger, err := mysqlledger.New(mysqlledger.Config{Cluster: cluster, Node: cfg.Node, Log: cfg.Log, Registerer: prometheus.NewRegistry(), Now: cfg.Now})
	if err != nil {
		return err
	}
	if err := errors.Join(ledger.Migrate(ctx), mysqlgroup.New(cluster).Migrate(ctx)); err != nil {
		return err
	}
	cfg.Registerer = prometheus.NewRegistry()
	cfg.Funding, cfg.Unfunded = nil, true
	s, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if s.Installation.PotsReady {
		return nil
	}
	if err := s.Pots.Install(ctx); err != nil {
		return err
	}
	return cluster.SetPotsReady(ctx)
}

// Open connects to an installation. Servers that are down are an error only for Redis and for shard 0, which says what
// the installation is.
func Open(ctx context.Context, cfg Config) (*System, error) {
	s := &System{cfg: cfg}
	if err := s.connect(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *System) connect(ctx context.Context) (err error) {
	if s.Cluster, err = openCluster(s.cfg); err != nil {
		return err
	}
	s.onClose(func() { _ = s.Cluster.Close() })
	if s.Installation, err = s.Cluster.Installation(ctx); err != nil {
		return err
	}
	if s.funding, err = chooseFunding(s.Installation, s.cfg); err != nil {
		return err
	}
	s.Buckets = envelope.Buckets{Shards: s.Installation.Shards, PerShard: s.Installation.BucketsPerShard}
	if s.redisOption, err = RedisOption(s.cfg.Redis); err != nil {
		return err
	}
	if s.Redis, err = rueidis.NewClient(s.redisOption); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	s.onClose(s.Redis.Close)
	if err := s.checkDurable(ctx); err != nil {
		return err
	}
	return s.assemble(ctx)
}

func (s *System) assemble(ctx context.Context) (err error) {
	cfg := s.cfg
	if s.Ledger, err = mysqlledger.New(mysqlledger.Config{Cluster: s.Cluster, Node: cfg.Node, SettleWidth: cfg.SettleWidth, Log: cfg.Log, Registerer: cfg.Registerer, Now: cfg.Now}); err != nil {
		return err
	}
	s.Pots, err = redispot.New(s.Redis, redispot.Config{
		Buckets: s.Buckets, ShardOf: s.Ledger.ShardOf, Installation: s.Installation.ID,
		WaitReplicas: cfg.WaitReplicas, WaitTimeout: cfg.WaitTimeout, Registerer: cfg.Registerer,
	})
	if err != nil {
		return err
	}
	s.Heads = envelope.NewHeads(s.Ledger)
	if s.Bus, err = redisbus.New(s.Redis, s.redisOption, cfg.Log, cfg.Registerer); err != nil {
		return err
	}
	s.onClose(s.Bus.Close)
	if err := s.openGroups(ctx); err != nil {
		return err
	}
	s.Envelopes = envelope.NewService(s.Ledger, s.Pots, s.Groups, s.Heads, cfg.Limits, cfg.Now)
	s.Transfers = transfer.NewService(s.Ledger, cfg.Rules, cfg.Now)
	s.Collections = transfer.NewCollections(s.Ledger, s.Groups, cfg.Rules, cfg.Now)
	s.Wallets = wallet.NewService(s.Ledger, s.funding, cfg.Now)
	return nil
}

// Close lets go of everything that Open opened, in reverse order.
func (s *System) Close() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
	s.close = nil
}

func (s *System) onClose(f func()) { s.close = append(s.close, f) }

// Checks are what this process needs in order to serve, by name: Redis answers and holds our pots, every MySQL server
// answers.
func (s *System) Checks() map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{
		"redis": func(ctx context.Context) error { return s.Redis.Do(ctx, s.Redis.B().Ping().Build()).Error() },
		"pots":  s.PotsHome,
	}
	for i := range s.Cluster.Servers() {
		checks[fmt.Sprintf("mysql-%d", i)] = s.Cluster.ServerDB(i).PingContext
	}
	return checks
}

// PotsHome returns nil when every bucket of Redis is marked as this installation's, else envelope.ErrPotsLost or
// redispot.ErrForeign.
func (s *System) PotsHome(ctx context.Context) error {
	present, foreign, err := s.Pots.Markers(ctx)
	switch {
	case err != nil:
		return err
	case foreign:
		return redispot.ErrForeign
	case present < s.Buckets.Shards*s.Buckets.PerShard:
		return envelope.ErrPotsLost
	}
	return nil
}

func openCluster(cfg Config) (*shards.Cluster, error) {
	return shards.Open(shards.Config{DSNs: cfg.MySQL, Shards: cfg.Shards, Prefix: cfg.Prefix, Placement: cfg.Placement})
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
		one, err := rueidis.ParseURL(address)
		if err != nil { // the URL may hold a password: the error is not passed on
			return option, fmt.Errorf("the Redis address number %d is malformed: give redis://user:password@host:port or unix:///path", i+1)
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

// Config is what the system was opened with.
func (s *System) Config() Config { return s.cfg }
