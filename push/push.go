// Package push carries events to whoever listens, over WebSocket. A topic is an opaque name, an event an opaque JSON
// object; who may listen to what is the Authorizer's business, and how nodes share topics the Bus's.
//
// # Numbers
//
// The events of a topic are numbered 1, 2, 3 … within an epoch, which is born with the topic's history and dies with
// it. A pair (epoch, seq) therefore names a place in a topic for good, on every node: whoever has seen everything up to
// it either gets everything after it, in order and once, or is told that this is impossible and has to reload.
//
// # Protocol
//
// Each message is one JSON text frame. Client to server, at most 4 KiB:
//
//	{"op":"subscribe","topic":"group:g1"}                          from now on
//	{"op":"subscribe","topic":"group:g1","epoch":"…","seq":41}     and what was missed after 41
//	{"op":"subscribe","topic":"group:g1","presence":true}          and who listens: see below
//	{"op":"unsubscribe","topic":"group:g1"}
//	{"op":"refresh","token":"…"}                                   go on with this token, of the same subject
//	{"op":"ping"}
//	{"op":<one of Config.Operations>,…}                            carried out, and answered with what it returns
//
// Server to client:
//
//	{"op":"subscribed","topic":…,"epoch":…,"seq":41,"resumed":true}       the next event is seq+1
//	{"op":"events","topic":…,"epoch":…,"events":[{"seq":42,"event":{…}},…]}
//	{"op":"reload","topic":…,"epoch":…,"seq":57}                           events were lost; the next one is seq+1
//	{"op":"present","topic":…,"count":3}                                   so many take part in the topic's presence
//	{"op":"revoked","topic":…}                                             may no longer listen
//	{"op":"refreshed","expires_at":1795968282123}                          until then; without expires_at for ever
//	{"op":"error","topic":…,"code":…,"detail":…}                           that subscribe did nothing
//	{"op":"error","code":…,"detail":…}                                     that refresh did nothing
//	{"op":"pong"}
//
// A subscribe that asked for a place and is answered with "resumed":false has lost events, as has everybody who is sent
// reload: fetch the state anew, then go on from the epoch and seq given. The same event may come twice under two
// numbers, because publishers repeat what may have failed: apply events by what they are about, not by counting them.
//
// # Presence
//
// Whoever subscribes with "presence":true takes part in the topic's presence, and is told how many subjects do: soon
// after "subscribed", and whenever the number has changed. A subject counts once, whatever it has open; but where more
// than MaxNamed on one node take part, those who are on other nodes too count there again. Others are neither counted
// nor told. Who comes counts at once, who goes for up to Config.PresenceEvery longer, who was on a node that died for
// up to three and a half times as long: 28 s by default.
//
// # Close codes
//
//	1001  the server stops; the reason "reconnect_ms=N" spreads the clients that come back
//	1009  a message over 4 KiB
//	4400  malformed input
//	4401  the token expired or was revoked
//	4403  revoked from the last topic it listened to
//	4408  slow consumer: the connection's queue was full; nobody else waited for it
//	4429  too many subscribes and refreshes were refused
//
// # When things fail
//
// A lost bus connection is taken up again and what was missed is filled in from the history; only when that cannot be
// done are the listeners told to reload. A node that dies takes its connections with it; clients resume elsewhere.
//
// # Locks
//
// The bus calls into a topic (topic.mu), which may call into presence (presence.mu); both put frames into queues
// (sendQueue.mu), and close a connection whose queue is full (conn.mu). Nothing is called the other way: no bus method
// is called with topic.mu or presence.mu held, and no other lock is taken with Hub.mu, conn.mu or sendQueue.mu held.
package push

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Batch is a run of events of a topic, in order and without gaps. One without events says where the topic stands: the
// next event will be First. One with Present has nothing else: it says how many take part in the topic's presence.
type Batch struct {
	Topic   string
	Epoch   string
	First   uint64 // the number of Events[0]
	Events  []json.RawMessage
	Present *int // on all nodes
}

// Last is the number of the batch's last event, or of the one before First where there are none.
func (b Batch) Last() uint64 { return b.First + uint64(len(b.Events)) - 1 }

// Bus shares topics between nodes and remembers the latest events of each.
type Bus interface {
	// Publish numbers the events, remembers them and hands them to whoever listens, in order. After an error some of
	// them may have been published; a caller that repeats gives them new numbers.
	Publish(ctx context.Context, topic string, events [][]byte) error

	// Listen calls receive with the batches of a topic, one after the other. The first, before Listen returns, has no
	// events and says where the topic stands; each one after that continues the one before it, except where events
	// were lost for good: then its epoch is another, or First is beyond the next number. receive must not block.
	// Once stop has returned, receive is not called any more.
	Listen(ctx context.Context, topic string, receive func(Batch)) (stop func(), err error)

	// History returns the events of a topic after seq, up to the newest. complete is false where they are not all
	// there any more or the epoch is another; the batch then says where the topic stands.
	History(ctx context.Context, topic, epoch string, seq uint64) (b Batch, complete bool, err error)

	// Attend says who of this node takes part in a topic's presence, in the place of what it said before and for
	// lease, and returns how many subjects do on all nodes. When the number has changed, those that listen to the topic
	// receive a batch with Present, on all nodes; such a batch may be lost, so Attend again before the lease ends.
	Attend(ctx context.Context, topic string, here Attendance, lease time.Duration) (present int, err error)

	// Head returns where the topic stands: its epoch, and the number of its newest event.
	Head(ctx context.Context, topic string) (epoch string, seq uint64, err error)
}

// Session is who is at the other end of a connection, and until when.
type Session struct {
	Subject string
	Expires time.Time // zero: never
	TokenID string    // of the token it was opened with; see Hub.Expel
	Network string    // from where it comes; empty: not counted
	Token   string    // itself, for Operations
}

// Operation carries out what a client asks for over its connection beside listening. message is the client's, a JSON
// object; the answer is one too, and the only sign that the operation is over: operations of a connection run beside
// each other. A message that makes no sense is an error, whose text closes the connection as malformed. The context
// ends with the connection, and after operationTimeout.
type Operation func(ctx context.Context, s Session, message []byte) (answer []byte, err error)

// Authorizer decides who may connect and who may listen.
type Authorizer interface {
	// Authenticate reads the request's token. Its error goes to the Refuse function that answers the request.
	Authenticate(r *http.Request) (Session, error)
	// Renew is the session with another token, which must be the same subject's: else a *Denial.
	Renew(ctx context.Context, s Session, token string) (Session, error)
	// MayListen returns nil, a *Denial, or another error where it cannot tell. It is asked often; answer from memory.
	MayListen(ctx context.Context, subject, topic string) error
	// GoOn says whether a subject who was just denied a topic may ask for more; else the connection is closed.
	GoOn(subject string) bool
}

// Denial says why somebody may not listen. Code is stable, Detail is a sentence for a person; both are sent.
type Denial struct {
	Code   string
	Detail string
}

func (d *Denial) Error() string { return d.Code + ": " + d.Detail }

// Refuse answers a request that does not become a connection. The error is the Authorizer's or one of those below.
type Refuse func(w http.ResponseWriter, r *http.Request, err error)

var (
	// ErrStopping says that this node takes no more connections; another may.
	ErrStopping = errors.New("push: stopping")
	// ErrFull says that this node has as many connections as it may have.
	ErrFull = errors.New("push: too many connections")
	// ErrTooMany says that the subject, or its network, has as many connections to this node as it may have.
	ErrTooMany = errors.New("push: too many connections of one subject or network")
	// ErrOrigin says that a page of another origin tried to connect.
	ErrOrigin = errors.New("push: origin not allowed")
	// ErrHandshake says that the request is no WebSocket handshake.
	ErrHandshake = errors.New("push: not a WebSocket handshake")
)

// Close codes, beside 1001 and 1009 of RFC 6455.
const (
	CloseMalformed = 4400
	CloseExpired   = 4401
	CloseRevoked   = 4403
	CloseSlow      = 4408
	CloseTooMany   = 4429
)
