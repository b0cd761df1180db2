package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
)

const (
	startTimeout   = 90 * time.Second // the first start initialises MariaDB, here under the race detector
	requestTimeout = 10 * time.Second
)

// binaryDir is where binary has put hongbao, empty if no test needed it.
var binaryDir string

// binary builds hongbao with the race detector, once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hongbao-simulation-*")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "hongbao")
	out, err := exec.Command("go", "build", "-race", "-o", path, "github.com/hongbao/hongbao").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	endBrowser()
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// up is a `hongbao up` on a folder of its own, which can die and be started again. Its ledger is on the private MariaDB
// that it starts, or on a TiDB where HONGBAO_TEST_TIDB names one.
type up struct {
	t      *testing.T
	data   string
	args   []string
	ledger devstack.Database // nil: the private one
	http   *http.Client

	mu      sync.Mutex
	process *exec.Cmd
	exited  chan struct{}
	output  *bytes.Buffer
	url     string
}

func newUp(t *testing.T, args ...string) *up {
	t.Helper()
	devstack.SkipInShort(t)
	u := &up{t: t, data: t.TempDir(), args: args, http: &http.Client{Timeout: requestTimeout}}
	if devstack.TestMySQLIsVolatile() {
		u.ledger = devstack.NewTestMySQL(t)
	}
	u.start()
	t.Cleanup(u.stop)
	return u
}

// start returns once the gateway is ready.
func (u *up) start() {
	u.t.Helper()
	path, err := binary()
	if err != nil {
		u.t.Fatal(err)
	}
	endpoints := filepath.Join(u.data, "up.json")
	_ = os.Remove(endpoints)
	args := append([]string{"up", "--data", u.data, "--rpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level",
		"error"}, slices.Concat(u.ledgerFlags(), u.args)...)
	process := exec.Command(path, args...)
	process.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	output := &bytes.Buffer{}
	process.Stdout, process.Stderr = output, output
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := process.Start(); err != nil {
		u.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = process.Wait(); close(exited) }()
	u.mu.Lock()
	u.process, u.exited, u.output = process, exited, output
	u.mu.Unlock()

	deadline := time.Now().Add(startTimeout)
	for {
		select {
		case <-exited:
			u.t.Fatalf("hongbao up ended:\n%s", output)
		default:
		}
		if u.findURL(endpoints) && u.ready() {
			return
		}
		if time.Now().After(deadline) {
			_ = process.Process.Kill()
			<-exited
			u.t.Fatalf("hongbao up is not ready after %v:\n%s", startTimeout, output)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}

func (u *up) findURL(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	var e struct{ HTTP string }
	if json.Unmarshal(text, &e) != nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.url = "http://" + e.HTTP
	return true
}

func (u *up) ready() bool {
	response, err := u.http.Get(u.address() + "/readyz")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (u *up) address() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.url
}

// kill ends hongbao as a crash would.
func (u *up) kill() {
	u.mu.Lock()
	process, exited := u.process, u.exited
	u.mu.Unlock()
	_ = process.Process.Kill()
	<-exited
}

// stop ends hongbao as Ctrl-C does, and fails the test if it found a race or does not end.
func (u *up) stop() {
	u.mu.Lock()
	process, exited, output := u.process, u.exited, u.output
	u.mu.Unlock()
	_ = process.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(startTimeout):
		_ = process.Process.Kill()
		<-exited
		u.t.Errorf("hongbao up did not stop:\n%s", output)
	}
	if text := output.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
		u.t.Errorf("hongbao up:\n%s", text)
	}
}

// ledgerFlags say where the ledger is.
func (u *up) ledgerFlags() []string {
	if u.ledger == nil {
		return nil
	}
	return []string{"--mysql", u.ledger.DSN(), "--volatile-mysql"}
}

// killLedger ends the ledger's server as a crash would, and lets it come back.
func (u *up) killLedger() {
	u.t.Helper()
	if u.ledger == nil {
		u.killServer("mariadbd") // hongbao starts it again
		return
	}
	u.ledger.Kill()
	if err := u.ledger.Restart(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
}

// killServer ends a private server as a crash would. Its guard's children are named by the data folder in their command
// line, so nothing else on the machine can be meant.
func (u *up) killServer(name string) {
	for _, pid := range u.servers(name) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// servers are the processes of a private server.
func (u *up) servers(name string) (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		u.t.Fatal(err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil || !strings.Contains(filepath.Base(exe), name) {
			continue
		}
		where, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		line, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.HasPrefix(where, u.data) || err2 == nil && bytes.Contains(line, []byte(u.data)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// run runs another hongbao command on the same data folder.
func (u *up) run(args ...string) (output string, exit int) {
	u.t.Helper()
	path, err := binary()
	if err != nil {
		u.t.Fatal(err)
	}
	args = append(args, "--data", u.data)
	if args[0] == "audit" {
		args = append(args, u.ledgerFlags()...)
	}
	command := exec.Command(path, args...)
	var errors bytes.Buffer
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil && command.ProcessState == nil {
		u.t.Fatal(err)
	}
	return string(out) + errors.String(), command.ProcessState.ExitCode()
}

// token is a development token.
func (u *up) token(user string, scopes ...string) string {
	u.t.Helper()
	var answer struct{ Token string }
	status, err := u.call(http.MethodPost, "/v1/dev/tokens", "", map[string]any{"user_id": user, "scopes": scopes},
		&answer)
	if err != nil || status != http.StatusOK {
		u.t.Fatalf("token of %s: %d, %v", user, status, err)
	}
	return answer.Token
}

// call sends JSON and reads JSON. An err means that the outcome is unknown.
func (u *up) call(method, path, token string, body, answer any) (status int, err error) {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, u.address()+path, reader)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := u.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if response.StatusCode == http.StatusOK && answer != nil {
		return response.StatusCode, json.Unmarshal(data, answer)
	}
	return response.StatusCode, nil
}

// must is a call that has to succeed at last: it is repeated while the system is down.
func (u *up) must(method, path, token string, body, answer any) {
	u.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		status, err := u.call(method, path, token, body, answer)
		if err == nil && status == http.StatusOK {
			return
		}
		if err == nil && status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			u.t.Fatalf("%s %s: %d, %v", method, path, status, err)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}
