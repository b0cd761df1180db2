package redisbucket

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/pots"
)

const (
	// callTimeout bounds a call that answers many callers, and so cannot follow the context of one. It leaves Redis the
	// time to restart.
	callTimeout = 5 * time.Second
	// maxBuckets is far above what an installation needs; it bounds a mistaken configuration.
	maxBuckets = 1 << 16
)

// Config is what a Store needs to know. All but the replicas is required.
type Config struct {
	Log          string // names the log among those of a bucket: each kind of pot has one
	Buckets      pots.Buckets
	Installation string        // names the ledger that these pots belong to
	Readers      []pots.Reader // all that read the logs

	// WaitReplicas is how many replicas must have what was done before it is answered; 0 asks none. WaitTimeout, at
	// least a millisecond, is how long a call waits for them.
	WaitReplicas int
	WaitTimeout  time.Duration

	// Epoch is the epoch in which the ledger has a bucket; "" is the first, whose name is the installation's. nil says
	// that no bucket ever has another.
	Epoch func(ctx context.Context, bucket int) (string, error)
	// Durable is asked before every call on a bucket, and its error returned; nil: there is none.
	Durable func() error

	// Lost hears of each call that found its bucket lost or made ours again: what a process remembers of pots may be
	// wrong then; also of each new epoch. It may be nil.
	Lost func()
}

// Store is the buckets of an installation, as one kind of pot sees them.
type Store struct {
	client rueidis.Client
	config Config
	all    []slot

	read, position, acknowledge, backlog, fence, open, forget Script
}

//go:embed lua/*.lua
var lua embed.FS

// Open checks the configuration; it does not call Redis. The client should have AlwaysPipelining set. Each Read that
// waits, and with WaitReplicas each call, occupies a connection of the client's blocking pool meanwhile.
func Open(client rueidis.Client, c Config) (*Store, error) {
	switch {
	case c.Buckets.Shards < 1 || c.Buckets.PerShard < 1 || c.Buckets.Number() > maxBuckets:
		return nil, fmt.Errorf("%d shards with %d buckets each: give at least one of each and at most %d in all",
			c.Buckets.Shards, c.Buckets.PerShard, maxBuckets)
	case c.Log == "" || len(c.Readers) == 0:
		return nil, errors.New("buckets need a log and readers")
	case c.Installation == "":
		return nil, errors.New("no installation")
	case c.WaitReplicas < 0 || c.WaitReplicas > 0 && c.WaitTimeout < time.Millisecond:
		return nil, fmt.Errorf("waiting %v for %d replicas: give at least 1ms, or no replicas", c.WaitTimeout,
			c.WaitReplicas)
	}
	if c.Lost == nil {
		c.Lost = func() {}
	}
	s := &Store{client: client, config: c, all: make([]slot, c.Buckets.Number())}
	if c.Durable == nil {
		s.config.Durable = func() error { return nil }
	}
	if c.Epoch == nil {
		s.config.Epoch = func(context.Context, int) (string, error) { return "", nil }
	}
	err := LoadScripts(lua, "lua", map[string]*Script{"read": &s.read, "position": &s.position,
		"acknowledge": &s.acknowledge, "backlog": &s.backlog, "fence": &s.fence, "open": &s.open, "forget": &s.forget})
	if err != nil {
		return nil, err
	}
	known, err := lua.ReadFile("lua/known.lua")
	if err != nil {
		return nil, err
	}
	for _, script := range []*Script{&s.read, &s.acknowledge} {
		*script = newScript(string(known) + script.source)
	}
	return s, nil
}

// Bounded is ctx with a timeout that leaves Redis the time to restart, and replicas the time to confirm.
func (s *Store) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTimeout+s.config.WaitTimeout)
}

// Client is where the buckets are.
func (s *Store) Client() rueidis.Client { return s.client }
