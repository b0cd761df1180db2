package client_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/golang-jwt/jwt/v5"

	"github.com/hongbao/hongbao/client"
)

// startTimeout bounds the start of a hongbao: the first one initialises MariaDB, under the race detector.
const startTimeout = 90 * time.Second

// up is a `hongbao up` with servers and data of its own: the tests and examples see what an application would see.
type up struct {
	binary, data string
	rpc, http    string // host:port, the same after a restart
	keyID        string // of the key that signs tokens
	process      *exec.Cmd
	exited       chan struct{}
	output       bytes.Buffer
}

// shared is the one that all tests and examples of this package use. Each has users and groups of its own.
var shared = sync.OnceValues(func() (*up, error) {
	dir, err := os.MkdirTemp("", "hongbao-client-*")
	if err != nil {
		return nil, err
	}
	u := &up{binary: filepath.Join(dir, "hongbao"), data: filepath.Join(dir, "data"), rpc: "127.0.0.1:0",
		http: "127.0.0.1:0"}
	if out, err := exec.Command("go", "build", "-race", "-o", u.binary,
		"github.com/hongbao/hongbao").CombinedOutput(); err != nil {
		return u, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if err := u.start(); err != nil {
		return u, err
	}
	return u, u.findKeyID()
})

// started says whether shared has to be stopped.
var started bool

func TestMain(m *testing.M) {
	klog.SetLevel(klog.LevelFatal) // the tests look at what calls fail with
	flag.Parse()
	if testing.Short() { // an example cannot skip itself
		if err := flag.Set("test.skip", "^Example"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if started {
		u, _ := shared()
		if !u.stop() {
			code = 1
		}
		_ = os.RemoveAll(filepath.Dir(u.binary))
	}
	os.Exit(code)
}

func installation(t testing.TB) *up {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an installation")
	}
	started = true
	u, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// start returns once the gateway is ready.
func (u *up) start() error {
	endpoints := filepath.Join(u.data, "up.json")
	_ = os.Remove(endpoints)
	u.process = exec.Command(u.binary, "up", "--data", u.data, "--rpc", u.rpc, "--http", u.http, "--log-level",
		"error", "--transfer-hour", "1h")
	u.process.Stdout, u.process.Stderr = &u.output, &u.output
	u.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the test
	if err := u.process.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	u.exited = exited
	go func() { _ = u.process.Wait(); close(exited) }()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		select {
		case <-exited:
			return fmt.Errorf("hongbao up ended:\n%s", &u.output)
		case <-time.After(20 * time.Millisecond): // the interval of the condition
		}
		var e struct{ RPC, HTTP string }
		text, err := os.ReadFile(endpoints)
		if err != nil || json.Unmarshal(text, &e) != nil {
			continue
		}
		if response, err := http.Get("http://" + e.HTTP + "/readyz"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				u.rpc, u.http = e.RPC, e.HTTP
				return nil
			}
		}
	}
	u.kill()
	return fmt.Errorf("hongbao up is not ready after %v:\n%s", startTimeout, &u.output)
}

// kill ends hongbao as a crash would.
func (u *up) kill() {
	_ = u.process.Process.Kill()
	<-u.exited
}

// stop ends hongbao as Ctrl-C does. It is false where hongbao found a race or does not end.
func (u *up) stop() bool {
	if u.process == nil || u.exited == nil {
		return true
	}
	_ = u.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-u.exited:
	case <-time.After(startTimeout):
		u.kill()
		fmt.Fprintf(os.Stderr, "hongbao up did not stop:\n%s\n", &u.output)
		return false
	}
	if text := u.output.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
		fmt.Fprintf(os.Stderr, "hongbao up:\n%s\n", text)
		return false
	}
	return true
}

// token is a token as a chat application signs it itself, good for an hour.
func (u *up) token(subject, scope string) (string, error) { return u.sign(subject, scope, time.Hour) }

// sign signs a token that expires after a time, which may be negative.
func (u *up) sign(subject, scope string, life time.Duration) (string, error) {
	text, err := os.ReadFile(filepath.Join(u.data, "token.key"))
	if err != nil {
		return "", err
	}
	key, err := jwt.ParseEdPrivateKeyFromPEM(text)
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "hongbao", "aud": "hongbao", "sub": subject, "scope": []string{scope},
		"iat": jwt.NewNumericDate(time.Now().Add(life - time.Hour)),
		"exp": jwt.NewNumericDate(time.Now().Add(life)),
	})
	token.Header["kid"] = u.keyID
	return token.SignedString(key)
}

// findKeyID reads the key's name from a token that hongbao signs.
func (u *up) findKeyID() error {
	out, err := exec.Command(u.binary, "token", "anybody", "--data", u.data).CombinedOutput()
	if err != nil {
		return fmt.Errorf("hongbao token: %w: %s", err, out)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(strings.TrimSpace(string(out)), jwt.MapClaims{})
	if err != nil {
		return err
	}
	u.keyID, _ = parsed.Header["kid"].(string)
	return nil
}

// as is the client of a user.
func (u *up) as(t testing.TB, user string, options ...client.Option) *client.Client {
	t.Helper()
	return u.with(t, user, "user", options...)
}

func (u *up) with(t testing.TB, subject, scope string, options ...client.Option) *client.Client {
	t.Helper()
	return u.at(t, u.rpc, u.http, subject, scope, options...)
}

// through is the client of a user behind a proxy of the RPC address.
func (u *up) through(t testing.TB, p *proxy, user string, options ...client.Option) *client.Client {
	t.Helper()
	return u.at(t, p.address, u.http, user, "user", options...)
}

func (u *up) at(t testing.TB, rpc, http, subject, scope string, options ...client.Option) *client.Client {
	t.Helper()
	token, err := u.token(subject, scope)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(append([]client.Option{
		client.WithAddress(rpc), client.WithGateway("http://" + http), client.WithToken(token),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// group makes a group of users of whom each has 100.00 CNY.
func (u *up) group(t testing.TB, group string, users ...string) {
	t.Helper()
	if err := u.with(t, "chat", "service").Groups.Create(t.Context(), group, users...); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		u.fund(t, u.as(t, user))
	}
}

func (u *up) fund(t testing.TB, c *client.Client) {
	t.Helper()
	if _, err := c.Wallet.TopUp(t.Context(), client.NewFunding{Amount: 10_000, Currency: "CNY"}); err != nil {
		t.Fatal(err)
	}
}

// signed is a user's token with another expiry.
func (u *up) signed(t testing.TB, user string, life time.Duration) string {
	t.Helper()
	token, err := u.sign(user, "user", life)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
