package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
)

// Config bounds a hub. Zero fields take the default.
type Config struct {
	MaxConnections int // 20,000
	MaxPerSubject  int // connections of one subject; no bound
	MaxPerNetwork  int // connections from one network; no bound
	MaxTopics      int // of one connection; 100
	MaxCalls       int // operations of one connection under way; while there are so many, no message is read; 16
	QueueFrames    int // waiting for one connection; 1,024
	QueueBytes     int // waiting for one connection; 1 MiB. Half of it bounds what a resume may bring
	// pages that may connect, beside those of the request's own host, as "https://chat.example.org"
	Origins         []string
	PingEvery       time.Duration        // 25 s, under the usual 30 s and 60 s of proxies
	PongWait        time.Duration        // a connection that is silent for so long is dead; 60 s
	ReconnectSpread time.Duration        // over which clients come back when the node stops; 10 s
	PresenceEvery   time.Duration        // between two times that nodes say who takes part in topics; 8 s
	Operations      map[string]Operation // by op; none of subscribe, unsubscribe, refresh and ping
}

func (c Config) withDefaults() Config {
	pick := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	last := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	pick(&c.MaxConnections, 20_000)
	pick(&c.MaxTopics, 100)
	pick(&c.MaxCalls, 16)
	pick(&c.QueueFrames, 1024)
	pick(&c.QueueBytes, 1<<20)
	last(&c.PingEvery, 25*time.Second)
	last(&c.PongWait, 60*time.Second)
	last(&c.ReconnectSpread, 10*time.Second)
	last(&c.PresenceEvery, 8*time.Second)
	return c
}

const (
	handshakeTimeout = 10 * time.Second
	writeTimeout     = 10 * time.Second // for one frame
	closeGrace       = 2 * time.Second  // from the decision to close to the end of the TCP connection
	operationTimeout = 5 * time.Second  // for one subscribe, Operation and question of Recheck
	readBuffer       = 1 << 10          // bytes; what clients send is small
	writeBuffer      = 1 << 10          // bytes; used by control frames only, events bring their own
)

// Hub is the WebSocket end of one node. It is an http.Handler for GET /ws.
type Hub struct {
	bus      Bus
	auth     Authorizer
	refuse   Refuse
	cfg      Config
	log      *slog.Logger
	metrics  metrics
	upgrader websocket.Upgrader
	ctx      context.Context // ends with Shutdown
	cancel   context.CancelFunc
	running  sync.WaitGroup // connections and topics
	presence *presence

	mu       sync.Mutex
	stopping bool
	admitted int            // connections, and requests about to become one
	places   map[string]int // connections, as admitted counts them, by subject and by network
	conns    map[*conn]struct{}
	topics   map[string]*topic
}

// New returns a hub that serves at once. Shutdown ends it.
func New(bus Bus, auth Authorizer, refuse Refuse, cfg Config, log *slog.Logger, reg prometheus.Registerer) *Hub {
	h := &Hub{
		bus: bus, auth: auth, refuse: refuse, cfg: cfg.withDefaults(), log: log, metrics: newMetrics(reg),
		conns: make(map[*conn]struct{}), topics: make(map[string]*topic), places: make(map[string]int),
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.presence = newPresence(bus, h.cfg.PresenceEvery, log)
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout,
		ReadBufferSize:   readBuffer,
		WriteBufferSize:  writeBuffer,
		WriteBufferPool:  new(sync.Pool),
		// Without context takeover, which is all that the library offers, an idle connection holds no window.
		EnableCompression: true,
		CheckOrigin:       func(*http.Request) bool { return true }, // ServeHTTP has
		Error: func(w http.ResponseWriter, r *http.Request, _ int, reason error) {
			refuse(w, r, fmt.Errorf("%w: %w", ErrHandshake, reason))
		},
	}
	return h
}

// ServeHTTP makes a connection of the request, or answers it through the Refuse function.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.originAllowed(r) {
		h.refuse(w, r, ErrOrigin)
		return
	}
	session, err := h.auth.Authenticate(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if err := h.admit(session); err != nil {
		h.refuse(w, r, err)
		return
	}
	ws, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil { // the upgrader has answered
		h.leave(nil, session)
		return
	}
	c := newConn(h, ws, session)
	h.enter(c)
	go c.run() // not here: the request's goroutine and buffers would stay with an idle connection
}

// originAllowed is true without an Origin (no browser), for the request's own host, and for the configured origins.
func (h *Hub) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) ||
		slices.ContainsFunc(h.cfg.Origins, func(allowed string) bool { return strings.EqualFold(allowed, origin) })
}

func (h *Hub) admit(s Session) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return ErrStopping
	}
	if h.admitted >= h.cfg.MaxConnections {
		return ErrFull
	}
	subject, network := placesOf(s)
	if most := h.cfg.MaxPerSubject; most > 0 && h.places[subject] >= most {
		return ErrTooMany
	}
	if most := h.cfg.MaxPerNetwork; most > 0 && s.Network != "" && h.places[network] >= most {
		return ErrTooMany
	}
	h.places[subject]++
	h.places[network]++
	h.admitted++
	h.running.Add(1) // under mu, so that Shutdown waits for it
	h.metrics.connections.Inc()
	return nil
}

// placesOf are the keys under which a session's connections are counted.
func placesOf(s Session) (subject, network string) { return "s" + s.Subject, "n" + s.Network }

func (h *Hub) enter(c *conn) {
	h.mu.Lock()
	h.conns[c] = struct{}{}
	stopping := h.stopping
	h.mu.Unlock()
	if stopping { // Shutdown came between admit and here and has not seen the connection
		h.dismiss(c)
	}
}

// leave undoes admit, and enter where c is not nil.
func (h *Hub) leave(c *conn, s Session) {
	subject, network := placesOf(s)
	h.mu.Lock()
	delete(h.conns, c)
	h.admitted--
	for _, place := range []string{subject, network} {
		if h.places[place]--; h.places[place] == 0 {
			delete(h.places, place)
		}
	}
	h.mu.Unlock()
	h.metrics.connections.Dec()
	h.running.Done()
}

// acquire returns a topic that listens; release it. Errors: the bus's, ctx's.
func (h *Hub) acquire(ctx context.Context, name string) (*topic, error) {
	h.mu.Lock()
	t := h.topics[name]
	if t == nil {
		t = newTopic(h, name)
		h.topics[name] = t
		h.metrics.topics.Inc()
		h.running.Go(t.run) // callers are connections, so Shutdown waits already
	}
	t.users++
	h.mu.Unlock()
	select {
	case <-t.listening:
		if t.err == nil {
			return t, nil
		}
		h.release(t)
		return nil, t.err
	case <-ctx.Done():
		h.release(t)
		return nil, ctx.Err()
	}
}

func (h *Hub) release(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.users--
	if t.users == 0 {
		h.drop(t)
	}
}

// drop ends a topic that nobody uses, or that could not listen, so that the next acquire begins anew. It is called with
// mu held.
func (h *Hub) drop(t *topic) {
	if h.topics[t.name] == t {
		delete(h.topics, t.name)
		h.metrics.topics.Dec()
	}
	t.cancel()
}

// Recheck asks again whether those on a topic may listen, and revokes those who may not. Where that cannot be told they
// stay, and the error says so: ask again.
func (h *Hub) Recheck(ctx context.Context, topic string) error {
	h.mu.Lock()
	t := h.topics[topic]
	h.mu.Unlock()
	if t == nil {
		return nil
	}
	return t.recheck(ctx)
}

// RecheckAll is Recheck of every topic, for when notices of changes may have been missed.
func (h *Hub) RecheckAll(ctx context.Context) error {
	h.mu.Lock()
	topics := make([]*topic, 0, len(h.topics))
	for _, t := range h.topics {
		topics = append(topics, t)
	}
	h.mu.Unlock()
	var errs []error
	for _, t := range topics {
		errs = append(errs, t.recheck(ctx))
	}
	return errors.Join(errs...)
}

// Expel closes the connections whose token is no longer good, with the code of an expired one.
func (h *Hub) Expel(revoked func(tokenID string) bool) {
	h.mu.Lock()
	conns := slices.Collect(maps.Keys(h.conns))
	h.mu.Unlock()
	for _, c := range conns {
		if id := c.current().TokenID; id != "" && revoked(id) {
			c.close(CloseExpired, "the token was revoked")
		}
	}
}

// Shutdown refuses new connections, lets the others have what is in their queues, closes them and waits. Connections
// that are still there when ctx ends are cut off, and ctx's error is returned. Shutting down twice is safe.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.stopping = true
	conns := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	topics := slices.Collect(maps.Values(h.topics))
	h.mu.Unlock()
	for _, t := range topics { // what was gathered still goes out
		t.flush()
	}
	for _, c := range conns {
		h.dismiss(c)
	}
	ended := make(chan struct{})
	go func() {
		h.running.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = ctx.Err()
		for _, c := range conns {
			c.cut()
		}
		<-ended // closeGrace bounds those that entered late
	}
	h.cancel()
	h.presence.stop()
	return err
}

func (h *Hub) dismiss(c *conn) {
	wait := rand.N(h.cfg.ReconnectSpread)
	c.close(websocket.CloseGoingAway, fmt.Sprintf("reconnect_ms=%d", wait.Milliseconds()))
}
