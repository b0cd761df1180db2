package bankserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/deploy/bank/bankserver"
	"github.com/hongbao/hongbao/internal/signature"
)

// rig is a bank on loopback with an installation that it tells.
type rig struct {
	*testing.T
	secrets signature.Secrets
	config  bankserver.Config
	bank    *bankserver.Bank
	url     string
	admin   string
	stop    func()
	told    *inbox
}

// inbox is the installation's callback address.
type inbox struct {
	mu     sync.Mutex
	status int
	bodies []string
	ids    []string
	wrong  error
	came   chan struct{}
	once   func() // runs while the first callback waits for its answer
}

func newRig(t *testing.T) *rig {
	secrets, err := signature.ParseSecrets([]byte(signature.NewSecret()))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, secrets: secrets, told: &inbox{status: http.StatusOK, came: make(chan struct{}, 100)}}
	installation := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.told.mu.Lock()
		defer r.told.mu.Unlock()
		headers := signature.From(q.Header)
		if err := secrets.Verify(headers, time.Now(), body); err != nil {
			r.told.wrong = err
		}
		if f := r.told.once; f != nil {
			r.told.once = nil
			f()
		}
		r.told.bodies, r.told.ids = append(r.told.bodies, string(body)), append(r.told.ids, headers.ID)
		w.WriteHeader(r.told.status)
		r.told.came <- struct{}{}
	}))
	t.Cleanup(installation.Close)
	r.config = bankserver.Config{
		Secrets: secrets, Journal: filepath.Join(t.TempDir(), "journal"), CallbackURL: installation.URL,
		Retry: time.Millisecond,
		Log:   slog.New(slog.DiscardHandler),
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) start() {
	bank, err := bankserver.Open(r.config)
	if err != nil {
		r.Fatal(err)
	}
	r.bank = bank
	server, admin := httptest.NewServer(bank.Handler()), httptest.NewServer(bank.Admin())
	r.url, r.admin = server.URL, admin.URL
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); bank.Run(ctx) }()
	r.stop = func() {
		server.Close()
		admin.Close()
		cancel()
		<-done
		_ = bank.Close()
	}
}

func (r *rig) restart() { r.stop(); r.start() }

// ask sends a signed request; what comes back is "status type state", or "no answer".
func (r *rig) ask(body string) string {
	r.Helper()
	request, _ := http.NewRequest(http.MethodPost, r.url, strings.NewReader(body))
	r.secrets.Sign("msg_1", time.Now(), []byte(body)).Set(request.Header)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "no answer"
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	headers := signature.From(response.Header)
	if err := r.secrets.Verify(headers, time.Now(), text); err != nil || headers.ID != "msg_1" {
		return response.Status[:3] + " unsigned"
	}
	var m struct {
		Type  string
		Order struct{ State string }
	}
	if err := json.Unmarshal(text, &m); err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(response.Status[:3] + " " + m.Type + " " + m.Order.State)
}

// do uses the admin's API.
func (r *rig) do(method, path, body string) int {
	r.Helper()
	request, _ := http.NewRequest(method, r.admin+path, strings.NewReader(body))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func message(kind, id string, amount string) string {
	return `{"type":"funding.` + kind + `","order":{"id":"` + id + `","kind":"topup","user":"alice","amount":` +
		amount +
		`,"currency":"CNY"}}`
}

func TestOrders(t *testing.T) {
	r := newRig(t)
	for _, line := range []struct{ what, body, want string }{
		{"of an order that there is not", message("query", "7", "100"), "404 funding.unknown"},
		{"an order", message("create", "7", "100"), "200 funding.order pending"},
		{"again", message("create", "7", "100"), "200 funding.order pending"},
		{"how it is", message("query", "7", "100"), "200 funding.order pending"},
		{"the same id for something else", message("create", "7", "101"), "409 funding.error"},
		{"nothing", message("create", "8", "0"), "400 funding.error"},
		{"no number", message("create", "x", "5"), "400 funding.error"},
		{"our own callback sent back", message("decided", "7", "100"), "400 funding.error"},
		{"no JSON", "hello", "400 funding.error"},
	} {
		if got := r.ask(line.body); got != line.want {
			t.Errorf("%s: %q, want %q", line.what, got, line.want)
		}
	}
	if n := len(r.bank.Orders()); n != 1 {
		t.Errorf("the bank has %d orders", n)
	}
	unsigned, err := http.Post(r.url, "application/json", strings.NewReader(message("create", "9", "1")))
	if err != nil || unsigned.StatusCode != http.StatusUnauthorized {
		t.Errorf("an unsigned request: %v, %v", unsigned, err)
	}
}

// A decision is told, with one webhook-id, until it is taken; a restart in between forgets nothing.
func TestCallbacksAreRepeated(t *testing.T) {
	r := newRig(t)
	r.told.status = http.StatusServiceUnavailable
	r.ask(message("create", "7", "100"))
	if status := r.do("POST", "/orders/7", `{"do":"settle"}`); status != http.StatusOK {
		t.Fatal(status)
	}
	<-r.told.came
	<-r.told.came
	r.restart()
	<-r.told.came
	r.told.mu.Lock()
	r.told.status = http.StatusOK
	r.told.mu.Unlock()
	for len(r.bank.Orders()) == 1 && !r.bank.Orders()[0].Told {
		select {
		case <-r.told.came:
		case <-time.After(time.Millisecond): // the interval of the condition
		}
	}
	r.told.mu.Lock()
	defer r.told.mu.Unlock()
	if r.told.wrong != nil {
		t.Error(r.told.wrong)
	}
	for i, body := range r.told.bodies {
		if r.told.ids[i] != r.told.ids[0] || !strings.Contains(body, `"type":"funding.decided"`) ||
			!strings.Contains(body, `"state":"settled"`) {
			t.Errorf("attempt %d: %s %s", i, r.told.ids[i], body)
		}
	}
}

// A repetition that is ordered while a callback is on its way is sent after it.
func TestARepetitionDuringACallbackIsSent(t *testing.T) {
	r := newRig(t)
	r.told.once = func() {
		if status := r.do("POST", "/orders/7", `{"do":"repeat"}`); status != http.StatusOK {
			t.Errorf("repeat: %d", status)
		}
	}
	r.ask(message("create", "7", "100"))
	if status := r.do("POST", "/orders/7", `{"do":"settle"}`); status != http.StatusOK {
		t.Fatal(status)
	}
	<-r.told.came
	<-r.told.came
}

func TestWhoRunsTheBankDecides(t *testing.T) {
	r := newRig(t)
	r.ask(message("create", "7", "100"))
	r.ask(message("create", "8", "100"))
	for _, line := range []struct {
		method, path, body string
		status             int
		ask, want          string
	}{
		{"POST", "/orders/7", `{"do":"explode"}`, 400, message("query", "7", "100"), "200 funding.order pending"},
		{"POST", "/orders/7", `{"do":"settle","after":"soon"}`, 400, message("query", "7", "100"),
			"200 funding.order pending"},
		{"POST", "/orders/9", `{"do":"settle"}`, 404, message("query", "9", "100"), "404 funding.unknown"},
		{"POST", "/orders/7", `{"do":"repeat"}`, 400, message("query", "7", "100"), "200 funding.order pending"},
		{"POST", "/orders/7", `{"do":"refuse"}`, 200, message("query", "7", "100"), "200 funding.order refused"},
		{"POST", "/orders/7", `{"do":"settle"}`, 409, message("query", "7", "100"), "200 funding.order refused"},
		{"POST", "/orders/7", `{"do":"forget"}`, 200, message("query", "7", "100"), "404 funding.unknown"},
		{"PUT", "/rule", `{"decide":"maybe"}`, 400, message("create", "10", "1"), "200 funding.order pending"},
		{"PUT", "/rule", `{"decide":"settled"}`, 200, message("create", "11", "1"), "200 funding.order settled"},
		{"PUT", "/rule", `{"decide":"settled","after":"1h"}`, 200, message("create", "12", "1"),
			"200 funding.order pending"},
		{"PUT", "/rule", `{"decide":"pending","after":"0s","fault":"lose"}`, 200, message("create", "13", "1"),
			"no answer"},
		{"PUT", "/rule", `{"fault":"error"}`, 200, message("create", "14", "1"), "500 unsigned"},
		{"PUT", "/rule", `{"fault":"none"}`, 200, message("query", "13", "1"), "200 funding.order pending"},
		{"PUT", "/rule", `{"fault":"none"}`, 200, message("query", "14", "1"), "404 funding.unknown"},
	} {
		if status := r.do(line.method, line.path, line.body); status != line.status {
			t.Errorf("%s %s %s: %d, want %d", line.method, line.path, line.body, status, line.status)
		}
		if got := r.ask(line.ask); got != line.want {
			t.Errorf("after %s %s %s: %q, want %q", line.method, line.path, line.body, got, line.want)
		}
	}
	foreign, _ := http.NewRequest(http.MethodPost, r.admin+"/orders/8", strings.NewReader(`{"do":"settle"}`))
	foreign.Header.Set("Origin", "https://evil.example")
	if response, err := http.DefaultClient.Do(foreign); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin: %v, %v", response, err)
	}
}

// A delayed decision comes although the bank was down when it was due, and a torn last line of the journal is dropped.
func TestARestartKeepsOrders(t *testing.T) {
	r := newRig(t)
	r.ask(message("create", "7", "100"))
	if status := r.do("POST", "/orders/7", `{"do":"refuse","after":"1ms"}`); status != http.StatusOK {
		t.Fatal(status)
	}
	r.stop()
	text, err := os.ReadFile(r.config.Journal)
	if err != nil || !bytes.HasSuffix(text, []byte("\n")) {
		t.Fatal(err, string(text))
	}
	if err := os.WriteFile(r.config.Journal, append(text, `{"id":"8","kind":"top`...), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	<-r.told.came
	if got := r.ask(message("query", "7", "100")); got != "200 funding.order refused" {
		t.Error(got)
	}
	if got := r.ask(message("create", "8", "100")); got != "200 funding.order pending" {
		t.Error(got)
	}
	r.restart()
	if got := r.ask(message("query", "8", "100")); got != "200 funding.order pending" {
		t.Error(got)
	}
}
