package redispot

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

func TestOnOneServer(t *testing.T) { conform(t, singleRig(t)) }

func TestOnACluster(t *testing.T) { conform(t, clusterRig(t)) }

// conform is what envelope.Pot and envelope.Log promise, and what only the keys of a Redis show.
func conform(t *testing.T, r *rig) {
	pottest.Run(t, func(t testing.TB) pottest.Store { return r.reset(t) })
	for _, test := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"the list of a huge pot is whole", testHugeList},
		{"the shares end with the envelope", testExpiryOfShares},
		{"a retired pot has an hour to live and its log has not", testLifetimeOfRetired},
		{"positions are compared as numbers", testPositionsAreNumbers},
		{"a damaged log entry is an error", testCorruptEntry},
		{"an emptied Redis lacks its markers", testMarkers},
		{"a foreign Redis is noticed", testForeign},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, r.reset(t)) })
	}
}

// Open implements pottest.Store.
func (r *rig) Open(t testing.TB) pottest.Pots { return r.pots(t, r.open(t), nil) }

// PassTime implements pottest.Store.
func (r *rig) PassTime(t testing.TB, until time.Time) {
	t.Helper()
	pottest.Eventually(t, "the time of Redis is "+until.String(), func() bool {
		now := do(t, r.client, "TIME")
		parts, err := now.AsIntSlice()
		if err != nil || len(parts) != 2 {
			t.Fatalf("TIME = %v, %v", parts, err)
		}
		return time.Unix(parts[0], parts[1]*int64(time.Microsecond)).After(until.Add(time.Millisecond))
	})
}

// Expire implements pottest.Store.
func (r *rig) Expire(t testing.TB, id int64) {
	t.Helper()
	pot, shares := keysOfPot(t, r, id)
	do(t, r.client, "HSET", pot, "#x", "1")
	tag, name, _ := strings.Cut(pot, "e:")
	do(t, r.client, "ZADD", tag+"ends", "1", name)
	do(t, r.client, "DEL", shares)
}

// Lose implements pottest.Store.
func (r *rig) Lose(t testing.TB, bucket int) {
	t.Helper()
	for _, node := range r.client.Nodes() {
		found := do(t, node, "KEYS", r.base(bucket)+"*")
		keys, err := found.AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			do(t, r.client, "DEL", key)
		}
	}
}

// Copy implements pottest.Store.
func (r *rig) Copy(t testing.TB, bucket int) (restore func()) {
	t.Helper()
	kept := map[string]string{}
	for _, node := range r.client.Nodes() {
		found := do(t, node, "KEYS", r.base(bucket)+"*")
		keys, err := found.AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			dumped := do(t, r.client, "DUMP", key)
			if kept[key], err = dumped.ToString(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return func() {
		t.Helper()
		r.Lose(t, bucket)
		for key, value := range kept {
			do(t, r.client, "RESTORE", key, "0", value)
		}
	}
}

// SetEpoch implements pottest.Store.
func (r *rig) SetEpoch(bucket int, epoch string) { r.epochs.Store(bucket, epoch) }

// base is what the keys of a bucket begin with.
func (r *rig) base(bucket int) string { return "{b" + strconv.Itoa(bucket) + "}:" }

// Install implements pottest.Store.
func (r *rig) Install(t testing.TB) {
	t.Helper()
	if err := r.Pots.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// AwaitReader implements pottest.Store.
func (r *rig) AwaitReader(t testing.TB) {
	t.Helper()
	c := r.open(t) // the reader may occupy the connection of the rig's client
	pottest.Eventually(t, "a reader waits", func() bool {
		for _, node := range c.Nodes() {
			clients, err := node.Do(t.Context(), node.B().ClientList().Build()).ToString()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(clients, "cmd=xread") {
				return true
			}
		}
		return false
	})
}

// number sends a command that answers with one.
func (r *rig) number(t testing.TB, words ...string) int64 {
	t.Helper()
	m := do(t, r.client, words...)
	n, err := m.ToInt64()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	return n
}

func bucketOf(t testing.TB, r *rig, number int) keys {
	t.Helper()
	at, err := r.Bucket(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return keys{at}
}

func keysOfPot(t testing.TB, r *rig, id int64) (pot, shares string) {
	t.Helper()
	return bucketOf(t, r, pottest.BucketOf(id)).pot(id)
}

func testHugeList(t *testing.T, r *rig) {
	const count = 100_000
	e := pottest.Envelope(pottest.Shares(count)...)
	pottest.MustFill(t, r, e)
	_, shares := keysOfPot(t, r, e.ID)
	for at, want := range map[int]string{0: "0:1", 999: "999:1000", 1000: "1000:1001", count - 1: "!99999:100000"} {
		share := do(t, r.client, "LINDEX", shares, strconv.Itoa(at))
		if got, _ := share.ToString(); got != want {
			t.Errorf("the share at %d is %q, want %q", at, got, want)
		}
	}
	if n := r.number(t, "LLEN", shares); n != count {
		t.Errorf("%d shares", n)
	}
}

func testExpiryOfShares(t *testing.T, r *rig) {
	e := pottest.Envelope(1, 2, 3)
	_, shares := keysOfPot(t, r, e.ID)
	check := func(when string) {
		t.Helper()
		if ms := r.number(t, "PEXPIRETIME", shares); ms != e.ExpiresAt.UnixMilli() {
			t.Errorf("%s the shares end at %d, want %d", when, ms, e.ExpiresAt.UnixMilli())
		}
	}
	pottest.MustFill(t, r, e, envelope.Take{User: "a", Share: 0, Minor: 1, At: time.Now()})
	check("filled")
	pottest.MustTake(t, r, e.ID, "a", envelope.AlreadyWon)
	check("after a repeated grab with two shares left")
	pottest.MustTake(t, r, e.ID, "b", envelope.Won)
	check("with one share left")
	pottest.MustTake(t, r, e.ID, "b", envelope.AlreadyWon)
	check("after a repeated grab with one share left")
	pottest.MustTake(t, r, e.ID, "c", envelope.Won)
	pottest.MustTake(t, r, e.ID, "d", envelope.Empty)
}

func testLifetimeOfRetired(t *testing.T, r *rig) {
	e := pottest.Envelope(1, 2)
	pottest.MustFill(t, r, e)
	if err := r.Retire(t.Context(), []envelope.Retirement{{Envelope: e.ID, Refunded: 3}}); err != nil {
		t.Fatal(err)
	}
	pot, shares := keysOfPot(t, r, e.ID)
	if seconds := r.number(t, "TTL", pot); seconds < 3590 || seconds > 3600 {
		t.Errorf("forgotten in %d s", seconds)
	}
	if r.number(t, "EXISTS", shares) != 0 {
		t.Error("the list of shares is still there")
	}
	if r.number(t, "TTL", bucketOf(t, r, pottest.BucketOf(e.ID)).Log) != -1 {
		t.Error("the log expires")
	}
}

func testPositionsAreNumbers(t *testing.T, r *rig) {
	for _, step := range []struct{ acknowledge, want pots.Position }{
		{"", "0-0"}, {"5-9", "5-9"}, {"5-10", "5-10"}, {"5-9", "5-10"}, {"4-99", "5-10"}, {"10-0", "10-0"},
		{"9-1", "10-0"}, {"", "10-0"},
	} {
		if err := r.Acknowledge(t.Context(), 1, envelope.ReaderSettler, step.acknowledge); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Position(t.Context(), 1, envelope.ReaderSettler); err != nil || got != step.want {
			t.Errorf("after %q: %q, %v; want %q", step.acknowledge, got, err, step.want)
		}
	}
}

func testCorruptEntry(t *testing.T, r *rig) {
	for i, fields := range [][]string{
		{"v", "nonsense"}, {"v", ""}, {"w", "s 1"}, {"v", "s 1", "w", "1"}, {"v", "t 1 0 0:1:x:u"}, {"v", "t 1 0"},
		{"v", "t 1 0 0:1:5:"}, {"v", "t 1 0 0:1:5"}, {"v", "s 1\nt"}, {"v", "r 1"}, {"v", "r 1 x"}, {"v", "s x"},
		{"v", "s 1 g"}, {"v", "t 1 2 0:1:5:u"},
	} {
		r := r.reset(t)
		e := pottest.Envelope(1)
		bucket := pottest.BucketOf(e.ID)
		pottest.MustFill(t, r, e)
		entry := do(t, r.client, append([]string{"XADD", bucketOf(t, r, bucket).Log, "*"}, fields...)...)
		id, err := entry.ToString()
		if err != nil {
			t.Fatal(err)
		}
		records, upTo, err := r.Read(t.Context(), bucket, "", 10, 0)
		if err == nil || !strings.Contains(err.Error(), id) || len(records) > 0 || upTo != "" {
			t.Errorf("%d %q: %v, %q, %v", i, fields, records, upTo, err)
		}
	}
}

func testMarkers(t *testing.T, r *rig) {
	e := pottest.Envelope(1, 2)
	pottest.MustFill(t, r, e)
	markers := func(want int) {
		t.Helper()
		if present, foreign, err := r.Markers(t.Context()); present != want || foreign || err != nil {
			t.Errorf("Markers = %d, %v, %v; want %d", present, foreign, err, want)
		}
	}
	markers(4)
	r.flush(t)
	markers(0)
	pottest.MustAllBeLost(t, r, e)
	if r.number(t, "EXISTS", bucketOf(t, r, pottest.BucketOf(e.ID)).Log) != 0 {
		t.Error("something was written although the pots are lost")
	}
	// A part of it comes back: what is there stays, the rest is marked.
	r.Install(t)
	pottest.MustFill(t, r, e)
	pottest.MustTake(t, r, e.ID, "a", envelope.Won)
	for b := range 4 {
		if b != pottest.BucketOf(e.ID) {
			do(t, r.client, "DEL", bucketOf(t, r, b).Home)
		}
	}
	markers(1)
	r.Install(t)
	markers(4)
	pottest.MustTake(t, r, e.ID, "a", envelope.AlreadyWon)
}

func testForeign(t *testing.T, r *rig) {
	e := pottest.Envelope(1, 2)
	pottest.MustFill(t, r, e)
	stranger := r.pots(t, r.client, func(c *Config) { c.Installation = "another" })
	pottest.MustAllBeLost(t, stranger, e)
	if present, foreign, err := stranger.Markers(t.Context()); present != 0 || !foreign || err != nil {
		t.Errorf("Markers = %d, %v, %v", present, foreign, err)
	}
	if err := stranger.Install(t.Context()); !errors.Is(err, redisbucket.ErrForeign) {
		t.Errorf("Install = %v", err)
	}
	pottest.MustTake(t, r, e.ID, "a", envelope.Won)
}
