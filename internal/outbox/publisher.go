package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

const (
	publishBatch    = 500
	publishInterval = 200 * time.Millisecond
)

// events is the kind of messages that a Publisher hands out.
const events Kind = "event"

// Event is something for whoever listens to a topic.
type Event struct {
	Topic string          `json:"topic"`
	Body  json.RawMessage `json:"body"` // a JSON object
}

// Events are messages that carry events to a Publisher.
func Events(all []Event) ([]Message, error) {
	messages := make([]Message, len(all))
	for i, e := range all {
		payload, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("outbox: encode an event for %s: %w", e.Topic, err)
		}
		messages[i] = Message{Dest: Outside, Kind: events, Payload: payload}
	}
	return messages, nil
}

// Broker sends events to whoever listens to a topic.
type Broker interface {
	// Publish sends the events in order; each is one JSON object. After an error some may have been sent.
	Publish(ctx context.Context, topic string, events [][]byte) error
}

// Publisher hands out the events of a shard, and deletes each once it was published. After a crash in between it is
// published again.
type Publisher struct {
	outbox *Outbox
	broker Broker
	log    *slog.Logger
}

// NewPublisher makes a publisher.
func NewPublisher(o *Outbox, b Broker, log *slog.Logger) *Publisher {
	return &Publisher{outbox: o, broker: b, log: log}
}

// Run publishes the events of a shard until the context ends. Only one of a process may run for a shard.
func (p *Publisher) Run(ctx context.Context, shard int) {
	job := loop.Job{Name: "events", Log: p.log.With("shard", shard), Interval: publishInterval,
		Wake: p.outbox.outsideWake[shard]}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		published, err := p.Pass(ctx, shard)
		return published > 0, err
	})
}

// Pass publishes the oldest events, those of a topic in their order, and returns how many. A topic that fails does not
// hold up the others.
func (p *Publisher) Pass(ctx context.Context, shard int) (published int, err error) {
	messages, err := p.outbox.outside(ctx, shard, events, publishBatch)
	if err != nil {
		return 0, err
	}
	byTopic, bodies := map[string][]Message{}, map[string][][]byte{}
	for _, m := range messages {
		var e Event
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			return 0, fmt.Errorf("outbox: event %d: %w", m.ID, err)
		}
		byTopic[e.Topic] = append(byTopic[e.Topic], m)
		bodies[e.Topic] = append(bodies[e.Topic], e.Body)
	}
	var errs []error
	var done []Message
	for topic, batch := range bodies {
		if err := p.broker.Publish(ctx, topic, batch); err != nil {
			errs = append(errs, err)
			continue
		}
		done = append(done, byTopic[topic]...)
	}
	errs = append(errs, p.outbox.forget(ctx, shard, done))
	return len(done), errors.Join(errs...)
}

// outside returns the oldest messages of a kind that wait on a shard for the outside.
func (o *Outbox) outside(ctx context.Context, shard int, k Kind, limit int) ([]Message, error) {
	messages, err := rows.Select(ctx, o.cluster.DB(shard), Scan,
		"SELECT "+Columns+" FROM "+o.outbox(shard)+" WHERE dest = ? AND kind = ? ORDER BY id LIMIT ?", Outside, string(
			k), limit)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("messages of shard %d for the outside: %w", shard, err))
	}
	return messages, nil
}

// forget deletes messages that were handed out.
func (o *Outbox) forget(ctx context.Context, shard int, done []Message) error {
	for chunk := range slices.Chunk(done, rows.Max) {
		if err := o.clear(ctx, shard, chunk); err != nil {
			return shards.Classify(fmt.Errorf("delete what shard %d handed out: %w", shard, err))
		}
	}
	return nil
}
