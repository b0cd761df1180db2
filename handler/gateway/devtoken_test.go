package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
)

func TestDevTokens(t *testing.T) {
	r := handlertest.New(t, nil)
	withTokens := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.DevTokens = &auth.DevTokens{Issuer: r.Issuer, Life: auth.DefaultTokenLife}
	})
	a := withTokens.Do(t, "POST", "/v1/dev/tokens", "", `{"user_id":"alice","scopes":["user","service"]}`)
	token, _ := a.Body["token"].(string)
	if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %s", a.Status, a.Text)
	}
	if b := r.Do(t, "GET", "/v1/wallet", token, ""); b.Status != http.StatusOK {
		t.Errorf("the token is not good: %d %s", b.Status, b.Text)
	}
	if strings.Contains(withTokens.Log.String(), token) {
		t.Error("the token is in the log")
	}
	for _, bad := range []string{
		``, `{}`, `{"user_id":"a b","scopes":["user"]}`, `{"user_id":"a","scopes":[]}`,
		`{"user_id":"a","scopes":["root"]}`,
		`{"user_id":"a","scopes":["user","operator"]}`,
		`{"user_id":"a","scopes":["user"],"x":1}`,
	} {
		a := withTokens.Do(t, "POST", "/v1/dev/tokens", "", bad, "-Content-Type", "Content-Type: application/json")
		if a.Status != 400 {
			t.Errorf("%s: %d %s", bad, a.Status, a.Text)
		}
	}
	if a := withTokens.Do(t, "GET", "/v1/dev/tokens", "", ""); a.Status != 405 || a.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", a.Status, a.Header)
	}
}

// A request from elsewhere is refused before its body is read.
func TestDevTokensFromElsewhere(t *testing.T) {
	r := handlertest.New(t, nil)
	limited := handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.DevTokens = &auth.DevTokens{Issuer: r.Issuer, Life: time.Hour}
	})
	request := httptest.NewRequest(http.MethodPost, "http://localhost/v1/dev/tokens", untouchable{t})
	request.RemoteAddr = "10.0.0.9:5000"
	w := httptest.NewRecorder()
	limited.Gateway.ServeHTTP(w, request)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), problem.CodeForbidden) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
