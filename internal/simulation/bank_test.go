package simulation

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
)

// bank is the reference bank as a process, which can die and be started again.
type bank struct {
	t       *testing.T
	binary  string
	args    []string
	admin   string
	process *exec.Cmd
}

// freePort is an address on loopback that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func newBank(t *testing.T, listen, callback, secrets string) *bank {
	t.Helper()
	b := &bank{t: t, binary: filepath.Join(t.TempDir(), "bank"), admin: freePort(t)}
	if out, err := exec.Command("go", "build", "-race", "-o", b.binary,
		"github.com/hongbao/hongbao/deploy/bank").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	secret, err := exec.Command(b.binary, "secret").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secrets, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	b.args = []string{"serve", "--listen", listen, "--admin", b.admin, "--secret-file", secrets, "--callback", callback,
		"--journal", filepath.Join(t.TempDir(), "journal"), "--retry", "50ms"}
	b.start()
	t.Cleanup(b.kill)
	return b
}

func (b *bank) start() {
	b.t.Helper()
	b.process = exec.Command(b.binary, b.args...)
	if err := b.process.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.until("the bank is there", func() bool { _, err := b.orders(); return err == nil })
}

func (b *bank) kill() {
	_ = b.process.Process.Kill()
	_ = b.process.Wait()
}

func (b *bank) until(what string, condition func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(startTimeout); !condition(); {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(20 * time.Millisecond) // the interval of the condition
	}
}

// orders are those that the bank knows: id to state.
func (b *bank) orders() (map[string]string, error) {
	response, err := http.Get("http://" + b.admin + "/orders")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var found struct{ Orders []struct{ ID, State string } }
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, o := range found.Orders {
		states[o.ID] = o.State
	}
	return states, nil
}

// do is what a person does on the bank's page.
func (b *bank) do(method, path, body string) {
	b.t.Helper()
	request, err := http.NewRequest(method, "http://"+b.admin+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %v, %v", path, body, response, err)
	}
	_ = response.Body.Close()
}

// teller is alice, who tops up.
type teller struct {
	*up
	*bank
	token string
}

type fundingAnswer struct {
	ID, State string
	Balance   int64
}

// topUp asks for 100, or asks again.
func (a teller) topUp(request string) (answer fundingAnswer, status int) {
	a.up.t.Helper()
	body := map[string]any{"request_id": request, "amount": 100, "currency": "CNY"}
	status, err := a.call(http.MethodPost, "/v1/wallet/topups", a.token, body, &answer)
	if err != nil {
		a.up.t.Fatal(err)
	}
	return answer, status
}

// pending tops up and wants the answer pending.
func (a teller) pending(request string) string {
	a.up.t.Helper()
	answer, status := a.topUp(request)
	if status != http.StatusOK || answer.State != "pending" {
		a.up.t.Fatalf("%s: %d %+v", request, status, answer)
	}
	return answer.ID
}

// has waits for a balance, without asking the bank: asking for the top-up again would.
func (a teller) has(what string, minor int64) {
	a.up.t.Helper()
	a.until(what, func() bool {
		var wallet struct{ Balances []struct{ Amount int64 } }
		a.must(http.MethodGet, "/v1/wallet", a.token, nil, &wallet)
		return minor == 0 && len(wallet.Balances) == 0 || len(wallet.Balances) == 1 &&
			wallet.Balances[0].Amount == minor
	})
	if out, exit := a.run("audit"); exit != 0 {
		a.up.t.Errorf("%s: audit: %s", what, out)
	}
}

// A top-up of real money between two processes, through pending, settled, refused, unknown and late, with either killed
// in between.
func TestRealMoneyThroughABank(t *testing.T) {
	devstack.SkipInShort(t)
	secrets, listen, web := filepath.Join(t.TempDir(), "secrets"), freePort(t), freePort(t)
	b := newBank(t, listen, "http://"+web+"/v1/funding/callback", secrets)
	u := newUp(t, "--http", web, "--no-sandbox", "--funding-url", "http://"+listen, "--funding-secret-file", secrets)
	token, exit := u.run("token", "alice")
	if exit != 0 {
		t.Fatal(token)
	}
	a := teller{up: u, bank: b, token: strings.TrimSpace(token)}

	order := a.pending("settled")
	a.has("pending", 0)
	b.do("POST", "/orders/"+order, `{"do":"settle"}`)
	a.has("settled by the callback", 100)
	if answer, status := a.topUp("settled"); status != http.StatusOK || answer.State != "settled" ||
		answer.Balance != 100 || answer.ID != order {
		t.Errorf("asked again: %d %+v", status, answer)
	}

	order = a.pending("refused")
	b.do("POST", "/orders/"+order, `{"do":"refuse"}`)
	if _, status := a.topUp("refused"); status != http.StatusPaymentRequired {
		t.Errorf("asked again: %d", status)
	}
	a.has("refused", 100)

	order = a.pending("unknown")
	b.do("POST", "/orders/"+order, `{"do":"forget"}`)
	u.kill()
	u.start()
	b.until("the bank is given the order again", func() bool {
		states, err := b.orders()
		return err == nil && states[order] == "pending"
	})
	b.do("POST", "/orders/"+order, `{"do":"settle"}`)
	a.has("unknown, created again, settled", 200)

	b.do("PUT", "/rule", `{"fault":"silent"}`)
	order = a.pending("late")
	b.do("POST", "/orders/"+order, `{"do":"settle","after":"6s"}`)
	b.kill()
	if answer, status := a.topUp("late"); status != http.StatusOK || answer.State != "pending" {
		t.Errorf("without the bank: %d %+v", status, answer)
	}
	b.args = append(b.args, "--fault", "silent")
	b.start()
	a.has("late, by a query", 300)
	if states, err := b.orders(); err != nil || states[order] != "settled" {
		t.Errorf("the bank: %v, %v", states, err)
	}

	out, exit := u.run("audit")
	if exit != 0 || !strings.Contains(out, "The books balance.") {
		t.Errorf("audit: %s", out)
	}
	u.stop() // its output is complete then
	if text, err := os.ReadFile(secrets); err != nil || bytes.Contains(u.output.Bytes(), bytes.TrimSpace(text)) {
		t.Errorf("the secret is in the log, %v", err)
	}
}
