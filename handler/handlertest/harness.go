// Package handlertest runs a Kitex server and a gateway over a domain that a test controls, for the tests of the edge.
package handlertest

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
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/merchant"
)

// LogBuffer is where a test's log goes.
type LogBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *LogBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Harness is a Kitex server and a gateway before it, both on loopback, over a Domain.
type Harness struct {
	*Domain
	URL     string // of the gateway
	RPC     string // host:port
	Issuer  *auth.Issuer
	Own     *auth.Issuer // of tokens for merchants' servers
	Log     *LogBuffer
	Metrics *prometheus.Registry
	Gateway *gateway.Gateway
}

// StandingClock is a clock that stands still: what is used of a limit by it stays used, however slow the machine is.
func StandingClock() func() time.Time {
	at := time.Now()
	return func() time.Time { return at }
}

// NewKey makes a key to sign tokens with.
func NewKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// NewVerifier makes a verifier of tokens by the keys, of which none is revoked.
func NewVerifier(t testing.TB, keys ...ed25519.PublicKey) *auth.Verifier {
	t.Helper()
	v, err := auth.NewVerifier(auth.VerifierConfig{
		Keys: auth.NewKeyring(keys...), Life: auth.DefaultTokenLife, Revoked: func(string) bool { return false },
		Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newDomain() *Domain {
	return &Domain{state: State{Groups: map[string][]string{"g": {"alice", "bob"}, "strangers": {"bob"}}}}
}

// New starts a Harness, which ends with the test, with what change makes of its parts.
func New(t testing.TB, change func(*handler.ServerConfig, *gateway.Config)) *Harness {
	t.Helper()
	h := &Harness{
		Domain: newDomain(), Issuer: auth.NewIssuer(NewKey(t), time.Now), Own: auth.NewIssuer(NewKey(t), time.Now),
		Log:     &LogBuffer{},
		Metrics: prometheus.NewRegistry(),
	}
	log := slog.New(slog.NewJSONHandler(h.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	verifier, err := auth.NewVerifier(auth.VerifierConfig{
		Keys: auth.NewKeyring(
			h.Issuer.PublicKey(),
		), Own: auth.NewKeyring(h.Own.PublicKey()), Life: auth.DefaultTokenLife,
		Revoked: func(string) bool { return false }, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.RPC = listener.Addr().String()
	sc := handler.ServerConfig{
		Listener: listener, Wallet: &handler.Wallet{Domain: Wallets{h.Domain}, Callbacks: Wallets{h.Domain}},
		Group:      &handler.Group{Domain: groups{h.Domain}},
		Envelope:   &handler.Envelope{Domain: envelopes{h.Domain}, Tokens: verifier, Log: log},
		Transfer:   &handler.Transfer{Domain: transfers{h.Domain}},
		Collection: &handler.Collection{Domain: collections{h.Domain}},
		Chat:       &handler.Chat{Domain: chats{h.Domain}, Limits: Limits{h.Domain}, Log: log},
		Merchant: &handler.Merchant{
			Domain: merchants{h.Domain}, Wallets: Wallets{h.Domain}, Tokens: h.Own, Limits: Limits{h.Domain},
		},
		Webhook:  &handler.Webhook{Domain: webhooks{h.Domain}, Owners: merchants{h.Domain}},
		Cover:    &handler.Cover{Domain: covers{h.Domain}},
		Stock:    &handler.Stock{Domain: pieces{h.Domain}},
		Limits:   Limits{h.Domain},
		Operator: handler.NewOperator(Operators{h.Domain}), Verifier: verifier, Log: log, Metrics: h.Metrics,
	}
	gc := gateway.Config{Verifier: verifier, Log: log, Metrics: h.Metrics, Gatherer: h.Metrics}
	if change != nil {
		change(&sc, &gc)
	}
	gc.RPC = append(client.KitexOptions(client.DefaultTimeout, h.RPC), gc.RPC...)
	server, err := handler.NewServer(sc)
	if err != nil {
		t.Fatal(err)
	}
	h.serve(t, server)
	if h.Gateway, err = gateway.New(gc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewUnstartedServer(nil)
	web.Config, web.Listener = h.Gateway.HTTPServer(), h.Gateway.Listener(web.Listener)
	web.Start()
	t.Cleanup(web.Close)
	h.URL = web.URL
	return h
}

// serve runs the server until the test ends.
func (h *Harness) serve(t testing.TB, s *handler.Server) {
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

// Token issues a token of an hour.
func (h *Harness) Token(t testing.TB, subject string, scopes ...auth.Scope) string {
	t.Helper()
	token, err := h.Issuer.Issue(subject, scopes, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// SessionToken is a token of a merchant's server that may call from some networks alone; from anywhere without any.
func (h *Harness) SessionToken(t testing.TB, allowed ...netip.Prefix) string {
	t.Helper()
	token, err := h.Own.IssueSession(merchant.Session{
		Merchant: 1, Key: 2, Mode: merchant.Test, Permissions: merchant.Permissions(), Allowed: allowed,
	}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Answer is what came back over HTTP.
type Answer struct {
	Status int
	Header http.Header
	Text   string
	Body   map[string]any // where it is JSON
}

// Code is the code of a problem document.
func (a Answer) Code() string { s, _ := a.Body["code"].(string); return s }

// Do sends a request; header is "Name: value" lines that are added to the usual ones, "-Name" removes one.
func (h *Harness) Do(t testing.TB, verb, path, token, body string, header ...string) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		if name, removed := strings.CutPrefix(line, "-"); removed {
			request.Header.Del(name)
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	return send(t, request)
}

func send(t testing.TB, request *http.Request) Answer {
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
	a := Answer{Status: response.StatusCode, Header: response.Header, Text: string(data)}
	if len(data) > 0 && strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(data, &a.Body); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return a
}

// CheckProblem checks what RFC 9457 asks of every error.
func CheckProblem(t testing.TB, a Answer) {
	t.Helper()
	if a.Header.Get("Content-Type") != "application/problem+json" || a.Body["status"] != float64(a.Status) ||
		a.Body["title"] == "" || a.Body["type"] != "urn:hongbao:problem:"+a.Code() ||
		a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("not a problem document: %v %s", a.Header, a.Text)
	}
	if a.Status == http.StatusMethodNotAllowed && a.Header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
	if a.Status == http.StatusUnauthorized && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Error("401 without WWW-Authenticate")
	}
	if a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}
