package cmd

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/certs"
	"github.com/hongbao/hongbao/internal/certs/certstest"
)

// The API and the live feed over TLS, before and after the certificate is replaced: connections that are open go on,
// new ones get the new certificate, and whatever is not TLS 1.2 or later gets nothing.
func TestHTTPOverTLS(t *testing.T) {
	s := newServer(t, nil)
	authority := certstest.New(t)
	files := authority.Files(time.Now().Add(time.Hour))
	source, err := certs.Open(certs.Files{Certificate: files.Certificate, Key: files.Key}, s.Config().Log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	metrics := prometheus.NewRegistry()
	web, err := listenHTTP(s.App, gatewayOptions{address: "127.0.0.1:0", rpc: []string{s.rpc}, tokens: s.tokens,
		metrics: metrics, secured: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(apptest.Start(t, func(ctx context.Context) {
		if err := web.run(ctx); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(apptest.Start(t, func(ctx context.Context) { source.Run(ctx) }))
	address := web.listener.Addr().String()
	token := apptest.Must(s.issuer.Issue("alice", []auth.Scope{auth.ScopeUser}, time.Hour))
	trusting := apptest.Must(certs.Open(certs.Files{Authorities: files.Authorities}, s.Config().Log, time.Now)).Client()
	get := func(c *http.Client) (*http.Response, error) {
		request := apptest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/v1/wallet",
			nil))
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := c.Do(request)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		return response, response.Body.Close()
	}
	fresh := func(change func(*tls.Config)) *http.Client {
		config := trusting.Clone()
		if change != nil {
			change(config)
		}
		transport := &http.Transport{TLSClientConfig: config}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	open := fresh(nil)
	expires := func(c *http.Client) time.Time {
		t.Helper()
		response, err := get(c)
		if err != nil || response.StatusCode != http.StatusOK ||
			response.Header.Get("Strict-Transport-Security") == "" {
			t.Fatalf("%+v, %v", response, err)
		}
		return response.TLS.PeerCertificates[0].NotAfter
	}
	before := expires(open)
	dialer := websocket.Dialer{TLSClientConfig: trusting}
	socket, _, err := dialer.DialContext(t.Context(), "wss://"+address+"/ws?token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()

	for name, client := range map[string]*http.Client{
		"TLS 1.1": fresh(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}),
		"another authority": fresh(func(c *tls.Config) { c.RootCAs = nil }),
		"another name":      fresh(func(c *tls.Config) { c.ServerName = "bank.example" }),
	} {
		if response, err := get(client); err == nil {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
	plain := apptest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/wallet", nil))
	plain.Header.Set("Authorization", "Bearer "+token)
	if response, err := http.DefaultClient.Do(plain); err == nil {
		_ = response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS: %d", response.StatusCode)
		}
	}

	authority.Renew(files, time.Now().Add(2*time.Hour))
	apptest.Until(t, "a new connection gets the new certificate", func() bool {
		return !expires(fresh(nil)).Equal(before)
	})
	if !expires(open).Equal(before) {
		t.Error("a connection that was open was not used again")
	}
	if err := socket.WriteMessage(websocket.TextMessage, []byte(`{"op":"ping"}`)); err != nil {
		t.Error(err)
	}
	if _, message, err := socket.ReadMessage(); err != nil || len(message) == 0 {
		t.Errorf("the live feed after the renewal: %s, %v", message, err)
	}
}
