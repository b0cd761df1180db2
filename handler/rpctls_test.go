package handler_test

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	kitex "github.com/cloudwego/kitex/client"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/certs"
	"github.com/hongbao/hongbao/internal/certs/certstest"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

// Calls of a gateway and of a client arrive over mutual TLS, one after the other and many at once; what shows no
// certificate, does not speak TLS, or sends garbage behind the handshake, is cut off, and no error is logged.
func TestCallsOverMutualTLS(t *testing.T) {
	authority := certstest.New(t)
	source, err := certs.Open(authority.Files(time.Now().Add(time.Hour)), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	secured := hongbao.TLSOptions(source.Client)
	h := handlertest.New(t, func(c *handler.ServerConfig, g *gateway.Config) {
		c.TLS, g.RPC = source.Server(), secured
	})
	token := h.Token(t, "alice", auth.ScopeUser)
	for range 3 {
		if a := h.Do(t, "GET", "/v1/wallet", token, ""); a.Status != 200 {
			t.Fatalf("through a gateway: %d %s", a.Status, a.Text)
		}
	}
	ctx := hongbao.ContextWithToken(t.Context(), token)
	c := walletClient(t, h, secured...)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				if _, err := c.Balances(ctx, &walletapi.BalancesRequest{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	_, err = c.TopUp(ctx, &walletapi.FundingRequest{RequestId: strings.Repeat("x", 200_000), Amount: 1})
	if p, _ := problem.FromClient(err); err == nil || p.Code == problem.CodeInternal {
		t.Errorf("a call that is too large: %v", err)
	}
	if _, err := c.Balances(ctx, &walletapi.BalancesRequest{}); err != nil {
		t.Errorf("after a call that was too large: %v", err)
	}

	bare := func() *tls.Config { c := source.Client(); c.Certificates = nil; return c }
	for name, options := range map[string][]kitex.Option{
		"no certificate": hongbao.TLSOptions(bare), "no TLS": nil,
		"no authority": hongbao.TLSOptions(func() *tls.Config { return new(tls.Config) }),
	} {
		if _, err := walletClient(t, h, options...).Balances(ctx, &walletapi.BalancesRequest{}); err == nil {
			t.Errorf("%s: a call was answered", name)
		}
	}
	config := source.Client()
	config.ServerName = "localhost"
	raw, err := tls.Dial("tcp", h.RPC, config)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := raw.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Errorf("garbage was answered: %v", err)
	}
	if log := h.Log.String(); strings.Contains(log, `"ERROR"`) {
		t.Errorf("logged: %s", log)
	}
}

// TestServerStopsThoughClientsStay ends a server over TLS beside a connection that its client keeps open. The
// harness reports what Run returns.
func TestServerStopsThoughClientsStay(t *testing.T) {
	authority := certstest.New(t)
	source, err := certs.Open(authority.Files(time.Now().Add(time.Hour)), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	config := source.Client()
	config.ServerName = "localhost"
	var idle *tls.Conn
	t.Cleanup(func() { _ = idle.Close() }) // after the server has stopped
	h := handlertest.New(t, func(c *handler.ServerConfig, g *gateway.Config) {
		c.TLS, g.RPC = source.Server(), hongbao.TLSOptions(source.Client)
	})
	if idle, err = tls.Dial("tcp", h.RPC, config); err != nil {
		t.Fatal(err)
	}
	if a := h.Do(t, "GET", "/v1/wallet", h.Token(t, "alice", auth.ScopeUser), ""); a.Status != 200 {
		t.Fatalf("through a gateway: %d %s", a.Status, a.Text)
	}
}
