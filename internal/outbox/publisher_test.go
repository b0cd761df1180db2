package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/outbox"
)

// broker is an outbox.Broker that keeps what it gets and fails as a test says.
type broker struct {
	mu     sync.Mutex
	heard  map[string][]string // by topic
	broken map[string]bool
	then   func() // called after it got something; nil for nothing
}

// Publish implements outbox.Broker.
func (b *broker) Publish(_ context.Context, topic string, events [][]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken[topic] {
		return fmt.Errorf("%s is out of order", topic)
	}
	if b.heard == nil {
		b.heard = map[string][]string{}
	}
	for _, e := range events {
		b.heard[topic] = append(b.heard[topic], string(e))
	}
	if b.then != nil {
		b.then()
	}
	return nil
}

func (b *broker) of(topic string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.heard[topic])
}

func (p *post) writeEvents(tx *sql.Tx, shard int, events ...outbox.Event) error {
	messages, err := outbox.Events(events)
	return errors.Join(err, p.Write(p.t.Context(), tx, shard, messages))
}

// tell writes an event into a shard's outbox.
func (p *post) tell(shard int, topic string, n int) {
	p.t.Helper()
	err := p.cluster.Tx(p.t.Context(), shard, func(tx *sql.Tx) error {
		return p.writeEvents(tx, shard, outbox.Event{Topic: topic, Body: fmt.Appendf(nil, `{"n":%d}`, n)})
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Written(shard, []outbox.Message{{Dest: outbox.Outside}})
}

func numbered(n int) (bodies []string) {
	for i := range n {
		bodies = append(bodies, fmt.Sprintf(`{"n":%d}`, i))
	}
	return bodies
}

// Events come out once, those of a topic in their order; delivery to shards leaves them alone, and they leave it alone.
func TestPublisher(t *testing.T) {
	p, b := open(t, 2), new(broker)
	publisher := outbox.NewPublisher(p.Outbox, b, slog.New(slog.DiscardHandler))
	for i := range 10 {
		p.tell(0, "a", i)
		p.tell(0, "b", i)
	}
	p.tell(1, "a", 99)
	p.send(0, letter("letter", 1, "for a shard"))
	if n := p.deliverAll(0); n != 1 {
		t.Errorf("%d delivered to shards, want 1", n)
	}
	if age, err := p.Age(t.Context(), 0); age != 0 || err != nil {
		t.Errorf("events are no messages that wait for a shard: %v, %v", age, err)
	}
	if n, err := publisher.Pass(t.Context(), 0); n != 20 || err != nil {
		t.Errorf("%d published, %v, want 20", n, err)
	}
	for _, topic := range []string{"a", "b"} {
		if got := b.of(topic); !slices.Equal(got, numbered(10)) {
			t.Errorf("%s heard %v", topic, got)
		}
	}
	if n, err := publisher.Pass(t.Context(), 0); n != 0 || err != nil || p.left(0) != 0 {
		t.Errorf("a second time: %d, %v, %d left", n, err, p.left(0))
	}
}

// A topic that fails keeps its events in their order and holds up no other.
func TestATopicThatFails(t *testing.T) {
	p, b := open(t, 1), &broker{broken: map[string]bool{"a": true}}
	publisher := outbox.NewPublisher(p.Outbox, b, slog.New(slog.DiscardHandler))
	for i := range 3 {
		p.tell(0, "a", i)
		p.tell(0, "b", i)
	}
	if n, err := publisher.Pass(t.Context(), 0); n != 3 || err == nil {
		t.Errorf("%d published, %v", n, err)
	}
	if !slices.Equal(b.of("b"), numbered(3)) || len(b.of("a")) != 0 || p.left(0) != 3 {
		t.Errorf("a heard %v, b %v, %d left", b.of("a"), b.of("b"), p.left(0))
	}
	b.broken = nil
	p.tell(0, "a", 3)
	if n, err := publisher.Pass(t.Context(), 0); n != 4 || err != nil || !slices.Equal(b.of("a"), numbered(4)) {
		t.Errorf("%d published, %v: a heard %v", n, err, b.of("a"))
	}
}

// A publisher that dies between publishing and deleting publishes again: at least once.
func TestPublishedAtLeastOnce(t *testing.T) {
	p, b := open(t, 1), new(broker)
	publisher := outbox.NewPublisher(p.Outbox, b, slog.New(slog.DiscardHandler))
	p.tell(0, "a", 0)
	ctx, die := context.WithCancel(t.Context())
	b.then = die
	if _, err := publisher.Pass(ctx, 0); !errors.Is(err, context.Canceled) || p.left(0) != 1 {
		t.Errorf("%v, %d left", err, p.left(0))
	}
	b.then = nil
	if n, err := publisher.Pass(t.Context(), 0); n != 1 || err != nil || p.left(0) != 0 {
		t.Errorf("again: %d, %v, %d left", n, err, p.left(0))
	}
	if got := b.of("a"); !slices.Equal(got, []string{`{"n":0}`, `{"n":0}`}) {
		t.Errorf("a heard %v", got)
	}
}

// One pass is bounded; Run goes on until all is published, and stops with its context.
func TestPublisherRuns(t *testing.T) {
	p, b := open(t, 1), new(broker)
	publisher := outbox.NewPublisher(p.Outbox, b, slog.New(slog.DiscardHandler))
	err := p.cluster.Tx(t.Context(), 0, func(tx *sql.Tx) error {
		var events []outbox.Event
		for _, body := range numbered(1200) {
			events = append(events, outbox.Event{Topic: "a", Body: []byte(body)})
		}
		return p.writeEvents(tx, 0, events...)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := publisher.Pass(t.Context(), 0); n != 500 || err != nil {
		t.Errorf("one pass: %d, %v, want 500", n, err)
	}
	published := make(chan struct{}, 1)
	b.then = func() {
		select {
		case published <- struct{}{}:
		default:
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { publisher.Run(ctx, 0); close(stopped) }()
	wait := func(n int) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for len(b.of("a")) < n {
			select {
			case <-published:
			case <-deadline:
				t.Fatalf("%d published, want %d", len(b.of("a")), n)
			}
		}
	}
	wait(1200)
	p.tell(0, "a", 1200) // while it waits for something to do
	wait(1201)
	stop()
	<-stopped
	if !slices.Equal(b.of("a"), numbered(1201)) {
		t.Errorf("%d events, not in their order or not once each", len(b.of("a")))
	}
}

func TestAnEventThatCannotBeRead(t *testing.T) {
	p := open(t, 1)
	p.send(0, outbox.Message{Dest: outbox.Outside, Kind: "event", Payload: []byte("torn")})
	publisher := outbox.NewPublisher(p.Outbox, new(broker), slog.New(slog.DiscardHandler))
	if n, err := publisher.Pass(t.Context(), 0); n != 0 || err == nil || p.left(0) != 1 {
		t.Errorf("%d, %v, %d left", n, err, p.left(0))
	}
}
