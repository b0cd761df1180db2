// Package shards is numbered MySQL schemas ("logical shards") spread over any number of servers.
//
// Shard n is the schema <prefix>%04d, for example hongbao_s0003. Their number is fixed when the system is installed,
// for a user's shard is a hash of the id modulo that number. Which server holds a shard is said by the configuration:
// server n mod len(DSNs), unless Placement names another; until a shard is moved. From then on shard 0 has a row for
// each shard with the address of its server, and the configuration says only how servers are reached. Shard 0 itself
// is where the configuration says. A shard that is missing from where it should be is refused rather than made anew
// (ErrShardMissing).
//
// A shard is moved while it serves (see internal/shardmove). In the last moment its tables are renamed away, so every
// statement on the old server finds no table, has done nothing, and is repeated on the new one: DB and Tx do that. That
// costs a statement nothing as long as nothing is moved.
//
// Each server has one bounded pool of connections however many shards it holds, so statements name their tables in
// full: `schema`.`table`, see Table. Connections are made when they are needed: a server that is down stops the calls
// that need it, with ErrUnavailable, and nothing else.
package shards

import (
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
)

// Limits and defaults.
const (
	MaxShards       = 1024 // an id has ten bits for its shard
	DefaultShards   = 4
	DefaultPrefix   = "hongbao_s"
	DefaultMaxConns = 32 // for each server and process
	maxPrefix       = 32
	maxConns        = 1024
)

// Config says where the shards are.
type Config struct {
	// DSNs name the servers, one each, in the form of go-sql-driver/mysql, without a database:
	// "user:password@tcp(host:3306)/". Parameters that this package sets itself are overridden.
	DSNs []string
	// Placement overrides, per shard, the index into DSNs of the server that holds it (default: shard mod len(DSNs)).
	Placement map[int]int
	// Shards is their number, 1 to MaxShards; 0 means DefaultShards. Fixed at installation.
	Shards int
	// Prefix of the schemas' names: 1 to 32 characters of a–z 0–9 _; "" means DefaultPrefix. Fixed at installation.
	Prefix string
	// Volatile accepts servers that may lose commits; see ErrVolatile.
	Volatile bool
	// MaxConns bounds the connections to each server; 0 means DefaultMaxConns.
	MaxConns int
}

// Cluster is the shards of one installation. It is safe for concurrent use.
type Cluster struct {
	schemas []string // by shard
	servers []*server

	layout     atomic.Pointer[layout] // where each shard is, as far as this process knows
	homes      atomic.Pointer[[]int]  // by shard: see IDHome
	homesAsked atomic.Bool
	followed   placements

	maxConns int
	volatile bool

	recorded *[]Migrations // not nil: MigrateAll only notes what it is asked for; see CheckVersions

	base     sync.Mutex // held while this package's own tables are made
	baseDone bool
}

type server struct {
	dsn     string
	address string
	db      *sql.DB
}

// Open prepares the pools. It makes no connection, so servers may be down; it fails only for a malformed configuration.
func Open(cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	c := &Cluster{maxConns: cfg.MaxConns, volatile: cfg.Volatile}
	places := make([]placed, cfg.Shards)
	for n := range cfg.Shards {
		c.schemas = append(c.schemas, fmt.Sprintf("%s%04d", cfg.Prefix, n))
		at, ok := cfg.Placement[n]
		if !ok {
			at = n % len(cfg.DSNs)
		}
		places[n].server = at
	}
	homes := configuredHomes(places)
	c.layout.Store(&layout{places: places})
	c.homes.Store(&homes)
	for i, dsn := range cfg.DSNs {
		db, err := openPool(dsn, "", cfg.MaxConns, cfg.Volatile)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("shards: server %d: %w", i, err), c.Close())
		}
		parsed, _ := mysql.ParseDSN(dsn) // it was checked
		c.servers = append(c.servers, &server{dsn: dsn, address: parsed.Addr, db: db})
	}
	return c, nil
}

// withDefaults fills in what is not said.
func (cfg Config) withDefaults() Config {
	if cfg.Shards == 0 {
		cfg.Shards = DefaultShards
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	return cfg
}

// Check returns everything that is wrong with a configuration, joined, without making a connection.
func (cfg Config) Check() error {
	cfg = cfg.withDefaults()
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("shards: "+format, args...)) }
	if len(cfg.DSNs) == 0 {
		add("no server is configured: give at least one DSN")
	}
	for i, dsn := range cfg.DSNs {
		parsed, err := mysql.ParseDSN(dsn) // the error never holds the password
		if err == nil && parsed.Net != "tcp" && parsed.Net != "unix" {
			err = errors.New("the network is neither tcp nor unix")
		}
		if err != nil {
			add("server %d: %w: give user:password@tcp(host:3306)/", i, err)
		}
	}
	if cfg.Shards < 1 || cfg.Shards > MaxShards {
		add("%d shards are out of range: give 1 to %d", cfg.Shards, MaxShards)
	}
	if len(cfg.Prefix) > maxPrefix || !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(cfg.Prefix) {
		add("prefix %q is malformed: give 1 to %d characters of a-z 0-9 _", cfg.Prefix, maxPrefix)
	}
	if cfg.MaxConns < 2 || cfg.MaxConns > maxConns {
		add("%d connections are out of range: give 2 to %d", cfg.MaxConns, maxConns)
	}
	for _, shard := range slices.Sorted(maps.Keys(cfg.Placement)) {
		if at := cfg.Placement[shard]; shard < 0 || shard >= cfg.Shards || at < 0 || at >= len(cfg.DSNs) {
			add("placement %d=%d: there are shards 0 to %d and servers 0 to %d", shard, at, cfg.Shards-1,
				len(cfg.DSNs)-1)
		}
	}
	return errors.Join(wrong...)
}

// Close closes every pool.
func (c *Cluster) Close() error {
	var errs []error
	for _, s := range c.servers {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// Shards is their number.
func (c *Cluster) Shards() int { return len(c.schemas) }

// Servers is the number of servers.
func (c *Cluster) Servers() int { return len(c.servers) }

// ServerOf is the index of the server that holds a shard, as far as this process knows.
func (c *Cluster) ServerOf(shard int) int { return c.layout.Load().places[shard].server }

// ForUser is the shard of an account: the 64-bit FNV-1a hash of its bytes, without those from a second ~ on, modulo the
// number of shards. No user id has a ~; all wallets of one record of a product, as merchant~417~available, are on one
// shard. It decides where money lies, so it never changes.
func (c *Cluster) ForUser(account string) int {
	if first := strings.IndexByte(account, '~'); first >= 0 {
		if second := strings.IndexByte(account[first+1:], '~'); second >= 0 {
			account = account[:first+1+second]
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(account))
	return int(h.Sum64() % uint64(len(c.schemas)))
}

// Schema is the name of a shard's schema.
func (c *Cluster) Schema(shard int) string { return c.schemas[shard] }

// Table is the full name of a table of a shard, quoted.
func (c *Cluster) Table(shard int, table string) string {
	return "`" + c.schemas[shard] + "`.`" + table + "`"
}

// DB is the database of a shard, over the pool of the server that holds it. Errors of its methods go through Classify.
func (c *Cluster) DB(shard int) *DB { return &DB{c: c, shard: shard} }

// ServerDB is the pool of a server, by its index.
func (c *Cluster) ServerDB(server int) *sql.DB { return c.servers[server].db }
