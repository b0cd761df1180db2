// Package discovery announces in etcd where a process serves, and finds those that do.
//
// A process that serves puts its address under <prefix><service>/<address>, with a lease that it keeps alive. When it
// stops in order it revokes the lease first; when it dies, etcd drops the address after ten seconds. A lease that was
// lost, because etcd or the network was away for longer, is replaced by another one.
//
// Who looks for a service reads all of its addresses once and then follows the changes, so that a question is answered
// from memory. While etcd is away, what was known last holds: processes that died meanwhile are for the caller to find
// out, as they are in the seconds before their lease ends. For the same reason the last address is never forgotten: an
// etcd that knows nobody has more likely lost its data than all servers have gone at once.
package discovery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	etcd "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const (
	// leaseTime is how long the address of a process that died is still announced.
	leaseTime = 10 * time.Second
	// callTimeout bounds one call to etcd.
	callTimeout = 3 * time.Second
	// dialKeepAlive is how often an idle connection is tried; one that does not answer for callTimeout is replaced.
	dialKeepAlive = 5 * time.Second
	firstBackoff  = 100 * time.Millisecond
	mostBackoff   = 5 * time.Second
)

// Config says where etcd is. Endpoints and Log are required.
type Config struct {
	Endpoints []string           // see CheckEndpoint; the credentials are those of the first
	Prefix    string             // of all keys, which tells installations apart that share an etcd
	TLS       func() *tls.Config // for https; nil: the system's authorities
	Lease     time.Duration      // how long the address of a process that died stays, in whole seconds; 0 means 10 s
	Log       *slog.Logger
}

// CheckEndpoint finds what is no http://[user:password@]host:port, or https. The error does not repeat it, for it may
// hold a password.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Hostname() == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("an address of etcd is malformed: give http://user:password@host:2379 or https://host:2379")
	}
	return nil
}

// Registry is an etcd in which processes are announced. It is safe for concurrent use.
type Registry struct {
	client *etcd.Client
	prefix string
	lease  time.Duration
	log    *slog.Logger
}

// Open makes no connection: an etcd that is away delays no start.
func Open(c Config) (*Registry, error) {
	config := etcd.Config{DialTimeout: callTimeout, DialKeepAliveTime: dialKeepAlive, DialKeepAliveTimeout: callTimeout,
		Logger: zap.NewNop()} // we log what concerns us
	for i, endpoint := range c.Endpoints {
		if err := CheckEndpoint(endpoint); err != nil {
			return nil, err
		}
		u, err := url.Parse(endpoint)
		if err != nil {
			return nil, err
		}
		if i == 0 && u.User != nil {
			config.Username = u.User.Username()
			config.Password, _ = u.User.Password()
		}
		if u.Scheme == "https" && config.TLS == nil {
			config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
			if c.TLS != nil {
				config.TLS = c.TLS()
			}
		}
		u.User = nil
		config.Endpoints = append(config.Endpoints, strings.TrimSuffix(u.String(), "/"))
	}
	if len(config.Endpoints) == 0 {
		return nil, errors.New("discovery: no address of etcd")
	}
	client, err := etcd.New(config)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	return &Registry{client: client, prefix: c.Prefix, lease: cmp.Or(c.Lease, leaseTime), log: c.Log}, nil
}

// Close ends what goes on with etcd.
func (r *Registry) Close() error { return r.client.Close() }

func (r *Registry) keys(service string) string { return r.prefix + service + "/" }

// errLeaseLost says that etcd dropped what was announced, or may have.
var errLeaseLost = errors.New("the lease ended")

// Announce says that a service is served at an address, host:port, until the context ends; then it takes that back, as
// far as etcd answers within seconds, and returns. What fails is tried again, and logged once in a row.
func (r *Registry) Announce(ctx context.Context, service, address string) {
	r.repeat(ctx, "announce "+service+" in etcd", func(works func()) error {
		lease, err := r.hold(ctx, r.keys(service)+address, address)
		if err != nil {
			return err
		}
		works()
		err = r.keep(ctx, lease)
		if ctx.Err() != nil {
			r.takeBack(ctx, lease)
		}
		return err
	})
}

// hold writes a key under a new lease.
func (r *Registry) hold(ctx context.Context, key, value string) (etcd.LeaseID, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lease, err := r.client.Grant(ctx, int64(r.lease/time.Second))
	if err != nil {
		return 0, err
	}
	_, err = r.client.Put(ctx, key, value, etcd.WithLease(lease.ID))
	return lease.ID, err
}

// keep keeps a lease alive. It returns when the context ends or the lease may be over.
func (r *Registry) keep(ctx context.Context, lease etcd.LeaseID) error {
	alive, err := r.client.KeepAlive(ctx, lease)
	if err != nil {
		return err
	}
	for range alive {
	}
	return errLeaseLost
}

func (r *Registry) takeBack(ctx context.Context, lease etcd.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if _, err := r.client.Revoke(ctx, lease); err != nil {
		r.log.Warn("this process is still announced in etcd until its lease ends", "error", err)
	}
}

// repeat does something again and again until the context ends, after pauses that grow from 100 ms to 5 s. works says
// that it works for the time being; what ends without an error is begun again at once. The first failure of a row is
// logged, and the success that ends it.
func (r *Registry) repeat(ctx context.Context, what string, do func(works func()) error) {
	failures, backoff := 0, firstBackoff
	for ctx.Err() == nil {
		err := do(func() {
			if failures > 0 {
				r.log.Info("what failed works again", "what", what, "failures", failures)
			}
			failures, backoff = 0, firstBackoff
		})
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			continue
		}
		if failures++; failures == 1 {
			r.log.Warn("failed, and will be tried again until it works", "what", what, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, mostBackoff)
	}
}
