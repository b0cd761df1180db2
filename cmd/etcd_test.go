package cmd

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/discovery"
	"github.com/hongbao/hongbao/internal/discovery/etcdtest"
)

// A gateway calls the rpcs that announce themselves in etcd, goes on when etcd is lost, and comes to those that are
// announced when it is back.
func TestAGatewayFindsItsServersInEtcd(t *testing.T) {
	e := etcdtest.Start(t)
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "bob")
	issuer, err := makePrivateKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenRules{MaxTokenLife: time.Hour}.tokens(s, auth.NewKeyring(issuer.PublicKey()), auth.Keyring{})
	if err != nil {
		t.Fatal(err)
	}
	registry, _, err := etcdFlags{Etcd: []string{e.Endpoint()}, EtcdPrefix: "test/"}.open(console{log: apptest.Quiet()},
		nil)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	serve := func() (address string, stop func()) {
		t.Helper()
		rpc, at, err := listenRPC(s, rpcOptions{address: "127.0.0.1:0", tokens: tokens,
			merchants: merchantRules{MerchantCalls: 100}, metrics: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		stop = apptest.Start(t, func(ctx context.Context) {
			_ = announced(registry, at.String(), 0, rpc.Run)(ctx)
		})
		t.Cleanup(stop)
		return at.String(), stop
	}
	found := registry.Find(rpcService)
	t.Cleanup(apptest.Start(t, found.Follow))
	knows := func(want ...string) {
		t.Helper()
		slices.Sort(want)
		apptest.Until(t, "the gateway knows "+strings.Join(want, " and "), func() bool {
			all, err := found.Addresses(t.Context())
			return err == nil && slices.Equal(all, want)
		})
	}
	first, stopFirst := serve()
	knows(first)
	start := func(found *discovery.Found) *webServer {
		t.Helper()
		web, err := listenHTTP(s, gatewayOptions{address: "127.0.0.1:0", found: found, tokens: tokens,
			metrics: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(apptest.Start(t, func(ctx context.Context) { _ = web.run(ctx) }))
		return web
	}
	web := start(found)
	ready := func(web *webServer) (status int, said string) {
		t.Helper()
		answer, err := http.Get("http://" + web.listener.Addr().String() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	token, err := issuer.Issue("bob", []auth.Scope{auth.ScopeUser}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	works := func() bool {
		r, err := http.NewRequestWithContext(t.Context(), "GET",
			"http://"+web.listener.Addr().String()+"/v1/wallet", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	if !works() {
		t.Fatal("a call to the server that etcd names fails")
	}
	e.Kill()
	for range 100 {
		if !works() {
			t.Fatal("a call fails while etcd is lost")
		}
	}
	if status, said := ready(web); status != http.StatusOK || !strings.Contains(said, `"rpc":"ok"`) {
		t.Errorf("a gateway that knows servers while etcd is lost: %d %s", status, said)
	}
	knowsNobody := start(registry.Find(rpcService))
	if status, said := ready(knowsNobody); status != http.StatusServiceUnavailable ||
		!strings.Contains(said, `"rpc":"failing"`) {
		t.Errorf("a gateway that starts while etcd is lost: %d %s", status, said)
	}
	second, _ := serve()
	e.Restart()
	knows(first, second)
	stopFirst()
	knows(second)
	apptest.Until(t, "calls go to the second server", works)
}

// What cannot work is refused at the start.
func TestEtcdFlags(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		wants string
	}{
		{"no URL", etcdFlags{Etcd: []string{"etcd:2379"}}.check(), "malformed"},
		{"a certificate alone", etcdFlags{EtcdCertificate: "cert.pem"}.check(), "--etcd-ca"},
		{"everywhere", rpcCmd{etcdFlags: etcdFlags{Etcd: []string{"http://etcd:2379"}},
			Address: "0.0.0.0:8888"}.checkAnnounce(), "--announce"},
		{"no port", rpcCmd{etcdFlags: etcdFlags{Etcd: []string{"http://etcd:2379"}}, Address: "0.0.0.0:8888",
			Announce: "rpc-0"}.checkAnnounce(), "rpc-0"},
		{"without etcd", rpcCmd{Announce: "rpc-0:8888"}.checkAnnounce(), "--etcd"},
		{"named", rpcCmd{etcdFlags: etcdFlags{Etcd: []string{"http://etcd:2379"}}, Address: "0.0.0.0:8888",
			Announce: "rpc-0:8888"}.checkAnnounce(), ""},
		{"its own", rpcCmd{etcdFlags: etcdFlags{Etcd: []string{"http://etcd:2379"}},
			Address: "10.0.0.1:8888"}.checkAnnounce(), ""},
	} {
		switch {
		case c.wants == "" && c.err != nil:
			t.Errorf("%s: %v", c.name, c.err)
		case c.wants != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.wants)):
			t.Errorf("%s: %v, want something of %s", c.name, c.err, c.wants)
		}
	}
}
