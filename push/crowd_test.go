package push_test

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/push"
)

// One subject, and one network, have so many connections to a node; what is closed makes room.
func TestConnectionsOfOneAreBounded(t *testing.T) {
	n := sharedNode(t, push.Config{MaxPerSubject: 2, MaxPerNetwork: 3})
	dial := func(query string) (*websocket.Conn, int) {
		t.Helper()
		ws, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.url+query, nil)
		if err == nil {
			t.Cleanup(func() { _ = ws.Close() })
		}
		return ws, response.StatusCode
	}
	var first *websocket.Conn
	for i, step := range []struct {
		query  string
		status int
	}{
		{"?token=ann&from=one", http.StatusSwitchingProtocols},
		{"?token=ann&from=one", http.StatusSwitchingProtocols},
		{"?token=ann&from=two", http.StatusTooManyRequests},
		{"?token=bob&from=one", http.StatusSwitchingProtocols},
		{"?token=carol&from=one", http.StatusTooManyRequests},
		{"?token=carol&from=two", http.StatusSwitchingProtocols},
		{"?token=dave", http.StatusSwitchingProtocols}, // from nowhere that is counted
		{"?token=erin", http.StatusSwitchingProtocols},
		{"?token=frank", http.StatusSwitchingProtocols},
		{"?token=grace", http.StatusSwitchingProtocols},
	} {
		ws, status := dial(step.query)
		if status != step.status {
			t.Errorf("step %d, %s: %d instead of %d", i, step.query, status, step.status)
		}
		if i == 0 {
			first = ws
		}
	}
	before := n.metric("hongbao_push_connections")
	_ = first.Close()
	eventually(t, "room", func() bool { return n.metric("hongbao_push_connections") < before })
	if _, status := dial("?token=ann&from=one"); status != http.StatusSwitchingProtocols {
		t.Errorf("after one was closed: %d", status)
	}
}

// Who asks again and again for what is refused is cut off with a code.
func TestRefusedSubscribesAreBounded(t *testing.T) {
	n := sharedNode(t, push.Config{})
	n.gate.maxRefused = 3
	n.gate.close("ann", t.Name())
	c := n.dial("ann")
	for range 3 {
		c.send(`{"op":"subscribe","topic":%q}`, t.Name())
		c.expect("error")
	}
	c.closed(push.CloseTooMany)
}
