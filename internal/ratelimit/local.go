package ratelimit

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// maxCells bounds what a Local remembers, in uses of a limit by somebody; one takes about 150 bytes. Beyond, those that
// were not asked for the longest are forgotten, which gives them a full limit again.
const maxCells = 1 << 16

// Local is a limiter of one process, in memory: the same algorithm as Limiter's, without a question to Redis. Where
// several processes serve, somebody gets the limit of each. It is safe for concurrent use.
type Local struct {
	cells *otter.Cache[cell, *atomic.Int64] // when everything that was taken is free again, in µs since epoch
	now   func() time.Time
	epoch time.Time
}

type cell struct{ limit, who string }

// NewLocal makes a limiter by a clock; nil is time.Now.
func NewLocal(now func() time.Time) (*Local, error) {
	if now == nil {
		now = time.Now
	}
	cells, err := otter.New(&otter.Options[cell, *atomic.Int64]{MaximumSize: maxCells})
	if err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	return &Local{cells: cells, now: now, epoch: now()}, nil
}

// Take takes one from somebody's limit, or nothing where that is not allowed. The limit must be one that Check accepts.
func (l *Local) Take(limit Limit, who string) Result {
	key, now := cell{limit.Name, who}, l.micros()
	free, ok := l.cells.GetIfPresent(key)
	if !ok {
		free, _ = l.cells.SetIfAbsent(key, new(atomic.Int64))
	}
	for {
		before := free.Load()
		after := max(now, before) + limit.interval().Microseconds()
		r := limit.result(now, after)
		if !r.Allowed || free.CompareAndSwap(before, after) {
			return r
		}
	}
}

// Look is what Take would answer, without taking anything.
func (l *Local) Look(limit Limit, who string) Result {
	now := l.micros()
	before := now
	if free, ok := l.cells.GetIfPresent(cell{limit.Name, who}); ok {
		before = max(now, free.Load())
	}
	return limit.result(now, before+limit.interval().Microseconds())
}

func (l *Local) micros() int64 { return l.now().Sub(l.epoch).Microseconds() }

// result is what is left at a time after one more was taken, so that everything is free again at after.
func (l Limit) result(now, after int64) Result {
	interval := l.interval().Microseconds()
	earliest := after - interval*int64(l.Count)
	r := Result{Limit: l, Allowed: earliest <= now}
	if r.Allowed {
		r.Remaining, r.ResetAfter = int((now-earliest)/interval), micros(after-now)
		return r
	}
	r.RetryAfter, r.ResetAfter = micros(earliest-now), micros(after-interval-now)
	return r
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// Network is whom a limit of an address is of: an IPv4 address, or the /64 of an IPv6 address, for whoever has one of
// those has all.
func Network(a netip.Addr) string {
	if a = a.Unmap(); a.Is4() || !a.IsValid() {
		return a.String()
	}
	p, _ := a.WithZone("").Prefix(64) // every IPv6 address has one
	return p.String()
}
