package redispot

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

// DefaultCallsInFlight is how many Take calls are under way at once for each bucket. See BenchmarkTakeWinners.
const DefaultCallsInFlight = 2

// Config is what Pots need to know. Buckets, ShardOf and Installation are required.
type Config struct {
	Buckets      pots.Buckets
	ShardOf      func(id int64) (shard int, ok bool) // Ledger.ShardOf
	Installation string                              // names the ledger that these pots belong to
	// Epoch is the epoch in which the ledger has a bucket; see redisbucket.Config.
	Epoch func(ctx context.Context, bucket int) (string, error)
	// Durable refuses all calls while Redis does not keep what it acknowledges; see redisbucket.Config.
	Durable func() error

	// WaitReplicas is how many replicas must have what was done before it is answered; 0 asks none. WaitTimeout, at
	// least a millisecond, is how long a call waits for them.
	WaitReplicas int
	WaitTimeout  time.Duration

	// TraceOf says under which trace a grab is known later, as 55 bytes of traceparent; "" for none. nil: for no grab.
	TraceOf func(ctx context.Context) string

	CallsInFlight int                   // Take calls under way at once for each bucket; 0: DefaultCallsInFlight
	Registerer    prometheus.Registerer // nil: no metrics
}

// Pots are the pots and logs of an installation. They implement envelope.Pot and envelope.Log.
type Pots struct {
	redisbucket.Log[envelope.Record]
	buckets pots.Buckets
	shardOf func(id int64) (int, bool)
	scripts scripts
	traceOf func(ctx context.Context) string
	all     []*bucket
	finals  *finals
	metrics metrics
	waiting atomic.Int64 // grabs on their way to Redis and back
}

var (
	_ envelope.Pot = (*Pots)(nil)
	_ envelope.Log = (*Pots)(nil)
)

// New checks the configuration; it does not call Redis. See redisbucket.Open for what the client must have.
func New(client rueidis.Client, c Config) (*Pots, error) {
	switch {
	case c.ShardOf == nil:
		return nil, errors.New("redispot: no ShardOf")
	case c.CallsInFlight < 0:
		return nil, fmt.Errorf("redispot: %d calls in flight", c.CallsInFlight)
	}
	if c.CallsInFlight == 0 {
		c.CallsInFlight = DefaultCallsInFlight
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	f, err := newFinals()
	if err != nil {
		return nil, err
	}
	store, err := redisbucket.Open(client, redisbucket.Config{
		Log: envelope.LogName, Buckets: c.Buckets, Installation: c.Installation, Readers: envelope.Readers(),
		WaitReplicas: c.WaitReplicas, WaitTimeout: c.WaitTimeout, Epoch: c.Epoch, Durable: c.Durable, Lost: f.forget,
	})
	if err != nil {
		return nil, fmt.Errorf("redispot: %w", err)
	}
	p := &Pots{Log: redisbucket.Log[envelope.Record]{Store: store, Parse: parseEntry}, buckets: c.Buckets,
		shardOf: c.ShardOf, traceOf: c.TraceOf, finals: f, metrics: m, all: make([]*bucket, c.Buckets.Number())}
	if err := p.scripts.load(); err != nil {
		return nil, fmt.Errorf("redispot: %w", err)
	}
	for i := range p.all {
		p.all[i] = p.open(i, c.CallsInFlight)
	}
	return p, nil
}
