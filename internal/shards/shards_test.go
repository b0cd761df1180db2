package shards_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

var counters = shards.Migrations{Table: "counter_version", FS: fstest.MapFS{"00001_counter.sql": {Data: []byte(
	"-- +goose NO TRANSACTION\n-- +goose Up\n" +
		"CREATE TABLE IF NOT EXISTS counter (id INT NOT NULL PRIMARY KEY, n BIGINT " +
		"NOT NULL);\nINSERT INTO counter VALUES (1, 0), (2, 0);\n")}}}

func open(t *testing.T, cfg shards.Config) *shards.Cluster {
	t.Helper()
	c, err := shards.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestForUserNeverChanges(t *testing.T) {
	c := open(t, shards.Config{DSNs: []string{"root@tcp(127.0.0.1:1)/"}, Shards: 1024})
	// FNV-1a, 64 bits, of the id, mod 1024: computed apart from this code.
	for user, want := range map[string]int{"alice": fnv1a("alice"), "bob": fnv1a("bob"), "a": 0xec8c % 1024} {
		if got := c.ForUser(user); got != want {
			t.Errorf("ForUser(%q) = %d, want %d", user, got, want)
		}
	}
	seen := map[int]bool{}
	for i := range 20_000 {
		seen[c.ForUser(fmt.Sprintf("user-%d", i))] = true
	}
	if len(seen) != 1024 {
		t.Errorf("20,000 users live on %d of 1,024 shards", len(seen))
	}
}

// fnv1a is the definition: offset basis, then xor and multiply by the prime for each byte. "a" has the published value
// af63dc4c8601ec8c.
func fnv1a(s string) int {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return int(h % 1024)
}

func TestWalletsOfOneRecordAreOnOneShard(t *testing.T) {
	c, err := shards.Open(shards.Config{DSNs: []string{"root@tcp(127.0.0.1:1)/"}, Shards: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seen := map[int]bool{}
	for id := range 200 {
		record := fmt.Sprintf("merchant~%d", id)
		home := c.ForUser(record)
		seen[home] = true
		for _, wallet := range []string{"available", "marketing", "test-available"} {
			if got := c.ForUser(record + "~" + wallet); got != home {
				t.Errorf("%s~%s is on shard %d, %s on %d", record, wallet, got, record, home)
			}
		}
	}
	if len(seen) < 32 {
		t.Errorf("200 records are on %d of 64 shards", len(seen))
	}
}

func TestPlacement(t *testing.T) {
	dsns := []string{"root@tcp(127.0.0.1:1)/", "root@tcp(127.0.0.1:2)/"}
	c := open(t, shards.Config{DSNs: dsns, Shards: 4, Placement: map[int]int{0: 1}})
	for shard, want := range []int{1, 1, 0, 1} {
		if got := c.ServerOf(shard); got != want {
			t.Errorf("shard %d is on server %d, want %d", shard, got, want)
		}
	}
	for name, cfg := range map[string]shards.Config{
		"no server":        {},
		"too many shards":  {DSNs: dsns, Shards: 1025},
		"unknown shard":    {DSNs: dsns, Placement: map[int]int{4: 0}},
		"unknown server":   {DSNs: dsns, Placement: map[int]int{0: 2}},
		"malformed prefix": {DSNs: dsns, Prefix: "x`y"},
		"malformed DSN":    {DSNs: []string{"no slash"}},
	} {
		if _, err := shards.Open(cfg); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestConcurrentMigrations(t *testing.T) {
	c := shardstest.New(t, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := c.MigrateAll(t.Context(), counters); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	wg.Wait()
	for shard := range c.Shards() {
		var rows int
		if err := c.DB(shard).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+c.Table(shard,
			"counter")).Scan(&rows); err != nil || rows != 2 {
			t.Errorf("shard %d: %d rows, %v; the migration should have run once", shard, rows, err)
		}
	}
}

func TestMissingShardIsNotMadeAnew(t *testing.T) {
	c := shardstest.New(t, 2)
	if err := c.MigrateAll(t.Context(), counters); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DB(1).ExecContext(t.Context(), "DROP DATABASE "+c.Schema(1)); err != nil {
		t.Fatal(err)
	}
	if err := c.MigrateAll(t.Context(), counters); !errors.Is(err, shards.ErrShardMissing) {
		t.Fatalf("migrate after the schema went elsewhere: %v, want ErrShardMissing", err)
	}
}

func TestInstallation(t *testing.T) {
	dsn, prefix := devstack.TestMySQL(t), shardstest.Prefix()
	c := open(t, shards.Config{DSNs: []string{dsn}, Shards: 2, Prefix: prefix,
		Volatile: devstack.TestMySQLIsVolatile()})
	t.Cleanup(func() { _, _ = c.DB(0).ExecContext(context.Background(), "DROP DATABASE "+c.Schema(0)) })

	if _, err := c.Installation(t.Context()); !errors.Is(err, shards.ErrNotInstalled) {
		t.Fatalf("before: %v, want ErrNotInstalled", err)
	}
	want := shards.Installation{BucketsPerShard: 4, Sandbox: true}
	first, err := c.Install(t.Context(), want)
	if err != nil || len(first.ID) != 32 || first.Shards != 2 || first.PotsReady ||
		time.Since(first.CreatedAt) > time.Minute {
		t.Fatalf("install: %+v, %v", first, err)
	}
	if err := c.SetPotsReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := c.Install(t.Context(), want)
	if err != nil || again.ID != first.ID || !again.PotsReady {
		t.Fatalf("install again: %+v, %v; want the first", again, err)
	}
	for _, other := range []shards.Installation{{BucketsPerShard: 5, Sandbox: true}, {BucketsPerShard: 4},
		{BucketsPerShard: 4, Sandbox: true, Shards: 3}} {
		if _, err := c.Install(t.Context(), other); !errors.Is(err, shards.ErrInstalledOtherwise) {
			t.Errorf("install %+v: %v, want ErrInstalledOtherwise", other, err)
		}
	}
	three := open(t, shards.Config{DSNs: []string{dsn}, Shards: 3, Prefix: prefix,
		Volatile: devstack.TestMySQLIsVolatile()})
	if _, err := three.Installation(t.Context()); !errors.Is(err, shards.ErrInstalledOtherwise) ||
		!strings.Contains(err.Error(), "with 2 shards, now opened with 3") {
		t.Errorf("opened with 3 shards: %v", err)
	}
}

// Two transactions that take two rows in opposite order deadlock; the one that loses is run again.
func TestTxRetriesDeadlocks(t *testing.T) {
	c := shardstest.New(t, 1)
	if err := c.MigrateAll(t.Context(), counters); err != nil {
		t.Fatal(err)
	}
	table := c.Table(0, "counter")
	var runs [2]int
	var bothHaveOne sync.WaitGroup
	bothHaveOne.Add(2)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			err := c.Tx(t.Context(), 0, func(tx *sql.Tx) error {
				runs[i]++
				if _, err := tx.Exec("UPDATE "+table+" SET n = n + 1 WHERE id = ?", 1+i); err != nil {
					return err
				}
				if runs[i] == 1 {
					bothHaveOne.Done()
					bothHaveOne.Wait()
				}
				_, err := tx.Exec("UPDATE "+table+" SET n = n + 1 WHERE id = ?", 2-i)
				return err
			})
			if err != nil {
				t.Errorf("tx %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var sum int
	if err := c.DB(0).QueryRowContext(t.Context(), "SELECT SUM(n) FROM "+table).Scan(&sum); err != nil || sum != 4 {
		t.Errorf("the counters sum to %d, %v; want 4", sum, err)
	}
	if runs[0]+runs[1] < 3 {
		t.Errorf("runs %v: there was no deadlock, so this test proved nothing", runs)
	}
}

func TestUnavailable(t *testing.T) {
	ctx := t.Context()
	own := devstack.NewTestMySQL(t)
	c := shardstest.New(t, 2, devstack.TestMySQL(t), own.DSN())
	if err := c.MigrateAll(ctx, counters); err != nil {
		t.Fatal(err)
	}
	bump := func(shard int) error {
		return c.Tx(ctx, shard, func(tx *sql.Tx) error {
			_, err := tx.Exec("UPDATE " + c.Table(shard, "counter") + " SET n = n + 1")
			return err
		})
	}
	if err := errors.Join(bump(0), bump(1)); err != nil {
		t.Fatal(err)
	}
	own.Kill()
	if err := bump(0); err != nil {
		t.Errorf("the server that is up: %v", err)
	}
	err := bump(1)
	if !errors.Is(err, shards.ErrUnavailable) || refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("the server that is down: %v, want ErrUnavailable", err)
	}
	if err := c.MigrateAll(ctx, counters); !errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("migrate while it is down: %v, want ErrUnavailable", err)
	}
	if err := own.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := bump(1); err != nil {
		t.Errorf("back again: %v", err)
	}
	if err := c.Tx(ctx, 0, func(tx *sql.Tx) error {
		_, err := tx.Exec("SELECT nonsense FROM nowhere")
		return err
	}); err == nil || errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("a wrong statement: %v, which is not unavailability", err)
	}
}

// A statement about hundreds of keys of one wallet reads their rows, not all that the wallet has.
func TestEachOfManyKeysIsLookedUp(t *testing.T) {
	const entries, others, keys = 2_000, 20_000, 300
	c := shardstest.New(t, 1)
	ctx := t.Context()
	if err := c.MigrateAll(ctx, counters); err != nil {
		t.Fatal(err)
	}
	conn, err := c.DB(0).Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := conn.ExecContext(ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	table := c.Table(0, "lines")
	exec("CREATE TABLE " + table + " (account VARCHAR(64) NOT NULL, seq BIGINT NOT NULL, reference BIGINT NOT NULL, " +
		"PRIMARY KEY (account, seq), KEY (account, reference))")
	var args []any
	for i := range entries {
		args = append(args, "alice", i, i)
	}
	for i := range others { // which have many rows of a key, and so has a key on average
		args = append(args, fmt.Sprint("user", i/200), i, i/200)
	}
	exec("INSERT INTO "+table+" VALUES (?, ?, ?)"+strings.Repeat(", (?, ?, ?)", entries+others-1), args...)
	exec("ANALYZE TABLE " + table)
	exec("FLUSH STATUS")
	var wanted []any
	for i := range keys {
		wanted = append(wanted, "alice", 5*i)
	}
	query := "SELECT seq FROM " + table + " WHERE " + rows.AnyOf("account = ? AND reference = ?", keys)
	result, err := conn.QueryContext(ctx, query, wanted...)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for ; result.Next(); found++ {
	}
	_ = result.Close()
	var name string
	var next int
	err = conn.QueryRowContext(ctx, "SHOW SESSION STATUS LIKE 'Handler_read_next'").Scan(&name, &next)
	if errors.Is(err, sql.ErrNoRows) { // TiDB counts them only where it is asked about one statement
		next, err = scanned(ctx, conn, query, wanted...)
	}
	if err != nil || found != keys || next > 2*keys {
		t.Errorf("%d rows of %d keys were found, and %d read one after the other: %v", found, keys, next, err)
	}
}

// Connections that the server closed while nobody used them cost nobody an error.
func TestAServerThatWasRestartedIsUsedAtOnce(t *testing.T) {
	server := devstack.NewTestMariaDB(t)
	c := open(t, shards.Config{DSNs: []string{server.DSN()}, Shards: 1})
	if err := c.MigrateAll(t.Context(), counters); err != nil {
		t.Fatal(err)
	}
	count := func() error {
		return c.Tx(t.Context(), 0, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE "+c.Table(0, "counter")+" SET n = n + 1 WHERE id = 1")
			return err
		})
	}
	const idle = 12
	all := make(chan struct{})
	var open, done sync.WaitGroup
	open.Add(idle)
	for range idle {
		done.Go(func() {
			if err := c.Tx(t.Context(), 0, func(tx *sql.Tx) error {
				var n int
				err := tx.QueryRowContext(t.Context(), "SELECT 1").Scan(&n)
				open.Done()
				<-all
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	open.Wait()
	close(all)
	done.Wait()
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := count(); err != nil {
		t.Error(err)
	}
	var n int
	if err := c.DB(0).QueryRowContext(t.Context(), "SELECT n FROM "+c.Table(0, "counter")+" WHERE id = 1").Scan(
		&n); err != nil || n != 1 {
		t.Errorf("counted %d times, %v", n, err)
	}
}

// scanned is how many rows of an index or a table a statement read, as TiDB explains it.
func scanned(ctx context.Context, conn *sql.Conn, query string, args ...any) (n int, err error) {
	steps, err := conn.QueryContext(ctx, "EXPLAIN ANALYZE FORMAT = 'brief' "+query, args...)
	if err != nil {
		return 0, err
	}
	defer func() { _ = steps.Close() }()
	for steps.Next() {
		var step string
		var read int
		var other sql.RawBytes
		err := steps.Scan(&step, &other, &read, &other, &other, &other, &other, &other, &other)
		if err != nil {
			return 0, err
		}
		if strings.Contains(step, "Scan") || strings.Contains(step, "Batch_Point_Get") {
			n += read
		}
	}
	return n, steps.Err()
}

// A row that a transaction has changed is locked there and then, also on a TiDB whose operator chose otherwise.
func TestARowThatWasChangedIsLocked(t *testing.T) {
	c := shardstest.New(t, 1)
	ctx, counter := t.Context(), c.Table(0, "counter")
	if err := c.MigrateAll(ctx, counters); err != nil {
		t.Fatal(err)
	}
	choose := func(mode string) {
		t.Helper()
		_, err := c.DB(0).ExecContext(context.WithoutCancel(ctx),
			"SET @chosen = 1 /*T!, GLOBAL tidb_txn_mode = '"+mode+"' */")
		if err != nil {
			t.Fatal(err)
		}
	}
	choose("optimistic")
	t.Cleanup(func() { choose("pessimistic") })
	fresh := open(t, shards.Config{DSNs: []string{devstack.TestMySQL(t)}, Shards: 1,
		Prefix: strings.TrimSuffix(c.Schema(0), "0000"), Volatile: devstack.TestMySQLIsVolatile()})
	err := fresh.Tx(ctx, 0, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE "+counter+" SET n = n + 1 WHERE id = 1"); err != nil {
			return err
		}
		var n int
		err := fresh.Tx(ctx, 0, func(other *sql.Tx) error {
			return other.QueryRowContext(ctx, "SELECT n FROM "+counter+" WHERE id = 1 FOR UPDATE NOWAIT").Scan(&n)
		})
		if !errors.Is(err, shards.ErrUnavailable) {
			t.Errorf("another transaction had the row: %d, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A server on which autocommit is off commits a statement outside a transaction all the same.
func TestStatementsCommitByThemselves(t *testing.T) {
	server := devstack.NewTestMariaDB(t)
	c, err := shards.Open(shards.Config{DSNs: []string{server.DSN()}, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"SET GLOBAL autocommit = 0", "CREATE DATABASE " + c.Schema(0),
		"CREATE TABLE " + c.Table(0, "n") + " (n INT)", "INSERT INTO " + c.Table(0, "n") + " VALUES (1)"} {
		if _, err := c.DB(0).ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if err := c.Close(); err != nil { // the next statement is on a connection of its own
			t.Fatal(err)
		}
		if c, err = shards.Open(shards.Config{DSNs: []string{server.DSN()}, Shards: 1}); err != nil {
			t.Fatal(err)
		}
	}
	defer c.Close()
	var n int
	err = c.DB(0).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+c.Table(0, "n")).Scan(&n)
	if err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}
