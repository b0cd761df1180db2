package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Pace of a topic's frames: one goes out at once after a quiet time, and what comes sooner is gathered for the next.
// The time between two grows with the listeners, so that the frames of a topic cost a node no more than a thousand
// writes a second, and a crowd that watches leaves the machine to the crowd that it watches.
const (
	intervalPerListener = time.Millisecond
	maxInterval         = 250 * time.Millisecond
)

// topic is what one node knows of a topic that somebody here listens to.
type topic struct {
	hub       *Hub
	name      string
	ctx       context.Context // ends when nobody listens any more
	cancel    context.CancelFunc
	listening chan struct{} // closed once the bus delivers, or err says why it does not
	err       error         // set before listening is closed
	users     int           // guarded by hub.mu

	mu     sync.Mutex
	begun  bool              // at is known
	at     position          // of the last event that was given to the subscriptions
	next   []json.RawMessage // events after at, for the next frame
	bytes  int               // of next
	last   time.Time         // when the last frame went out
	timer  bool              // one runs that sends the next
	listen map[*conn]*subscription
}

// subscription is one connection's place in a topic. Until it is live, what happens meanwhile waits in pending, so that
// the change from history to live neither loses nor repeats anything.
type subscription struct {
	conn    *conn
	topic   *topic
	joined  position // pending holds everything after it
	live    bool
	pending []*frame
	bytes   int  // of pending
	lost    bool // pending is not everything: a gap, or too much of it
}

func newTopic(h *Hub, name string) *topic {
	t := &topic{hub: h, name: name, listening: make(chan struct{}), listen: make(map[*conn]*subscription)}
	t.ctx, t.cancel = context.WithCancel(h.ctx)
	return t
}

// run listens until nobody does.
func (t *topic) run() {
	ctx, cancel := context.WithTimeout(t.ctx, operationTimeout)
	stop, err := t.hub.bus.Listen(ctx, t.name, t.receive)
	cancel()
	if err != nil {
		t.err = fmt.Errorf("listen to %s: %w", t.name, err)
		t.hub.mu.Lock()
		t.hub.drop(t)
		t.hub.mu.Unlock()
		close(t.listening)
		return
	}
	close(t.listening)
	<-t.ctx.Done()
	stop()
}

// receive is called by the bus, one batch at a time.
func (t *topic) receive(b Batch) {
	if b.Present != nil {
		t.hub.presence.counted(t.name, *b.Present)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		t.begun, t.at = true, position{b.Epoch, b.Last()}
		return
	}
	received := t.at.seq + uint64(len(t.next))
	switch {
	case b.Epoch != t.at.epoch || b.First > received+1:
		t.send()
		t.at = position{b.Epoch, b.First - 1}
		t.tellLost()
	case b.First <= received: // some were received before
		known := min(received+1-b.First, uint64(len(b.Events)))
		b.Events = b.Events[known:]
	}
	for _, e := range b.Events {
		t.next = append(t.next, e)
		t.bytes += len(e)
	}
	if len(t.next) == 0 || t.timer {
		if t.bytes >= maxFrame {
			t.send()
		}
		return
	}
	wait := min(time.Duration(len(t.listen))*intervalPerListener, maxInterval) - time.Since(t.last)
	if wait <= 0 || t.bytes >= maxFrame {
		t.send()
		return
	}
	t.timer = true
	time.AfterFunc(wait, t.flush)
}

// flush sends what was gathered.
func (t *topic) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = false
	t.send()
}

// send gives the events that were gathered to the subscriptions. It is called with mu held.
func (t *topic) send() {
	if len(t.next) == 0 {
		return
	}
	b := Batch{Epoch: t.at.epoch, First: t.at.seq + 1, Events: t.next}
	t.at.seq, t.last = b.Last(), time.Now()
	t.next, t.bytes = nil, 0
	for _, f := range encode(t.name, b, len(t.listen)) {
		for _, s := range t.listen {
			s.put(f)
		}
	}
}

// tellLost says to everybody that events before t.at were lost. It is called with mu held.
func (t *topic) tellLost() {
	f := reload(t.name, t.at)
	for _, s := range t.listen {
		if s.live {
			s.conn.put(f)
		} else {
			s.lost, s.pending = true, nil
		}
	}
}

// put is called with topic.mu held.
func (s *subscription) put(f *frame) {
	switch {
	case s.live:
		s.conn.put(f)
	case s.lost:
	case len(s.pending) >= s.conn.out.maxFrames/2 || s.bytes+f.size > s.conn.out.maxBytes/2:
		s.lost, s.pending = true, nil
	default:
		s.pending = append(s.pending, f)
		s.bytes += f.size
	}
}

// join keeps everything from here on for the connection.
func (t *topic) join(c *conn) *subscription {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &subscription{conn: c, topic: t, joined: t.at}
	t.listen[c] = s
	return s
}

// leave is true for the one caller that ends the subscription, who then releases the topic.
func (t *topic) leave(s *subscription) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listen[s.conn] != s {
		return false
	}
	delete(t.listen, s.conn)
	return true
}

// start sends what was missed since from (nil: nothing was), then goes live.
func (s *subscription) start(ctx context.Context, from *position) error {
	missed, complete, err := s.missed(ctx, from)
	if err != nil {
		return err
	}
	t := s.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listen[s.conn] != s { // revoked meanwhile
		return nil
	}
	s.live = true
	complete = complete && !s.lost
	if from != nil {
		t.hub.metrics.resumed(complete)
	}
	if !complete {
		s.conn.put(subscribed(t.name, t.at, false))
	} else {
		s.conn.put(subscribed(t.name, *from, true))
		for _, f := range missed {
			s.conn.put(f)
		}
		for _, f := range s.pending {
			s.conn.put(f)
		}
	}
	s.pending = nil
	return nil
}

// attend has the subscription take part in the topic's presence, unless it has ended.
func (s *subscription) attend() {
	t := s.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listen[s.conn] == s {
		t.hub.presence.join(t.name, s)
	}
}

// missed returns the events after from, up to those in pending. complete is false where they cannot be had, or would
// take more than half of the connection's queue.
func (s *subscription) missed(ctx context.Context, from *position) (frames []*frame, complete bool, err error) {
	if from == nil || from.epoch != s.joined.epoch || from.seq > s.joined.seq {
		return nil, false, nil
	}
	if from.seq == s.joined.seq {
		return nil, true, nil
	}
	b, complete, err := s.topic.hub.bus.History(ctx, s.topic.name, from.epoch, from.seq)
	if err != nil {
		return nil, false, err
	}
	if !complete || b.Epoch != s.joined.epoch || b.First != from.seq+1 || b.Last() < s.joined.seq {
		return nil, false, nil
	}
	b.Events = b.Events[:s.joined.seq-from.seq]
	frames = encode(s.topic.name, b, 1)
	bytes := 0
	for _, f := range frames {
		bytes += f.size
	}
	return frames, len(frames) <= s.conn.out.maxFrames/2 && bytes <= s.conn.out.maxBytes/2, nil
}

// recheck asks for each user once and revokes those who may not listen any more.
func (t *topic) recheck(ctx context.Context) error {
	t.mu.Lock()
	subscriptions := slices.Collect(maps.Values(t.listen))
	t.mu.Unlock()
	answers := make(map[string]error)
	var errs []error
	for _, s := range subscriptions {
		subject := s.conn.subject
		err, asked := answers[subject]
		if !asked {
			err = t.mayListen(ctx, subject)
			answers[subject] = err
			if _, denied := errors.AsType[*Denial](err); err != nil && !denied {
				errs = append(errs, fmt.Errorf("recheck %s on %s: %w", subject, t.name, err))
			}
		}
		if _, denied := errors.AsType[*Denial](err); denied && t.leave(s) {
			t.hub.presence.leave(t.name, s)
			t.hub.release(t)
			s.conn.revoked(t.name)
		}
	}
	return errors.Join(errs...)
}

func (t *topic) mayListen(ctx context.Context, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return t.hub.auth.MayListen(ctx, subject, t.name)
}
