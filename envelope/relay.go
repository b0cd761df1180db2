package envelope

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const (
	relayBatch = 1_000
	// relayInterval is how long a relay that is not behind lets records gather. A record that comes after a quiet time
	// does not wait.
	relayInterval = 50 * time.Millisecond
)

// Relay tells the groups what happened: it reads a bucket's log, apart from the Settler, and publishes one message for
// each group and batch. An event may be published twice after a crash; each says what it is about, so listeners apply
// it once.
type Relay struct {
	log       Log
	pot       Pot
	metadata  *Metadata
	publisher Publisher
	logger    *slog.Logger
}

// NewRelay makes a relay.
func NewRelay(log Log, pot Pot, metadata *Metadata, publisher Publisher, logger *slog.Logger) *Relay {
	return &Relay{log: log, pot: pot, metadata: metadata, publisher: publisher, logger: logger}
}

// Run relays a bucket until the context ends.
func (r *Relay) Run(ctx context.Context, bucket int) {
	loop.Job{Name: "relay", Log: r.logger.With("bucket", bucket), Interval: relayInterval}.Run(ctx,
		func(ctx context.Context) (bool, error) {
			n, err := r.pass(ctx, bucket)
			return n >= relayBatch, err
		})
}

// pass relays one batch and returns how many records it held.
func (r *Relay) pass(ctx context.Context, bucket int) (int, error) {
	after, err := r.log.Position(ctx, bucket, ReaderRelay)
	if err != nil {
		return 0, err
	}
	records, upTo, err := r.log.Read(ctx, bucket, after, relayBatch, logWait)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	events := make(map[string][][]byte)
	for _, record := range records {
		group, encoded, err := r.events(ctx, record)
		if refusal.CodeOf(err) == CodeEnvelopeNotFound { // the settler's rejection is the alarm for this
			r.logger.Error("the log names an envelope that the ledger does not have", "envelope", record.Envelope)
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("event of envelope %d: %w", record.Envelope, err)
		}
		events[group] = append(events[group], encoded...)
	}
	for group, batch := range events {
		if err := r.publisher.Publish(ctx, ledger.GroupTopic(group), batch); err != nil {
			return 0, err
		}
	}
	return len(records), r.log.Acknowledge(ctx, bucket, ReaderRelay, upTo)
}

// events is what a record means to the envelope's group. Times are Unix milliseconds, amounts minor units.
func (r *Relay) events(ctx context.Context, record Record) (group string, events [][]byte, err error) {
	e, err := r.metadata.get(ctx, record.Envelope)
	if err != nil {
		return "", nil, err
	}
	events, err = r.encode(ctx, e, record)
	return e.Group, events, err
}

func (r *Relay) encode(ctx context.Context, e *Envelope, record Record) ([][]byte, error) {
	about := eventAbout{Envelope: strconv.FormatInt(e.ID, 10), Group: e.Group}
	switch record.Kind {
	case RecordSent:
		about.Type = "envelope.sent"
		return marshal(sentEvent{
			eventAbout: about, Sender: e.Sender, Kind: e.Kind, Total: e.Total.Minor, Count: e.Count, Currency: string(
				e.Total.Currency),
			Greeting: e.Greeting, To: e.To, CreatedAt: e.CreatedAt.UnixMilli(), ExpiresAt: e.ExpiresAt.UnixMilli(),
			Commitment: e.Seed.Commitment(e.ID), Cover: e.Cover,
		})
	case RecordTaken:
		about.Type = "envelope.grabbed"
		grabbed := grabbedEvent{eventAbout: about, Currency: string(e.Total.Currency),
			takeEvent: takeEventOf(record.Take)}
		if !record.Last {
			return marshal(grabbed)
		}
		taken, err := r.taken(ctx, e.ID)
		if err != nil || len(taken) == 0 {
			return nil, err
		}
		about.Type = "envelope.drained"
		return marshal(grabbed, drainedEvent{eventAbout: about, Best: takeEventOf(taken[bestLuck(taken)])})
	case RecordRefunded:
		about.Type = "envelope.refunded"
		return marshal(refundedEvent{eventAbout: about, Refunded: record.Refunded, Currency: string(e.Total.Currency)})
	}
	return nil, fmt.Errorf("unknown record %q", record.Kind)
}

// taken is who took what of a drained envelope.
func (r *Relay) taken(ctx context.Context, id int64) ([]Take, error) {
	pot, err := r.pot.Look(ctx, id)
	if !errors.Is(err, ErrNoPot) {
		return pot.Taken, err
	}
	posts, err := r.metadata.ledger.Posts(ctx, id) // this relay is so late that the pot is gone
	return takesOf(posts), err
}

func marshal(events ...any) ([][]byte, error) {
	encoded := make([][]byte, len(events))
	for i, event := range events {
		data, err := json.Marshal(event)
		if err != nil {
			return nil, err
		}
		encoded[i] = data
	}
	return encoded, nil
}

type eventAbout struct {
	Type     string `json:"type"`
	Envelope string `json:"envelope_id"`
	Group    string `json:"group_id"`
}

type sentEvent struct {
	eventAbout
	Sender     string `json:"sender"`
	Kind       Kind   `json:"kind"`
	Total      int64  `json:"total"`
	Count      int    `json:"count"`
	Currency   string `json:"currency"`
	Greeting   string `json:"greeting"`
	To         string `json:"to"`
	CreatedAt  int64  `json:"created_at"`
	ExpiresAt  int64  `json:"expires_at"`
	Commitment string `json:"commitment"`
	Cover      int64  `json:"cover_id,string,omitempty"`
}

type takeEvent struct {
	User  string `json:"user_id"`
	Share int    `json:"share"`
	Minor int64  `json:"amount"`
	At    int64  `json:"at"`
}

func takeEventOf(t Take) takeEvent {
	return takeEvent{User: t.User, Share: t.Share, Minor: t.Minor, At: t.At.UnixMilli()}
}

type grabbedEvent struct {
	eventAbout
	takeEvent
	Currency string `json:"currency"`
}

type drainedEvent struct {
	eventAbout
	Best takeEvent `json:"best"`
}

type refundedEvent struct {
	eventAbout
	Refunded int64  `json:"refunded"`
	Currency string `json:"currency"`
}
