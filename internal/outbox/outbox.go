// Package outbox carries messages away from a shard: to another shard, where each has its effect exactly once, or to
// the outside, where each arrives at least once.
//
// A message is written in the transaction of what it tells, so it exists if and only if that happened. Deliver takes
// the messages for one shard together, or those for several of one server where they are few, and in one transaction
// there records their ids in the inbox and lets the consumer of each kind do its work. Then the messages are deleted at
// their source. A crash between the two leaves messages that are already in an inbox; the next delivery sees that and
// deletes them. A shard that is down keeps its messages where they were written and is tried again after a while; the
// others are not held up.
//
// A message for the outside is read by whoever hands it out (see Publisher) and deleted once that was done.
package outbox

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Kind says what a message is, and so who consumes it: 1 to 16 bytes.
type Kind string

// Outside is the destination of messages that leave the installation.
const Outside = -1

// NoCurrency is the currency of messages that carry no money: ISO 4217's code for none.
const NoCurrency = "XXX"

// Message is one row of a shard's outbox.
type Message struct {
	Dest     int   // a shard, or Outside
	ID       int64 // unique on the source shard; 0 until it is written
	Kind     Kind
	Currency string // of Amount; NoCurrency where it is 0
	Amount   int64  // minor units that are on their way in it
	Payload  []byte

	content Content // what the consumer made of the payload
}

// Content is a message's payload, decoded by its consumer.
type Content interface {
	// Size is the number of items in it, at least 1: it bounds how many messages one transaction takes in.
	Size() int
}

// Consumer takes in the messages of one kind at their destination.
type Consumer interface {
	Kind() Kind

	// Decode reads a payload.
	Decode(payload []byte) (Content, error)

	// Consume has the effect of messages on their destination, in the transaction that records their arrival. It must
	// return the error of any statement, a duplicate's too: it may be that of the record.
	Consume(ctx context.Context, tx *sql.Tx, shard int, messages []Message) error

	// Arrived says whether a message whose id is in the inbox of shard is the one that arrived under it: two processes
	// that have the same node number can make the same id.
	Arrived(ctx context.Context, q rows.Querier, shard int, m Message) (bool, error)

	// Renamed follows a message at its source, in the transaction that gives it another id.
	Renamed(ctx context.Context, tx *sql.Tx, source int, m Message, id int64) error
}

// Sifter is a Consumer that can leave out what came with another message: a source that lost its latest commits does
// again what it has forgotten, and tells of it in messages with other ids.
type Sifter interface {
	// Sift returns the messages without what they share with those that arrived before. It is asked where Consume met a
	// duplicate, in a new transaction that records their arrival.
	Sift(ctx context.Context, tx *sql.Tx, shard int, messages []Message) ([]Message, error)
}

// Follower is a Consumer that hears what was taken in, after the commit. Where the process dies in between, it does
// not.
type Follower interface {
	// Follow must not wait for anything.
	Follow(messages []Message)
}

// Patient is a Consumer whose messages nobody waits for: they come with the next look, many at a time.
type Patient interface{ Patient() }

// Content is what the consumer of m's kind made of its payload; nil for a message that was not read from an outbox.
func (m Message) Content() Content { return m.content }

// With is the message with other content.
func (m Message) With(c Content, amount int64) Message {
	m.content, m.Amount = c, amount
	return m
}

// Config is what an Outbox needs.
type Config struct {
	Cluster   *shards.Cluster
	IDs       *shards.IDs
	Consumers []Consumer // in the order in which they lock rows at a destination
	// Acquire waits for a place among the writers of a shard's server, and returns how to leave it. It bounds the
	// deliveries and whatever else shares the places, and gives up after a time of its own.
	Acquire    func(ctx context.Context, shard int) (release func(), err error)
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil for none
	Now        func() time.Time
	Timeout    time.Duration // of a delivery in one transaction; 0 means 5 s
	Span       BatchSpan     // of deliveries; nil for none
}

// Outbox is the outboxes of all shards. It is safe for concurrent use.
type Outbox struct {
	cfg                        Config
	cluster                    *shards.Cluster
	consumers                  []Consumer
	outsideWake                []chan struct{}   // by shard: there are messages for the outside
	wakes                      [][]chan struct{} // by shard and server: there are messages for those on it
	failedDests, failedServers backoffs
	suspects                   backoffs        // destinations that failed by themselves: they stay so until they work
	turns                      []chan struct{} // by shard: one delivery of this process to it at a time
	metrics                    metrics
}

// New makes an Outbox. It makes no connection.
func New(cfg Config) (*Outbox, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = deliverTimeout
	}
	o := &Outbox{cfg: cfg, cluster: cfg.Cluster, consumers: cfg.Consumers}
	o.outsideWake, o.turns = signals(cfg.Cluster.Shards()), signals(cfg.Cluster.Shards())
	for range cfg.Cluster.Shards() {
		o.wakes = append(o.wakes, signals(cfg.Cluster.Servers()))
	}
	var err error
	if o.metrics, err = newMetrics(cfg.Registerer); err != nil {
		return nil, fmt.Errorf("outbox: metrics: %w", err)
	}
	return o, nil
}

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "outbox_version"})
}

func (o *Outbox) outbox(shard int) string { return o.cluster.Table(shard, "outbox") }
func (o *Outbox) inbox(shard int) string  { return o.cluster.Table(shard, "inbox") }

// Write puts messages into the outbox of a shard, in the transaction of what they tell. A message without an id gets
// one.
func (o *Outbox) Write(ctx context.Context, tx *sql.Tx, shard int, messages []Message) error {
	for i := range messages {
		if messages[i].ID != 0 {
			continue
		}
		id, err := o.cfg.IDs.New(shard)
		if err != nil {
			return err
		}
		messages[i].ID = id
	}
	slices.SortFunc(messages, byAddress)
	args, at := make([]any, 0, 7*len(messages)), o.cfg.Now().UnixMilli()
	for _, m := range messages {
		if m.Amount == 0 {
			m.Currency = NoCurrency
		}
		args = append(args, m.Dest, m.ID, string(m.Kind), m.Currency, m.Amount, m.Payload, at)
	}
	return rows.Insert(ctx, tx, "INSERT INTO "+o.outbox(shard)+" ("+Columns+", at)", 7, args, "")
}

// Written wakes who takes these messages out of the outbox of a shard, in this process, unless nobody waits for them.
// Call it after the commit of the transaction that wrote them.
func (o *Outbox) Written(shard int, messages []Message) {
	for _, m := range messages {
		if m.Dest == Outside {
			signal(o.outsideWake[shard])
		} else if _, patient := o.consumer(m.Kind).(Patient); !patient {
			signal(o.wakes[shard][o.serverOf(m.Dest)])
		}
	}
}

// Wake is signalled when this process has written messages of a shard for those on a server.
func (o *Outbox) Wake(shard, server int) <-chan struct{} { return o.wakes[shard][server] }

func signals(n int) []chan struct{} {
	all := make([]chan struct{}, n)
	for i := range all {
		all[i] = make(chan struct{}, 1)
	}
	return all
}

func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default: // one is waiting already
	}
}

// Columns are those that Scan reads, in its order.
const Columns = "dest, id, kind, currency, amount, payload"

// Scan reads a message whose payload is not decoded yet.
func Scan(row *sql.Rows) (m Message, err error) {
	err = row.Scan(&m.Dest, &m.ID, &m.Kind, &m.Currency, &m.Amount, &m.Payload)
	return m, err
}

// Decode lets the consumer of m's kind read its payload.
func (o *Outbox) Decode(m *Message) error {
	consumer := o.consumer(m.Kind)
	if consumer == nil {
		return fmt.Errorf("outbox: message %d is %q, which nobody consumes", m.ID, m.Kind)
	}
	content, err := consumer.Decode(m.Payload)
	if err != nil {
		return fmt.Errorf("outbox: message %d: %w", m.ID, err)
	}
	m.content = content
	return nil
}

func (o *Outbox) consumer(k Kind) Consumer {
	for _, c := range o.consumers {
		if c.Kind() == k {
			return c
		}
	}
	return nil
}

// OutsideAge is how long the oldest message of a shard that leaves the installation has been waiting; 0 where there is
// none.
func (o *Outbox) OutsideAge(ctx context.Context, shard int) (time.Duration, error) {
	oldest, err := rows.Select(ctx, o.cluster.DB(shard), rows.Scalar[int64],
		"SELECT id FROM "+o.outbox(shard)+" WHERE dest = ? ORDER BY id LIMIT 1", Outside)
	if err != nil {
		return 0, shards.Classify(fmt.Errorf("age of the events of shard %d: %w", shard, err))
	}
	if len(oldest) == 0 {
		return 0, nil
	}
	return max(o.cfg.Now().Sub(shards.MadeAt(oldest[0])), time.Millisecond), nil
}

// Age is how long the oldest message of a shard for another shard has been waiting; 0 where there is none.
func (o *Outbox) Age(ctx context.Context, shard int) (time.Duration, error) {
	oldest, err := rows.Select(ctx, o.cluster.DB(shard), rows.Scalar[int64],
		"SELECT MIN(id) FROM "+o.outbox(shard)+" WHERE dest > ? GROUP BY dest", Outside)
	if err != nil {
		return 0, shards.Classify(fmt.Errorf("age of the outbox of shard %d: %w", shard, err))
	}
	if len(oldest) == 0 {
		return 0, nil
	}
	return max(o.cfg.Now().Sub(shards.MadeAt(slices.Min(oldest))), time.Millisecond), nil
}
