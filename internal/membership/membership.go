// Package membership says which live worker owns which partition.
//
// Workers write when they last lived into one sorted set on Redis, by the clock of Redis. Each computes from the set,
// by rendezvous hashing, which partitions are its own: all workers that see the same set agree without talking, and
// when a worker comes or goes only its partitions move.
//
// It is an aid against double work, never a lock. Two workers may own a partition at once: for about a heartbeat while
// the set changes, and for as long as they like while Redis cannot be reached, since the last assignment then stays.
// Correctness must not depend on it: what is done for a partition has to be safe when two do it at the same time.
package membership

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/refusal"
)

//go:embed beat.lua
var beatSource string

//go:embed alive.lua
var aliveSource string

const (
	// DefaultBeat is how often a worker says that it lives.
	DefaultBeat = time.Second
	// DefaultTimeout is how long after its last heartbeat a worker is taken to be gone.
	DefaultTimeout = 5 * time.Second
	// leaveTimeout bounds the farewell.
	leaveTimeout = 2 * time.Second
	// maxPartitions bounds a mistaken configuration: hashing each for each worker happens at every change.
	maxPartitions = 1 << 16
)

// Config is what a Member needs to know. Key, Worker and Partitions are required.
type Config struct {
	Key        string // of the sorted set, for example "hongbao:workers"
	Worker     string // unique among the live workers
	Partitions int
	Beat       time.Duration // 0: DefaultBeat
	Timeout    time.Duration // 0: DefaultTimeout; several beats, at least two
}

// Member is one worker's place among all.
type Member struct {
	client  rueidis.Client
	config  Config
	log     *slog.Logger
	beat    *rueidis.Lua
	owned   atomic.Pointer[[]int]
	workers []string // of the last heartbeat; only Run uses it
	changes chan struct{}
}

// New checks the configuration; it does not call Redis.
func New(client rueidis.Client, c Config, log *slog.Logger) (*Member, error) {
	if c.Beat == 0 {
		c.Beat = DefaultBeat
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	switch {
	case c.Key == "":
		return nil, errors.New("membership: no key")
	case c.Partitions < 1 || c.Partitions > maxPartitions:
		return nil, fmt.Errorf("membership: %d partitions: give 1 to %d", c.Partitions, maxPartitions)
	case c.Beat < time.Millisecond || c.Timeout < 2*c.Beat:
		return nil, fmt.Errorf(
			"membership: a heartbeat every %v and gone after %v: give at least 1ms, and at least two heartbeats",
			c.Beat, c.Timeout)
	}
	if err := refusal.CheckID("worker", c.Worker); err != nil {
		return nil, fmt.Errorf("membership: %w", err)
	}
	r := &Member{client: client, config: c, log: log, beat: rueidis.NewLuaScript(beatSource),
		changes: make(chan struct{}, 1)}
	r.owned.Store(&[]int{})
	return r, nil
}

// Owned returns this worker's partitions in ascending order: none before the first heartbeat and after Run. The slice
// is shared and must not be changed.
func (r *Member) Owned() []int { return *r.owned.Load() }

// Changes delivers a value after Owned has changed; several changes may come as one. It is for one receiver.
func (r *Member) Changes() <-chan struct{} { return r.changes }

// Run takes part until ctx ends, then leaves, so that others take over at once. It returns nil; what Redis refuses is
// logged, once until it works again, and tried anew at the next heartbeat.
func (r *Member) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.config.Beat)
	defer ticker.Stop()
	failing := false
	for {
		err := r.heartbeat(ctx)
		switch {
		case ctx.Err() != nil:
			r.leave(context.WithoutCancel(ctx))
			return nil
		case err != nil && !failing:
			r.log.Warn("no heartbeat; the assignment of partitions stays as it is", "worker", r.config.Worker, "error",
				err)
		case err == nil && failing:
			r.log.Info("heartbeats work again", "worker", r.config.Worker)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (r *Member) heartbeat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	workers, err := r.beat.Exec(ctx, r.client, []string{r.config.Key},
		[]string{r.config.Worker, strconv.FormatInt(r.config.Timeout.Milliseconds(), 10)}).AsStrSlice()
	if err != nil {
		return err
	}
	slices.Sort(workers)
	if !slices.Equal(workers, r.workers) {
		r.workers = workers
		r.assign(Assign(r.config.Worker, workers, r.config.Partitions))
	}
	return nil
}

// Alive is the number of workers that gave a sign of life within timeout.
func Alive(ctx context.Context, client rueidis.Client, key string, timeout time.Duration) (int64, error) {
	n, err := rueidis.NewLuaScriptReadOnly(aliveSource).Exec(ctx, client, []string{key},
		[]string{strconv.FormatInt(timeout.Milliseconds(), 10)}).AsInt64()
	if err != nil {
		return 0, fmt.Errorf("membership: count the workers: %w", err)
	}
	return n, nil
}

func (r *Member) assign(owned []int) {
	if slices.Equal(owned, r.Owned()) {
		return
	}
	r.owned.Store(&owned)
	select {
	case r.changes <- struct{}{}:
	default: // the receiver has not yet taken the last one
	}
}

func (r *Member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	r.assign([]int{})
	r.workers = nil
	if err := r.client.Do(ctx, r.client.B().Zrem().Key(r.config.Key).Member(
		r.config.Worker).Build()).Error(); err != nil {
		r.log.Warn("could not leave; the others take over after the timeout", "worker", r.config.Worker, "error", err)
	}
}

// Assign returns the partitions from 0 to partitions-1 that belong to a worker, in ascending order: those for which it
// has the highest hash of all workers (rendezvous hashing, Thaler and Ravishankar 1998).
func Assign(worker string, workers []string, partitions int) []int {
	owned := []int{}
	for p := range partitions {
		best, most := "", uint64(0)
		for _, w := range workers {
			if h := weight(w, p); best == "" || h > most || h == most && w > best {
				best, most = w, h
			}
		}
		if best == worker {
			owned = append(owned, p)
		}
	}
	return owned
}

func weight(worker string, partition int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendInt(append([]byte(worker), ' '), int64(partition), 10))
	x := h.Sum64() // FNV alone differs too little for keys that differ only in their last character
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd // finalizer of MurmurHash3
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
