package redisbus_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/push/redisbus"
)

const patience = 20 * time.Second

func unixOption(socket string) rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress:  []string{socket},
		DisableCache: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	}
}

func newBus(t *testing.T, option rueidis.ClientOption) (*redisbus.Bus, rueidis.Client) {
	t.Helper()
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	b, err := redisbus.New(client, option, slog.New(slog.NewTextHandler(io.Discard, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, client
}

func sharedBus(t *testing.T) (*redisbus.Bus, rueidis.Client) {
	t.Helper()
	socket := devstack.TestRedis(t).Socket()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	b, client := newBus(t, unixOption(socket))
	if err := client.Do(t.Context(), client.B().Flushall().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	return b, client
}

func numbered(from, to int) [][]byte {
	var events [][]byte
	for i := from; i <= to; i++ {
		events = append(events, fmt.Appendf(nil, `{"n":%d}`, i))
	}
	return events
}

func publish(t *testing.T, b *redisbus.Bus, topic string, from, to int) {
	t.Helper()
	if err := b.Publish(t.Context(), topic, numbered(from, to)); err != nil {
		t.Fatal(err)
	}
}

// tape records what a listener is given.
type tape struct {
	mu     sync.Mutex
	places []push.Batch // batches without events, and those that continue nothing
	epoch  string
	seq    uint64
	events []string
	counts []int // of the topic's presence
}

func (p *tape) numbers() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.counts)
}

func (p *tape) receive(b push.Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.Present != nil {
		p.counts = append(p.counts, *b.Present)
		return
	}
	if len(b.Events) == 0 || b.Epoch != p.epoch || b.First != p.seq+1 {
		p.places = append(p.places, b)
	}
	p.epoch, p.seq = b.Epoch, b.Last()
	for _, e := range b.Events {
		p.events = append(p.events, string(e))
	}
}

func (p *tape) snapshot() (seq uint64, events []string, places []push.Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seq, slices.Clone(p.events), slices.Clone(p.places)
}

// waitFor waits until the tape stands at seq.
func (p *tape) waitFor(t *testing.T, seq uint64) (events []string, places []push.Batch) {
	t.Helper()
	var at uint64
	eventually(t, func() bool {
		at, events, places = p.snapshot()
		return at >= seq
	}, func() string { return fmt.Sprintf("at %d instead of %d", at, seq) })
	return events, places
}

func eventually(t *testing.T, holds func() bool, otherwise func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal(otherwise())
		}
		time.Sleep(time.Millisecond) // between two looks at a condition with a deadline
	}
}

func listen(t *testing.T, b *redisbus.Bus, topic string) (*tape, func()) {
	t.Helper()
	p := new(tape)
	stop, err := b.Listen(t.Context(), topic, p.receive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if _, _, places := p.snapshot(); len(places) != 1 {
		t.Fatalf("Listen returned without saying where the topic stands: %v", places)
	}
	return p, stop
}

func expectNumbered(t *testing.T, events []string, from, to int) {
	t.Helper()
	for i, e := range numbered(from, to) {
		if i >= len(events) || events[i] != string(e) {
			t.Fatalf("event %d of %d..%d is not in its place", from+i, from, to)
		}
	}
	if len(events) != to-from+1 {
		t.Fatalf("%d events instead of %d", len(events), to-from+1)
	}
}

func breakSubscriptions(t *testing.T, client rueidis.Client) {
	t.Helper()
	if err := client.Do(t.Context(), client.B().ClientKill().TypePubsub().Build()).Error(); err != nil {
		t.Fatal(err)
	}
}

func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
