package redisrisk_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/risk/redisrisk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func connect(t *testing.T, redis *devstack.Redis) *redisrisk.Windows {
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
	return redisrisk.New(client)
}

// stores are those that answer alike.
func stores(t *testing.T) map[string]risk.Windows {
	return map[string]risk.Windows{
		"memory": risk.NewMemory(0, time.Now), "redis": connect(t, devstack.TestRedis(t)),
	}
}

func claim(id string, minor int64, currency ledger.Currency) risk.Claim {
	return risk.Claim{Kind: risk.Transfer, RequestID: id, User: "alice", Payee: "bob", Fingerprint: "f",
		Amount: ledger.Amount{Minor: minor, Currency: currency}}
}

func take(t *testing.T, w risk.Windows, c risk.Claim, counters ...risk.Counter) risk.Taken {
	t.Helper()
	taken, err := w.Take(t.Context(), c, counters)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// number keeps the windows of tests apart.
var number atomic.Int64

func name() string { return fmt.Sprint("rule-", number.Add(1)) }

func TestWindows(t *testing.T) {
	for store, w := range stores(t) {
		t.Run(store, func(t *testing.T) {
			counts := risk.Counter{Rule: name(), Whose: "alice", Window: time.Hour, Count: 2, Stops: true}
			sums := risk.Counter{Rule: name(), Whose: "alice", Window: time.Hour, Count: 100, Amount: 100, Stops: true}
			payee := risk.Counter{Rule: name(), Whose: "bob", Window: time.Hour, Count: 3, Stops: true}
			all := []risk.Counter{payee, sums, counts}
			for i, line := range []struct {
				claim risk.Claim
				want  risk.Taken
			}{
				{claim("1", 60, "CNY"), risk.Taken{Exceeded: -1, New: true}},
				{claim("1", 60, "CNY"), risk.Taken{Exceeded: -1}},            // again: as before, and counted once
				{claim("2", 41, "CNY"), risk.Taken{Exceeded: 1}},             // too much together
				{claim("2", 41, "JPY"), risk.Taken{Exceeded: -1, New: true}}, // of another currency
				{claim("3", 1, "CNY"), risk.Taken{Exceeded: 2}},              // too many
				{claim("1", 60, "CNY"), risk.Taken{Exceeded: -1}},
			} {
				if got := take(t, w, line.claim, all...); got != line.want {
					t.Errorf("line %d: %+v, want %+v", i+1, got, line.want)
				}
			}
			// What one subject's windows stop is in none of the other's: of bob's three places two are taken.
			if got := take(t, w, claim("9", 1, "CNY"), payee); got.Exceeded >= 0 {
				t.Errorf("bob's third: %+v", got)
			}
			if got := take(t, w, claim("10", 1, "CNY"), payee); got.Exceeded != 0 {
				t.Errorf("bob's fourth: %+v", got)
			}
			// What does not stop is counted all the same.
			let := counts
			let.Stops = false
			if got := take(t, w, claim("4", 1, "CNY"), let); got != (risk.Taken{Exceeded: -1, New: true}) {
				t.Errorf("let through: %+v", got)
			}
			for range 2 {
				if err := w.Release(t.Context(), claim("1", 60, "CNY"), all); err != nil {
					t.Fatal(err)
				}
			}
			if got := take(t, w, claim("5", 100, "CNY"), sums); got.Exceeded >= 0 {
				t.Errorf("after a release: %+v", got)
			}
			none := risk.Counter{Rule: name(), Whose: "alice", Window: time.Hour, Stops: true}
			if got := take(t, w, claim("6", 1, "CNY"), none); got.Exceeded != 0 {
				t.Errorf("of none at all: %+v", got)
			}
		})
	}
}

// A pair has a window of its own, and what was counted leaves it when its time is over.
func TestPairsAndTime(t *testing.T) {
	for store, w := range stores(t) {
		t.Run(store, func(t *testing.T) {
			pair := risk.Counter{Rule: name(), Whose: "alice", With: "bob", Window: time.Hour, Count: 1, Stops: true}
			other := pair
			other.With = "carol"
			take(t, w, claim("1", 1, "CNY"), pair)
			if got := take(t, w, claim("2", 1, "CNY"), pair); got.Exceeded != 0 {
				t.Errorf("the same pair: %+v", got)
			}
			if got := take(t, w, claim("3", 1, "CNY"), other); got.Exceeded >= 0 {
				t.Errorf("another pair: %+v", got)
			}
			short := pair
			short.Rule, short.Window = name(), time.Millisecond
			for i, passed := 0, 0; passed < 20; i++ { // ends, for a place is free after each millisecond
				if take(t, w, claim(fmt.Sprint("t", i), 1, "CNY"), short).Exceeded < 0 {
					passed++
				}
			}
		})
	}
}

// Of many claims at once as many pass as may, over all nodes.
func TestAtOnce(t *testing.T) {
	for store, w := range stores(t) {
		t.Run(store, func(t *testing.T) {
			nodes := []risk.Windows{w, w}
			if store == "redis" {
				nodes[1] = connect(t, devstack.TestRedis(t))
			}
			both := []risk.Counter{
				{Rule: name(), Whose: "alice", Window: time.Hour, Count: 1000, Amount: 400, Stops: true},
				{Rule: name(), Whose: "bob", Window: time.Hour, Count: 1000, Amount: 10_000, Stops: true},
			}
			var passed atomic.Int64
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					taken, err := nodes[i%2].Take(t.Context(), claim(fmt.Sprint(i), 10, "CNY"), both)
					if err != nil {
						t.Error(err)
					} else if taken.Exceeded < 0 {
						passed.Add(1)
					}
				})
			}
			all.Wait()
			if passed.Load() != 40 {
				t.Errorf("%d of 100 passed, want 40", passed.Load())
			}
		})
	}
}

// While Redis is away nothing is known; what was counted is there when it is back.
func TestRedisIsAway(t *testing.T) {
	redis := devstack.NewTestRedis(t)
	w := connect(t, redis)
	one := risk.Counter{Rule: name(), Whose: "alice", Window: time.Hour, Count: 1, Stops: true}
	take(t, w, claim("1", 1, "CNY"), one)
	redis.Kill()
	if got, err := w.Take(t.Context(), claim("2", 1, "CNY"), []risk.Counter{one}); err == nil {
		t.Errorf("while Redis is away: %+v", got)
	}
	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := w.Take(t.Context(), claim("2", 1, "CNY"), []risk.Counter{one})
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); {
		got, err = w.Take(t.Context(), claim("2", 1, "CNY"), []risk.Counter{one})
	}
	if err != nil || got.Exceeded != 0 {
		t.Errorf("when it is back: %+v, %v", got, err)
	}
}
