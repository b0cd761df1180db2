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
)

const (
	// callTimeout bounds a call that answers many callers, and so cannot follow the context of one. It leaves Redis the
	// time to restart.
	callTimeout = 5 * time.Second
	// maxBuckets is far above what an installation needs; it bounds a mistaken configuration.
	maxBuckets = 1 << 16
)

// Config is what Pots need to know. Buckets, ShardOf and Installation are required.
type Config struct {
	Buckets      envelope.Buckets
	ShardOf      func(id int64) (shard int, ok bool) // Ledger.ShardOf
	Installation string                              // names the ledger that these pots belong to

	// WaitReplicas is how many replicas must have what was done before it is answered; 0 asks none. WaitTimeout, at
	// least a millisecond, is how long a call waits for them.
	WaitReplicas int
	WaitTimeout  time.Duration

	CallsInFlight int                   // Take calls under way at once for each bucket; 0: DefaultCallsInFlight
	Registerer    prometheus.Registerer // nil: no metrics
}

// Pots are the pots and logs of an installation. They implement envelope.Pot and envelope.Log.
type Pots struct {
	client       rueidis.Client
	buckets      envelope.Buckets
	shardOf      func(id int64) (int, bool)
	installation string
	waitReplicas int
	waitTimeout  time.Duration
	scripts      scripts
	all          []*bucket
	finals       *finals
	metrics      metrics
	waiting      atomic.Int64 // grabs on their way to Redis and back
}

var (
	_ envelope.Pot = (*Pots)(nil)
	_ envelope.Log = (*Pots)(nil)
)

// New checks the configuration; it does not call Redis. The client should have AlwaysPipelining set. Each Read that
// waits, and with WaitReplicas each call, occupies a connection of the client's blocking pool meanwhile.
func New(client rueidis.Client, c Config) (*Pots, error) {
	number := c.Buckets.Shards * c.Buckets.PerShard
	switch {
	case c.Buckets.Shards < 1 || c.Buckets.PerShard < 1 || number > maxBuckets:
		return nil, fmt.Errorf(
			"redispot: %d shards with %d buckets each: give at least one of each and at most %d buckets in all",
			c.Buckets.Shards, c.Buckets.PerShard, maxBuckets)
	case c.ShardOf == nil:
		return nil, errors.New("redispot: no ShardOf")
	case c.Installation == "":
		return nil, errors.New("redispot: no installation")
	case c.WaitReplicas < 0 || c.WaitReplicas > 0 && c.WaitTimeout < time.Millisecond:
		return nil, fmt.Errorf("redispot: waiting %v for %d replicas: give at least 1ms, or no replicas", c.WaitTimeout,
			c.WaitReplicas)
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
	s, err := loadScripts()
	if err != nil {
		return nil, err
	}
	p := &Pots{
		client: client, buckets: c.Buckets, shardOf: c.ShardOf, installation: c.Installation,
		waitReplicas: c.WaitReplicas, waitTimeout: c.WaitTimeout, scripts: s, finals: f, metrics: m,
		all: make([]*bucket, number),
	}
	for i := range p.all {
		p.all[i] = &bucket{keys: keysOf(i), pots: p, atOnce: c.CallsInFlight}
	}
	return p, nil
}

// bucket returns a bucket by number.
func (p *Pots) bucket(number int) (*bucket, error) {
	if number < 0 || number >= len(p.all) {
		return nil, fmt.Errorf("redispot: bucket %d of %d", number, len(p.all))
	}
	return p.all[number], nil
}

// bounded is ctx with callTimeout, and the time that replicas may take.
func (p *Pots) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTimeout+p.waitTimeout)
}
