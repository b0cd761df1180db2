package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
)

// The token of a WebSocket may be in the query, but nothing behind the gateway's door sees it there.
func TestWebSocketTokenIsHidden(t *testing.T) {
	var seen []string
	r := handlertest.New(t, func(s *handler.ServerConfig, g *gateway.Config) {
		g.WebSocket = gateway.Authenticated(s.Verifier, g.Log,
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				caller, _ := auth.CallerFrom(r.Context())
				seen = append(seen, caller.Subject, r.URL.String(), r.RequestURI)
				if _, ok := w.(http.Hijacker); !ok {
					panic("the connection cannot be taken over")
				}
			}), auth.ScopeUser)
	})
	token := r.Token(t, "alice", auth.ScopeUser)
	if a := r.Do(t, "GET", "/ws?since=3&token="+token, "", ""); a.Status != 200 {
		t.Fatalf("by query: %d %s", a.Status, a.Text)
	}
	if want := []string{"alice", "/ws?since=3", "/ws?since=3"}; !slices.Equal(seen, want) {
		t.Errorf("behind the door: %q", seen)
	}
	if a := r.Do(t, "GET", "/ws", token, ""); a.Status != 200 {
		t.Errorf("by header: %d %s", a.Status, a.Text)
	}
	wrong := r.Token(t, "alice", auth.ScopeService)
	for path, code := range map[string]string{"/ws": problem.CodeUnauthenticated,
		"/ws?token=x": problem.CodeUnauthenticated, "/ws?token=" + wrong: problem.CodeForbidden} {
		if a := r.Do(t, "GET", path, "", ""); a.Code() != code {
			t.Errorf("%s: %d %s", path, a.Status, a.Text)
		}
	}
	for _, secret := range []string{token, wrong, "token="} {
		if strings.Contains(r.Log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}
