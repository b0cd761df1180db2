package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/push"
)

// TestGrabsOverTheWebSocket: the same answers and codes as over HTTP, in the connection that listens anyway.
func TestGrabsOverTheWebSocket(t *testing.T) {
	var r *handlertest.Harness
	var hub *push.Hub
	r = handlertest.New(t, func(s *handler.ServerConfig, g *gateway.Config) {
		listeners, err := gateway.NewListeners(nil, s.Verifier, 0, g.Log)
		if err != nil {
			t.Fatal(err)
		}
		hub = push.New(nil, listeners, listeners.Refuse, push.Config{Operations: map[string]push.Operation{
			"grab": func(ctx context.Context, s push.Session, message []byte) ([]byte, error) {
				return r.Gateway.Grab(ctx, s, message)
			},
		}}, g.Log, g.Metrics)
		g.WebSocket = gateway.Authenticated(s.Verifier, g.Log, hub, auth.ScopeUser)
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := hub.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	connect := func() *websocket.Conn {
		header := http.Header{"Authorization": {"Bearer " + r.Token(t, "alice", auth.ScopeUser)}}
		ws, response, err := websocket.DefaultDialer.DialContext(t.Context(),
			"ws"+strings.TrimPrefix(r.URL, "http")+"/ws", header)
		if err != nil {
			t.Fatalf("%v (%v)", err, response)
		}
		t.Cleanup(func() { _ = ws.Close() })
		_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
		return ws
	}
	ws := connect()
	ask := func(message string) map[string]any {
		t.Helper()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		var answer map[string]any
		if err := ws.ReadJSON(&answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	want := `{"amount":0,"code":"ok","currency":"CNY","envelope":"7","op":"grab","outcome":"empty","share":-1}`
	if got, _ := json.Marshal(ask(`{"op":"grab","envelope":"7"}`)); string(got) != want || r.Now().Caller != "alice" {
		t.Errorf("%s by %q, want %s", got, r.Now().Caller, want)
	}
	r.Fail(refusal.New(envelope.CodeEnvelopeNotFound, "there is no such envelope"))
	if a := ask(`{"op":"grab","envelope":"8"}`); a["code"] != envelope.CodeEnvelopeNotFound ||
		a["detail"] != "there is no such envelope" || a["envelope"] != "8" || len(a) != 4 {
		t.Errorf("a refusal: %v", a)
	}
	r.Fail(context.DeadlineExceeded)
	if a := ask(`{"op":"grab","envelope":"9"}`); a["code"] != refusal.CodeUnavailable {
		t.Errorf("a service that does not answer: %v", a)
	}
	r.Fail(nil)
	r.Set(func(s *handlertest.State) { s.Panics = true })
	if a := ask(`{"op":"grab","envelope":"9"}`); a["code"] != problem.CodeInternal || a["incident"] == nil ||
		strings.Contains(a["detail"].(string), "SELECT") {
		t.Errorf("an internal error: %v", a)
	}
	r.Set(func(s *handlertest.State) { s.Panics = false })
	refresh := func(token string) map[string]any { return ask(fmt.Sprintf(`{"op":"refresh","token":%q}`, token)) }
	if a := refresh(r.Token(t, "alice", auth.ScopeUser)); a["op"] != "refreshed" || a["expires_at"] == nil {
		t.Errorf("a new token: %v", a)
	}
	for what, c := range map[string]struct{ token, code string }{
		"another user's token":         {r.Token(t, "bob", auth.ScopeUser), problem.CodeForbidden},
		"a token of another scope":     {r.Token(t, "alice", auth.ScopeService), problem.CodeForbidden},
		"a token that nobody has made": {"a.b.c", problem.CodeUnauthenticated},
	} {
		if a := refresh(c.token); a["op"] != "error" || a["code"] != c.code {
			t.Errorf("%s: %v", what, a)
		}
	}
	if a := ask(`{"op":"grab","envelope":"7"}`); a["code"] != "ok" || r.Now().Caller != "alice" {
		t.Errorf("after a refresh: %v by %q", a, r.Now().Caller)
	}
	for _, malformed := range []string{
		`{"op":"grab"}`, `{"op":"grab","envelope":7}`, `{"op":"grab","envelope":"x"}`, `{"op":"grab","envelope":"07"}`,
		`{"op":"grab","envelope":"9223372036854775808"}`, `{"op":"refresh"}`, `{"op":"refresh","token":7}`, `{"op":"grab","envelope":"7","user":"bob"}`,
	} {
		ws = connect()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(malformed)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, push.CloseMalformed) {
			t.Errorf("%s: %v", malformed, err)
		}
	}
}
