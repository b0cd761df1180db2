package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
)

// ErrVolatileRedis says that Redis may forget what it has acknowledged, and with it who has won.
var ErrVolatileRedis = errors.New("this Redis may forget what it has acknowledged")

const (
	promiseInterval = 30 * time.Second // between two looks at all servers
	promiseTimeout  = 5 * time.Second  // for one server
	placesInterval  = 2 * time.Second  // between two looks at where the shards are
)

// promises are what this process last found that its servers promise less of than they have to.
type promises struct {
	redis atomic.Pointer[error] // nil: as it should be, as far as the nodes answer
	mysql atomic.Pointer[error]
}

func store(to *atomic.Pointer[error], err error) {
	if to.Store(nil); err != nil {
		to.Store(&err)
	}
}

func load(from *atomic.Pointer[error]) error {
	if err := from.Load(); err != nil {
		return *err
	}
	return nil
}

// durable refuses calls on pots while a node promises too little.
func (a *App) durable() error {
	if err := load(&a.promises.redis); err != nil && !a.cfg.VolatileRedis {
		return errors.Join(refusal.New(refusal.CodeUnavailable,
			"the store of shares does not keep what it acknowledges right now: try again"), err)
	}
	return nil
}

// check refuses a Redis whose acknowledgements are not on disk, or that evicts keys, or does not say: after its restart
// it would give shares away that are somebody's already, and no marker would be missing. Error: ErrVolatileRedis.
func (p RedisServer) check() error {
	if p.AppendOnly && p.AppendFsync == "always" && p.NoFsyncOnRewrite == "no" && p.Eviction == "noeviction" {
		return nil
	}
	if p.AppendFsync == "" {
		return fmt.Errorf("%w: it does not let us ask (CONFIG GET): allow that, or say --volatile-redis",
			ErrVolatileRedis)
	}
	return fmt.Errorf("%w (appendonly %t, appendfsync %q, no-appendfsync-on-rewrite %q, maxmemory-policy %q): set "+
		"appendonly yes, appendfsync always, no-appendfsync-on-rewrite no and maxmemory-policy noeviction, or say "+
		"--volatile-redis", ErrVolatileRedis, p.AppendOnly, p.AppendFsync, p.NoFsyncOnRewrite, p.Eviction)
}

// guarded asks every node what it promises before each connection to it, on a connection of its own: also before one
// that replaces another, and to a node that was away or is new.
func guarded(option rueidis.ClientOption) rueidis.ClientOption {
	plain := option
	option.DialCtxFn = func(ctx context.Context, node string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		if err := askNode(ctx, plain, node); err != nil {
			return nil, err
		}
		switch {
		case plain.DialCtxFn != nil:
			return plain.DialCtxFn(ctx, node, d, t)
		case t != nil:
			return (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, "tcp", node)
		}
		return d.DialContext(ctx, "tcp", node)
	}
	return option
}

func askNode(ctx context.Context, option rueidis.ClientOption, node string) error {
	ctx, cancel := context.WithTimeout(ctx, promiseTimeout)
	defer cancel()
	option.InitAddress, option.ForceSingleClient, option.DisableRetry = []string{node}, true, true
	client, err := rueidis.NewClient(option)
	if err != nil {
		return err
	}
	defer client.Close()
	server, err := redisServer(ctx, client)
	if err != nil {
		return err
	}
	return server.check()
}

// watchPromises looks at all servers again and again until the context ends: a parameter can be set while they run.
func (a *App) watchPromises(ctx context.Context) {
	job := loop.Job{Name: "promises", Log: a.cfg.Log, Interval: promiseInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		a.CheckPromises(ctx)
		return false, nil
	})
}

// watchPlaces reads again and again where the shards are: a server that a shard has left may no longer say that it has.
func (a *App) watchPlaces(ctx context.Context) {
	job := loop.Job{Name: "placements", Log: a.cfg.Log, Interval: placesInterval}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, promiseTimeout)
		defer cancel()
		return false, a.Cluster.Refresh(ctx)
	})
}

// CheckPromises looks once at what the servers promise that answer. While a node of Redis promises too little, pots are
// not touched; while a MySQL server does, there are no connections to it. With VolatileRedis and VolatileMySQL it is
// only noted; see Volatile.
func (a *App) CheckPromises(ctx context.Context) {
	_, nodes := nodesOf(a.Redis)
	var errs []error
	for address, node := range nodes {
		ctx, cancel := context.WithTimeout(ctx, promiseTimeout)
		if server, err := redisServer(ctx, node); err == nil {
			if err := server.check(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", address, err))
			}
		}
		cancel()
	}
	a.note("Redis", &a.promises.redis, errors.Join(errs...), a.cfg.VolatileRedis)
	err := a.Cluster.CheckPromises(ctx)
	a.note("MySQL", &a.promises.mysql, err, a.cfg.VolatileMySQL)
}

// note keeps what was found, and logs it once.
func (a *App) note(what string, at *atomic.Pointer[error], found error, accepted bool) {
	before := load(at)
	store(at, found)
	switch {
	case found != nil && before == nil && accepted:
		a.cfg.Log.Warn(what+" may forget what it has acknowledged, which a flag accepts", "error", found)
	case found != nil && before == nil:
		a.cfg.Log.Error(what+" may forget what it has acknowledged: it is not used until it keeps it", "error", found)
	case found == nil && before != nil:
		a.cfg.Log.Info(what + " keeps what it acknowledges again")
	}
}

// Volatile are the kinds of servers that promise too little, with what was found, and whether flags accept all of it.
func (a *App) Volatile() (found map[string]error, accepted bool) {
	found, accepted = map[string]error{}, true
	for _, kind := range []struct {
		name     string
		at       *atomic.Pointer[error]
		accepted bool
	}{
		{"redis", &a.promises.redis, a.cfg.VolatileRedis}, {"mysql", &a.promises.mysql, a.cfg.VolatileMySQL},
	} {
		if err := load(kind.at); err != nil {
			found[kind.name], accepted = err, accepted && kind.accepted
		}
	}
	return found, accepted
}

// checkPromises is a check of /readyz: nil where all is kept, an *AcceptedError where a flag accepts what is not.
func (a *App) checkPromises(context.Context) error {
	found, accepted := a.Volatile()
	if len(found) == 0 {
		return nil
	}
	var names []string
	var errs []error
	for name, err := range found {
		names, errs = append(names, name), append(errs, err)
	}
	slices.Sort(names)
	if accepted {
		return &AcceptedError{"volatile: " + strings.Join(names, ", "), errors.Join(errs...)}
	}
	return errors.Join(errs...)
}

// AcceptedError is a shortcoming with which a process serves all the same, because somebody said so.
type AcceptedError struct {
	what  string
	cause error
}

// Error implements error.
func (e *AcceptedError) Error() string { return e.what + ": " + e.cause.Error() }

// Unwrap returns what was found.
func (e *AcceptedError) Unwrap() error { return e.cause }

// Accepted says in a few words what is accepted. It names no host.
func (e *AcceptedError) Accepted() string { return e.what }
