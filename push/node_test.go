package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/push/redisbus"
)

const timeout = 20 * time.Second // for anything that has to happen

// gate is an Authorizer: the token is the user's name, and everybody may listen to all but what is shut.
type gate struct {
	mu    sync.Mutex
	shut  map[string]bool // subject + " " + topic
	asked int
	onAsk func()        // called in MayListen, before the answer
	lives time.Duration // of a token; 0 for ever

	refused, maxRefused int // subscribes, and at how many the connection is closed; 0 for never
}

func (g *gate) Authenticate(r *http.Request) (push.Session, error) {
	token := r.URL.Query().Get("token")
	if token == "" {
		return push.Session{}, errors.New("no token")
	}
	session := push.Session{Subject: token, TokenID: "id of " + token, Network: r.URL.Query().Get("from")}
	if g.lives > 0 {
		session.Expires = time.Now().Add(g.lives)
	}
	return session, nil
}

// Renew goes on for as long as the token says, which is "<subject> <duration>".
func (g *gate) Renew(_ context.Context, s push.Session, token string) (push.Session, error) {
	subject, lives, _ := strings.Cut(token, " ")
	d, err := time.ParseDuration(lives)
	if err != nil || subject != s.Subject {
		return s, &push.Denial{Code: "unauthenticated", Detail: "not a token of " + s.Subject}
	}
	s.Token, s.TokenID, s.Expires = token, "id of "+token, time.Now().Add(d)
	return s, nil
}

func (g *gate) MayListen(_ context.Context, subject, topic string) error {
	g.mu.Lock()
	g.asked++
	onAsk := g.onAsk
	shut := g.shut[subject+" "+topic]
	g.mu.Unlock()
	if onAsk != nil {
		onAsk()
	}
	if shut {
		return &push.Denial{Code: "not_a_member", Detail: "only members may listen"}
	}
	return nil
}

func (g *gate) GoOn(string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused++
	return g.maxRefused == 0 || g.refused < g.maxRefused
}

func (g *gate) close(subject, topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(map[string]bool)
	}
	g.shut[subject+" "+topic] = true
}

// node is one gateway: a bus, a hub and an HTTP server.
type node struct {
	t        *testing.T
	redis    rueidis.Client // through which the bus sends its commands
	bus      *redisbus.Bus
	hub      *push.Hub
	gate     *gate
	registry *prometheus.Registry
	url      string
}

func noLeaks(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
}

func newClient(t *testing.T, socket string) (rueidis.Client, rueidis.ClientOption) {
	t.Helper()
	option := rueidis.ClientOption{
		InitAddress:  []string{socket},
		DialCtxFn:    dialUnix,
		DisableCache: true,
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, option
}

func newNode(t *testing.T, socket string, cfg push.Config, gates ...*gate) *node {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	client, option := newClient(t, socket)
	n := &node{t: t, redis: client, gate: new(gate), registry: prometheus.NewRegistry()}
	if len(gates) > 0 {
		n.gate = gates[0]
	}
	var err error
	if n.bus, err = redisbus.New(client, option, log, n.registry); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.bus.Close)
	n.hub = push.New(n.bus, n.gate, refuse, cfg, log, n.registry)
	server := httptest.NewServer(n.hub)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := n.hub.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		server.Close()
	})
	n.url = "ws" + strings.TrimPrefix(server.URL, "http")
	return n
}

func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusUnauthorized
	switch {
	case errors.Is(err, push.ErrFull), errors.Is(err, push.ErrStopping):
		status = http.StatusServiceUnavailable
	case errors.Is(err, push.ErrTooMany):
		status = http.StatusTooManyRequests
	case errors.Is(err, push.ErrOrigin):
		status = http.StatusForbidden
	case errors.Is(err, push.ErrHandshake):
		status = http.StatusBadRequest
	}
	http.Error(w, err.Error(), status)
}

func sharedNode(t *testing.T, cfg push.Config, gates ...*gate) *node {
	t.Helper()
	socket := devstack.TestRedis(t).Socket()
	noLeaks(t)
	redis, _ := newClient(t, socket)
	if err := redis.Do(t.Context(), redis.B().Flushall().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	return newNode(t, socket, cfg, gates...)
}

// metric is the value of a counter or gauge without labels.
func (n *node) metric(name string) float64 {
	n.t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	n.t.Fatalf("there is no metric %s", name)
	return 0
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(time.Millisecond) // between two looks at a condition with a deadline
	}
}

func (n *node) publish(topic string, from, to int) {
	n.t.Helper()
	var events [][]byte
	for i := from; i <= to; i++ {
		events = append(events, fmt.Appendf(nil, `{"n":%d}`, i))
	}
	if err := n.bus.Publish(n.t.Context(), topic, events); err != nil {
		n.t.Fatal(err)
	}
}

// client is the other end of a connection.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

type message struct {
	Op      string
	Topic   string
	Epoch   string
	Seq     uint64
	Resumed bool
	Code    string
	Detail  string
	Count   int
	Expires int64 `json:"expires_at"`
	Events  []struct {
		Seq   uint64
		Event struct{ N int }
	}
}

func (n *node) dial(user string) *client {
	n.t.Helper()
	ws, response, err := websocket.DefaultDialer.DialContext(n.t.Context(), n.url+"?token="+url.QueryEscape(user), nil)
	if err != nil {
		n.t.Fatalf("dial: %v (%v)", err, response)
	}
	n.t.Cleanup(func() { _ = ws.Close() })
	return &client{t: n.t, ws: ws}
}

func (c *client) send(format string, args ...any) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatal(err)
	}
}

// next is the next message, or the error that ended the connection.
func (c *client) next() (message, error) {
	_ = c.ws.SetReadDeadline(time.Now().Add(timeout))
	_, data, err := c.ws.ReadMessage()
	if err != nil {
		return message{}, err
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return message{}, fmt.Errorf("%w in %s", err, data)
	}
	return m, nil
}

// expect is the next message, which must be op.
func (c *client) expect(op string) message {
	c.t.Helper()
	m, err := c.next()
	if err != nil {
		c.t.Fatalf("instead of %s: %v", op, err)
	}
	if m.Op != op {
		c.t.Fatalf("instead of %s: %+v", op, m)
	}
	return m
}

// subscribe listens from now on.
func (c *client) subscribe(topic string) message {
	c.t.Helper()
	c.send(`{"op":"subscribe","topic":%q}`, topic)
	return c.expect("subscribed")
}

func (c *client) resume(topic, epoch string, seq uint64) message {
	c.t.Helper()
	c.send(`{"op":"subscribe","topic":%q,"epoch":%q,"seq":%d}`, topic, epoch, seq)
	return c.expect("subscribed")
}

// events reads events up to number last, which must follow each other from first, and returns their n.
func (c *client) events(first, last uint64) []int {
	c.t.Helper()
	var ns []int
	for first <= last {
		m := c.expect("events")
		for _, e := range m.Events {
			if e.Seq != first {
				c.t.Fatalf("event %d instead of %d", e.Seq, first)
			}
			first++
			ns = append(ns, e.Event.N)
		}
	}
	return ns
}

// closed reads to the end of the connection, which must come with this code, and returns the reason.
func (c *client) closed(code int) string {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(timeout))
	for {
		_, _, err := c.ws.ReadMessage() // not parsed: the close grace is short on a busy machine
		if err == nil {
			continue
		}
		closing, ok := errors.AsType[*websocket.CloseError](err)
		if !ok || closing.Code != code {
			c.t.Fatalf("closed with %v instead of %d", err, code)
		}
		return closing.Text
	}
}
