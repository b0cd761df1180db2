package shardmove

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// moved is the shard that the tests move.
const moved = 3

// child is a mover that gets a signal: what it is told in the environment.
type child struct {
	Config shards.Config
	To     string
	At     Step
	Signal syscall.Signal
}

const childEnv = "SHARDMOVE_TEST_CHILD"

func TestMain(m *testing.M) {
	if told := os.Getenv(childEnv); told != "" {
		var c child
		if err := json.Unmarshal([]byte(told), &c); err != nil {
			panic(err)
		}
		cluster, err := shards.Open(c.Config)
		if err == nil {
			_, err = Move(context.Background(), Config{Cluster: cluster, Shard: moved, To: c.To, Drop: true,
				At: func(s Step) {
					if s == c.At {
						_ = syscall.Kill(os.Getpid(), c.Signal) // which may come a moment later
						_, _ = io.Copy(io.Discard, os.Stdin)    // until the test lets it go on
						c.At = ""
					}
				}})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Accounts with names that need care, a journal whose rows come and go, and seats of which each is somebody's at most.
var tables = shards.Migrations{Table: "test_version", FS: fstest.MapFS{"00001_test.sql": {Data: []byte(`
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE account (name VARCHAR(32) NOT NULL, kind TINYINT UNSIGNED NOT NULL, n BIGINT NOT NULL,
  PRIMARY KEY (name, kind));
CREATE TABLE journal (id BINARY(8) NOT NULL, note TEXT, PRIMARY KEY (id));
CREATE TABLE seat (person BIGINT NOT NULL PRIMARY KEY, seat INT NOT NULL UNIQUE);
`)}}}

const accounts, each, seats = 40, 1000, 5

type books struct {
	cluster *shards.Cluster
	config  shards.Config
	servers []*devstack.MariaDB

	id      atomic.Uint64
	mu      sync.Mutex
	journal map[uint64]string
	done    atomic.Int64
	more    chan struct{}
}

func newBooks(t *testing.T) *books {
	t.Helper()
	b := &books{journal: map[uint64]string{}, more: make(chan struct{}, 1)}
	var dsns []string
	for range 2 {
		m := devstack.NewTestMariaDBWithLog(t)
		b.servers, dsns = append(b.servers, m), append(dsns, m.DSN())
	}
	b.cluster = shardstest.New(t, moved+1, dsns...)
	b.config = shards.Config{DSNs: dsns, Shards: moved + 1, Prefix: strings.TrimSuffix(b.cluster.Schema(0), "0000")}
	if _, err := b.cluster.Install(t.Context(), shards.Installation{BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.cluster.MigrateAll(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	err := b.cluster.Tx(t.Context(), moved, func(tx *sql.Tx) error {
		for i := range accounts {
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO "+b.table("account")+" VALUES (?, ?, ?)", name(i),
				200+i%3, each); err != nil {
				return err
			}
		}
		for id := range 2500 { // more than a chunk
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO "+b.table("journal")+" VALUES (?, NULL)",
				key(uint64(id)|1<<63)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *books) table(name string) string { return b.cluster.Table(moved, name) }

func name(i int) string { return fmt.Sprintf("紅's \\%d", i) }

func key(id uint64) []byte {
	var k [8]byte
	for i := range k {
		k[i] = byte(id >> (8 * (7 - i)))
	}
	return k[:]
}

// transfer moves one from an account to another, writes and deletes in the journal, and gives a seat to somebody else.
func (b *books) transfer(ctx context.Context) error {
	from, to, id := rand.IntN(accounts), rand.IntN(accounts), b.id.Add(1)
	note := strings.Repeat("a\x00\n", rand.IntN(20))
	forget, seat := id-50, rand.IntN(seats)
	err := b.cluster.Tx(ctx, moved, func(tx *sql.Tx) error {
		for _, change := range []struct{ account, by int }{{min(from, to), 1}, {max(from, to), -1}} {
			if _, err := tx.ExecContext(ctx, "UPDATE "+b.table("account")+" SET n = n + ? WHERE name = ? AND kind = ?",
				change.by, name(change.account), 200+change.account%3); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+b.table("journal")+" VALUES (?, ?)", key(id),
			note); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+b.table("seat")+
			" VALUES (?, ?) ON DUPLICATE KEY UPDATE person = VALUES(person)", id, seat); err != nil {
			return err
		}
		if id > 50 {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+b.table("journal")+" WHERE id = ?", key(forget))
			return err
		}
		return nil
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.journal[id] = note
		delete(b.journal, forget)
		b.done.Add(1)
		select {
		case b.more <- struct{}{}:
		default:
		}
	}
	return err
}

// load transfers until stop. Errors other than that a server is unavailable are the test's.
func (b *books) load(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				err := b.transfer(context.WithoutCancel(ctx))
				if err != nil && !errors.Is(err, shards.ErrUnavailable) {
					t.Error(err)
				}
				var sum int
				err = shards.Classify(b.cluster.DB(moved).QueryRowContext(t.Context(), "SELECT SUM(n) FROM "+
					b.table("account")).Scan(&sum))
				if err != nil && !errors.Is(err, shards.ErrUnavailable) || err == nil && sum != accounts*each {
					t.Errorf("a reader sees %d, %v", sum, err)
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// goesOn waits until some transfers more are done.
func (b *books) goesOn(t *testing.T) {
	t.Helper()
	enough := time.After(time.Minute)
	for want := b.done.Load() + 20; b.done.Load() < want; {
		select {
		case <-b.more:
		case <-enough:
			t.Fatal("transfers do not go on")
		}
	}
}

// check compares what is in the tables with what was acknowledged.
func (b *books) check(t *testing.T, server int) {
	t.Helper()
	if err := b.cluster.Refresh(t.Context()); err != nil || b.cluster.ServerOf(moved) != server {
		t.Errorf("the shard is on server %d, %v, want %d", b.cluster.ServerOf(moved), err, server)
	}
	db := b.cluster.ServerDB(server)
	var sum, taken int
	if err := db.QueryRowContext(t.Context(), "SELECT SUM(n) FROM "+b.table("account")).Scan(&sum); err != nil ||
		sum != accounts*each {
		t.Errorf("accounts: %d, %v, want %d", sum, err, accounts*each)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+b.table("seat")).Scan(&taken); err != nil ||
		taken != seats {
		t.Errorf("seats: %d, %v", taken, err)
	}
	found, err := db.QueryContext(t.Context(), "SELECT CONV(HEX(id), 16, 10), note FROM "+b.table("journal")+
		" WHERE note IS NOT NULL")
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	there := map[uint64]string{}
	for found.Next() {
		var id uint64
		var note string
		if err := found.Scan(&id, &note); err != nil {
			t.Fatal(err)
		}
		there[id] = note
	}
	for id, note := range b.journal {
		if got, ok := there[id]; !ok || got != note {
			t.Errorf("transfer %d was acknowledged and is lost", id)
		}
	}
	// What nobody heard the outcome of may be there; that happens only where a server is killed.
	if len(there) != len(b.journal) {
		t.Errorf("%d rows of the journal, want %d", len(there), len(b.journal))
	}
	// Of the move nothing is left.
	for i := range b.servers {
		var left int
		err := b.cluster.ServerDB(i).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.tables "+
			"WHERE table_schema LIKE ? AND (? OR table_schema <> ? OR table_name = ?)", b.cluster.Schema(moved)+"%",
			i != server, b.cluster.Schema(moved), copyTable).Scan(&left)
		if err != nil || left > 0 {
			t.Errorf("server %d: %d tables are left, %v", i, left, err)
		}
	}
}

// A mover is killed at each of its steps while people transfer; another one finishes what it began, or begins anew.
// Nothing is lost and nobody sees half of a transfer.
func TestAMoverThatDiesAtEachStep(t *testing.T) {
	b := newBooks(t)
	stop := b.load(t)
	defer stop()
	at := 1
	for _, step := range Steps() {
		if step == StepFollow || step == StepDrain || step == StepCheck {
			continue // what is in the tables is as at the step before
		}
		to := 1 - at
		b.goesOn(t)
		b.dies(t, to, step)
		if step == StepHidden { // a server that died in the RENAME may have done half of it, where it is not atomic
			_, err := b.cluster.ServerDB(at).ExecContext(t.Context(), "RENAME TABLE "+hiddenSchema(
				b.cluster.Schema(moved), b.epoch(t))+".seat TO "+b.table("seat"))
			if err != nil {
				t.Fatal(err)
			}
		} else if step != StepSwitch {
			b.goesOn(t) // without anybody's help
		}
		r, err := Move(t.Context(), Config{Cluster: b.cluster, Shard: moved, To: b.cluster.ServerAddress(to),
			Drop: true, Say: func(line string) { t.Log(line) }})
		if err != nil {
			t.Fatalf("after %s: %v", step, err)
		}
		t.Logf("after %s: %d rows, %d followed, writers waited %v", step, r.Rows, r.Followed, r.Pause)
		b.goesOn(t)
		at = to
	}
	// One that is given up leaves the shard where it was.
	b.dies(t, 1-at, StepDrain)
	if err := Undo(t.Context(), Config{Cluster: b.cluster, Shard: moved}); err != nil {
		t.Fatal(err)
	}
	b.goesOn(t)
	stop()
	// The half copy, which the next move would have gone on with.
	_, err := b.cluster.ServerDB(1-at).ExecContext(t.Context(), "DROP DATABASE "+b.cluster.Schema(moved))
	if err != nil {
		t.Error(err)
	}
	b.check(t, at)
}

// A shard whose mover died in the fence is given back by whoever looks first, and serves again. While its mover lives,
// nobody takes it away.
func TestAShardIsRescuedFromADeadMover(t *testing.T) {
	b := newBooks(t)
	stop := b.load(t)
	defer stop()
	b.goesOn(t)
	cfg := Config{Cluster: b.cluster, Shard: moved}
	living := cfg
	living.To, living.Drop = b.cluster.ServerAddress(0), true
	living.At = func(s Step) {
		if rescued, err := Rescue(t.Context(), cfg); rescued || err != nil {
			t.Errorf("at %s, while the mover lives: %v, %v", s, rescued, err)
		}
	}
	if _, err := Move(t.Context(), living); err != nil {
		t.Fatal(err)
	}
	b.goesOn(t)

	for _, step := range []Step{StepRename, StepHidden, StepSwitch} {
		b.dies(t, 1, step)
		b.rescued(t, string(step))
		b.goesOn(t)
	}
	if rescued, err := Rescue(t.Context(), cfg); rescued || err != nil {
		t.Errorf("where there is no fence: %v, %v", rescued, err)
	}
	stop()
	// The half copy, which the next move would have gone on with.
	if _, err := b.cluster.ServerDB(1).ExecContext(t.Context(), "DROP DATABASE "+b.cluster.Schema(moved)); err != nil {
		t.Error(err)
	}
	b.check(t, 0)
}

// rescued gives the shard back once nobody holds it.
func (b *books) rescued(t *testing.T, after string) {
	t.Helper()
	for began, rescued := time.Now(), false; !rescued; {
		var err error
		rescued, err = Rescue(t.Context(), Config{Cluster: b.cluster, Shard: moved})
		if err != nil && !errors.Is(err, ErrBusy) || time.Since(began) > time.Minute {
			t.Fatalf("after %s: %v, %v", after, rescued, err)
		}
	}
}

// A machine that vanishes in the fence says no more, and its connections do not end. Its servers end them, the shard is
// given back, and when the machine goes on it finds out that it moves nothing.
func TestAShardIsRescuedFromAMoverThatStandsStill(t *testing.T) {
	b := newBooks(t)
	stop := b.load(t)
	defer stop()
	b.goesOn(t)
	mover, input := b.mover(t, 0, StepSwitch, syscall.SIGSTOP)
	var out strings.Builder
	mover.Stdout, mover.Stderr = &out, &out
	if err := mover.Start(); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(mover.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the mover did not stop: %v, %v: %s", status, err, &out)
	}
	b.rescued(t, "a mover that stands still")
	b.goesOn(t)
	if err := errors.Join(mover.Process.Signal(syscall.SIGCONT), input.Close()); err != nil {
		t.Fatal(err)
	}
	if err := mover.Wait(); err == nil || !strings.Contains(out.String(), "connection") {
		t.Errorf("the mover went on: %v: %s", err, &out)
	}
	b.goesOn(t)
	stop()
	// The half copy, which the next move would have gone on with.
	if _, err := b.cluster.ServerDB(0).ExecContext(t.Context(), "DROP DATABASE "+b.cluster.Schema(moved)); err != nil {
		t.Error(err)
	}
	b.check(t, 1)
}

// A switch that takes longer than writers may wait is given up: they go on, and the next try moves the shard.
func TestWritersWaitNoLongerThanTheyMay(t *testing.T) {
	for name, hold := range map[string]struct {
		at  Step
		by  func(ctx context.Context, b *books) (release func())
		why string
	}{
		"a slow server": {StepDrain, func(context.Context, *books) func() {
			<-time.After(DefaultMaxPause)
			return func() {}
		}, "for the servers"},
		"a transaction that does not end": {StepFence, func(ctx context.Context, b *books) func() {
			tx, err := b.cluster.ServerDB(1).BeginTx(ctx, nil)
			if err == nil {
				err = tx.QueryRowContext(ctx, "SELECT SUM(n) FROM "+b.table("account")).Scan(new(int))
			}
			return func() {
				if err = errors.Join(err, tx.Rollback()); err != nil {
					panic(err)
				}
			}
		}, "1317"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t)
			stop := b.load(t)
			defer stop()
			b.goesOn(t)
			cfg := Config{Cluster: b.cluster, Shard: moved, To: b.cluster.ServerAddress(0), Drop: true}
			fences, given := 0, 0
			release := func() {}
			cfg.Say = func(line string) {
				t.Log(line)
				if !strings.Contains(line, "is given back") {
					return
				}
				if given++; given == 1 {
					if !strings.Contains(line, hold.why) {
						t.Errorf("given back for another reason than %q", hold.why)
					}
					b.goesOn(t)
					release()
				}
			}
			cfg.At = func(s Step) {
				if s == StepFence {
					fences++
				}
				if fences == 1 && s == hold.at {
					release = hold.by(t.Context(), b)
				}
			}
			if _, err := Move(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			if given == 0 || fences != given+1 {
				t.Errorf("%d fences, %d of them given back", fences, given)
			}
			b.goesOn(t)
			stop()
			b.check(t, 0)
		})
	}
}

func (b *books) epoch(t *testing.T) int64 {
	t.Helper()
	places, err := b.cluster.Places(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return places[moved].Epoch
}

// dies runs a mover that is killed at a step.
func (b *books) dies(t *testing.T, to int, step Step) {
	t.Helper()
	run, _ := b.mover(t, to, step, syscall.SIGKILL)
	out, err := run.CombinedOutput()
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("at %s: %v: %s", step, err, out)
	}
}

// mover is a process that moves the shard and sends itself a signal at a step, where it stays until its input ends.
func (b *books) mover(t *testing.T, to int, step Step, signal syscall.Signal) (*exec.Cmd, io.Closer) {
	t.Helper()
	told, err := json.Marshal(child{b.config, b.cluster.ServerAddress(to), step, signal})
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), os.Args[0])
	run.Env = append(os.Environ(), childEnv+"="+string(told))
	input, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	return run, input
}

// What cannot be moved is refused before anything is touched.
func TestWhatCannotBeMoved(t *testing.T) {
	dsn := devstack.TestMySQL(t) // it keeps no log
	c := shardstest.New(t, 2, dsn, "root@tcp(127.0.0.1:1)/")
	for _, shard := range c.All() {
		if _, err := c.ServerDB(0).ExecContext(t.Context(), "CREATE DATABASE "+c.Schema(shard)); err != nil {
			t.Fatal(err)
		}
	}
	one, err := shards.Open(shards.Config{DSNs: []string{dsn, "root@tcp(127.0.0.1:1)/"}, Shards: 2,
		Placement: map[int]int{1: 0}, Prefix: strings.TrimSuffix(c.Schema(0), "0000"),
		Volatile: devstack.TestMySQLIsVolatile()})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if _, err := one.Install(t.Context(), shards.Installation{BucketsPerShard: 1}); err != nil {
		t.Fatal(err)
	}
	if err := one.MigrateAll(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	for name, refused := range map[string]struct {
		shard int
		to    string
		want  error
	}{
		"shard 0":                {0, "127.0.0.1:1", ErrShardZero},
		"a server without a log": {1, "127.0.0.1:1", ErrUnfit},
		"to an unknown server":   {1, "10.9.8.7:3306", shards.ErrServerUnknown},
	} {
		_, err := Move(t.Context(), Config{Cluster: one, Shard: refused.shard, To: refused.to})
		if !errors.Is(err, refused.want) {
			t.Errorf("%s: %v, want %v", name, err, refused.want)
		}
	}
	places, err := one.Places(t.Context())
	if err != nil || places[1].Target != "" || places[1].Fenced || places[1].Server != one.ServerAddress(0) {
		t.Errorf("%+v, %v", places, err)
	}
	if _, err := Move(t.Context(), Config{Cluster: one, Shard: 7}); err == nil {
		t.Error("a shard that does not exist is moved")
	}
}
