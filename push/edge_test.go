package push_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/push"
)

func TestRecheckRevokes(t *testing.T) {
	n := sharedNode(t, push.Config{})
	one, two := t.Name()+"1", t.Name()+"2"
	ann, bob := n.dial("ann"), n.dial("bob")
	ann.subscribe(one)
	ann.subscribe(two)
	bob.subscribe(one)
	n.gate.close("ann", one)
	if err := n.hub.Recheck(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if m := ann.expect("revoked"); m.Topic != one {
		t.Errorf("revoked from %s", m.Topic)
	}
	n.publish(one, 1, 1)
	n.publish(two, 2, 2)
	if got := ann.events(1, 1); got[0] != 2 {
		t.Errorf("the removed member received %v", got)
	}
	if got := bob.events(1, 1); got[0] != 1 {
		t.Errorf("the other received %v", got)
	}
	ann.send(`{"op":"subscribe","topic":%q}`, one)
	if m := ann.expect("error"); m.Code != "not_a_member" || m.Topic != one || m.Detail == "" {
		t.Errorf("answered %+v", m)
	}
	n.gate.close("ann", two)
	if err := n.hub.RecheckAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	ann.expect("revoked")
	ann.closed(push.CloseRevoked)
}

// Somebody who is removed while they subscribe is asked about again once the subscription is there.
func TestRemovedWhileSubscribing(t *testing.T) {
	n := sharedNode(t, push.Config{})
	n.gate.onAsk = func() { n.gate.close("ann", t.Name()) } // after the first answer is known
	c := n.dial("ann")
	c.send(`{"op":"subscribe","topic":%q}`, t.Name())
	if m := c.expect("error"); m.Code != "not_a_member" {
		t.Errorf("answered %+v", m)
	}
	eventually(t, "no topic", func() bool { return n.metric("hongbao_push_topics") == 0 })
}

func TestRefusalsBeforeTheUpgrade(t *testing.T) {
	n := sharedNode(t, push.Config{MaxConnections: 1, Origins: []string{"https://chat.example.org"}})
	dial := func(query, origin string) (status int) {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		ws, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.url+query, header)
		if err == nil {
			_ = ws.Close()
			eventually(t, "no connection", func() bool { return n.metric("hongbao_push_connections") == 0 })
		}
		return response.StatusCode
	}
	host := strings.TrimPrefix(n.url, "ws://")
	for _, test := range []struct {
		query, origin string
		status        int
	}{
		{"", "", http.StatusUnauthorized},
		{"?token=ann", "", http.StatusSwitchingProtocols},
		{"?token=ann", "http://" + host, http.StatusSwitchingProtocols},
		{"?token=ann", "https://chat.example.org", http.StatusSwitchingProtocols},
		{"?token=ann", "https://evil.example.org", http.StatusForbidden},
		{"?token=ann", "null", http.StatusForbidden},
	} {
		if got := dial(test.query, test.origin); got != test.status {
			t.Errorf("token %q, origin %q: %d instead of %d", test.query, test.origin, got, test.status)
		}
	}
	response, err := http.Get("http" + strings.TrimPrefix(n.url, "ws") + "?token=ann")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("no handshake: %d", response.StatusCode)
	}
	n.dial("ann")
	if got := dial("?token=bob", ""); got != http.StatusServiceUnavailable {
		t.Errorf("one connection too many: %d", got)
	}
}

func TestWhatClientsMayNotSend(t *testing.T) {
	n := sharedNode(t, push.Config{MaxTopics: 2})
	for _, test := range []struct {
		name string
		kind int
		data string
		code int
	}{
		{"not JSON", websocket.TextMessage, `hello`, push.CloseMalformed},
		{"no object", websocket.TextMessage, `[]`, push.CloseMalformed},
		{"null", websocket.TextMessage, `null`, push.CloseMalformed},
		{"unknown op", websocket.TextMessage, `{"op":"dance"}`, push.CloseMalformed},
		{"no topic", websocket.TextMessage, `{"op":"subscribe"}`, push.CloseMalformed},
		{"topic too long", websocket.TextMessage, `{"op":"subscribe","topic":"` + strings.Repeat("x", 257) + `"}`,
			push.CloseMalformed},
		{"seq without epoch", websocket.TextMessage, `{"op":"subscribe","topic":"x","seq":1}`, push.CloseMalformed},
		{"negative seq", websocket.TextMessage, `{"op":"subscribe","topic":"x","epoch":"e","seq":-1}`,
			push.CloseMalformed},
		{"binary", websocket.BinaryMessage, `{"op":"ping"}`, push.CloseMalformed},
		{"too large", websocket.TextMessage, `{"op":"ping","x":"` + strings.Repeat("x", 100_000) + `"}`,
			websocket.CloseMessageTooBig},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := n.dial("ann")
			if err := c.ws.WriteMessage(test.kind, []byte(test.data)); err != nil {
				t.Fatal(err)
			}
			if reason := c.closed(test.code); reason == "" {
				t.Error("closed without a reason")
			}
		})
	}
	c := n.dial("ann")
	c.send(`{"op":"ping"}`)
	c.expect("pong")
	c.subscribe("a")
	c.subscribe("b")
	c.send(`{"op":"subscribe","topic":"c"}`)
	if m := c.expect("error"); m.Code != "too_many_topics" || m.Topic != "c" {
		t.Errorf("answered %+v", m)
	}
	c.send(`{"op":"subscribe","topic":"b"}`)
	if m := c.expect("error"); m.Code != "already_subscribed" {
		t.Errorf("answered %+v", m)
	}
	c.send(`{"op":"unsubscribe","topic":"never"}`)
	c.send(`{"op":"ping"}`)
	c.expect("pong")
}

// A frame may say that it is longer than any message, and a message may grow as long in pieces.
func TestLengthBeyondAllBounds(t *testing.T) {
	n := sharedNode(t, push.Config{})
	for name, frames := range map[string][]byte{
		"2^63":   {0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		"2^64-1": {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
		"2^63 and then more": append([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
			make([]byte, 100_000)...),
		"a byte and 2^63-1": {0x01, 0x81, 1, 2, 3, 4, 'x',
			0x80, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			c := n.dial("ann")
			if _, err := c.ws.NetConn().Write(frames); err != nil {
				t.Fatal(err)
			}
			if reason := c.closed(websocket.CloseMessageTooBig); reason == "" {
				t.Error("closed without a reason")
			}
		})
	}
}

func TestExpiredTokenEndsTheConnection(t *testing.T) {
	n := sharedNode(t, push.Config{}, &gate{lives: time.Second})
	c := n.dial("ann")
	// On a busy machine the token may have expired before.
	_ = c.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"op":"subscribe","topic":%q}`, t.Name()))
	c.closed(push.CloseExpired)
	eventually(t, "no connection and topic", func() bool {
		return n.metric("hongbao_push_connections") == 0 && n.metric("hongbao_push_topics") == 0
	})
}

// TestATokenIsRefreshed: the connection lives as long as the latest token, and a token that is no good changes nothing.
func TestATokenIsRefreshed(t *testing.T) {
	const first = 3 * time.Second
	n := sharedNode(t, push.Config{}, &gate{lives: first})
	began := time.Now()
	c := n.dial("ann")
	c.send(`{"op":"refresh","token":"ann 1h"}`) // before anything else: a busy machine takes its time
	if m := c.expect("refreshed"); time.Until(time.UnixMilli(m.Expires)) < 50*time.Minute {
		t.Errorf("%+v", m)
	}
	c.subscribe(t.Name())
	for _, token := range []string{"bob 1h", "ann for ever"} {
		c.send(`{"op":"refresh","token":%q}`, token)
		if m := c.expect("error"); m.Code != "unauthenticated" || m.Topic != "" {
			t.Errorf("%s: %+v", token, m)
		}
	}
	pings := time.NewTicker(100 * time.Millisecond)
	defer pings.Stop()
	for time.Since(began) < first+500*time.Millisecond { // until the first token has expired
		<-pings.C
		c.send(`{"op":"ping"}`)
		c.expect("pong")
	}
	n.hub.Expel(func(id string) bool { return id == "id of ann" }) // no longer its token
	c.send(`{"op":"refresh","token":"ann 1ms"}`)
	c.expect("refreshed")
	c.closed(push.CloseExpired)
}

func TestRevokedTokenEndsItsConnections(t *testing.T) {
	n := sharedNode(t, push.Config{})
	ann, again, bob := n.dial("ann"), n.dial("ann"), n.dial("bob")
	for _, c := range []*client{ann, again, bob} {
		c.subscribe(t.Name())
	}
	n.hub.Expel(func(id string) bool { return id == "id of ann" })
	for _, c := range []*client{ann, again} {
		if reason := c.closed(push.CloseExpired); !strings.Contains(reason, "revoked") {
			t.Errorf("the reason is %q", reason)
		}
	}
	bob.send(`{"op":"ping"}`)
	bob.expect("pong")
}

// A peer that is gone without a word answers no ping. One that only listens does.
func TestSilentPeerIsCutOff(t *testing.T) {
	n := sharedNode(t, push.Config{PingEvery: 20 * time.Millisecond, PongWait: 2 * time.Second})
	silent, listening := n.dial("ann"), n.dial("bob")
	silent.subscribe(t.Name()) // and never reads again, so that it answers no ping
	pings := make(chan struct{}, 1000)
	answer := listening.ws.PingHandler()
	listening.ws.SetPingHandler(func(data string) error {
		pings <- struct{}{}
		return answer(data)
	})
	listening.subscribe(t.Name())
	received := make(chan error, 1)
	go func() { // answers pings by reading
		_, err := listening.next()
		received <- err
	}()
	eventually(t, "one connection left", func() bool { return n.metric("hongbao_push_connections") == 1 })
	n.publish(t.Name(), 1, 1)
	if err := <-received; err != nil {
		t.Error(err)
	}
	if len(pings) == 0 {
		t.Error("not a single ping")
	}
}

func TestShutdownDrainsAndSaysWhenToComeBack(t *testing.T) {
	n := sharedNode(t, push.Config{ReconnectSpread: time.Minute})
	var clients []*client
	for i := range 20 {
		c := n.dial(fmt.Sprint("user", i))
		c.subscribe(t.Name())
		clients = append(clients, c)
	}
	n.publish(t.Name(), 1, 100)
	clients[0].events(1, 100) // so the hub has queued it for all
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- n.hub.Shutdown(t.Context()) }()
	}
	hints := make(map[string]bool)
	for i, c := range clients {
		if i > 0 {
			c.events(1, 100)
		}
		hint := c.closed(websocket.CloseGoingAway)
		if !strings.HasPrefix(hint, "reconnect_ms=") {
			t.Fatalf("hint %q", hint)
		}
		hints[hint] = true
	}
	if len(hints) < 10 {
		t.Errorf("20 clients were told only %d different times", len(hints))
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	_, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.url+"?token=late", nil)
	if err == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the end: %v", err)
	}
}

func TestShutdownCutsOffWhoDoesNotLeave(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	c.subscribe(t.Name()) // and does not read the close frame
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.hub.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	if got := n.metric("hongbao_push_connections"); got != 0 {
		t.Errorf("%v connections left", got)
	}
}
