package handler

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestHealthAndReadiness(t *testing.T) {
	failing := errors.New("dial tcp db7:3306: refused")
	var found error
	r := newRig(t, func(_ *ServerConfig, g *GatewayConfig) {
		g.Ready = map[string]func(context.Context) error{
			"mysql": func(context.Context) error { return found },
			"redis": func(context.Context) error { return nil },
		}
	})
	if a := r.do(t, "GET", "/healthz", "", ""); a.status != 200 || a.body["status"] != "ok" {
		t.Errorf("healthz: %d %s", a.status, a.text)
	}
	if a := r.do(t, "GET", "/readyz", "", ""); a.status != 200 || strings.TrimSpace(a.text) != `{"ready":true,"checks":{"mysql":"ok","redis":"ok"}}` {
		t.Errorf("readyz: %d %s", a.status, a.text)
	}
	found = failing
	a := r.do(t, "GET", "/readyz", "", "")
	if a.status != 503 || strings.TrimSpace(a.text) != `{"ready":false,"checks":{"mysql":"failing","redis":"ok"}}` {
		t.Errorf("readyz: %d %s", a.status, a.text)
	}
	if !strings.Contains(r.log.String(), "db7") {
		t.Error("the log does not say why")
	}
	if a := r.do(t, "POST", "/readyz", "", "{}"); a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %s", a.status, a.text)
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t, nil)
	user := r.token(t, "alice", ScopeUser)
	r.do(t, "GET", "/v1/wallet", user, "")
	r.do(t, "GET", "/v1/wallet", r.token(t, "alice", ScopeService), "")
	r.do(t, "GET", "/v1/envelopes/x", user, "")
	r.do(t, "GET", "/v1/no-such-thing", user, "")
	text := r.do(t, "GET", "/metrics", "", "").text
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

// The token of a WebSocket may be in the query, but nothing behind the gateway's door sees it there.
func TestWebSocketTokenIsHidden(t *testing.T) {
	var seen []string
	r := newRig(t, func(s *ServerConfig, g *GatewayConfig) {
		g.WebSocket = Authenticated(s.Verifier, g.Log, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, _ := CallerFrom(r.Context())
			seen = append(seen, caller.Subject, r.URL.String(), r.RequestURI)
			if _, ok := w.(http.Hijacker); !ok {
				panic("the connection cannot be taken over")
			}
		}), ScopeUser)
	})
	token := r.token(t, "alice", ScopeUser)
	if a := r.do(t, "GET", "/ws?since=3&token="+token, "", ""); a.status != 200 {
		t.Fatalf("by query: %d %s", a.status, a.text)
	}
	if want := []string{"alice", "/ws?since=3", "/ws?since=3"}; !slices.Equal(seen, want) {
		t.Errorf("behind the door: %q", seen)
	}
	if a := r.do(t, "GET", "/ws", token, ""); a.status != 200 {
		t.Errorf("by header: %d %s", a.status, a.text)
	}
	wrong := r.token(t, "alice", ScopeService)
	for path, code := range map[string]string{"/ws": CodeUnauthenticated, "/ws?token=x": CodeUnauthenticated, "/ws?token=" + wrong: CodeForbidden} {
		if a := r.do(t, "GET", path, "", ""); a.code() != code {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	for _, secret := range []string{token, wrong, "token="} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestPage(t *testing.T) {
	r := newRig(t, func(_ *ServerConfig, g *GatewayConfig) {
		g.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				panic("not a page")
			}
		})
	})
	a := r.do(t, "GET", "/", "", "")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:;", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if a.status != 200 || !strings.HasPrefix(a.header.Get(name), want) {
			t.Errorf("%d, %s is %q", a.status, name, a.header.Get(name))
		}
	}
	if a := r.do(t, "GET", "/broken", "", ""); a.status != 500 || a.code() != CodeInternal || strings.Contains(a.text, "not a page") {
		t.Errorf("a panic: %d %s", a.status, a.text)
	}
	if a := r.do(t, "GET", "/v1/nothing", "", ""); a.status != 404 || a.code() != CodeNotFound {
		t.Errorf("under /v1/: %d %s", a.status, a.text)
	}
	if a := r.do(t, "HEAD", "/v1/wallet", r.token(t, "alice", ScopeUser), ""); a.status != 200 || a.text != "" {
		t.Errorf("HEAD: %d %q", a.status, a.text)
	}
}

func TestServeMuxCannotBeTalkedIntoARedirect(t *testing.T) {
	g := &Gateway{mux: http.NewServeMux(), log: slog.New(slog.DiscardHandler), seconds: httpSeconds()}
	g.mux.Handle("/v1/", http.HandlerFunc(g.nothingHere))
	for _, path := range []string{"//v1/x", "/v1//x", "/v1/./x", "/v1/../v1/x", "/v1/x/..", "/v1/%2e%2e/x"} {
		w := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "http://h"+path, nil)
		g.ServeHTTP(w, request)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Location"))
		}
	}
}
