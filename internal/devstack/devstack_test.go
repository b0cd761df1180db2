package devstack

import (
	"bufio"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

const (
	// deadline bounds every wait in these tests; reaching it is a failure.
	deadline = time.Minute
	// pollInterval is how often a condition outside this process is looked at.
	pollInterval = 5 * time.Millisecond
)

// parentMode makes this test binary the parent that the tests kill: it starts servers, says which, and waits to die.
const parentMode = "DEVSTACK_TEST_PARENT"

func TestMain(m *testing.M) {
	if mode := os.Getenv(parentMode); mode != "" {
		os.Exit(beParent(mode, os.Args[1]))
	}
	os.Exit(m.Run())
}

// parentReport is what a parent says on stdout once its servers run.
type parentReport struct {
	RedisPID, MariaDBPID int
	RedisDir, MariaDBDir string
}

// fatal is a TB for a process that is not a test. It has only the methods that TestRedis and TestMariaDB call.
type fatal struct{ TB }

func (fatal) Helper()                        {}
func (fatal) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func beParent(mode, dir string) int {
	var report parentReport
	switch mode {
	case "stack":
		stack, err := Up(context.Background(), Options{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		report = parentReport{stack.Redis.PID(), stack.MariaDB.PID(), stack.Redis.dir, stack.MariaDB.dir}
	case "shared":
		r, m := TestRedis(fatal{}), TestMariaDB(fatal{})
		report = parentReport{r.PID(), m.PID(), r.dir, m.dir}
	case "lock":
		if _, err := Lock(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	case "first start":
		// Says hello before it starts, so that the test can kill it in the middle of the initialisation.
		json.NewEncoder(os.Stdout).Encode(report)
		StartMariaDB(context.Background(), MariaDBOptions{Dir: dir})
		return 1 // nobody killed it
	}
	json.NewEncoder(os.Stdout).Encode(report)
	io.Copy(io.Discard, os.Stdin) // ends with the test process, should that die first
	return 0
}

// startParent returns a running parent and its report.
func startParent(t *testing.T, mode, dir string) (*exec.Cmd, parentReport) {
	t.Helper()
	SkipInShort(t)
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), parentMode+"="+mode)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill9(cmd) })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the parent said nothing: %v", err)
	}
	var report parentReport
	if err := json.Unmarshal(line, &report); err != nil {
		t.Fatalf("the parent said %q: %v", line, err)
	}
	return cmd, report
}

func kill9(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// eventually waits for a condition that only the operating system or another process can make true.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	late := time.After(deadline)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("after %v it is still not so that %s", deadline, what)
		}
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func redisDo(t *testing.T, r *Redis, args ...string) rueidis.RedisResult {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{r.Socket()}, DisableCache: true, ForceSingleClient: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	result := client.Do(t.Context(), client.B().Arbitrary(args...).Build())
	if err := result.Error(); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return result
}

func mariaDB(t *testing.T, m *MariaDB) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", m.DSN())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // these tests take the server away between two statements
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func mustCount(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func mustStop(t *testing.T, s interface{ Stop(context.Context) error }) {
	t.Helper()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
