package ratelimit_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/ratelimit"
)

func local(t *testing.T, now func() time.Time) *ratelimit.Local {
	t.Helper()
	l, err := ratelimit.NewLocal(now)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLocalAllowsTheLimitAtOnceAndThenOneForEachInterval(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	l := local(t, func() time.Time { return at })
	limit := ratelimit.Limit{Name: "x", Count: 3, Per: 3 * time.Second}
	for i := range 3 {
		if r := l.Look(limit, "ann"); !r.Allowed || r.Remaining != 2-i {
			t.Errorf("a look at number %d: %+v", i, r)
		}
		r := l.Take(limit, "ann")
		if !r.Allowed || r.Remaining != 2-i || r.ResetAfter != time.Duration(i+1)*time.Second {
			t.Errorf("number %d: %+v", i, r)
		}
	}
	for range 3 { // what is refused costs nothing
		r := l.Take(limit, "ann")
		if r.Allowed || r.RetryAfter != time.Second || r.ResetAfter != 3*time.Second || r != l.Look(limit, "ann") {
			t.Errorf("over the limit: %+v", r)
		}
	}
	if r := l.Take(limit, "bob"); !r.Allowed {
		t.Errorf("somebody else: %+v", r)
	}
	if r := l.Take(ratelimit.Limit{Name: "y", Count: 1, Per: time.Second}, "ann"); !r.Allowed {
		t.Errorf("of something else: %+v", r)
	}
	at = at.Add(time.Second)
	if r := l.Take(limit, "ann"); !r.Allowed || r.Remaining != 0 {
		t.Errorf("a second later: %+v", r)
	}
	if r := l.Take(limit, "ann"); r.Allowed {
		t.Errorf("and another one: %+v", r)
	}
	at = at.Add(time.Hour)
	if r := l.Take(limit, "ann"); !r.Allowed || r.Remaining != 2 {
		t.Errorf("after a pause: %+v", r)
	}
}

func TestLocalCountsWhatComesAtOnce(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	l := local(t, func() time.Time { return at })
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if l.Take(slow("many", 40), "ann").Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if allowed.Load() != 40 {
		t.Errorf("%d were allowed, want 40", allowed.Load())
	}
}

func TestPerSecond(t *testing.T) {
	if l := ratelimit.PerSecond("x", 5); l.Count != 50 || l.Per != 10*time.Second || l.Check() != nil {
		t.Errorf("%+v", l)
	}
	if l := ratelimit.PerSecond("x", 0); l.Count != 0 || l.Check() == nil {
		t.Errorf("%+v", l)
	}
}

func BenchmarkLocal(b *testing.B) {
	l, err := ratelimit.NewLocal(time.Now)
	if err != nil {
		b.Fatal(err)
	}
	users := make([]string, 2000)
	for i := range users {
		users[i] = fmt.Sprintf("user-%d", i)
	}
	limit := ratelimit.PerSecond("grabs", 500)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			l.Take(limit, users[i%len(users)])
		}
	})
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8::1:2:3:4": "2001:db8::/64",
		"2001:db8::9": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := ratelimit.Network(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
