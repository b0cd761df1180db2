package handler

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/prometheus/client_golang/prometheus"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// kitexLines is what Kitex logs in the tests of this package. Its logger is one for the process.
var kitexLines logBuffer

func TestMain(m *testing.M) {
	RouteKitexLog(slog.New(slog.NewTextHandler(&kitexLines, nil)))
	os.Exit(m.Run())
}

// domain stands in for the domain behind the services: it answers with what a test puts in and remembers who asked
// for what.
type domain struct {
	mu    sync.Mutex
	state state
}

type state struct {
	err    error // what every method returns
	panics bool
	groups map[string][]string
	view   envelope.View
	sent   []envelope.SentLine

	caller   string
	revoked  []string
	callback []string // id, timestamp, signatures and body
	order    envelope.Order
	offer    transfer.Offer
	bill     collection.Bill
	paid     ledger.Amount
	before   int64
	limit    int
	from     time.Time
	to       time.Time
}

// set changes the state.
func (d *domain) set(change func(*state)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
}

func (d *domain) answer(err error) { d.set(func(s *state) { s.err = err }) }

func (d *domain) now() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// asked notes a call and returns what there is to answer with.
func (d *domain) asked(caller string, note func(*state)) (state, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.caller = caller
	if d.state.panics {
		panic("SELECT secret FROM table")
	}
	if note != nil {
		note(&d.state)
	}
	return d.state, d.state.err
}

type envelopes struct{ *domain }

func (e envelopes) Send(_ context.Context, sender string, o envelope.Order) (envelope.View, error) {
	s, err := e.asked(sender, func(s *state) { s.order = o })
	return s.view, err
}

func (e envelopes) Grab(_ context.Context, user string, _ int64) (envelope.Grabbed, error) {
	_, err := e.asked(user, nil)
	return envelope.Grabbed{Outcome: envelope.Empty, Currency: "CNY"}, err
}

func (e envelopes) Get(_ context.Context, user string, _ int64) (envelope.View, error) {
	s, err := e.asked(user, nil)
	return s.view, err
}

func (e envelopes) ListSent(_ context.Context, user string, before int64, limit int) ([]envelope.SentLine, error) {
	s, err := e.asked(user, func(s *state) { s.before, s.limit = before, limit })
	return s.sent[:min(limit, len(s.sent))], err
}

func (e envelopes) ListReceived(_ context.Context, user string, _ int64, _ int) ([]ledger.Credit, error) {
	_, err := e.asked(user, nil)
	return nil, err
}

type wallets struct{ *domain }

func (w wallets) Balances(_ context.Context, user string) ([]ledger.Amount, error) {
	_, err := w.asked(user, nil)
	return []ledger.Amount{{Minor: 1234, Currency: "CNY"}}, err
}

func (w wallets) EntriesBetween(_ context.Context, user, _ string, before int64, limit int, from, to time.Time) ([]ledger.Entry, int64, error) {
	_, err := w.asked(user, func(s *state) { s.before, s.limit, s.from, s.to = before, limit, from, to })
	at := time.UnixMilli(1_700_000_000_000)
	return []ledger.Entry{
		{Seq: 3, Minor: -5, Balance: 5, Kind: ledger.EntryHold, Subject: envelope.Subject, Reference: 1 << 62, At: at},
		{Seq: 2, Minor: 10, Balance: 10, Kind: ledger.EntryTopUp, Subject: wallet.Subject, Reference: 7, At: at},
	}, 2, err
}

func (w wallets) TopUp(_ context.Context, user, requestID string, minor int64, currency string) (wallet.FundingOrder, error) {
	a, err := ledger.NewAmount(minor, currency)
	if err == nil {
		err = refusal.CheckRequestID(requestID)
	}
	if err != nil {
		return wallet.FundingOrder{}, err
	}
	_, err = w.asked(user, nil)
	return wallet.FundingOrder{ID: 1<<60 + 1, Amount: a, State: wallet.FundingSettled, Balance: minor}, err
}

func (w wallets) Withdraw(ctx context.Context, user, requestID string, minor int64, currency string) (wallet.FundingOrder, error) {
	return w.TopUp(ctx, user, requestID, minor, currency)
}

// Callback answers whatever is signed with "good".
func (w wallets) Callback(
	_ context.Context, id, timestamp, signatures string, body []byte,
) (wallet.FundingOrder, error) {
	_, err := w.asked("", func(s *state) { s.callback = []string{id, timestamp, signatures, string(body)} })
	if err == nil && signatures != "good" {
		err = refusal.New(wallet.CodeSignatureInvalid, "no signature of the callback matches")
	}
	return wallet.FundingOrder{ID: 1<<60 + 1, State: wallet.FundingSettled}, err
}

type groups struct{ *domain }

func (g groups) Create(_ context.Context, id string, members []string) error {
	_, err := g.asked("", func(s *state) { s.groups[id] = members })
	return err
}

func (g groups) Add(_ context.Context, id, user string) error {
	_, err := g.asked("", func(s *state) { s.groups[id] = append(slices.Clone(s.groups[id]), user) })
	return err
}

func (g groups) Remove(context.Context, string, string) error {
	_, err := g.asked("", nil)
	return err
}

func (g groups) Members(_ context.Context, id string) ([]string, error) {
	if err := refusal.CheckID("group_id", id); err != nil {
		return nil, err
	}
	var members []string
	var ok bool
	if _, err := g.asked("", func(s *state) { members, ok = s.groups[id] }); err != nil {
		return nil, err
	}
	if !ok {
		return nil, group.ErrNotFound
	}
	return members, nil
}

func (g groups) GroupsOf(_ context.Context, user string) ([]string, error) {
	_, err := g.asked(user, nil)
	return nil, err
}

// logBuffer is where a test's log goes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a Kitex server and a gateway before it, both on loopback.
type rig struct {
	*domain
	url     string // of the gateway
	rpc     string // host:port
	issuer  *Issuer
	log     *logBuffer
	metrics *prometheus.Registry
	gateway *Gateway
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newDomain() *domain {
	return &domain{state: state{groups: map[string][]string{"g": {"alice", "bob"}, "strangers": {"bob"}}}}
}

func newRig(t testing.TB, change func(*ServerConfig, *GatewayConfig)) *rig {
	t.Helper()
	r := &rig{domain: newDomain(), issuer: NewIssuer(newKey(t), time.Now), log: &logBuffer{}, metrics: prometheus.NewRegistry()}
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	verifier := newVerifier(t, time.Now, r.issuer.PublicKey())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.rpc = listener.Addr().String()
	sc := ServerConfig{
		Listener: listener, Wallet: &Wallet{Domain: wallets{r.domain}, Callbacks: wallets{r.domain}},
		Group:    &Group{groups{r.domain}},
		Envelope: &Envelope{envelopes{r.domain}}, Transfer: &Transfer{transfers{r.domain}}, Collection: &Collection{collections{r.domain}},
		Operator: NewOperator(operators{r.domain}), Verifier: verifier, Log: log, Metrics: r.metrics,
	}
	gc := GatewayConfig{Verifier: verifier, Log: log, Metrics: r.metrics, Gatherer: r.metrics}
	if change != nil {
		change(&sc, &gc)
	}
	gc.RPC = hongbao.KitexOptions(hongbao.DefaultTimeout, r.rpc)
	server, err := NewServer(sc)
	if err != nil {
		t.Fatal(err)
	}
	r.serve(t, server)
	if r.gateway, err = NewGateway(gc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewUnstartedServer(nil)
	web.Config, web.Listener = r.gateway.HTTPServer(), r.gateway.Listener(web.Listener)
	web.Start()
	t.Cleanup(web.Close)
	r.url = web.URL
	return r
}

// serve runs the server until the test ends.
func (r *rig) serve(t testing.TB, s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) token(t testing.TB, subject string, scopes ...Scope) string {
	t.Helper()
	token, err := r.issuer.Issue(subject, scopes, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// answer is what came back over HTTP.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) code() string { s, _ := a.body["code"].(string); return s }

// do sends a request; header is "Name: value" lines that are added to the usual ones, "-Name" removes one.
func (r *rig) do(t testing.TB, verb, path, token, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		if name, removed := strings.CutPrefix(h, "-"); removed {
			request.Header.Del(name)
			continue
		}
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Add(name, value)
	}
	return send(t, request)
}

func send(t testing.TB, request *http.Request) answer {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(data)}
	if len(data) > 0 && strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(data, &a.body); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return a
}

// bindingOf is the generated service of a method.
func bindingOf(m *method) *serviceinfo.ServiceInfo {
	for _, info := range bindings() {
		if info.ServiceName == m.service {
			return info
		}
	}
	return nil
}

func sentLine(v envelope.View) envelope.SentLine { return envelope.SentLine{Envelope: v.Envelope} }
