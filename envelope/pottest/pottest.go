// Package pottest holds every implementation of envelope.Pot and envelope.Log to what these two interfaces promise. It
// also has the helpers with which an implementation tests what is its own.
package pottest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

// Pots is what the suite tests.
type Pots interface {
	envelope.Pot
	envelope.Log
	pots.Store
}

// Store is an empty, installed store of pots. It spreads envelopes as Buckets and ShardOf say.
type Store interface {
	// Open returns the pots as a process sees them that has just started and remembers nothing.
	Open(t testing.TB) Pots
	// PassTime returns once the store's clock is past a time.
	PassTime(t testing.TB, until time.Time)
	// Expire lets the time of an envelope that has a pot be over.
	Expire(t testing.TB, id int64)
	// Lose makes the store forget everything in a bucket, and that the bucket was ever installed.
	Lose(t testing.TB, bucket int)
	// Install makes lost buckets usable again, with nothing in them.
	Install(t testing.TB)
	// Copy copies a bucket. restore makes the bucket that again, as a replica does that takes over without the tail.
	Copy(t testing.TB, bucket int) (restore func())
	// SetEpoch is what the ledger says from now on of a bucket.
	SetEpoch(bucket int, epoch string)
	// AwaitReader returns once a call of Read waits for a record.
	AwaitReader(t testing.TB)
}

// Buckets is how a Store spreads envelopes: two shards with two buckets each.
func Buckets() pots.Buckets { return pots.Buckets{Shards: 2, PerShard: 2} }

// buckets is the number of all buckets.
const buckets = 4

// ShardOf finds the shard in the lowest bit of an id.
func ShardOf(id int64) (shard int, ok bool) { return int(id & 1), id > 0 }

// BucketOf returns the bucket of an id that NewID made.
func BucketOf(id int64) int { return Buckets().Of(int(id&1), id) }

// Run tests a store. open is called for each test and must return a store that shares nothing with earlier ones.
func Run(t *testing.T, open func(t testing.TB) Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"shares go in order, once to each user", testOrder},
		{"impossible grabs are refused", testImpossible},
		{"filling again changes nothing", testFillAgain},
		{"a pot filled after a loss keeps what was taken", testFillTaken},
		{"a damaged ledger fills nothing", testFillContradiction},
		{"a pot of 100,000 shares", testHugePot},
		{"1,000 grabs by 300 users of 100 shares", testCrowd},
		{"two processes on one pot", testTwoProcesses},
		{"asks that come together are answered each for itself", testTakeMany},
		{"what Close saw is what was answered", testTakeAgainstClose},
		{"expired is final", testExpired},
		{"no pot is closed before its time", testCloseEarly},
		{"a repeated grab leaves the expiry of the last share", testExpiryAfterRepeat},
		{"drained is drained also after its time", testDrainedThenExpired},
		{"a retired pot still answers", testRetire},
		{"a pot ends though everything since its end was forgotten", testEndForgotten},
		{"missing pots are named", testMissing},
		{"the log tells everything to all readers", testLogReaders},
		{"a position never goes back", testPositionMonotonic},
		{"a waiting reader is woken", testReadWaits},
		{"the backlog", testBacklog},
		{"a lost bucket is noticed by every call", testLost},
		{"a bucket is lost alone", testLostAlone},
		{"a log that went back is noticed by whoever has read further", testWentBack},
		{"a bucket begins anew in a new epoch", testNewEpoch},
		{"an old log is read in parts", testOldInParts},
		{"any sequence of operations", testModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := open(t)
			test.run(t, &rig{Pots: store.Open(t), store: store})
		})
	}
}

// rig is a process on a store.
type rig struct {
	Pots
	store Store
}

// lastID makes ids that no other test of this process uses.
var lastID atomic.Int64

// NewID returns an id that no other test of this process has.
func NewID() int64 { return lastID.Add(1) + 1_000_000_000_000_000 }

// Envelope returns an envelope of these shares, in minor units, that expires in a day.
func Envelope(shares ...int64) envelope.Envelope {
	e := envelope.Envelope{
		ID: NewID(), Group: "family", Sender: "mum", Shares: shares, Count: len(shares),
		ExpiresAt: time.Now().Add(24 * time.Hour),
	}
	for _, s := range shares {
		e.Total.Minor += s
	}
	return e
}

// Shares returns n shares of 1, 2, 3 … minor units.
func Shares(n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(i + 1)
	}
	return s
}

// MustFill fills a pot.
func MustFill(t testing.TB, p envelope.Pot, e envelope.Envelope, taken ...envelope.Take) {
	t.Helper()
	if err := p.Fill(t.Context(), e, taken); err != nil {
		t.Fatal(err)
	}
}

// MustTake grabs for a user and expects an outcome.
func MustTake(t testing.TB, p envelope.Pot, id int64, user string, want envelope.Outcome) envelope.Take {
	t.Helper()
	take, outcome, err := p.Take(t.Context(), id, user)
	if err != nil || outcome != want {
		t.Fatalf("Take by %s = %v, %q, %v; want %q", user, take, outcome, err, want)
	}
	return take
}

// MustLook returns the state of a pot.
func MustLook(t testing.TB, p envelope.Pot, id int64) envelope.PotState {
	t.Helper()
	s, err := p.Look(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ReadAll returns every record that the log of a bucket still keeps.
func ReadAll(t testing.TB, l envelope.Log, bucket int) []envelope.Record {
	t.Helper()
	const atOnce = 100
	var all []envelope.Record
	var after pots.Position
	for {
		some, upTo, err := l.Read(t.Context(), bucket, after, atOnce, 0)
		if err != nil {
			t.Fatal(err)
		}
		if upTo == after {
			return all
		}
		all, after = append(all, some...), upTo
	}
}

// Crowd lets users grab, each several times, and returns the takes that they were answered. The grabs are spread over
// the processes.
func Crowd(t testing.TB, processes []Pots, id int64, users, grabs int) map[string]envelope.Take {
	t.Helper()
	var (
		mu   sync.Mutex
		wins = map[string]envelope.Take{}
		won  = map[string]int{}
		wg   sync.WaitGroup
	)
	for i := range grabs {
		wg.Go(func() {
			user := fmt.Sprintf("user%d", i%users)
			take, outcome, err := processes[i%len(processes)].Take(t.Context(), id, user)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Errorf("%s: %v", user, err)
			case outcome == envelope.Won || outcome == envelope.AlreadyWon:
				if had, ok := wins[user]; ok && had != take {
					t.Errorf("%s has %+v and %+v", user, had, take)
				}
				wins[user] = take
				if outcome == envelope.Won {
					won[user]++
				}
			}
		})
	}
	wg.Wait()
	for user := range wins {
		if won[user] != 1 {
			t.Errorf("%s won %d times", user, won[user])
		}
	}
	return wins
}

// CheckCrowd compares what a crowd was answered with the envelope, which it drained, the pot and the log.
func CheckCrowd(t testing.TB, p Pots, e envelope.Envelope, wins map[string]envelope.Take) {
	t.Helper()
	seen, sum := map[int]bool{}, int64(0)
	for _, take := range wins {
		seen[take.Share] = true
		sum += take.Minor
	}
	if len(wins) != len(e.Shares) || len(seen) != len(e.Shares) || sum != e.Total.Minor {
		t.Errorf("%d winners of %d shares, in all %d; want %d and %d",
			len(wins), len(seen), sum, len(e.Shares), e.Total.Minor)
	}
	log := ReadAll(t, p, BucketOf(e.ID))
	log = slices.DeleteFunc(log, func(r envelope.Record) bool { return r.Envelope != e.ID })
	if len(log) != len(e.Shares)+1 || !log[len(log)-1].Last {
		t.Fatalf("%d records, want %d and the last marked: %+v", len(log), len(e.Shares)+1, log)
	}
	for i, record := range log[1:] {
		if record.Take.Share != i || wins[record.Take.User] != record.Take || record.Last != (i == len(e.Shares)-1) {
			t.Errorf("record %d is %+v", i, record)
		}
	}
	for i, take := range MustLook(t, p, e.ID).Taken {
		if take != log[i+1].Take {
			t.Errorf("Look has %+v at %d, the log %+v", take, i, log[i+1].Take)
		}
	}
}

// EveryCall makes each call that needs a bucket, on an envelope of the bucket, and returns the errors by name.
func EveryCall(t testing.TB, p Pots, e envelope.Envelope) map[string]error {
	t.Helper()
	bucket := BucketOf(e.ID)
	calls := map[string]error{}
	_, _, calls["Take"] = p.Take(t.Context(), e.ID, "x")
	calls["TakeMany"] = p.TakeMany(t.Context(), []envelope.Ask{{Envelope: e.ID, User: "x"}})[0].Err
	calls["Fill"] = p.Fill(t.Context(), e, nil)
	_, calls["Look"] = p.Look(t.Context(), e.ID)
	_, calls["Close"] = p.Close(t.Context(), e.ID)
	_, calls["Unretired"] = p.Unretired(t.Context(), bucket, 0, 1)
	calls["Retire"] = p.Retire(t.Context(), []envelope.Retirement{{Envelope: e.ID}})
	_, calls["Missing"] = p.Missing(t.Context(), []int64{e.ID})
	_, calls["Position"] = p.Position(t.Context(), bucket, envelope.ReaderRelay)
	_, _, calls["Read"] = p.Read(t.Context(), bucket, "", 1, 0)
	_, _, calls["Read and wait"] = p.Read(t.Context(), bucket, "", 1, time.Second)
	calls["Acknowledge"] = p.Acknowledge(t.Context(), bucket, envelope.ReaderRelay, "1-1")
	_, _, calls["Backlog"] = p.Backlog(t.Context(), bucket, envelope.ReaderRelay)
	return calls
}

// MustAllBeLost expects that every call on an envelope's bucket says that the pots are lost.
func MustAllBeLost(t testing.TB, p Pots, e envelope.Envelope) {
	t.Helper()
	for call, err := range EveryCall(t, p, e) {
		if !errors.Is(err, pots.ErrLost) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	const timeout, interval = 20 * time.Second, 5 * time.Millisecond
	deadline := time.After(timeout)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v still not: %s", timeout, what)
		}
	}
}
