// Package redisbus is push.Bus on Redis 7, a single server or a cluster.
//
// A topic is a state (epoch, number of the newest event), a history (the latest events), who takes part in its presence
// and a channel of sharded pub/sub. All share the hash tag {t:<topic>}, so one script numbers, remembers and publishes.
//
// Pub/sub forgets. Each listener therefore keeps its place and asks for what it missed whenever its subscription was
// (re)established or a number is missing; until the answer is there, what arrives waits.
//
//	subscribed, or a gap → catching up: arrivals wait → since(place) → what was missed, then what waited → following
//
// Where the history does not reach back far enough, or Redis came back with less than it had, the listener is told
// where the topic stands now (see push.Bus), and its clients to reload.
package redisbus

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/push"
)

const (
	// HistorySize is how many events of a topic are remembered.
	HistorySize = 256
	// HistoryTTL is how long a topic's history outlives its newest event.
	HistoryTTL = 24 * time.Hour
	// MaxEvent is the most bytes of one event.
	MaxEvent = 16 << 10

	maxBatchBytes = 256 << 10 // of events in one message; more is published in parts of at most HistorySize events
)

var (
	// ErrEvent says that an event is not a JSON object of at most MaxEvent bytes.
	ErrEvent = errors.New("redisbus: not a JSON object of at most 16 KiB")
	// ErrClosed says that the bus is closed.
	ErrClosed = errors.New("redisbus: closed")
)

//go:embed publish.lua
var publishScript string

//go:embed since.lua
var sinceScript string

// Bus is a push.Bus. Its methods are safe for concurrent use.
type Bus struct {
	client     rueidis.Client // for commands; the caller's
	subscriber rueidis.Client // for subscriptions: one connection for all of them (on a cluster, one for each node)
	publish    *rueidis.Lua
	since      *rueidis.Lua
	attend     *rueidis.Lua
	node       string // this bus's name, where nodes are told apart
	log        *slog.Logger
	catchUps   *prometheus.CounterVec // by outcome: filled, reload
	ctx        context.Context        // ends with Close
	cancel     context.CancelFunc
	running    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	channels map[string]int // followers of a channel
}

var _ push.Bus = (*Bus)(nil)

// New returns a bus that sends its commands through client, which stays the caller's, and makes a connection of its own
// for subscriptions as option says. It connects at once. Close ends it.
func New(client rueidis.Client, option rueidis.ClientOption, log *slog.Logger,
	reg prometheus.Registerer) (*Bus, error) {
	option.PipelineMultiplex = -1 // a single connection; messages and commands do not wait for each other
	option.DisableCache = true
	subscriber, err := rueidis.NewClient(option)
	if err != nil {
		return nil, fmt.Errorf("connect the bus: %w", err)
	}
	b := &Bus{
		client: client, subscriber: subscriber, log: log,
		publish: rueidis.NewLuaScript(publishScript), // not retryable: it would give new numbers
		// Not retried by rueidis: it would use the command's memory again while the writer of a connection that broke
		// may still read it (pipe.go, _backgroundWrite). Whoever asks repeats the question.
		since:  rueidis.NewLuaScript(sinceScript),
		attend: rueidis.NewLuaScript(attendScript),
		node:   rand.Text(),
		catchUps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hongbao_push_bus_catch_ups_total",
			Help: "Times that a topic's listener asked for what it may have missed, by outcome.",
		}, []string{"outcome"}),
		channels: make(map[string]int),
	}
	reg.MustRegister(b.catchUps)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b, nil
}

// Close ends all listening and waits for it. Closing twice is safe.
func (b *Bus) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
	b.subscriber.Close()
}

// Publish numbers, remembers and publishes the events, at most HistorySize in one step. Delivery is at least once:
// after an error (ErrEvent apart) some may have been published, and a caller that repeats gives them new numbers.
func (b *Bus) Publish(ctx context.Context, topic string, events [][]byte) error {
	for _, e := range events {
		if len(e) > MaxEvent || !bytes.HasPrefix(e, []byte("{")) || !json.Valid(e) {
			return fmt.Errorf("publish to %s: %w", topic, ErrEvent)
		}
	}
	for len(events) > 0 {
		count, size := 0, 0
		for count < min(len(events), HistorySize) && (count == 0 || size+len(events[count]) <= maxBatchBytes) {
			size += len(events[count])
			count++
		}
		args := make([]string, 0, count+3)
		args = append(args, newEpoch(), strconv.Itoa(HistorySize), seconds(HistoryTTL))
		for _, e := range events[:count] {
			args = append(args, rueidis.BinaryString(e))
		}
		keys := []string{stateKey(topic), historyKey(topic), topicChannel(topic)}
		if err := b.publish.Exec(ctx, b.client, keys, args).Error(); err != nil {
			return fmt.Errorf("publish to %s: %w", topic, err)
		}
		events = events[count:]
	}
	return nil
}

// History returns the events of a topic after seq, as push.Bus says.
func (b *Bus) History(ctx context.Context, topic, epoch string, seq uint64) (push.Batch, bool, error) {
	return b.after(ctx, topic, place{epoch: epoch, seq: seq})
}

// Head returns where the topic stands. A topic that never had an event gets an epoch and stands at 0.
func (b *Bus) Head(ctx context.Context, topic string) (epoch string, seq uint64, err error) {
	at, _, err := b.after(ctx, topic, place{})
	if err != nil {
		return "", 0, err
	}
	return at.Epoch, at.First - 1, nil
}

// place is a place in a topic: everything up to seq has been.
type place struct {
	epoch string
	seq   uint64
	own   bool   // a listener of this node has been there
	event string // and saw this as the event of that number, if any
}

func (b *Bus) after(ctx context.Context, topic string, p place) (push.Batch, bool, error) {
	own := "0"
	if p.own {
		own = "1"
	}
	keys := []string{stateKey(topic), historyKey(topic)}
	args := []string{newEpoch(), seconds(HistoryTTL), p.epoch, strconv.FormatUint(p.seq, 10), own, p.event}
	answer, err := b.since.Exec(ctx, b.client, keys, args).ToArray()
	if err != nil {
		return push.Batch{}, false, fmt.Errorf("history of %s: %w", topic, err)
	}
	batch, complete, err := decodeSince(answer)
	if err != nil {
		return push.Batch{}, false, fmt.Errorf("history of %s: %w", topic, err)
	}
	batch.Topic = topic
	return batch, complete, nil
}

// decodeSince reads the answer of since.lua.
func decodeSince(answer []rueidis.RedisMessage) (b push.Batch, complete bool, err error) {
	const head = 3
	if len(answer) < head {
		return b, false, fmt.Errorf("since.lua answered with %d fields", len(answer))
	}
	if b.Epoch, err = answer[0].ToString(); err != nil {
		return b, false, err
	}
	seq, err := answer[1].AsUint64()
	if err != nil {
		return b, false, err
	}
	if complete, err = answer[2].AsBool(); err != nil {
		return b, false, err
	}
	for _, m := range answer[head:] {
		event, err := m.AsBytes()
		if err != nil {
			return b, false, err
		}
		b.Events = append(b.Events, event)
	}
	b.First = seq + 1 - uint64(len(b.Events))
	return b, complete, nil
}

func stateKey(topic string) string     { return "{t:" + topic + "}:state" }
func historyKey(topic string) string   { return "{t:" + topic + "}:history" }
func topicChannel(topic string) string { return "{t:" + topic + "}:events" }

// newEpoch is 80 random bits in base32.
func newEpoch() string { return rand.Text()[:16] }

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
