package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	etcd "go.etcd.io/etcd/client/v3"
)

// maxAddresses bounds the addresses of a service; more are passed over.
const maxAddresses = 10_000

// ErrNobody says that no address of a service was ever known.
var ErrNobody = errors.New("etcd has not named any server yet")

// Found is the addresses of a service, as etcd told them last.
type Found struct {
	registry *Registry
	service  string

	mu    sync.Mutex
	now   map[string]bool // as etcd has it; replaced, never changed
	last  map[string]bool // the same, or as it was before it was empty
	first chan struct{}   // closed when there is one
}

// Find returns where a service is served, once Follow runs.
func (r *Registry) Find(service string) *Found {
	return &Found{registry: r, service: service, first: make(chan struct{})}
}

// Addresses returns those known, sorted. Before the first it waits until the context ends, at most three seconds; then
// the error wraps ErrNobody.
func (f *Found) Addresses(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case <-f.first:
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", f.service, ErrNobody)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.last)), nil
}

// Follow learns from etcd who serves until the context ends.
func (f *Found) Follow(ctx context.Context) {
	r := f.registry
	r.repeat(ctx, "look for "+f.service+" in etcd", func(works func()) error {
		from, err := f.read(ctx)
		if err != nil {
			return err
		}
		works()
		return f.watch(ctx, from)
	})
}

// read replaces what is known by what etcd has, and returns the revision at which changes begin.
func (f *Found) read(ctx context.Context) (from int64, err error) {
	r := f.registry
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := r.client.Get(ctx, r.keys(f.service), etcd.WithPrefix(), etcd.WithLimit(maxAddresses))
	if err != nil {
		return 0, err
	}
	now := map[string]bool{}
	for _, kv := range answer.Kvs {
		if address, ok := f.address(string(kv.Key)); ok {
			now[address] = true
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.become(now)
	return answer.Header.Revision + 1, nil
}

// watch follows the changes from a revision on, as long as a lease lasts. An etcd that has lost its data, or is another
// one, does not say so to who waits for a revision that it has not reached: hence the bound.
func (f *Found) watch(ctx context.Context, from int64) error {
	r := f.registry
	watched, cancel := context.WithTimeout(etcd.WithRequireLeader(ctx), r.lease)
	defer cancel()
	for answer := range r.client.Watch(watched, r.keys(f.service), etcd.WithPrefix(), etcd.WithRev(from)) {
		if err := answer.Err(); err != nil {
			return err
		}
		f.apply(answer.Events)
	}
	if watched.Err() != nil {
		return nil
	}
	return errors.New("etcd ended the watch")
}

func (f *Found) apply(events []*etcd.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := maps.Clone(f.now)
	for _, e := range events {
		address, ok := f.address(string(e.Kv.Key))
		switch {
		case !ok:
		case e.Type == etcd.EventTypeDelete:
			delete(now, address)
		case len(now) < maxAddresses:
			now[address] = true
		}
	}
	f.become(now)
}

// become takes in who serves. It needs mu.
func (f *Found) become(now map[string]bool) {
	if len(now) == 0 && len(f.now) > 0 {
		f.registry.log.Warn("etcd names no server any more: those known last are still called",
			"service", f.service, "servers", len(f.now))
	}
	f.now = now
	if len(now) == 0 {
		return
	}
	if f.last == nil {
		close(f.first)
	}
	f.last = now
}

// address reads a key. Whoever may write in etcd may have written it, so what is no address is passed over.
func (f *Found) address(key string) (string, bool) {
	address, ok := strings.CutPrefix(key, f.registry.keys(f.service))
	host, port, err := net.SplitHostPort(address)
	return address, ok && err == nil && host != "" && port != "" && len(address) <= 300
}
