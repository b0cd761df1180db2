package cmd

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hongbao/hongbao/bench"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/internal/devstack"
)

// TestMain lets this binary be the hongbao that a bench starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "child" || os.Args[1] == "bench") {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	handler.RouteKitexLog(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// hongbao runs a command line.
func hongbao(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(args, &out, &err)
	return code, out.String(), err.String()
}

// tiny are flags with which a suite takes a moment.
func tiny(args ...string) []string {
	return append(args, "--quick", "--users=100", "--group=50", "--rate=200", "--for=300ms", "--listeners=8",
		"--temp-dir")
}

// TestBenchAll runs every suite, and the yardsticks, against a deployment that it starts itself.
func TestBenchAll(t *testing.T) {
	devstack.SkipInShort(t)
	temp, out := t.TempDir(), t.TempDir()
	file, page := filepath.Join(out, "all.json"), filepath.Join(out, "all.html")
	code, stdout, stderr := hongbao(append(tiny("bench", "all", "--yardsticks", "--json", file, "--html", page),
		temp)...)
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	r, err := report.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range append(bench.Suites(), "yardsticks") {
		if i >= len(r.Suites) || r.Suites[i].Name != name {
			t.Fatalf("suite %d is not %s", i, name)
		}
		s := r.Suites[i]
		if !s.BooksBalanced || !s.Books.AuditBalanced || s.Books.Credited != s.Books.Wins || s.Errors != 0 ||
			s.Requests == 0 && name != "yardsticks" {
			t.Errorf("%s: %+v", name, s)
		}
		if !strings.Contains(stdout, "\n"+name) {
			t.Errorf("%s is not in the table", name)
		}
	}
	for _, name := range []string{"winners/echo", "winners/lpop", "losers/echo", "winners/rowlock", "many/lpop",
		"many/rowlock", "sends/commits", "one_sender/commits", "settle/insert", "http/http_echo", "ws/ws_echo",
		"watched/winners", "claims/grabs"} {
		if r.Ratios[name] <= 0 {
			t.Errorf("ratio %s is %v", name, r.Ratios[name])
		}
	}
	memory := slices.IndexFunc(r.Suites[3].Figures, func(
		f report.Figure) bool {
		return f.Name == "Redis memory of an open envelope"
	})
	if memory < 0 || r.Suites[3].Figures[memory].Value < 100 || r.Suites[3].Figures[memory].Value > 1536 {
		t.Errorf("memory of an open envelope: %+v", r.Suites[3].Figures)
	}
	if !r.Target.SelfStarted || !r.Target.Sandbox || r.Durability.RedisAppendFsync[0] != "always" ||
		r.Durability.FlushLogAtTrxCommit[0] != "1" || r.Versions.Redis[0] == "" ||
		!strings.HasPrefix(r.Command, "hongbao bench all --yardsticks") {
		t.Errorf("%+v %+v %+v %s", r.Target, r.Durability, r.Versions, r.Command)
	}
	if text, err := os.ReadFile(page); err != nil || bytes.Count(text, []byte("<svg")) < 2*len(bench.Suites()) {
		t.Errorf("%v, %d charts", err, bytes.Count(text, []byte("<svg")))
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v left behind, %v", left, err)
	}
	if code, stdout, stderr := hongbao("bench", "compare", file, file); code != 0 ||
		!strings.Contains(stdout, "+0.0 %") {
		t.Errorf("compare: exit %d\n%s\n%s", code, stdout, stderr)
	}
}

// startUp starts a deployment for a test.
func startUp(t *testing.T) (s *stage, key string) {
	t.Helper()
	devstack.SkipInShort(t)
	s = &stage{}
	key, err := s.start(t.Context(), benchRunCmd{TempDir: t.TempDir()}, bench.NewProgress(t.Output(), false))
	t.Cleanup(s.close)
	if err != nil {
		t.Fatal(err)
	}
	return s, key
}

// TestBenchAgainstATarget runs against a deployment that is there already, finds what is wrong with the ways to get to
// it, and fails when its books are broken.
func TestBenchAgainstATarget(t *testing.T) {
	up, key := startUp(t)
	wrong := filepath.Join(t.TempDir(), "wrong.key")
	if _, err := makePrivateKey(wrong); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"grab", "--target", "127.0.0.1:1", "--token-key", key}, 1, "no hongbao answers at 127.0.0.1:1"},
		{[]string{"grab", "--target", up.servers.RPC}, 2, "--target needs --token-key"},
		{[]string{"grab", "--target", "http://" + up.servers.RPC, "--token-key", key}, 2, "give host:port"},
		{[]string{"grab", "--target", up.servers.RPC, "--token-key", wrong}, 1, "refuses our token"},
		{[]string{"push", "--target", up.servers.RPC, "--token-key", key, "--for", "1s"}, 2,
			"give its address with --http"},
		{[]string{"push", "--target", up.servers.RPC, "--token-key", key, "--http", "http://" + up.servers.HTTP}, 2,
			"--http \"http://127.0.0.1:"},
		{[]string{"grab", "--target", up.servers.RPC, "--token-key", key, "--yardsticks"}, 2,
			"--yardsticks with --target needs"},
		{[]string{"grab", "--target", up.servers.RPC, "--token-key", key, "--only=echo"}, 2, "is for --yardsticks"},
		{[]string{"--target", up.servers.RPC, "--token-key", key}, 2, "say which suite"},
		{[]string{"gras", "--target", up.servers.RPC, "--token-key", key}, 2, `there is no suite "gras"`},
		{[]string{"grab", "--target", up.servers.RPC, "--token-key", key, "--users=5"}, 2, "users 5 is out of range"},
		{[]string{"grab", "--target", "127.0.0.1:1", "--token-key", key, "--json", wrong + "/run.json"}, 1,
			"open " + wrong + "/run.json"}, // before anything is asked
	} {
		code, stdout, stderr := hongbao(append([]string{"bench"}, x.args...)...)
		if code != x.code || !strings.Contains(stdout+stderr, x.want) {
			t.Errorf("%v: exit %d\n%s\n%s", x.args, code, stdout, stderr)
		}
	}

	run := []string{"bench", "grab", "--target", up.servers.RPC, "--token-key", key, "--rate=200", "--for=500ms",
		"--users=40"}
	if code, stdout, stderr := hongbao(run...); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	account := tamper(t, up.servers.MySQL)
	code, stdout, stderr := hongbao(run...)
	if code != 1 || !strings.Contains(stdout, "DO NOT BALANCE") || !strings.Contains(stdout, "account_balance") ||
		!strings.Contains(stdout, account) {
		t.Errorf("a balance was changed by hand: exit %d\n%s\n%s", code, stdout, stderr)
	}
}

// tamper gives somebody a minor unit that nobody paid.
func tamper(t *testing.T, dsn string) (account string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var schema string
	err = db.QueryRowContext(t.Context(), "SELECT table_schema FROM information_schema.tables "+
		"WHERE table_name = 'accounts' ORDER BY table_schema LIMIT 1").Scan(&schema)
	if err == nil {
		err = db.QueryRowContext(t.Context(),
			"SELECT account FROM "+schema+".accounts WHERE account NOT LIKE '#%' LIMIT 1").Scan(&account)
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), "UPDATE "+schema+".accounts SET balance = balance + 1 WHERE account = ?",
			account)
	}
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// TestBenchIsInterrupted presses Ctrl-C in the middle of a load, and kills a bench that starts its own deployment.
func TestBenchIsInterrupted(t *testing.T) {
	devstack.SkipInShort(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		temp := t.TempDir()
		file := filepath.Join(t.TempDir(), "run.json")
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		run := exec.Command(self, "bench", "grab", "--rate=100", "--for=40s", "--users=40", "--json", file,
			"--temp-dir", temp)
		run.Stdout = &out
		progress, err := run.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, progress, " s  ") // a line about a load
		if err := run.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		err = run.Wait()
		exit, _ := errors.AsType[*exec.ExitError](err)
		if sig == syscall.SIGINT {
			var r report.Report
			text, _ := os.ReadFile(file)
			if exit == nil || exit.ExitCode() != 1 || !strings.Contains(out.String(), "Interrupted") ||
				json.Unmarshal(text, &r) != nil || !r.Interrupted || r.Suites[0].Requests == 0 {
				t.Errorf("%v\n%s\n%s", err, out.String(), text)
			}
		}
		until(t, fmt.Sprintf("nothing is left after %v", sig), func() bool {
			left, err := os.ReadDir(temp)
			return err == nil && len(left) == 0
		})
	}
}

// waitFor reads until a text has come.
func waitFor(t *testing.T, r interface{ Read([]byte) (int, error) }, text string) {
	t.Helper()
	var seen []byte
	buffer := make([]byte, 4096)
	for !bytes.Contains(seen, []byte(text)) {
		n, err := r.Read(buffer)
		if err != nil {
			t.Fatalf("waited for %q: %v\n%s", text, err, seen)
		}
		seen = append(seen, buffer[:n]...)
	}
	go func() { // what comes later must not block who writes it
		for {
			if _, err := r.Read(buffer); err != nil {
				return
			}
		}
	}()
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestCommandLineKeepsSecrets(t *testing.T) {
	got := commandLine([]string{"bench", "grab", "--mysql=root:secret@tcp(x)/", "--redis", "redis://:secret@x",
		"--json", "a b.json"})
	if got != `hongbao bench grab --mysql=… --redis … --json "a b.json"` {
		t.Error(got)
	}
}

// TestWhatIsCheckedStaysAsItIs asks of files and folders whether reports can be written there.
func TestWhatIsCheckedStaysAsItIs(t *testing.T) {
	folder := t.TempDir()
	old, pipe, unborn := filepath.Join(folder, "old"), filepath.Join(folder, "pipe"), filepath.Join(folder, "new")
	if err := errors.Join(os.WriteFile(old, []byte("before"), 0o600), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", old, pipe, unborn} {
		if err := checkWritable(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	text, err := os.ReadFile(old)
	if err != nil || string(text) != "before" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(unborn); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was left: %v", err)
	}
	for _, path := range []string{filepath.Join(folder, "missing", "new"), folder} {
		if err := checkWritable(path); err == nil {
			t.Errorf("%s can be written", path)
		}
	}
}
