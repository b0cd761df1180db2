package ratelimit_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/ratelimit"
)

func open(t *testing.T) *ratelimit.Limiter {
	t.Helper()
	return ratelimit.New(connect(t, devstack.TestRedis(t)))
}

func connect(t *testing.T, redis *devstack.Redis) rueidis.Client {
	t.Helper()
	option, err := rueidis.ParseURL("unix://" + redis.Socket())
	if err != nil {
		t.Fatal(err)
	}
	option.DisableCache = true
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// slow frees one in an hour, so that nothing becomes free while a test runs.
func slow(name string, count int) ratelimit.Limit {
	return ratelimit.Limit{Name: name, Count: count, Per: time.Duration(count) * time.Hour}
}

func TestOfManyAtOnceTheLimitIsAllowed(t *testing.T) {
	l := open(t)
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			r, err := l.Take(t.Context(), slow("many", 40), "key-1", 1)
			if err != nil {
				t.Error(err)
			}
			if r.Allowed {
				allowed.Add(1)
			} else if r.Remaining != 0 || r.RetryAfter <= 59*time.Minute || r.RetryAfter > time.Hour {
				t.Errorf("refused with %+v", r)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 40 {
		t.Errorf("%d of 100 were allowed, want 40", allowed.Load())
	}
	if r, err := l.Take(t.Context(), slow("many", 40), "key-2", 1); err != nil || !r.Allowed || r.Remaining != 39 {
		t.Errorf("somebody else gets %+v, %v", r, err)
	}
}

func TestNodesShareALimit(t *testing.T) {
	nodes := []*ratelimit.Limiter{open(t), open(t)}
	limit := slow("shared", 40)
	var allowed atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			r, err := nodes[i%2].Take(t.Context(), limit, "k", 1)
			if err != nil {
				t.Error(err)
			}
			if r.Allowed {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 40 {
		t.Errorf("%d of 100 were allowed on two nodes, want 40", allowed.Load())
	}
}

// TestARedisThatIsAwayIsAnError holds that nobody is refused, and nobody let through, by what is not known; and that
// a Redis that was started anew gives everybody a full limit.
func TestARedisThatIsAwayIsAnError(t *testing.T) {
	redis := devstack.NewTestRedis(t)
	l, limit := ratelimit.New(connect(t, redis)), slow("away", 2)
	if r, err := l.Take(t.Context(), limit, "k", 2); err != nil || !r.Allowed {
		t.Fatalf("before: %+v, %v", r, err)
	}
	redis.Kill()
	for range 3 {
		if r, err := l.Take(t.Context(), limit, "k", 1); err == nil || r != (ratelimit.Result{}) {
			t.Errorf("while Redis is away: %+v, %v", r, err)
		}
	}
	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := l.Take(t.Context(), limit, "k", 1)
	for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); {
		r, err = l.Take(t.Context(), limit, "k", 1) // until the client has connected
	}
	if err != nil || !r.Allowed || r.Remaining != 1 {
		t.Errorf("when it is back: %+v, %v", r, err)
	}
}

func TestLookingTakesNothing(t *testing.T) {
	l := open(t)
	limit := slow("look", 5)
	for range 3 {
		if r, err := l.Take(t.Context(), limit, "k", 0); err != nil || r.Remaining != 5 || r.ResetAfter != 0 {
			t.Errorf("a look at an unused limit: %+v, %v", r, err)
		}
	}
	if r, err := l.Take(t.Context(), limit, "k", 3); err != nil || !r.Allowed || r.Remaining != 2 ||
		r.ResetAfter != 3*time.Hour {
		t.Errorf("three: %+v, %v", r, err)
	}
	if r, err := l.Take(t.Context(), limit, "k", 3); err != nil || r.Allowed || r.Remaining != 2 {
		t.Errorf("three more: %+v, %v", r, err)
	}
	if r, err := l.Take(t.Context(), limit, "k", 2); err != nil || !r.Allowed || r.Remaining != 0 {
		t.Errorf("the two that are left: %+v, %v", r, err)
	}
}

func TestWhatWasUsedBecomesFree(t *testing.T) {
	l := open(t)
	limit := ratelimit.Limit{Name: "quick", Count: 10, Per: 10 * time.Millisecond}
	for taken := 0; taken < 200; { // ends, for one becomes free each millisecond
		r, err := l.Take(t.Context(), limit, "k", 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Allowed {
			taken++
		}
	}
}

// Who takes from a limit does not wait for a disk.
func TestALimitIsNotWrittenToTheDisk(t *testing.T) {
	// A server of its own: where other tests' limits run out, Redis writes that they are gone.
	client := connect(t, devstack.NewTestRedis(t))
	l := ratelimit.New(client)
	written := func() string {
		t.Helper()
		info, err := client.Do(t.Context(), client.B().Info().Section("persistence").Build()).ToString()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(info) {
			if size, ok := strings.CutPrefix(line, "aof_current_size:"); ok {
				return size
			}
		}
		t.Fatalf("this Redis writes no AOF:\n%s", info)
		return ""
	}
	before := written()
	for i := range 10 {
		if r, err := l.Take(t.Context(), slow("disk", 40), "key-1", 1); err != nil || r.Remaining != 39-i {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if after := written(); after != before {
		t.Errorf("the AOF grew from %s to %s bytes", before, after)
	}
}

func TestMalformedLimitsAreRefused(t *testing.T) {
	l := open(t)
	for _, limit := range []ratelimit.Limit{{}, {Name: "x"}, {Name: "x", Count: 2, Per: time.Microsecond}} {
		if _, err := l.Take(t.Context(), limit, "k", 1); err == nil {
			t.Errorf("%+v was accepted", limit)
		}
	}
	if _, err := l.Take(t.Context(), slow("x", 2), "k", 3); err == nil {
		t.Error("more than the whole limit was accepted")
	}
}
