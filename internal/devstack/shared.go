package devstack

import (
	"context"
	"errors"
	"flag"
	"os"
	"sync"
)

// TB is the part of testing.TB that is needed here; testing itself stays out of the product's binary.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Skip(args ...any)
	Cleanup(func())
	Context() context.Context
	TempDir() string
}

// SkipInShort skips a test that needs more than its own process, as a server or a browser, when `go test -short` runs.
func SkipInShort(t TB) {
	t.Helper()
	// What testing.Short reads.
	if short := flag.Lookup("test.short"); short != nil && short.Value.String() == "true" {
		t.Skip("needs a server, a browser or a build: not with -short")
	}
}

// shared holds the servers of a test process. It is package state on purpose: a test binary runs the tests of one
// package, they share a server because starting one costs seconds, and nothing but the end of the process ends it.
var shared struct {
	redis   lazily[*Redis]
	mariadb lazily[*MariaDB]
	tidb    lazily[*TiDB]
}

type lazily[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (l *lazily[T]) get(start func() (T, error)) (T, error) {
	l.once.Do(func() { l.value, l.err = start() })
	return l.value, l.err
}

// redisVariable names the unix socket of a Redis that runs. Tests empty it, so only one process may use it at a time.
const redisVariable = "HONGBAO_TEST_REDIS"

// TestRedis is one private Redis for the whole test process, started on first use. Its guard ends it and removes its
// files when the process ends. Where HONGBAO_TEST_REDIS names one it is that, and nobody ends it. The test is skipped
// with -short.
func TestRedis(t TB) *Redis {
	t.Helper()
	SkipInShort(t)
	if path := os.Getenv(redisVariable); path != "" {
		return &Redis{server{name: "Redis", socket: socket{path: path}}}
	}
	r, err := shared.redis.get(func() (*Redis, error) {
		return inTemporary("hongbao-redis-", func(dir string) (*Redis, error) {
			return StartRedis(context.Background(), RedisOptions{Dir: dir, temporary: true})
		})
	})
	if err != nil {
		t.Fatalf("a Redis for this test: %v", err)
	}
	return r
}

// TestMariaDB is one private MariaDB for the whole test process, started on first use. Its guard ends it and removes
// its files when the process ends. The test is skipped with -short.
func TestMariaDB(t TB) *MariaDB {
	t.Helper()
	SkipInShort(t)
	m, err := shared.mariadb.get(func() (*MariaDB, error) {
		return inTemporary("hongbao-mariadb-", func(dir string) (*MariaDB, error) {
			return StartMariaDB(context.Background(), MariaDBOptions{Dir: dir, temporary: true})
		})
	})
	if err != nil {
		t.Fatalf("a MariaDB for this test: %v", err)
	}
	return m
}

// Variables by which a test's ledger gets another server than a MariaDB.
const (
	tidbVariable  = "HONGBAO_TEST_TIDB"  // the path of a tidb-server, which is started where a MariaDB would be
	mysqlVariable = "HONGBAO_TEST_MYSQL" // the DSN of a server that runs: user:password@tcp(host:3306)/
)

// TestMySQL is the DSN of one server for the whole test process: of a MariaDB, or of what HONGBAO_TEST_TIDB or
// HONGBAO_TEST_MYSQL names. The test is skipped with -short.
func TestMySQL(t TB) (dsn string) {
	t.Helper()
	SkipInShort(t)
	if dsn = os.Getenv(mysqlVariable); dsn != "" {
		return dsn
	}
	binary := os.Getenv(tidbVariable)
	if binary == "" {
		return TestMariaDB(t).DSN()
	}
	d, err := shared.tidb.get(func() (*TiDB, error) {
		return inTemporary("hongbao-tidb-", func(dir string) (*TiDB, error) {
			return StartTiDB(context.Background(), TiDBOptions{Binary: binary, Dir: dir, temporary: true})
		})
	})
	if err != nil {
		t.Fatalf("a TiDB for this test: %v", err)
	}
	return d.DSN()
}

// TestMySQLIsVolatile says whether the tests' ledger has to accept a server that does not flush what it commits.
func TestMySQLIsVolatile() bool { return os.Getenv(tidbVariable) != "" }

// Database is a server of the ledger that a test may kill and restart.
type Database interface {
	DSN() string
	Kill()
	Restart(ctx context.Context) error
}

// NewTestMySQL starts one for one test: a MariaDB, or a TiDB where HONGBAO_TEST_TIDB names one. The test is skipped
// with -short.
func NewTestMySQL(t TB) Database {
	t.Helper()
	binary := os.Getenv(tidbVariable)
	if binary == "" {
		return NewTestMariaDB(t)
	}
	SkipInShort(t)
	d, err := StartTiDB(t.Context(), TiDBOptions{Binary: binary, Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("a TiDB for this test alone: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Stop(context.Background()); err != nil {
			t.Fatalf("stop the TiDB of this test: %v", err)
		}
	})
	return d
}

// NewTestRedis starts a Redis for one test, which may kill and restart it. The test is skipped with -short.
func NewTestRedis(t TB) *Redis {
	t.Helper()
	SkipInShort(t)
	r, err := StartRedis(t.Context(), RedisOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("a Redis for this test alone: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Fatalf("stop the Redis of this test: %v", err)
		}
	})
	return r
}

// NewTestMariaDB starts a MariaDB for one test, which may kill and restart it. The test is skipped with -short.
func NewTestMariaDB(t TB) *MariaDB {
	t.Helper()
	return newTestMariaDB(t, MariaDBOptions{})
}

// NewTestMariaDBWithLog is NewTestMariaDB with a binary log.
func NewTestMariaDBWithLog(t TB) *MariaDB {
	t.Helper()
	return newTestMariaDB(t, MariaDBOptions{BinaryLog: true})
}

func newTestMariaDB(t TB, o MariaDBOptions) *MariaDB {
	t.Helper()
	SkipInShort(t)
	o.Dir = t.TempDir()
	m, err := StartMariaDB(t.Context(), o)
	if err != nil {
		t.Fatalf("a MariaDB for this test alone: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Stop(context.Background()); err != nil {
			t.Fatalf("stop the MariaDB of this test: %v", err)
		}
	})
	return m
}

// inTemporary calls start with a new directory, which it removes if start fails; otherwise the guard does.
func inTemporary[T any](prefix string, start func(dir string) (T, error)) (T, error) {
	var none T
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return none, err
	}
	value, err := start(dir)
	if err != nil {
		return none, errors.Join(err, os.RemoveAll(dir))
	}
	return value, nil
}
