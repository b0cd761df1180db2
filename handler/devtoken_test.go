package handler

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

func TestDevTokens(t *testing.T) {
	r := newRig(t, nil)
	withTokens := newRig(t, func(_ *ServerConfig, g *GatewayConfig) {
		g.DevTokens = &DevTokens{Issuer: r.issuer, Life: DefaultTokenLife}
	})
	a := withTokens.do(t, "POST", "/v1/dev/tokens", "", `{"user_id":"alice","scopes":["user","service"]}`)
	token, _ := a.body["token"].(string)
	if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	if b := r.do(t, "GET", "/v1/wallet", token, ""); b.status != http.StatusOK {
		t.Errorf("the token is not good: %d %s", b.status, b.text)
	}
	if strings.Contains(withTokens.log.String(), token) {
		t.Error("the token is in the log")
	}
	for _, bad := range []string{
		``, `{}`, `{"user_id":"a b","scopes":["user"]}`, `{"user_id":"a","scopes":[]}`, `{"user_id":"a","scopes":["root"]}`,
		`{"user_id":"a","scopes":["user","operator"]}`,
		`{"user_id":"a","scopes":["user"],"x":1}`,
	} {
		a := withTokens.do(t, "POST", "/v1/dev/tokens", "", bad, "-Content-Type", "Content-Type: application/json")
		if a.status != 400 {
			t.Errorf("%s: %d %s", bad, a.status, a.text)
		}
	}
	if a := withTokens.do(t, "GET", "/v1/dev/tokens", "", ""); a.status != 405 || a.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", a.status, a.header)
	}
}

// Development tokens are for this machine: both ends of the connection, the Host and the page that asks are of it.
func TestDevTokensAreForThisMachine(t *testing.T) {
	type line struct {
		peer, host string
		header     string // "Name: value", or empty
		served     bool
	}
	lines := []line{
		{"127.0.0.1:5000", "localhost:8080", "", true},
		{"127.0.0.1:5000", "LOCALHOST", "", true},
		{"127.8.8.8:5000", "127.0.0.1:8080", "", true},
		{"[::1]:5000", "[::1]:8080", "", true},
		{"[::1]:5000", "[::1]", "", true},
		{"[::ffff:127.0.0.1]:5000", "app.localhost:8080", "", true},
		{"127.0.0.1:5000", "127.0.0.1:8080", "Origin: http://127.0.0.1:8080", true},

		{"10.0.0.9:5000", "localhost:8080", "", false},
		{"[2001:db8::1]:5000", "[::1]:8080", "", false},
		{"not an address", "localhost", "", false},
		{"127.0.0.1:5000", "rebound.example.org:8080", "", false},
		{"127.0.0.1:5000", "localhost.example.org", "", false},
		{"127.0.0.1:5000", "notlocalhost", "", false},
		{"127.0.0.1:5000", "127.0.0.1.example.org", "", false},
		{"127.0.0.1:5000", "10.0.0.1:8080", "", false},
		{"127.0.0.1:5000", "0.0.0.0:8080", "", false},
		{"127.0.0.1:5000", "", "", false},
		{"127.0.0.1:5000", "localhost:8080", "Origin: http://evil.example.org", false},
		{"127.0.0.1:5000", "localhost:8080", "Origin: http://localhost:3000", false},
		{"127.0.0.1:5000", "localhost:8080", "Origin: null", false},
		{"127.0.0.1:5000", "localhost:8080", "Origin: ", false},
		{"127.0.0.1:5000", "localhost:8080", "X-Forwarded-For: 203.0.113.7", false},
		{"127.0.0.1:5000", "localhost:8080", "Forwarded: for=203.0.113.7", false},
		{"127.0.0.1:5000", "localhost:8080", "Via: 1.1 proxy", false},
	}
	limited := &DevTokens{Issuer: NewIssuer(newKey(t), time.Now), Life: time.Hour}
	toAnyone := &DevTokens{Issuer: limited.Issuer, Life: time.Hour, ToAnyone: true}
	var none *DevTokens
	for _, l := range lines {
		body := strings.NewReader(`{"user_id":"alice","scopes":["user"]}`)
		request := httptest.NewRequest(http.MethodPost, devTokenPath, body)
		request.RemoteAddr, request.Host = l.peer, l.host
		request.Header.Set("Content-Type", "application/json")
		if name, value, ok := strings.Cut(l.header, ": "); ok {
			request.Header.Set(name, value)
		}
		if got := limited.Serves(request); got != l.served || !toAnyone.Serves(request) || none.Serves(request) {
			t.Errorf("%+v: served is %t", l, got)
		}
		answer, err := limited.call(httptest.NewRecorder(), request)
		if (err == nil) != l.served || (answer != nil) != l.served || err != nil && refusal.CodeOf(err) != CodeForbidden {
			t.Errorf("%+v: answered %v, %v", l, answer, err)
		}
	}
}
