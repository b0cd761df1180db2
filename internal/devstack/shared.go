package devstack

import (
	"context"
	"errors"
	"os"
	"sync"
)

// TB is the part of testing.TB that is needed here; testing itself stays out of the product's binary.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// shared holds the servers of a test process. It is package state on purpose: a test binary runs the tests of one
// package, they share a server because starting one costs seconds, and nothing but the end of the process ends it.
var shared struct {
	redis   lazily[*Redis]
	mariadb lazily[*MariaDB]
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

// TestRedis is one private Redis for the whole test process, started on first use. Its guard ends it and removes its
// files when the process ends.
func TestRedis(t TB) *Redis {
	t.Helper()
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
// its files when the process ends.
func TestMariaDB(t TB) *MariaDB {
	t.Helper()
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
