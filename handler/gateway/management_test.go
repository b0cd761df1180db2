package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
)

// Operators reach their methods at the management port alone, and others nothing more than before.
func TestOperatorsAtTheManagementPort(t *testing.T) {
	h := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.Managed, g.OperatorsManaged = true, true
	})
	inside := httptest.NewServer(h.Gateway.Management())
	t.Cleanup(inside.Close)
	operator, user := h.Token(t, "ops", auth.ScopeOperator), h.Token(t, "alice", auth.ScopeUser)
	both := h.Token(t, "carol", auth.ScopeOperator, auth.ScopeUser)
	for _, c := range []struct {
		base, path, token string
		status            int
	}{
		{h.URL, "/v1/operator/installation", operator, 403},
		{h.URL, "/v1/operator/installation", both, 403},
		{h.URL, "/v1/operator/installation", user, 403},
		{h.URL, "/v1/wallet", user, 200},
		{h.URL, "/v1/wallet", both, 200},
		{h.URL, "/metrics", "", 404},
		{h.URL, "/healthz", "", 200},
		{inside.URL, "/v1/operator/installation", operator, 200},
		{inside.URL, "/v1/operator/installation", user, 403},
		{inside.URL, "/v1/operator/installation", "", 401},
		{inside.URL, "/v1/wallet", user, 200},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.token != "" {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%+v: %d", c, response.StatusCode)
		}
	}
}

// Every answer has the headers that keep a page to itself; HSTS has one that came by TLS.
func TestSecurityHeaders(t *testing.T) {
	h := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for _, path := range []string{"/healthz", "/v1/wallet", "/nothing"} {
		a := h.Do(t, "GET", path, "", "")
		for _, name := range []string{"Permissions-Policy", "Cross-Origin-Opener-Policy",
			"Cross-Origin-Resource-Policy",
			"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if a.Header.Get(name) == "" {
				t.Errorf("%s has no %s", path, name)
			}
		}
		if a.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS without TLS", path)
		}
		a = h.Do(t, "GET", path, "", "", "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9")
		if a.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
			t.Errorf("%s: no HSTS behind a proxy with TLS", path)
		}
	}
	plain := handlertest.New(t, nil)
	if a := plain.Do(t, "GET", "/healthz", "", "", "X-Forwarded-Proto: https"); a.Header.Get(
		"Strict-Transport-Security") != "" {
		t.Error("HSTS because somebody says so who is no proxy of ours")
	}
}
