package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/shards"
)

// RedisServer is what a Redis says about itself: how durable its acknowledgements are, and how full it is.
type RedisServer struct {
	Version          string
	AppendOnly       bool
	AppendFsync      string // empty where the server does not let us ask
	NoFsyncOnRewrite string // no-appendfsync-on-rewrite: yes makes always mean nothing while the log is rewritten
	Primary          bool
	Eviction         string // what it does when its memory is full: noeviction, or a policy that forgets keys
	UsedMemory       int64  // bytes
}

// MySQLServer is what a MySQL server says about how durable its commits are. What it does not know is empty.
type MySQLServer struct {
	Version             string
	FlushLogAtTrxCommit string
	SyncBinlog          string
}

// RedisDurability asks the primaries that answer.
func (a *App) RedisDurability(ctx context.Context) []RedisServer {
	var servers []RedisServer
	for _, node := range a.Redis.Nodes() {
		if p, err := redisServer(ctx, node); err == nil && p.Primary {
			servers = append(servers, p)
		}
	}
	return servers
}

// redisServer asks one node.
func redisServer(ctx context.Context, node rueidis.Client) (p RedisServer, err error) {
	text, err := node.Do(ctx, node.B().Info().Build()).ToString()
	if err != nil {
		return p, err
	}
	info := parseInfo(text)
	p = RedisServer{Version: info["redis_version"], Primary: info["role"] == "master",
		AppendOnly: info["aof_enabled"] == "1", Eviction: info["maxmemory_policy"]}
	p.UsedMemory, _ = strconv.ParseInt(info["used_memory"], 10, 64) // 0 where it is not said
	config, err := node.Do(ctx, node.B().ConfigGet().Parameter("*appendfsync*").Build()).AsStrMap()
	if _, refused := rueidis.IsRedisErr(err); err != nil && !refused { // a managed Redis may refuse CONFIG
		return p, err
	}
	p.AppendFsync, p.NoFsyncOnRewrite = config["appendfsync"], config["no-appendfsync-on-rewrite"]
	return p, nil
}

// parseInfo reads the answer to INFO or CLUSTER INFO. Over RESP3 it is a verbatim string, which begins with its format.
func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(strings.TrimPrefix(text, "txt:")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// MySQLDurability asks the servers that answer.
func (a *App) MySQLDurability(ctx context.Context) []MySQLServer {
	var servers []MySQLServer
	for server := range a.Cluster.Servers() {
		if p, err := shards.AskPromise(ctx, a.Cluster.ServerDB(server)); err == nil {
			servers = append(servers, MySQLServer{Version: p.Version, FlushLogAtTrxCommit: p.FlushLogAtTrxCommit,
				SyncBinlog: p.SyncBinlog})
		}
	}
	return servers
}

// Backlog is what has been acknowledged on a shard and not yet been done.
type Backlog struct {
	SettleEntries int64
	SettleAge     time.Duration
	ClearingAge   time.Duration
	RelayEntries  int64
}

// Backlogs returns one for each shard.
func (a *App) Backlogs(ctx context.Context) ([]Backlog, error) {
	all := make([]Backlog, a.Buckets.Shards)
	err := a.eachShard(ctx, func(ctx context.Context, shard int) (err error) {
		all[shard], err = a.backlog(ctx, shard)
		return err
	})
	return all, err
}

// backlog looks at the log before the outbox, for that is the way of a credit: what is in neither has arrived.
func (a *App) backlog(ctx context.Context, shard int) (b Backlog, err error) {
	from, to := a.Buckets.OfShard(shard)
	for bucket := from; bucket < to; bucket++ {
		entries, age, err := a.Pots.Backlog(ctx, bucket, envelope.ReaderSettler)
		if err != nil {
			return b, err
		}
		b.SettleEntries += entries
		b.SettleAge = max(b.SettleAge, age)
		if entries, _, err = a.Pots.Backlog(ctx, bucket, envelope.ReaderRelay); err != nil {
			return b, err
		}
		b.RelayEntries += entries
	}
	b.ClearingAge, err = a.Ledger.Outbox().Age(ctx, shard)
	return b, err
}
