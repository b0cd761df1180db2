package membership

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
)

const (
	partitions = 24
	beat       = 10 * time.Millisecond
	timeout    = 5 * time.Second        // nobody who lives is taken to be gone, however busy the machine is
	short      = 200 * time.Millisecond // of who waits for a death
)

func open(t *testing.T, socket string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{socket}, ForceSingleClient: true, DisableCache: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// worker is a Member that runs.
type worker struct {
	*Member
	stop context.CancelFunc
	done chan struct{}
}

func start(t *testing.T, client rueidis.Client, name string, timeout time.Duration, log *slog.Logger) *worker {
	t.Helper()
	r, err := New(client, Config{Key: "membership:" + t.Name(), Worker: name, Partitions: partitions, Beat: beat,
		Timeout: timeout}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &worker{Member: r, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-w.done })
	return w
}

// split says whether the workers own every partition once.
func split(workers ...*worker) bool {
	var all []int
	for _, w := range workers {
		if len(w.Owned()) == 0 || !slices.IsSorted(w.Owned()) {
			return false
		}
		all = append(all, w.Owned()...)
	}
	slices.Sort(all)
	return len(all) == partitions && len(slices.Compact(all)) == partitions
}

func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	const interval = time.Millisecond
	deadline := time.After(within)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v still not: %s", within, what)
		}
	}
}

const limit = 20 * time.Second

func TestWorkersSplitPartitions(t *testing.T) {
	client := open(t, devstack.TestRedis(t).Socket())
	a := start(t, client, "a", timeout, slog.New(slog.DiscardHandler))
	eventually(t, "a owns all", limit, func() bool { return split(a) })
	<-a.Changes()
	b := start(t, client, "b", timeout, slog.New(slog.DiscardHandler))
	eventually(t, "a and b split", limit, func() bool { return split(a, b) })
	<-a.Changes()
	before := slices.Clone(a.Owned())
	c := start(t, client, "c", timeout, slog.New(slog.DiscardHandler))
	eventually(t, "a, b and c split", limit, func() bool { return split(a, b, c) })
	for _, p := range a.Owned() {
		if !slices.Contains(before, p) {
			t.Errorf("partition %d moved to a, although only c came", p)
		}
	}

	b.stop()
	<-b.done
	if len(b.Owned()) != 0 {
		t.Errorf("b has left and owns %v", b.Owned())
	}
	eventually(t, "a and c split", limit, func() bool { return split(a, c) })
}

func TestOrderlyStopIsTakenOverAtOnce(t *testing.T) {
	client := open(t, devstack.TestRedis(t).Socket())
	a := start(t, client, "a", timeout, slog.New(slog.DiscardHandler))
	b := start(t, client, "b", timeout, slog.New(slog.DiscardHandler))
	eventually(t, "a and b split", limit, func() bool { return split(a, b) })
	b.stop()
	<-b.done
	members, err := client.Do(t.Context(), client.B().Zrange().Key("membership:"+t.Name()).Min("0").Max(
		"-1").Build()).AsStrSlice()
	if err != nil || !slices.Equal(members, []string{"a"}) {
		t.Errorf("members %v, %v", members, err)
	}
	eventually(t, "a owns all", limit, func() bool { return split(a) })
}

func TestDeadWorkerIsTakenOverAfterTheTimeout(t *testing.T) {
	client := open(t, devstack.TestRedis(t).Socket())
	dying, err := New(client, Config{Key: "membership:" + t.Name(), Worker: "dead", Partitions: partitions, Beat: beat,
		Timeout: timeout}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, client, "a", short, slog.New(slog.DiscardHandler))
	var died time.Time
	eventually(t, "a owns its part", limit, func() bool {
		died = time.Now()
		if err := dying.heartbeat(t.Context()); err != nil {
			t.Fatal(err)
		}
		return split(a, &worker{Member: assigned("dead", "a")})
	})
	eventually(t, "a owns all", limit, func() bool { return split(a) })
	if took := time.Since(died); took < short {
		t.Errorf("taken over after %v, before the timeout of %v", took, short)
	}
}

// assigned is a Member that owns what a worker has beside the others.
func assigned(worker string, others ...string) *Member {
	r := &Member{}
	owned := Assign(worker, append(others, worker), partitions)
	r.owned.Store(&owned)
	return r
}

// lines collects log lines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(word string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), word)
}

func TestAssignmentStaysWithoutRedis(t *testing.T) {
	server := devstack.NewTestRedis(t)
	var log lines
	a := start(t, open(t, server.Socket()), "a", timeout, slog.New(slog.NewTextHandler(&log, nil)))
	b := start(t, open(t, server.Socket()), "b", timeout, slog.New(slog.DiscardHandler))
	eventually(t, "a and b split", limit, func() bool { return split(a, b) })
	owned := slices.Clone(a.Owned())
	server.Kill()
	eventually(t, "a notices", limit, func() bool { return log.count("level=WARN") > 0 })
	if !slices.Equal(a.Owned(), owned) {
		t.Errorf("without Redis a owns %v, before %v", a.Owned(), owned)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a beats again", limit, func() bool { return log.count("level=INFO") > 0 })
	eventually(t, "a and b split", limit, func() bool { return split(a, b) })
	if n := log.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings for one outage", n)
	}
}

func TestAssignIsEven(t *testing.T) {
	const many, each = 4096, 8
	var workers []string
	for i := range each {
		workers = append(workers, fmt.Sprintf("worker-%d", i))
	}
	total := 0
	for _, w := range workers {
		n := len(Assign(w, workers, many))
		total += n
		if n < many/each*8/10 || n > many/each*12/10 {
			t.Errorf("%s owns %d of %d", w, n, many)
		}
	}
	if total != many {
		t.Errorf("%d of %d partitions are owned", total, many)
	}
	if owned := Assign("a", nil, many); len(owned) != 0 {
		t.Errorf("somebody who is no member owns %d", len(owned))
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]Config{
		"no key":            {Worker: "a", Partitions: 1},
		"no worker":         {Key: "k", Partitions: 1},
		"no partitions":     {Key: "k", Worker: "a"},
		"too many":          {Key: "k", Worker: "a", Partitions: maxPartitions + 1},
		"timeout too short": {Key: "k", Worker: "a", Partitions: 1, Beat: time.Second, Timeout: time.Second},
	} {
		if _, err := New(nil, c, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
