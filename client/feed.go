package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// UpdateKind says what an Update is.
type UpdateKind int

const (
	// UpdateEvent is an event.
	UpdateEvent UpdateKind = iota
	// UpdateSubscribed says that listening has begun. Fetch the state now: what happens later comes as events.
	UpdateSubscribed
	// UpdateReload says that events were lost. Fetch the state anew: what happens later comes as events.
	UpdateReload
	// UpdateRevoked says that the caller may no longer listen to the topic, from which nothing more comes.
	UpdateRevoked
	// UpdateDisconnected says that there is no connection, or none yet, and why. Listening goes on with the next one,
	// without a gap or with an UpdateReload.
	UpdateDisconnected
	// UpdatePresent says how many users listen to a topic that is listened to with Presence.
	UpdatePresent
)

// Update is something that a listener is told. Topic, Epoch and Seq are its place in the topic; listening goes on after
// it with Update.Place.
type Update struct {
	Kind    UpdateKind
	Topic   string // empty in UpdateDisconnected
	Epoch   string
	Seq     uint64
	Event   Event // only in UpdateEvent
	Cause   error // only in UpdateDisconnected
	Present int   // only in UpdatePresent
}

// Place is the topic from this update on, without Presence.
func (u Update) Place() Topic { return Topic{Name: u.Topic, Epoch: u.Epoch, Seq: u.Seq} }

// Event is something that happened. The same one can come twice under two numbers: apply it by what it is about.
type Event struct {
	Type string          // one of the Event constants, or of a newer server
	Data json.RawMessage // the whole event, as JSON
}

// Decode decodes the event's fields.
func (e Event) Decode(into any) error { return json.Unmarshal(e.Data, into) }

// Types of events. Those of envelopes and collections are on the topic of their group, except the reminder; the others
// are on the topic of each user concerned.
const (
	EventEnvelopeSent       = "envelope.sent"
	EventEnvelopeGrabbed    = "envelope.grabbed"
	EventEnvelopeDrained    = "envelope.drained"
	EventEnvelopeRefunded   = "envelope.refunded"
	EventTransferOffered    = "transfer.offered"
	EventTransferAccepted   = "transfer.accepted"
	EventTransferArrived    = "transfer.arrived"
	EventTransferDeclined   = "transfer.declined"
	EventTransferExpired    = "transfer.expired"
	EventTransferRecalled   = "transfer.recalled"
	EventCollectionOpened   = "collection.opened"
	EventCollectionPaid     = "collection.paid"
	EventCollectionClosed   = "collection.closed"
	EventCollectionReminder = "collection.reminder"
)

// Listen tells what happens in topics, in order and without gaps, until the context ends or nothing is left to listen
// to. It connects again whenever the connection breaks, resumes at the place of each topic, and gets a new token when
// the old one has expired. Where the server no longer knows what was missed, it says so with an UpdateReload.
//
// An error that comes with an Update whose Topic is set is about that topic alone, and listening to the others goes on;
// after any other error the iteration ends. A slow loop body slows nothing down: the server cuts the connection off,
// and listening resumes.
func (c *Client) Listen(ctx context.Context, topics ...Topic) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		l := &listening{client: c, yield: yield}
		for _, topic := range topics {
			if l.find(topic.Name) < 0 {
				l.places = append(l.places, topic)
			}
		}
		if err := l.run(ctx); err != nil && !errors.Is(err, errStop) && ctx.Err() == nil {
			yield(Update{}, &CallError{Method: "Listen", Attempts: 1, Cause: err})
		}
	}
}

// errStop ends an iteration: the loop body wants no more, or there is nothing left to listen to.
var errStop = errors.New("stop listening")

// listening is one iteration.
type listening struct {
	client   *Client
	places   []Topic // what is listened to, and up to where
	yield    func(Update, error) bool
	failures int    // connections in a row that brought nothing
	refused  string // the token that the gateway refused last; empty after one was accepted
}

// find is the index of a topic's place, or -1.
func (l *listening) find(topic string) int {
	return slices.IndexFunc(l.places, func(t Topic) bool { return t.Name == topic })
}

// run returns what ended the iteration.
func (l *listening) run(ctx context.Context) error {
	for len(l.places) > 0 {
		token, err := l.client.tokens.get(ctx, l.refused)
		if err != nil {
			return err
		}
		if err = l.connection(ctx, token); ctx.Err() != nil {
			return ctx.Err()
		}
		wait, err := l.comeBack(err, token)
		if err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errStop
}

// connection listens on one connection until that ends.
func (l *listening) connection(ctx context.Context, token string) error {
	conn, err := l.client.shared.dial(ctx, token, l.places)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for {
		data, err := conn.Next()
		if err != nil {
			return err
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			return fmt.Errorf("the live feed sent what is not its protocol: %w", err)
		}
		if err := l.receive(m); err != nil {
			return err
		}
	}
}

// comeBack says after how long to connect again after a connection has ended, or why not at all.
func (l *listening) comeBack(ended error, token string) (time.Duration, error) {
	if errors.Is(ended, errStop) || errors.Is(ended, errNoGateway) {
		return 0, ended
	}
	code := Code(ended)
	closed, _ := errors.AsType[*websocket.CloseError](ended)
	switch {
	case code == CodeUnauthenticated || closed != nil && closed.Code == closeExpired:
		if l.refused == token { // the source has no other
			return 0, ended
		}
		l.refused = token
		return 0, l.deliver(Update{Kind: UpdateDisconnected, Cause: ended})
	case code != "" && code != CodeUnavailable:
		return 0, ended
	case closed != nil && closed.Code == closeRevoked:
		return 0, errStop
	case closed != nil && (closed.Code == closeMalformed || closed.Code == websocket.CloseMessageTooBig):
		return 0, ended
	}
	l.failures++
	wait := l.client.shared.config.retry.delay(l.failures)
	if closed != nil && closed.Code == closeTooMany {
		wait = maxAway
	}
	if closed != nil && closed.Code == websocket.CloseGoingAway {
		var milliseconds int64
		if _, err := fmt.Sscanf(closed.Text, "reconnect_ms=%d", &milliseconds); err == nil && milliseconds >= 0 {
			wait = min(time.Duration(milliseconds)*time.Millisecond, maxAway)
		}
	}
	return wait, l.deliver(Update{Kind: UpdateDisconnected, Cause: ended})
}

// maxAway is how long a listener stays away after too many refusals, and bounds how long a node that stops may ask its
// listeners to stay away.
const maxAway = time.Minute

// Close codes of the live feed.
const (
	closeMalformed = 4400
	closeExpired   = 4401
	closeRevoked   = 4403
	closeTooMany   = 4429
)

// message is what the server sends.
type message struct {
	Op      string `json:"op"`
	Topic   string `json:"topic"`
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`
	Resumed bool   `json:"resumed"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Count   int    `json:"count"`
	Events  []struct {
		Seq   uint64          `json:"seq"`
		Event json.RawMessage `json:"event"`
	} `json:"events"`
}

// receive takes in a message. Its error ends the connection.
func (l *listening) receive(m message) error {
	i := l.find(m.Topic)
	if i < 0 {
		return nil // of a topic that ended, or an op of a newer server
	}
	place := &l.places[i]
	switch m.Op {
	case "subscribed":
		return l.subscribed(place, m)
	case "events":
		return l.events(place, m)
	case "reload":
		place.Epoch, place.Seq = m.Epoch, m.Seq
		return l.deliver(Update{Kind: UpdateReload, Topic: m.Topic, Epoch: m.Epoch, Seq: m.Seq})
	case "present":
		u := Update{Kind: UpdatePresent, Topic: m.Topic, Epoch: place.Epoch, Seq: place.Seq, Present: m.Count}
		return l.deliver(u)
	case "revoked":
		return l.end(i, Update{Kind: UpdateRevoked, Topic: m.Topic, Epoch: place.Epoch, Seq: place.Seq}, nil)
	case "error":
		refusal := &Refusal{Code: m.Code, Detail: m.Detail}
		if m.Code == CodeUnavailable {
			return refusal
		}
		failed := &CallError{Method: "Listen", Attempts: 1, Cause: refusal}
		return l.end(i, Update{Topic: m.Topic, Epoch: place.Epoch, Seq: place.Seq}, failed)
	}
	return nil
}

func (l *listening) subscribed(place *Topic, m message) error {
	l.failures, l.refused = 0, ""
	kind := UpdateReload
	if place.Epoch == "" {
		kind = UpdateSubscribed
	}
	place.Epoch, place.Seq = m.Epoch, m.Seq
	if m.Resumed {
		return nil
	}
	return l.deliver(Update{Kind: kind, Topic: m.Topic, Epoch: m.Epoch, Seq: m.Seq})
}

func (l *listening) events(place *Topic, m message) error {
	for _, e := range m.Events {
		var about struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(e.Event, &about); err != nil {
			return fmt.Errorf("event %d of %s: %w", e.Seq, m.Topic, err)
		}
		place.Epoch, place.Seq = m.Epoch, e.Seq
		u := Update{Topic: m.Topic, Epoch: m.Epoch, Seq: e.Seq, Event: Event{Type: about.Type, Data: e.Event}}
		if err := l.deliver(u); err != nil {
			return err
		}
	}
	return nil
}

// deliver hands an update to the loop body.
func (l *listening) deliver(u Update) error {
	if !l.yield(u, nil) {
		return errStop
	}
	return nil
}

// end tells the last of a topic.
func (l *listening) end(i int, u Update, err error) error {
	l.places = slices.Delete(l.places, i, i+1)
	if !l.yield(u, err) || len(l.places) == 0 {
		return errStop
	}
	return nil
}
