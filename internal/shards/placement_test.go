package shards_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// twoServers are a cluster of four shards, of which 1 and 3 are on a server of their own, and the addresses of both.
func twoServers(t *testing.T) (*shards.Cluster, shards.Config) {
	t.Helper()
	first, second := devstack.TestMySQL(t), devstack.NewTestMySQL(t).DSN()
	c := shardstest.New(t, 4, first, second)
	if _, err := c.Install(t.Context(), shards.Installation{BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.MigrateAll(t.Context(), counters); err != nil {
		t.Fatal(err)
	}
	prefix := strings.TrimSuffix(c.Schema(0), "0000")
	return c, shards.Config{DSNs: []string{first, second}, Shards: 4, Prefix: prefix,
		Volatile: devstack.TestMySQLIsVolatile()}
}

func exec(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// moveCounter takes shard 3's table away, as the last moment of a move does, and puts it onto the first server.
func moveCounter(t *testing.T, c *shards.Cluster, fenced, moved chan<- struct{}) {
	t.Helper()
	if err := c.Pin(t.Context()); err != nil {
		t.Fatal(err)
	}
	zero, from, to := c.ServerDB(0), c.ServerDB(1), c.ServerDB(0)
	exec(t, zero, "UPDATE "+c.Table(0, "placements")+" SET fenced = 1 WHERE shard = 3")
	exec(t, from, "CREATE DATABASE "+c.Schema(3)+"_moved")
	exec(t, from, "RENAME TABLE "+c.Table(3, "counter")+" TO "+c.Schema(3)+"_moved.counter")
	close(fenced)
	exec(t, to, "CREATE DATABASE "+c.Schema(3))
	exec(t, to, "CREATE TABLE "+c.Table(3, "counter")+" (id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
	exec(t, to, "INSERT INTO "+c.Table(3, "counter")+" VALUES (1, 100), (2, 0)")
	exec(t, zero, "UPDATE "+c.Table(0, "placements")+
		" SET server = ?, epoch = epoch + 1, fenced = 0 WHERE shard = 3", c.ServerAddress(0))
	close(moved)
}

// Whatever a process does on a shard that is being moved waits and is done on the new server, once.
func TestCallsFollowAShard(t *testing.T) {
	c, cfg := twoServers(t)
	fenced, moved := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	add := "UPDATE " + c.Table(3, "counter") + " SET n = n + 1 WHERE id = 1"
	for _, call := range []func() error{
		func() error { _, err := c.DB(3).ExecContext(t.Context(), add); return err },
		func() error {
			return c.Tx(t.Context(), 3, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), add)
				return err
			})
		},
		func() error {
			var n int
			return c.DB(3).QueryRowContext(t.Context(), "SELECT n FROM "+c.Table(3, "counter")+" WHERE id = 1").Scan(&n)
		},
		func() error {
			found, err := c.DB(3).QueryContext(t.Context(), "SELECT n FROM "+c.Table(3, "counter"))
			if err == nil {
				err = found.Close()
			}
			return err
		},
	} {
		all.Go(func() {
			<-fenced
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	moveCounter(t, c, fenced, moved)
	all.Wait()
	var n int
	if err := c.DB(3).QueryRowContext(t.Context(), "SELECT n FROM "+c.Table(3, "counter")+" WHERE id = 1").
		Scan(&n); err != nil || n != 102 {
		t.Errorf("counted to %d, %v, want 102", n, err)
	}
	if c.ServerOf(3) != 0 {
		t.Errorf("shard 3 is on server %d", c.ServerOf(3))
	}
	// The homes of ids are what they were, also for who starts now.
	fresh := open(t, cfg)
	if _, err := fresh.Installation(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*shards.Cluster{c, fresh} {
		if one.IDHome(1) != 1 || one.IDHome(2) != 0 || one.IDHome(3) != 1 {
			t.Errorf("homes: %d, %d, %d", one.IDHome(1), one.IDHome(2), one.IDHome(3))
		}
	}
	if missing, err := fresh.Missing(t.Context()); err != nil || len(missing) > 0 {
		t.Errorf("missing: %v, %v", missing, err)
	}
	// A third server that is appended moves nothing.
	cfg.DSNs = append(cfg.DSNs, "root@tcp(127.0.0.1:1)/")
	wider := open(t, cfg)
	if _, err := wider.Installation(t.Context()); err != nil || wider.ServerOf(2) != 0 || wider.ServerOf(3) != 0 {
		t.Errorf("with a third server: %d, %d, %v", wider.ServerOf(2), wider.ServerOf(3), err)
	}
	// Who does not know a server is told so.
	cfg.DSNs = cfg.DSNs[:1]
	_, err := open(t, cfg).Installation(t.Context())
	if !errors.Is(err, shards.ErrServerUnknown) || !strings.Contains(err.Error(), "shard 1") {
		t.Errorf("without the second server: %v", err)
	}
}

// A table that is not there is an error as before, and a fence that nobody opens is one, too: unavailable.
func TestNothingIsFollowedForEver(t *testing.T) {
	c := shardstest.New(t, 4)
	if _, err := c.Install(t.Context(), shards.Installation{BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.MigrateAll(t.Context(), counters); err != nil {
		t.Fatal(err)
	}
	_, err := c.DB(3).ExecContext(t.Context(), "DELETE FROM "+c.Table(3, "nothing"))
	if err == nil || errors.Is(shards.Classify(err), shards.ErrUnavailable) {
		t.Errorf("no such table: %v", err)
	}
	if err := c.Pin(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, c.ServerDB(0), "UPDATE "+c.Table(0, "placements")+" SET fenced = 1 WHERE shard = 3")
	var n int
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = c.DB(3).QueryRowContext(ctx, "SELECT COUNT(*) FROM "+c.Table(3, "nothing")).Scan(&n)
	if !errors.Is(shards.Classify(err), shards.ErrUnavailable) {
		t.Errorf("behind a fence: %v", err)
	}
	exec(t, c.ServerDB(0), "DELETE FROM "+c.Table(0, "placements")+" WHERE shard = 2")
	if err := c.Refresh(t.Context()); err == nil {
		t.Error("placements with a gap are believed")
	}
}

// Shards of one server share a transaction, whole or not at all. Those of two, and those that are being moved, have
// none in common.
func TestTxAcross(t *testing.T) {
	c, _ := twoServers(t)
	add := func(fail error, of ...int) error {
		return c.TxAcross(t.Context(), of, func(tx *sql.Tx) error {
			for _, shard := range of {
				if _, err := tx.ExecContext(t.Context(), "UPDATE "+c.Table(shard, "counter")+
					" SET n = n + 1 WHERE id = 1"); err != nil {
					return err
				}
			}
			return fail
		})
	}
	want := func(n0, n2 int) {
		t.Helper()
		for shard, n := range map[int]int{0: n0, 2: n2} {
			var got int
			if err := c.DB(shard).QueryRowContext(t.Context(), "SELECT n FROM "+c.Table(shard, "counter")+
				" WHERE id = 1").Scan(&got); err != nil || got != n {
				t.Errorf("shard %d has %d, %v, want %d", shard, got, err, n)
			}
		}
	}
	if err := add(nil, 0, 2); err != nil {
		t.Error(err)
	}
	want(1, 1)
	refused := errors.New("refused")
	if err := add(refused, 0, 2); !errors.Is(err, refused) {
		t.Error(err)
	}
	if err := add(nil, 0, 1); !errors.Is(err, shards.ErrApart) {
		t.Errorf("shards of two servers: %v", err)
	}
	want(1, 1)
	if err := c.Pin(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, c.ServerDB(0), "UPDATE "+c.Table(0, "placements")+" SET fenced = 1 WHERE shard = 2")
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := add(nil, 0, 2); !errors.Is(err, shards.ErrApart) {
		t.Errorf("a shard that is being moved: %v", err)
	}
	want(1, 1)
}
