package discovery_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/discovery"
	"github.com/hongbao/hongbao/internal/discovery/etcdtest"
)

// open opens a registry whose leases are as short as etcd makes them.
func open(t *testing.T, e *etcdtest.Server) *discovery.Registry {
	t.Helper()
	r, err := discovery.Open(discovery.Config{Endpoints: []string{e.Endpoint()}, Prefix: "test/", Lease: time.Second,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// run runs something until the test ends or stop is called, which waits for it.
func run(t *testing.T, f func(context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// announce announces rpc at an address.
func announce(t *testing.T, r *discovery.Registry, address string) (stop func()) {
	t.Helper()
	return run(t, func(ctx context.Context) { r.Announce(ctx, "rpc", address) })
}

// finds waits until exactly these addresses are known.
func finds(t *testing.T, f *discovery.Found, want ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		got, err := f.Addresses(t.Context())
		if err == nil && slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("found %v, %v, want %v", got, err, want)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

const first, second, third = "10.0.0.1:8888", "10.0.0.2:8888", "rpc-3.example:8888"

// Who stops in order is gone at once, who dies when the lease ends, and the last is never forgotten. Another prefix is
// another installation, and what is no address is passed over.
func TestServersComeAndGo(t *testing.T) {
	e := etcdtest.Start(t)
	here := open(t, e)
	f := here.Find("rpc")
	run(t, f.Follow)
	if err := e.Put(t.Context(), "test/rpc/no-address", "x"); err != nil {
		t.Fatal(err)
	}
	if err := e.Put(t.Context(), "other/rpc/"+third, third); err != nil {
		t.Fatal(err)
	}
	stopFirst := announce(t, here, first)
	finds(t, f, first)
	stopSecond := announce(t, here, second)
	dying := open(t, e)
	announce(t, dying, third)
	finds(t, f, first, second, third)
	stopSecond()
	finds(t, f, first, third)
	if err := dying.Close(); err != nil { // nobody takes back what it announced
		t.Fatal(err)
	}
	finds(t, f, first)
	stopFirst()
	finds(t, f, first)
	announce(t, here, second)
	finds(t, f, second)
}

// While etcd is away, what was known holds. When it is back, with its data or without, all are announced again, and who
// came meanwhile, too.
func TestEtcdIsLost(t *testing.T) {
	e := etcdtest.Start(t)
	f := open(t, e).Find("rpc")
	run(t, f.Follow)
	announce(t, open(t, e), first)
	stop := announce(t, open(t, e), second)
	finds(t, f, first, second)

	e.Kill()
	came := open(t, e)
	announce(t, came, third)
	finds(t, f, first, second)
	e.Restart()
	finds(t, f, first, second, third)

	e.Kill()
	e.Wipe()
	finds(t, f, first, second, third)
	e.Restart()
	stop()
	finds(t, f, first, third)
}

// Before etcd has answered there is nobody to call, and the error says so.
func TestNobodyIsKnown(t *testing.T) {
	r, err := discovery.Open(discovery.Config{Endpoints: []string{"http://127.0.0.1:1"},
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Find("rpc").Addresses(ctx); !errors.Is(err, discovery.ErrNobody) {
		t.Error(err)
	}
}

func TestCheckEndpoint(t *testing.T) {
	for endpoint, isGood := range map[string]bool{
		"http://127.0.0.1:2379": true, "https://user:secret@etcd.example:2379/": true, "http://[::1]:2379": true,
		"etcd:2379": false, "http://etcd": false, "ftp://etcd:2379": false, "http://etcd:2379/path": false, "": false,
	} {
		if err := discovery.CheckEndpoint(endpoint); (err == nil) != isGood {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	if _, err := discovery.Open(discovery.Config{}); err == nil {
		t.Error("a registry without etcd is opened")
	}
}
