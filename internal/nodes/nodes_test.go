package nodes_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/nodes"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

// childVariable says to the test binary that it is a process that makes ids, and where: "<dsn> <prefix>".
const childVariable = "HONGBAO_TEST_MAKE_IDS"

func TestMain(m *testing.M) {
	if where := os.Getenv(childVariable); where != "" {
		makeIDs(where)
		return
	}
	os.Exit(m.Run())
}

// short are terms that a test can wait for.
var short = nodes.Terms{For: 2 * time.Second, Beat: 200 * time.Millisecond, Margin: 500 * time.Millisecond}

// makeIDs writes every id that it can make, and a line for those that it cannot, until it is killed.
func makeIDs(where string) {
	dsn, prefix, _ := strings.Cut(where, " ")
	c, err := shards.Open(shards.Config{DSNs: []string{dsn}, Shards: 1, Prefix: prefix,
		Volatile: devstack.TestMySQLIsVolatile()})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	ids := shards.NewIDsOf(c, nodes.New(nodes.Config{Cluster: c, Terms: short, Log: slog.New(slog.DiscardHandler)}))
	for {
		if id, err := ids.New(0); err == nil {
			fmt.Println(id)
		} else {
			fmt.Println("error:", err)
		}
		time.Sleep(5 * time.Millisecond) // the rate at which it makes them
	}
}

func open(t *testing.T, servers int) *shards.Cluster {
	t.Helper()
	dsn := devstack.TestMySQL(t)
	c := shardstest.New(t, 4, []string{dsn, dsn}[:servers]...)
	if err := nodes.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func leases(t *testing.T, c *shards.Cluster, terms nodes.Terms) *nodes.Leases {
	t.Helper()
	l := nodes.New(nodes.Config{Cluster: c, Terms: terms, Process: "1@test", Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { l.Close(context.WithoutCancel(t.Context()), func(int) time.Time { return time.Now() }) })
	return l
}

// Forty processes that start at once have forty numbers on each server, and keep them.
func TestNobodyHasTheNumberOfAnother(t *testing.T) {
	c := open(t, 2)
	var all []*nodes.Leases
	var taken sync.WaitGroup
	for range 40 {
		l := leases(t, c, nodes.Terms{})
		all = append(all, l)
		taken.Go(func() {
			if err := l.Take(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	taken.Wait()
	for server := range c.Servers() {
		seen := map[int]bool{}
		for _, l := range all {
			node, err := l.Node(server)
			if err != nil || seen[node.Number] || node.Number < 0 || node.Number > shards.MaxNode {
				t.Errorf("server %d: number %d, %v, had by another: %t", server, node.Number, err, seen[node.Number])
			}
			seen[node.Number] = true
			if again, err := l.Node(server); again.Number != node.Number || err != nil {
				t.Errorf("server %d: number %d, then %d, %v", server, node.Number, again.Number, err)
			}
		}
	}
}

// takeAll lets others have all numbers but those in without.
func takeAll(t *testing.T, c *shards.Cluster, without ...int) {
	t.Helper()
	var rows []string
	for n := range shards.MaxNode + 1 {
		if !slices.Contains(without, n) {
			rows = append(rows, fmt.Sprintf("(%d, 'other', '', %d)", n, time.Now().Add(time.Hour).UnixMilli()))
		}
	}
	_, err := c.DB(0).ExecContext(t.Context(), "INSERT INTO "+c.Table(0, "node_leases")+
		" (number, holder, process, until_at) VALUES "+strings.Join(rows, ","))
	if err != nil {
		t.Fatal(err)
	}
}

func TestAllNumbersAreTaken(t *testing.T) {
	c := open(t, 1)
	takeAll(t, c)
	err := leases(t, c, nodes.Terms{}).Take(t.Context())
	const say = "512 processes make ids for shard 0 and those of its home. End one, or wait"
	if !errors.Is(err, nodes.ErrAllTaken) || !strings.Contains(err.Error(), say) ||
		refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("one more: %v", err)
	}
	end := func(at int64) {
		t.Helper()
		_, err := c.DB(0).ExecContext(t.Context(), "UPDATE "+c.Table(0, "node_leases")+
			" SET until_at = ? WHERE number = 300", at)
		if err != nil {
			t.Fatal(err)
		}
	}
	end(time.Now().UnixMilli())
	if err := leases(t, c, nodes.Terms{}).Take(t.Context()); !errors.Is(err, nodes.ErrAllTaken) {
		t.Errorf("while the last one's margin is not over: %v", err)
	}
	ended := time.Now().Add(-nodes.DefaultTerms().Margin).UnixMilli()
	end(ended)
	if node, err := leases(t, c, nodes.Terms{}).Node(0); err != nil || node.Number != 300 ||
		!node.From.Equal(time.UnixMilli(ended)) {
		t.Errorf("when it is: %+v, %v, want number 300 from %v on", node, err, time.UnixMilli(ended))
	}
}

// A number that was given back is the next one's after the margin, with times behind the last id.
func TestNumbersAreGivenBack(t *testing.T) {
	c := open(t, 1)
	takeAll(t, c, 9)
	l := nodes.New(nodes.Config{Cluster: c, Terms: short, Log: slog.New(slog.DiscardHandler)})
	ids := shards.NewIDsOf(c, l)
	last, err := ids.New(0)
	if err != nil {
		t.Fatal(err)
	}
	l.Close(t.Context(), ids.End)
	if id, err := ids.New(0); err == nil {
		t.Errorf("id %d was made after the end", id)
	}
	next := leases(t, c, short)
	until(t, "the number is free", func() bool { _, err := next.Node(0); return err == nil })
	node, err := next.Node(0)
	if err != nil || node.Number != 9 || !node.From.After(shards.MadeAt(last)) {
		t.Errorf("%+v, %v, after an id of %v", node, err, shards.MadeAt(last))
	}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// A process is stopped for longer than its lease lasts, and another one gets its number, as after a crash. When it
// wakes up it makes no id any more.
func TestAProcessThatStoodStillMakesNoMoreIDs(t *testing.T) {
	c := open(t, 1)
	takeAll(t, c, 77)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+devstack.TestMySQL(t)+" "+
		strings.TrimSuffix(c.Schema(0), "0000"))
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	made := map[int64]bool{}
	read := func() (id int64, ok bool) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the process ended: %v", lines.Err())
		}
		id, err := strconv.ParseInt(lines.Text(), 10, 64)
		made[id] = err == nil
		return id, err == nil
	}
	for len(made) < 20 {
		read()
	}
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := child.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	lasting := short
	lasting.For = time.Minute // on a busy machine, heartbeats are late
	l := leases(t, c, lasting)
	ids := shards.NewIDsOf(c, l)
	until(t, "the number is free", func() bool { _, err := ids.New(0); return err == nil })
	if node, err := l.Node(0); err != nil || node.Number != 77 {
		t.Fatalf("%+v, %v", node, err)
	}
	begun := time.Now()
	signal(syscall.SIGCONT)
	for refused := 0; refused < 20; {
		other, err := ids.New(0)
		if err != nil {
			t.Fatal(err)
		}
		id, ok := read()
		if !ok {
			refused++
		} else if shards.MadeAt(id).After(begun.Add(-short.Margin)) || refused > 0 {
			t.Fatalf("it made id %d, of %v, after it was woken at %v", id, shards.MadeAt(id), begun)
		}
		if made[other] {
			t.Fatalf("two processes made id %d", other)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
}
