package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/cloudwego/kitex/pkg/discovery"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
)

// resolver knows where the servers are. An address whose host is a name stands for every IPv4 address that the name has
// in DNS at the time, or for every IPv6 address where it has no other: a server that has both would count twice, and
// may listen at one only. Kitex asks again every five seconds and balances calls over what it is answered; while DNS
// fails, what was answered last holds.
type resolver struct {
	addresses Addresses
	lookup    func(ctx context.Context, host string) ([]string, error)
	names     sync.Map // address that was found → the name that led to it
}

// Addresses are where the servers are at the time, as host:port. It is asked every five seconds, and must answer within
// a second or so; while it fails, what it answered last holds.
type Addresses func(ctx context.Context) ([]string, error)

// fixed are addresses that do not change.
func fixed(addresses []string) Addresses {
	return func(context.Context) ([]string, error) { return addresses, nil }
}

var _ discovery.Resolver = (*resolver)(nil)

func newResolver(addresses Addresses) *resolver {
	return &resolver{addresses: addresses, lookup: net.DefaultResolver.LookupHost}
}

// Name implements discovery.Resolver. Kitex asks one of the resolvers of a name for all of them, and only the one that
// is asked knows names.
func (r *resolver) Name() string { return fmt.Sprintf("dns %p", r) }

// Target implements discovery.Resolver.
func (r *resolver) Target(context.Context, rpcinfo.EndpointInfo) string {
	return ServiceName
}

// Diff implements discovery.Resolver.
func (r *resolver) Diff(key string, before, now discovery.Result) (discovery.Change, bool) {
	return discovery.DefaultDiff(key, before, now)
}

// Resolve implements discovery.Resolver. It fails if none of the addresses leads anywhere.
func (r *resolver) Resolve(ctx context.Context, key string) (discovery.Result, error) {
	found := discovery.Result{Cacheable: true, CacheKey: key}
	addresses, failed := r.addresses(ctx)
	for _, address := range addresses {
		at, err := r.find(ctx, address)
		failed = errors.Join(failed, err)
		for _, server := range at {
			found.Instances = append(found.Instances,
				discovery.NewInstance("tcp", server, discovery.DefaultWeight, nil))
		}
	}
	if len(found.Instances) == 0 {
		return discovery.Result{}, fmt.Errorf("no server is known: %w", failed)
	}
	return found, nil
}

// find returns the addresses that one stands for.
func (r *resolver) find(ctx context.Context, address string) ([]string, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return []string{address}, nil
	}
	hosts, err := r.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	four := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return strings.Contains(h, ":") })
	if len(four) > 0 {
		hosts = four
	}
	found := make([]string, len(hosts))
	for i, host := range hosts {
		found[i] = net.JoinHostPort(host, port)
		r.names.Store(found[i], name)
	}
	return found, nil
}
