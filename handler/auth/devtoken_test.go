package auth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
)

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
		request := httptest.NewRequest(http.MethodPost, "/v1/dev/tokens", nil)
		request.RemoteAddr, request.Host = l.peer, l.host
		if name, value, ok := strings.Cut(l.header, ": "); ok {
			request.Header.Set(name, value)
		}
		if got := limited.Serves(request); got != l.served || !toAnyone.Serves(request) || none.Serves(request) {
			t.Errorf("%+v: served is %t", l, got)
		}
		err := limited.Admit(request)
		if (err == nil) != l.served || err != nil && refusal.CodeOf(err) != problem.CodeForbidden {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
