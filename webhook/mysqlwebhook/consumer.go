package mysqlwebhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
	"github.com/hongbao/hongbao/webhook"
)

// kind is that of messages that carry events to their owners.
const kind outbox.Kind = "webhook"

// published is an event on its way.
type published struct {
	Token    []byte          `json:"k"` // 16 random bytes
	Owner    string          `json:"u"`
	Type     string          `json:"t"`
	Object   string          `json:"o"`
	Data     json.RawMessage `json:"d"`
	At       int64           `json:"a"` // Unix milliseconds
	Endpoint int64           `json:"e,omitempty"`
}

// carried is the content of a message.
type carried struct {
	Events []published `json:"events"`
}

// Size implements outbox.Content.
func (c carried) Size() int { return len(c.Events) }

// publish puts events into the outbox, one message for each owner's shard: those of an owner arrive in their order.
func publish(c *shards.Cluster, tx *mysqlledger.Tx, events []webhook.Event) error {
	byShard := map[int]carried{}
	for _, e := range events {
		if err := e.Check(); err != nil {
			return err
		}
		token := make([]byte, 16)
		_, _ = rand.Read(token) // never fails
		to := byShard[c.ForUser(e.Owner)]
		to.Events = append(to.Events, published{
			Token: token, Owner: e.Owner, Type: e.Type, Object: e.Object, Data: e.Data,
			At: e.At.UnixMilli(), Endpoint: e.Endpoint,
		})
		byShard[c.ForUser(e.Owner)] = to
	}
	messages := make([]outbox.Message, 0, len(byShard))
	for dest, of := range byShard {
		payload, err := encode(of)
		if err != nil {
			return fmt.Errorf("mysqlwebhook: encode events: %w", err)
		}
		messages = append(messages, outbox.Message{Dest: dest, Kind: kind, Payload: payload})
	}
	tx.Send(messages...)
	return nil
}

// Consumer takes in events on their owners' shards: it appends each, with its position and its sequence, and makes a
// delivery for each endpoint that is subscribed. It is safe for concurrent use.
type Consumer struct {
	cluster *shards.Cluster
	ids     *shards.IDs
	arrived []chan struct{} // by shard
}

var (
	_ outbox.Consumer = (*Consumer)(nil)
	_ outbox.Follower = (*Consumer)(nil)
)

// NewConsumer makes a Consumer.
func NewConsumer(c *shards.Cluster, ids *shards.IDs) *Consumer {
	consumer := &Consumer{cluster: c, ids: ids}
	for range c.Shards() {
		consumer.arrived = append(consumer.arrived, make(chan struct{}, 1))
	}
	return consumer
}

// Wake is signalled when this process takes in events of a shard.
func (c *Consumer) Wake(shard int) <-chan struct{} { return c.arrived[shard] }

// Kind implements outbox.Consumer.
func (c *Consumer) Kind() outbox.Kind { return kind }

// Decode implements outbox.Consumer.
func (c *Consumer) Decode(payload []byte) (outbox.Content, error) {
	var all carried
	if err := json.Unmarshal(payload, &all); err != nil {
		return nil, fmt.Errorf("webhook events: %w", err)
	}
	if len(all.Events) == 0 {
		return nil, errors.New("webhook events: there are none")
	}
	return all, nil
}

// Renamed implements outbox.Consumer: nothing names the message that carried an event.
func (c *Consumer) Renamed(context.Context, *sql.Tx, int, outbox.Message, int64) error { return nil }

// Arrived implements outbox.Consumer. The events of a message commit together, so checking the first suffices.
func (c *Consumer) Arrived(ctx context.Context, q rows.Querier, shard int, m outbox.Message) (bool, error) {
	found, err := rows.Select(ctx, q, rows.Scalar[int],
		"SELECT 1 FROM "+tablesOf(c.cluster, shard).events+" WHERE token = ?", m.Content().(carried).Events[0].Token)
	return len(found) > 0, err
}

// Consume implements outbox.Consumer.
func (c *Consumer) Consume(ctx context.Context, tx *sql.Tx, shard int, messages []outbox.Message) error {
	var events []published
	for _, m := range messages {
		events = append(events, m.Content().(carried).Events...)
	}
	a := &appending{tables: tablesOf(c.cluster, shard), tx: tx, events: events}
	for _, step := range []func(context.Context) error{a.number, a.subscribe} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("webhook events: %w", err)
		}
	}
	if err := a.write(ctx, c.ids, shard); err != nil {
		return fmt.Errorf("webhook events: %w", err)
	}
	return nil
}

// Follow implements outbox.Follower: it wakes the dispatchers.
func (c *Consumer) Follow(messages []outbox.Message) {
	for _, m := range messages {
		select {
		case c.arrived[m.Dest] <- struct{}{}:
		default:
		}
	}
}

// appending is events on their way into the tables of a shard.
type appending struct {
	tables
	tx         *sql.Tx
	events     []published
	positions  []int64
	sequences  []int64
	subscribed map[string][]webhook.Endpoint // by owner
}

type objectKey struct{ owner, object string }

// number gives each event the next position of its owner and the next sequence of its object. Until the commit, their
// rows are locked, so that positions are visible in their order.
func (a *appending) number(ctx context.Context) error {
	perOwner, perObject := map[objectKey]int64{}, map[objectKey]int64{}
	for _, e := range a.events {
		perOwner[objectKey{owner: e.Owner}]++
		perObject[objectKey{e.Owner, e.Object}]++
	}
	owners, err := a.advance(ctx, a.owners, []string{"owner"}, "position", perOwner)
	if err != nil {
		return err
	}
	objects, err := a.advance(ctx, a.objects, []string{"owner", "object"}, "sequence", perObject)
	if err != nil {
		return err
	}
	for _, e := range a.events {
		owner, object := objectKey{owner: e.Owner}, objectKey{e.Owner, e.Object}
		owners[owner]++
		objects[object]++
		a.positions = append(a.positions, owners[owner])
		a.sequences = append(a.sequences, objects[object])
	}
	return nil
}

// advance adds to the counters of keys, in the order of the keys, which is the order of locks, and returns what each
// was before.
func (a *appending) advance(
	ctx context.Context, table string, columns []string, counter string, by map[objectKey]int64,
) (map[objectKey]int64, error) {
	keys := make([]objectKey, 0, len(by))
	for k := range by {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y objectKey) int {
		return cmp.Or(cmp.Compare(x.owner, y.owner), cmp.Compare(x.object, y.object))
	})
	head, where := columns[0], columns[0]+" = ?"
	if len(columns) > 1 {
		head, where = head+", "+columns[1], where+" AND "+columns[1]+" = ?"
	}
	before := make(map[objectKey]int64, len(by))
	for _, k := range keys {
		args := []any{k.owner, k.object}[:len(columns)]
		_, err := a.tx.ExecContext(ctx, "INSERT INTO "+table+" ("+head+", "+counter+") VALUES "+rows.In(len(columns)+1)+
			" ON DUPLICATE KEY UPDATE "+counter+" = "+counter+" + VALUES("+counter+")",
			append(slices.Clone(args), by[k])...)
		if err != nil {
			return nil, err
		}
		var after int64
		row := a.tx.QueryRowContext(ctx, "SELECT "+counter+" FROM "+table+" WHERE "+where, args...)
		if err := row.Scan(&after); err != nil {
			return nil, err
		}
		before[k] = after - by[k]
	}
	return before, nil
}

// subscribe reads the endpoints of the owners that are not disabled.
func (a *appending) subscribe(ctx context.Context) error {
	a.subscribed = map[string][]webhook.Endpoint{}
	var owners []any
	for _, e := range a.events {
		if !slices.Contains(owners, any(e.Owner)) {
			owners = append(owners, e.Owner)
		}
	}
	for chunk := range slices.Chunk(owners, rows.Max) {
		err := rows.Collect(ctx, a.tx, func(row *sql.Rows) error {
			e, err := scanEndpoint(row)
			a.subscribed[e.Owner] = append(a.subscribed[e.Owner], e)
			return err
		}, "SELECT "+endpointColumns+" FROM "+a.endpoints+" WHERE owner IN "+rows.In(len(chunk))+" AND state <> ?",
			append(slices.Clone(chunk), string(webhook.StateDisabled))...)
		if err != nil {
			return err
		}
	}
	return nil
}

// hearing are the endpoints that hear of an event.
func (a *appending) hearing(e published) []int64 {
	var ids []int64
	for _, endpoint := range a.subscribed[e.Owner] {
		if e.Endpoint == endpoint.ID || e.Endpoint == 0 && webhook.Subscribed(endpoint.Types, e.Type) {
			ids = append(ids, endpoint.ID)
		}
	}
	return ids
}

func (a *appending) write(ctx context.Context, ids *shards.IDs, shard int) error {
	var events, deliveries []any
	for i, e := range a.events {
		id, err := ids.New(shard)
		if err != nil {
			return err
		}
		body, err := payload(id, e, a.sequences[i])
		if err != nil {
			return err
		}
		hearing := a.hearing(e)
		events = append(
			events, id, e.Owner, a.positions[i], e.Type, e.Object, a.sequences[i], body, e.At, len(hearing), e.Token,
		)
		for _, endpoint := range hearing {
			deliveries = append(deliveries, id, endpoint, e.Type, string(webhook.DeliveryDue), 0, 0, e.At, 0, "", 0, 0)
		}
	}
	err := rows.Insert(
		ctx, a.tx, "INSERT INTO "+a.tables.events+" ("+eventColumns+", deliveries, token)", 10, events, "",
	)
	if err != nil {
		return err
	}
	return rows.Insert(ctx, a.tx, "INSERT INTO "+a.deliveries+" ("+deliveryColumns+")", 11, deliveries, "")
}

const deliveryColumns = "event, endpoint, type, state, tries, attempts, next_at, status, lease, leased_until, replayed"

// payload is the body of every attempt to deliver an event, with the members that the Standard Webhooks specification
// recommends (type, timestamp, data) and what a receiver needs to sort and to deduplicate.
func payload(id int64, e published, sequence int64) ([]byte, error) {
	return encode(struct {
		ID        string          `json:"id"`
		Type      string          `json:"type"`
		Timestamp string          `json:"timestamp"`
		Object    string          `json:"object"`
		Sequence  int64           `json:"sequence"`
		Data      json.RawMessage `json:"data"`
	}{strconv.FormatInt(id, 10), e.Type, rows.Millis(e.At).Format(time.RFC3339Nano), e.Object, sequence, e.Data})
}

// encode writes JSON and leaves < > & as they are.
func encode(v any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimRight(body.Bytes(), "\n"), err
}

// Publish implements webhook.Publisher.
func (s *Store) Publish(_ context.Context, tx ledger.Tx, events ...webhook.Event) error {
	own, ok := tx.(*mysqlledger.Tx)
	if !ok {
		return errors.New("mysqlwebhook: the transaction is not one of mysqlledger's")
	}
	return publish(s.cluster, own, events)
}
