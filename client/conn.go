package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// handshakeTimeout bounds the time until a connection exists, and then until its first message.
	handshakeTimeout = 15 * time.Second
	// silence is how long nothing may come before the server counts as gone: it pings every 25 seconds.
	silence      = time.Minute
	writeTimeout = 10 * time.Second
	// maxFrame bounds a message in bytes. The server sends 64 KiB at most, unless one event alone is larger.
	maxFrame = 1 << 20
)

// Topic is what to listen to. With a place (Epoch and Seq, as an Update has them), listening goes on after it;
// without one, it begins with what happens next. With Presence the user is counted among those who listen, and told how
// many they are, on all nodes.
type Topic struct {
	Name     string
	Epoch    string
	Seq      uint64
	Presence bool
}

// GroupTopic is what happens in a group, for its members.
func GroupTopic(group string) Topic { return Topic{Name: "group:" + group} }

// UserTopic is what happens to a user, for that user.
func UserTopic(user string) Topic { return Topic{Name: "user:" + user} }

// Conn is one connection of the live feed, without the resuming of Listen, for programs that want the messages as they
// are on the wire; docs/websocket.md explains them.
type Conn struct {
	ws      *websocket.Conn
	message bytes.Buffer // the latest
	started bool         // a message has been received
}

// Dial connects to the live feed and asks for topics. The answers are the first messages that Next returns. Errors: a
// *Refusal where the gateway refused.
func (c *Client) Dial(ctx context.Context, topics ...Topic) (*Conn, error) {
	token, err := c.tokens.get(ctx, "")
	if err != nil {
		return nil, err
	}
	return c.shared.dial(ctx, token, topics)
}

var errNoGateway = errors.New("client: no gateway given: use WithGateway")

func (s *shared) dial(ctx context.Context, token string, topics []Topic) (*Conn, error) {
	if s.feed == "" {
		return nil, errNoGateway
	}
	ws, response, err := s.dialer.DialContext(ctx, s.feed, http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return nil, handshakeError(s.feed, response, err)
	}
	c := &Conn{ws: ws}
	ws.SetReadLimit(maxFrame)
	pong := ws.PingHandler()
	ws.SetPingHandler(func(data string) error { return errors.Join(c.alive(silence), pong(data)) })
	err = c.alive(handshakeTimeout)
	for _, topic := range topics {
		err = errors.Join(err, c.subscribe(topic))
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// handshakeError is the refusal in the gateway's answer, if there is one.
func handshakeError(address string, response *http.Response, err error) error {
	if response == nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	defer response.Body.Close()
	var problem Refusal // the fields of a problem document have the same names
	if json.NewDecoder(response.Body).Decode(&problem) == nil && problem.Code != "" {
		return &problem
	}
	return fmt.Errorf("connect to %s: %w (%s)", address, err, response.Status)
}

// alive gives the server time for its next message.
func (c *Conn) alive(d time.Duration) error { return c.ws.SetReadDeadline(time.Now().Add(d)) }

type subscribe struct {
	Op       string  `json:"op"`
	Topic    string  `json:"topic"`
	Epoch    string  `json:"epoch,omitempty"`
	Seq      *uint64 `json:"seq,omitempty"`
	Presence bool    `json:"presence,omitempty"`
}

type grab struct {
	Op       string `json:"op"`
	Envelope string `json:"envelope"`
}

type refresh struct {
	Op    string `json:"op"`
	Token string `json:"token"`
}

func (c *Conn) subscribe(t Topic) error {
	request := subscribe{Op: "subscribe", Topic: t.Name, Epoch: t.Epoch, Presence: t.Presence}
	if t.Epoch != "" {
		request.Seq = &t.Seq
	}
	return errors.Join(c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)), c.ws.WriteJSON(request))
}

// Grab asks for a share of an envelope, over this connection. The answer is one of the messages that Next returns. At
// most 16 grabs may be under way; Grab must not be called by two goroutines at once.
func (c *Conn) Grab(envelope int64) error {
	request := grab{Op: "grab", Envelope: strconv.FormatInt(envelope, 10)}
	return errors.Join(c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)), c.ws.WriteJSON(request))
}

// Refresh goes on with another token of the same user; the connection lives as long as the latest. The answer is one of
// the messages that Next returns: "refreshed", or "error" without a topic, and then the token of before still counts.
// Refresh must not be called at the same time as Grab or Refresh.
func (c *Conn) Refresh(token string) error {
	request := refresh{Op: "refresh", Token: token}
	return errors.Join(c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)), c.ws.WriteJSON(request))
}

// Next waits for the next message and returns it: one JSON object, which is good until the next call. After an error
// the connection is of no more use.
func (c *Conn) Next() ([]byte, error) {
	_, reader, err := c.ws.NextReader()
	if err == nil {
		c.message.Reset()
		_, err = c.message.ReadFrom(reader)
	}
	if err == nil && !c.started {
		c.started = true
		err = c.alive(silence)
	}
	return c.message.Bytes(), err
}

// Close ends the connection; a Next that waits returns an error. It is safe to call at any time.
func (c *Conn) Close() error { return c.ws.Close() }
