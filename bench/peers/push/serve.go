package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/push"
)

// marker is in each event once, and in nothing else that is sent.
const marker = `"envelope_id"`

// event is what listeners are told of a grab.
func event(n int64) []byte {
	return fmt.Appendf(nil, `{"type":"envelope.grabbed",`+marker+`:"385777726528%06d","user_id":"member-%04d",`+
		`"amount":%d,"currency":"CNY","share":%d,"taken":%d,"taken_amount":%d,"at":1795968282123}`, n%1_000_000, n%2000,
		n%888+1, n%100, n%100+1, n%88_800)
}

func topicName(n int) string { return fmt.Sprintf("group:family-%d", n) }

// delay is how long our hub gathers events of a topic for so many listeners; centrifuge is given the same.
func (s settings) delay() time.Duration {
	return min(time.Duration(s.listeners/s.topics)*time.Millisecond, 250*time.Millisecond)
}

// serveContestant serves until it is killed. Its first line is its address.
func serveContestant(name string, s settings) error {
	var handler http.Handler
	var publish func(topic string, event []byte) error
	var err error
	switch name {
	case "hongbao":
		handler, publish = ours()
	case "centrifuge":
		handler, publish, err = theirs(s)
	default:
		err = fmt.Errorf("there is no contestant %q", name)
	}
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.Handle("/ws", handler)
	routes.HandleFunc("/processor", func(w http.ResponseWriter, _ *http.Request) {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, time.Duration(used.Utime.Nano()+used.Stime.Nano()))
	})
	routes.HandleFunc("/memory", func(w http.ResponseWriter, _ *http.Request) {
		debug.FreeOSMemory()
		var pages [2]int64 // of the program, and of these in memory
		text, err := os.ReadFile("/proc/self/statm")
		if err == nil {
			_, err = fmt.Sscan(string(text), &pages[0], &pages[1])
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, pages[1]*int64(os.Getpagesize()))
	})
	routes.HandleFunc("/publish", func(w http.ResponseWriter, _ *http.Request) {
		n, err := publishAll(s, publish)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, n)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, routes)
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) } // the other side is told by EOF

// publishAll publishes at the rate, in turn to each topic, and returns how many.
func publishAll(s settings, publish func(string, []byte) error) (n int64, err error) {
	const tick = 2 * time.Millisecond // many topics at once, as grabs are told
	began := time.Now()
	for now := range time.NewTicker(tick).C {
		since := now.Sub(began)
		due := int64(since.Seconds() * float64(s.rate))
		for ; n < due || n%int64(s.topics) != 0; n++ {
			if err := publish(topicName(int(n%int64(s.topics))), event(n)); err != nil {
				return n, err
			}
		}
		if since >= s.span {
			break
		}
	}
	return n, nil
}

// ours is our hub with a bus in memory, as centrifuge has its broker.
func ours() (http.Handler, func(string, []byte) error) {
	bus := &memoryBus{topics: make(map[string]*memoryTopic)}
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	hub := push.New(bus, everybody{}, refuse, push.Config{}, log, prometheus.NewRegistry())
	publish := func(topic string, event []byte) error {
		return bus.Publish(context.Background(), topic, [][]byte{event})
	}
	return hub, publish
}

type everybody struct{}

func (everybody) Authenticate(r *http.Request) (push.Session, error) {
	return push.Session{Subject: r.URL.Query().Get("user")}, nil
}
func (everybody) Renew(_ context.Context, s push.Session, _ string) (push.Session, error) {
	return s, nil
}
func (everybody) MayListen(context.Context, string, string) error { return nil }
func (everybody) GoOn(string) bool                                { return true }

// theirs is centrifuge, tuned as its documents say for many messages: it gathers for as long as we do, without a bound
// of messages in a frame.
func theirs(s settings) (http.Handler, func(string, []byte) error, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, nil, err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			WriteDelay: s.delay(), MaxMessagesInFrame: -1,
			PingPongConfig: &centrifuge.PingPongConfig{PingInterval: -1}, // the listeners answer none of its protocol's
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
			reply(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true}}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return nil, nil, err
	}
	publish := func(topic string, event []byte) error {
		_, err := node.Publish(topic, event, centrifuge.WithHistory(historySize, time.Hour))
		return err
	}
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{UseWriteBufferPool: true})
	authenticated := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials := &centrifuge.Credentials{UserID: r.URL.Query().Get("user")}
		handler.ServeHTTP(w, r.WithContext(centrifuge.SetCredentials(r.Context(), credentials)))
	})
	return authenticated, publish, nil
}

// memoryBus is a push.Bus within one process.
type memoryBus struct {
	mu     sync.Mutex
	topics map[string]*memoryTopic
}

const epoch = "memory"

type memoryTopic struct {
	seq     uint64
	history []json.RawMessage // the latest, up to seq
	listen  map[int]func(push.Batch)
	next    int
}

// topic is called with mu held.
func (b *memoryBus) topic(name string) *memoryTopic {
	t := b.topics[name]
	if t == nil {
		t = &memoryTopic{listen: make(map[int]func(push.Batch))}
		b.topics[name] = t
	}
	return t
}

func (b *memoryBus) Publish(_ context.Context, name string, events [][]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(name)
	batch := push.Batch{Topic: name, Epoch: epoch, First: t.seq + 1}
	for _, e := range events {
		batch.Events = append(batch.Events, e)
	}
	t.seq = batch.Last()
	t.history = append(t.history, batch.Events...)
	if len(t.history) > 2*historySize {
		t.history = append([]json.RawMessage(nil), t.history[len(t.history)-historySize:]...)
	}
	for _, receive := range t.listen {
		receive(batch)
	}
	return nil
}

func (b *memoryBus) Listen(_ context.Context, name string, receive func(push.Batch)) (stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(name)
	t.next++
	me := t.next
	t.listen[me] = receive
	receive(push.Batch{Topic: name, Epoch: epoch, First: t.seq + 1})
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(t.listen, me)
	}, nil
}

func (b *memoryBus) History(_ context.Context, name, of string, seq uint64) (push.Batch, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(name)
	missed := t.seq - min(seq, t.seq)
	if of != epoch || missed > uint64(len(t.history)) {
		return push.Batch{Topic: name, Epoch: epoch, First: t.seq + 1}, false, nil
	}
	events := t.history[uint64(len(t.history))-missed:]
	return push.Batch{Topic: name, Epoch: epoch, First: t.seq - missed + 1, Events: events}, true, nil
}

func (b *memoryBus) Attend(_ context.Context, _ string, here push.Attendance, _ time.Duration) (int, error) {
	return 0, nil // nobody asks for presence here
}

func (b *memoryBus) Head(_ context.Context, name string) (string, uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return epoch, b.topic(name).seq, nil
}
