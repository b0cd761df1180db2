package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
)

func TestHealthAndReadiness(t *testing.T) {
	failing := errors.New("dial tcp db7:3306: refused")
	var found error
	r := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.Ready = map[string]func(context.Context) error{
			"mysql": func(context.Context) error { return found },
			"redis": func(context.Context) error { return nil },
		}
	})
	if a := r.Do(t, "GET", "/healthz", "", ""); a.Status != 200 || a.Body["status"] != "ok" {
		t.Errorf("healthz: %d %s", a.Status, a.Text)
	}
	if a := r.Do(t, "GET", "/readyz", "", ""); a.Status != 200 ||
		strings.TrimSpace(a.Text) != `{"ready":true,"checks":{"mysql":"ok","redis":"ok"}}` {
		t.Errorf("readyz: %d %s", a.Status, a.Text)
	}
	found = failing
	a := r.Do(t, "GET", "/readyz", "", "")
	if a.Status != 503 || strings.TrimSpace(a.Text) != `{"ready":false,"checks":{"mysql":"failing","redis":"ok"}}` {
		t.Errorf("readyz: %d %s", a.Status, a.Text)
	}
	if !strings.Contains(r.Log.String(), "db7") {
		t.Error("the log does not say why")
	}
	if a := r.Do(t, "POST", "/readyz", "", "{}"); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %s", a.Status, a.Text)
	}
}

func TestMetrics(t *testing.T) {
	r := handlertest.New(t, nil)
	user := r.Token(t, "alice", auth.ScopeUser)
	r.Do(t, "GET", "/v1/wallet", user, "")
	r.Do(t, "GET", "/v1/wallet", r.Token(t, "alice", auth.ScopeService), "")
	r.Do(t, "GET", "/v1/envelopes/x", user, "")
	r.Do(t, "GET", "/v1/no-such-thing", user, "")
	text := r.Do(t, "GET", "/metrics", "", "").Text
	for _, want := range []string{
		`hongbao_rpc_seconds_count{code="ok",method="WalletService.Balances"} 1`,
		`hongbao_rpc_seconds_count{code="forbidden",method="WalletService.Balances"} 1`,
		`hongbao_http_seconds_count{code="ok",method="WalletService.Balances"} 1`,
		`hongbao_http_seconds_count{code="forbidden",method="WalletService.Balances"} 1`,
		`hongbao_http_seconds_count{code="invalid_argument",method="EnvelopeService.Get"} 1`,
		`hongbao_http_seconds_count{code="not_found",method="unrouted"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(text, "no-such-thing") {
		t.Error("a label comes from a client")
	}
}
