package push_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
)

func dialUnix(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "unix", path)
}

func count(from, to int) []int {
	var ns []int
	for i := from; i <= to; i++ {
		ns = append(ns, i)
	}
	return ns
}

func TestEventsArriveInOrderOnTwoNodes(t *testing.T) {
	a := sharedNode(t, push.Config{})
	b := newNode(t, devstack.TestRedis(t).Socket(), push.Config{})
	topic := t.Name()
	ca, cb := a.dial("ann"), b.dial("bob")
	at := ca.subscribe(topic)
	if at.Epoch == "" || at.Seq != 0 || at.Resumed {
		t.Fatalf("a new topic stands at %+v", at)
	}
	if other := cb.subscribe(topic); other.Epoch != at.Epoch {
		t.Fatalf("two epochs for one topic: %s and %s", at.Epoch, other.Epoch)
	}
	for i := range 20 {
		publisher := []*node{a, b}[i%2]
		publisher.publish(topic, i*10+1, i*10+10)
	}
	for _, c := range []*client{ca, cb} {
		if got := c.events(1, 200); !slices.Equal(got, count(1, 200)) {
			t.Errorf("received %v", got)
		}
	}
}

func TestSeveralEventsShareAFrame(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	c.subscribe(t.Name())
	n.publish(t.Name(), 1, 50)
	if m := c.expect("events"); len(m.Events) != 50 {
		t.Errorf("the first frame has %d of 50 events", len(m.Events))
	}
}

func TestResume(t *testing.T) {
	n := sharedNode(t, push.Config{})
	topic := t.Name()
	c := n.dial("ann")
	epoch := c.subscribe(topic).Epoch
	n.publish(topic, 1, 300)
	c.events(1, 300)

	cases := []struct {
		name    string
		epoch   string
		seq     uint64
		resumed bool
	}{
		{"nothing missed", epoch, 300, true},
		{"one missed", epoch, 299, true},
		{"all that is remembered missed", epoch, 44, true},
		{"one more than is remembered missed", epoch, 43, false},
		{"everything missed", epoch, 0, false},
		{"of the future", epoch, 301, false},
		{"of another epoch", "another", 300, false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			c := n.dial("bob")
			m := c.resume(topic, test.epoch, test.seq)
			if m.Resumed != test.resumed || m.Epoch != epoch {
				t.Fatalf("answered %+v", m)
			}
			if !test.resumed {
				if m.Seq != 300 {
					t.Errorf("go on from %d instead of 300", m.Seq)
				}
				return
			}
			if m.Seq != test.seq {
				t.Errorf("go on from %d instead of %d", m.Seq, test.seq)
			}
			if got := c.events(test.seq+1, 300); !slices.Equal(got, count(int(test.seq)+1, 300)) {
				t.Errorf("received %v", got)
			}
		})
	}
}

// A resume that the connection's queue could not hold must not end as a slow consumer, again and again.
func TestResumeLargerThanTheQueueReloads(t *testing.T) {
	n := sharedNode(t, push.Config{QueueBytes: 2000})
	c := n.dial("ann")
	epoch := c.subscribe(t.Name()).Epoch
	for i := range 100 {
		n.publish(t.Name(), i, i)
		c.expect("events")
	}
	if m := n.dial("bob").resume(t.Name(), epoch, 1); m.Resumed || m.Seq != 100 {
		t.Errorf("answered %+v", m)
	}
}

func TestSpliceLosesAndRepeatsNothing(t *testing.T) {
	n := sharedNode(t, push.Config{})
	topic := t.Name()
	watcher := n.dial("ann")
	epoch := watcher.subscribe(topic).Epoch

	ctx, cancel := context.WithCancel(t.Context())
	var published uint64
	var mu sync.Mutex
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i := 1; ctx.Err() == nil; i += 2 {
			n.publish(topic, i, i+1)
			mu.Lock()
			published = uint64(i + 1)
			mu.Unlock()
		}
	})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			if _, err := watcher.next(); err != nil {
				return
			}
		}
	})
	seen := func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return published
	}
	eventually(t, "a first event", func() bool { return seen() > 60 })
	resumed := 0
	for range 200 {
		c := n.dial("bob")
		from := seen() - 50
		m := c.resume(topic, epoch, from)
		if m.Resumed {
			resumed++
			from = m.Seq
		} else {
			from = m.Seq // too slow for the history; from here on nothing may be missing either
		}
		target := seen() + 5
		for i, k := range c.events(from+1, target) {
			if uint64(k) != from+1+uint64(i) {
				t.Fatalf("event %d carries %d", from+1+uint64(i), k)
			}
		}
		_ = c.ws.Close()
	}
	cancel()
	publishing.Wait()
	_ = watcher.ws.Close()
	watching.Wait()
	if resumed < 150 {
		t.Errorf("only %d of 200 were resumed: the splice was hardly tested", resumed)
	}
}

func TestUnsubscribeEndsTheEvents(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	c.subscribe(t.Name() + "1")
	c.subscribe(t.Name() + "2")
	if got := n.metric("hongbao_push_topics"); got != 2 {
		t.Errorf("%v topics", got)
	}
	c.send(`{"op":"unsubscribe","topic":%q}`, t.Name()+"1")
	eventually(t, "one topic", func() bool { return n.metric("hongbao_push_topics") == 1 })
	n.publish(t.Name()+"1", 1, 1)
	n.publish(t.Name()+"2", 2, 2)
	if got := c.events(1, 1); got[0] != 2 {
		t.Errorf("received event %v", got)
	}
	c.subscribe(t.Name() + "1") // and again
	n.publish(t.Name()+"1", 3, 3)
	if got := c.events(2, 2); got[0] != 3 {
		t.Errorf("received event %v", got)
	}
}

func TestLostHistoryMeansReload(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	before := c.subscribe(t.Name())
	n.publish(t.Name(), 1, 3)
	c.events(1, 3)
	redis, _ := newClient(t, devstack.TestRedis(t).Socket())
	forget(t, redis, t.Name())
	n.publish(t.Name(), 4, 5)
	m := c.expect("reload")
	if m.Epoch == before.Epoch || m.Seq != 2 {
		t.Errorf("told to reload from %+v", m)
	}
	n.publish(t.Name(), 6, 6)
	if got := c.events(3, 3); got[0] != 6 {
		t.Errorf("received %v after the reload", got)
	}
}

func forget(t *testing.T, redis rueidis.Client, topic string) {
	t.Helper()
	del := redis.B().Del().Key("{t:"+topic+"}:state", "{t:"+topic+"}:history").Build()
	if err := redis.Do(t.Context(), del).Error(); err != nil {
		t.Fatal(err)
	}
}

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
		{"topic too long", websocket.TextMessage, `{"op":"subscribe","topic":"` + strings.Repeat("x", 257) + `"}`, push.CloseMalformed},
		{"seq without epoch", websocket.TextMessage, `{"op":"subscribe","topic":"x","seq":1}`, push.CloseMalformed},
		{"negative seq", websocket.TextMessage, `{"op":"subscribe","topic":"x","epoch":"e","seq":-1}`, push.CloseMalformed},
		{"binary", websocket.BinaryMessage, `{"op":"ping"}`, push.CloseMalformed},
		{"too large", websocket.TextMessage, `{"op":"ping","x":"` + strings.Repeat("x", 100_000) + `"}`, websocket.CloseMessageTooBig},
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

func TestExpiredTokenEndsTheConnection(t *testing.T) {
	n := sharedNode(t, push.Config{}, &gate{expires: time.Now().Add(300 * time.Millisecond)})
	c := n.dial("ann")
	c.subscribe(t.Name())
	c.closed(push.CloseExpired)
	eventually(t, "no connection and topic", func() bool {
		return n.metric("hongbao_push_connections") == 0 && n.metric("hongbao_push_topics") == 0
	})
}

// A peer that is gone without a word answers no ping. One that only listens does.
func TestSilentPeerIsCutOff(t *testing.T) {
	n := sharedNode(t, push.Config{PingEvery: 20 * time.Millisecond, PongWait: 500 * time.Millisecond})
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
