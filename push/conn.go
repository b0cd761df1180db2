package push

import (
	"compress/flate"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// conn is one WebSocket connection: a goroutine that reads and carries out requests one at a time, and, while there is
// something to write, one that writes.
type conn struct {
	hub     *Hub
	ws      *websocket.Conn
	subject string
	out     *sendQueue
	ctx     context.Context // ends when the connection begins to close
	cancel  context.CancelFunc

	calls      chan struct{} // has an element for each operation under way
	operations sync.WaitGroup

	mu       sync.Mutex
	session  Session     // of subject, with the latest token
	pinger   *time.Timer // pings once the connection runs
	expiry   *time.Timer // closes the connection when that expires; nil for never
	topics   map[string]*subscription
	code     int         // of the close frame; 0 while open
	reason   string      // of the close frame
	deadline *time.Timer // cuts off a connection that does not close by itself
}

func newConn(h *Hub, ws *websocket.Conn, session Session) *conn {
	c := &conn{
		hub: h, ws: ws, subject: session.Subject,
		topics: make(map[string]*subscription), calls: make(chan struct{}, h.cfg.MaxCalls),
	}
	c.out = newSendQueue(h.cfg.QueueFrames, h.cfg.QueueBytes, c.write)
	c.ctx, c.cancel = context.WithCancel(h.ctx)
	c.renew(session)
	return c
}

// run serves the connection to its end.
func (c *conn) run() {
	defer c.hub.leave(c, c.current())
	c.mu.Lock()
	c.pinger = time.AfterFunc(c.hub.cfg.PingEvery, c.ping)
	c.mu.Unlock()
	c.read()
	c.cut() // frees a writer that waits for the network
	c.close(websocket.CloseNormalClosure, "")
	c.out.end()
	c.operations.Wait()
	c.mu.Lock()
	subscriptions := c.topics
	c.topics = nil
	c.pinger.Stop()
	c.deadline.Stop()
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.mu.Unlock()
	for _, s := range subscriptions {
		c.hub.end(s)
	}
}

// renew goes on with a session, for as long as its token is good.
func (c *conn) renew(s Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if !s.Expires.IsZero() {
		c.expiry = time.AfterFunc(time.Until(s.Expires), func() { c.close(CloseExpired, "the token expired") })
	}
}

func (c *conn) current() Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// end ends a subscription that has not been ended yet.
func (h *Hub) end(s *subscription) {
	if s.topic.leave(s) {
		h.presence.leave(s.topic.name, s)
		h.release(s.topic)
	}
}

// close begins to close; the first call decides the code. What is queued is still sent, except to a slow consumer.
func (c *conn) close(code int, reason string) {
	c.mu.Lock()
	first := c.code == 0
	if first {
		c.code, c.reason = code, reason
		c.deadline = time.AfterFunc(closeGrace, c.cut)
	}
	c.mu.Unlock()
	if !first {
		return
	}
	if code == CloseSlow {
		c.hub.metrics.slow.Inc()
	}
	c.out.close(code == CloseSlow)
	c.cancel()
}

// cut ends the TCP connection. Both goroutines then end.
func (c *conn) cut() { _ = c.ws.Close() }

// put queues a frame, or cuts off a connection that does not keep up. It never waits.
func (c *conn) put(f *frame) {
	if !c.out.put(f) {
		c.close(CloseSlow, "too slow: reconnect and resume")
	}
}

// write sends what is queued. After the close frame it leaves the rest to the reader.
func (c *conn) write() {
	for {
		f, last := c.out.take()
		switch {
		case last:
			c.sayGoodbye()
			return
		case f == nil:
			return
		}
		if c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil || f.write(c.ws) != nil {
			c.cut()
			c.out.close(true)
			return
		}
		c.hub.metrics.frames.Inc()
	}
}

func (c *conn) sayGoodbye() {
	c.mu.Lock()
	message := websocket.FormatCloseMessage(c.code, c.reason)
	c.mu.Unlock()
	if c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(closeGrace)) != nil {
		c.cut()
	}
}

// ping pings now and again until the connection begins to close. It needs no answer to its error: a connection that
// cannot be written to cannot be read from soon.
func (c *conn) ping() {
	_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.pinger.Reset(c.hub.cfg.PingEvery)
	}
}

// read carries out requests until the connection ends. While it closes, what still comes is passed over.
func (c *conn) read() {
	alive := func(string) error { return c.ws.SetReadDeadline(time.Now().Add(c.hub.cfg.PongWait)) }
	c.ws.SetPongHandler(alive)
	if alive("") != nil {
		return
	}
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			c.failed(err)
			return
		}
		if c.ctx.Err() != nil {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
		switch {
		case err != nil:
			c.failed(err)
			return
		case len(data) > maxMessage:
			c.close(websocket.CloseMessageTooBig, tooBig)
		case kind != websocket.TextMessage:
			c.close(CloseMalformed, "a message must be a text frame")
		default:
			c.handle(data)
		}
		if alive("") != nil {
			return
		}
	}
}

// tooBig is why a connection is closed with code 1009.
const tooBig = "a message may have 4096 bytes"

// failed gives the reason to a client whose message cannot be read: a frame or a message of it has more bytes than an
// int64 counts, after which the library can read no further, or it is not what RFC 7692 deflates. What still comes is
// passed over until the connection is cut: unread, it would have the network drop the close frame.
func (c *conn) failed(err error) {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		c.close(websocket.CloseMessageTooBig, tooBig)
	case corrupt, errors.Is(err, io.ErrUnexpectedEOF): // the end of a connection has an error of the library's own
		c.close(CloseMalformed, "a message cannot be decompressed")
	default:
		return
	}
	_, _ = io.Copy(io.Discard, c.ws.NetConn())
}

func (c *conn) handle(data []byte) {
	r, err := c.hub.parse(data)
	if err != nil {
		c.close(CloseMalformed, err.Error())
		return
	}
	switch r.Op {
	case "ping":
		c.put(answer{Op: "pong"}.frame())
	case "subscribe":
		ctx, cancel := context.WithTimeout(c.ctx, operationTimeout)
		defer cancel()
		if err := c.subscribe(ctx, r); err != nil {
			c.refused(r, err)
		}
	case "refresh":
		ctx, cancel := context.WithTimeout(c.ctx, operationTimeout)
		defer cancel()
		s, err := c.hub.auth.Renew(ctx, c.current(), r.Token)
		if err != nil {
			c.refused(r, err)
			return
		}
		c.renew(s)
		c.put(refreshed(s.Expires))
	case "unsubscribe":
		c.mu.Lock()
		s := c.topics[r.Topic]
		delete(c.topics, r.Topic)
		c.mu.Unlock()
		if s != nil {
			c.hub.end(s)
		}
	default:
		c.operate(c.hub.cfg.Operations[r.Op], data)
	}
}

// operate carries out an operation beside what else the connection does. With as many under way as it may have, it
// waits for one to end: whoever floods a connection finds that nothing more is read of it.
func (c *conn) operate(do Operation, message []byte) {
	select {
	case c.calls <- struct{}{}:
	case <-c.ctx.Done():
		return
	}
	c.operations.Go(func() {
		defer func() { <-c.calls }()
		ctx, cancel := context.WithTimeout(c.ctx, operationTimeout)
		defer cancel()
		answer, err := do(ctx, c.current(), message)
		if err != nil {
			c.close(CloseMalformed, err.Error())
			return
		}
		c.put(newFrame(answer))
	})
}

// subscribe asks for permission twice: before the bus is troubled, and again once Recheck would find the subscription,
// so that somebody removed in between is not missed.
func (c *conn) subscribe(ctx context.Context, r request) error {
	c.mu.Lock()
	_, exists := c.topics[r.Topic]
	count := len(c.topics)
	c.mu.Unlock()
	if exists {
		return &Denial{codeSubscribed, "this connection listens to the topic already"}
	}
	if count >= c.hub.cfg.MaxTopics {
		return &Denial{codeTooManyTopics,
			"this connection listens to as many topics as it may: unsubscribe from one first"}
	}
	if err := c.hub.auth.MayListen(ctx, c.subject, r.Topic); err != nil {
		return err
	}
	t, err := c.hub.acquire(ctx, r.Topic)
	if err != nil {
		return err
	}
	s := t.join(c)
	c.mu.Lock()
	c.topics[r.Topic] = s
	c.mu.Unlock()
	if err = c.hub.auth.MayListen(ctx, c.subject, r.Topic); err == nil {
		err = s.start(ctx, r.resume())
	}
	if err != nil {
		c.forget(r.Topic)
		c.hub.end(s)
		return err
	}
	if r.Presence {
		s.attend()
	}
	return nil
}

// refused tells the client why a subscribe or a refresh did nothing. What is not for its eyes is logged.
func (c *conn) refused(r request, err error) {
	denial, ok := errors.AsType[*Denial](err)
	if !ok {
		if c.ctx.Err() != nil { // closing; nobody waits for an answer
			return
		}
		c.hub.log.Warn(r.Op+" failed", "topic", r.Topic, "subject", c.subject, "error", err)
		denial = &Denial{codeUnavailable, "this cannot be done right now: try again in a moment"}
	}
	c.put(answer{Op: "error", Topic: r.Topic, Code: denial.Code, Detail: denial.Detail}.frame())
	if !c.hub.auth.GoOn(c.subject) {
		c.close(CloseTooMany, "too many messages were refused")
	}
}

// revoked tells the client that it may not listen to a topic any more; without any topic left it is closed.
func (c *conn) revoked(topic string) {
	c.put(answer{Op: "revoked", Topic: topic}.frame())
	if c.forget(topic) == 0 {
		c.close(CloseRevoked, "revoked from the last topic")
	}
}

// forget returns the number of topics that are left.
func (c *conn) forget(topic string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, topic)
	return len(c.topics)
}
