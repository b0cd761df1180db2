package redispot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
)

func TestOnOneServer(t *testing.T) { conform(t, singleRig(t)) }

func TestOnACluster(t *testing.T) { conform(t, clusterRig(t)) }

// conform is what envelope.Pot and envelope.Log promise, on whatever Redis the rig has.
func conform(t *testing.T, r *rig) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"shares go in order, once to each user", testOrder},
		{"filling again changes nothing", testFillAgain},
		{"a pot filled after a loss keeps what was taken", testFillTaken},
		{"a damaged ledger fills nothing", testFillContradiction},
		{"a pot of 100,000 shares", testHugePot},
		{"1,000 grabs by 300 users of 100 shares", testCrowd},
		{"two processes on one pot", testTwoClients},
		{"what Close saw is what was answered", testTakeAgainstClose},
		{"expired is final", testExpired},
		{"drained is drained also after its time", testDrainedThenExpired},
		{"a retired pot answers and is forgotten later", testRetire},
		{"missing pots are named", testMissing},
		{"the log tells everything to both readers", testLogReaders},
		{"a position never goes back", testPositionMonotonic},
		{"a waiting reader is woken", testReadWaits},
		{"a damaged log entry is an error", testCorruptEntry},
		{"the backlog", testBacklog},
		{"an emptied Redis is noticed by every call", testLost},
		{"a foreign Redis is noticed", testForeign},
		{"any sequence of operations", testModel},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, r.reset(t)) })
	}
}

func mustFill(t testing.TB, p envelope.Pot, e envelope.Envelope, taken ...envelope.Take) {
	t.Helper()
	if err := p.Fill(t.Context(), e, taken); err != nil {
		t.Fatal(err)
	}
}

func mustTake(t testing.TB, p envelope.Pot, id int64, user string, want envelope.Outcome) envelope.Take {
	t.Helper()
	take, outcome, err := p.Take(t.Context(), id, user)
	if err != nil || outcome != want {
		t.Fatalf("Take by %s = %v, %q, %v; want %q", user, take, outcome, err, want)
	}
	return take
}

func mustLook(t testing.TB, p envelope.Pot, id int64) envelope.PotState {
	t.Helper()
	s, err := p.Look(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readAll returns the whole log of an envelope's bucket.
func (r *rig) readAll(t testing.TB, id int64) []envelope.Record {
	t.Helper()
	var all []envelope.Record
	var after envelope.Position
	for {
		some, upTo, err := r.Read(t.Context(), r.number(id), after, 100, 0)
		if err != nil {
			t.Fatal(err)
		}
		if upTo == after {
			return all
		}
		all, after = append(all, some...), upTo
	}
}

func (r *rig) number(id int64) int { return r.buckets.Of(int(id&1), id) }

func testOrder(t *testing.T, r *rig) {
	e := testEnvelope(30, 10, 20)
	mustFill(t, r, e)
	before := time.Now().Add(-time.Second)
	var taken []envelope.Take
	for i, user := range []string{"a", "b:colon", "c@x"} {
		take := mustTake(t, r, e.ID, user, envelope.Won)
		if take.User != user || take.Share != i || take.Minor != e.Shares[i] || take.At.Before(before) || take.At.After(time.Now().Add(time.Second)) {
			t.Errorf("take %d is %+v", i, take)
		}
		if again := mustTake(t, r, e.ID, user, envelope.AlreadyWon); again != take {
			t.Errorf("again %+v, first %+v", again, take)
		}
		taken = append(taken, take)
	}
	mustTake(t, r, e.ID, "late", envelope.Empty)
	got := mustLook(t, r, e.ID)
	if !slices.Equal(got.Taken, taken) || got.Left != 0 || !got.Closed {
		t.Errorf("Look = %+v, want the takes %v", got, taken)
	}
	want := []envelope.Record{{Kind: envelope.RecordSent, Envelope: e.ID}}
	for i, take := range taken {
		want = append(want, envelope.Record{Kind: envelope.RecordTaken, Envelope: e.ID, Take: take, Last: i == 2})
	}
	if log := r.readAll(t, e.ID); !slices.Equal(log, want) {
		t.Errorf("log\n%+v, want\n%+v", log, want)
	}
	if _, _, err := r.Take(t.Context(), newID(), "a"); !errors.Is(err, envelope.ErrNoPot) {
		t.Errorf("Take without a pot: %v", err)
	}
	if _, _, err := r.Take(t.Context(), -1, "a"); !errors.Is(err, envelope.ErrNoPot) {
		t.Errorf("Take of an impossible id: %v", err)
	}
	if _, err := r.Look(t.Context(), newID()); !errors.Is(err, envelope.ErrNoPot) {
		t.Errorf("Look without a pot: %v", err)
	}
	if _, err := r.Close(t.Context(), newID()); !errors.Is(err, envelope.ErrNoPot) {
		t.Errorf("Close without a pot: %v", err)
	}
	for _, user := range []string{"", "#g", "a b"} {
		if _, _, err := r.Take(t.Context(), newID(), user); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
			t.Errorf("Take by %q: %v", user, err)
		}
	}
}

func testFillAgain(t *testing.T, r *rig) {
	e := testEnvelope(5, 6)
	mustFill(t, r, e)
	first := mustTake(t, r, e.ID, "a", envelope.Won)
	mustFill(t, r, e)
	mustFill(t, r, e, envelope.Take{User: "z", Share: 1, Minor: 6, At: time.Now()})
	if s := mustLook(t, r, e.ID); s.Left != 1 || !slices.Equal(s.Taken, []envelope.Take{first}) || s.Closed {
		t.Errorf("after filling again: %+v", s)
	}
	if log := r.readAll(t, e.ID); len(log) != 2 {
		t.Errorf("log %+v, want sent and taken", log)
	}
}

func testFillTaken(t *testing.T, r *rig) {
	e := testEnvelope(5, 6, 7, 8)
	at := time.Now().UTC().Truncate(time.Millisecond)
	had := []envelope.Take{{User: "a", Share: 2, Minor: 7, At: at.Add(-2 * time.Second)}, {User: "b", Share: 0, Minor: 5, At: at.Add(-time.Second)}}
	mustFill(t, r, e, had...)
	if log := r.readAll(t, e.ID); len(log) != 0 {
		t.Errorf("log %+v, want nothing", log)
	}
	if got := mustTake(t, r, e.ID, "a", envelope.AlreadyWon); got != had[0] {
		t.Errorf("a has %+v", got)
	}
	c := mustTake(t, r, e.ID, "c", envelope.Won)
	d := mustTake(t, r, e.ID, "d", envelope.Won)
	if c.Share != 1 || d.Share != 3 {
		t.Errorf("c took %d and d %d, want 1 and 3", c.Share, d.Share)
	}
	if s := mustLook(t, r, e.ID); !slices.Equal(s.Taken, append(had, c, d)) {
		t.Errorf("Look = %+v", s)
	}
	all := testEnvelope(9)
	mustFill(t, r, all, envelope.Take{User: "a", Minor: 9, At: at})
	mustTake(t, r, all.ID, "b", envelope.Empty)
}

func testFillContradiction(t *testing.T, r *rig) {
	e := testEnvelope(5, 6)
	for name, taken := range map[string][]envelope.Take{
		"no such share": {{User: "a", Share: 2}},
		"share twice":   {{User: "a"}, {User: "b"}},
		"user twice":    {{User: "a"}, {User: "a", Share: 1}},
		"head field":    {{User: "#n"}},
	} {
		if err := r.Fill(t.Context(), e, taken); err == nil {
			t.Errorf("%s: filled", name)
		}
	}
	if missing, err := r.Missing(t.Context(), []int64{e.ID}); err != nil || len(missing) != 1 {
		t.Errorf("missing %v, %v", missing, err)
	}
}

func testHugePot(t *testing.T, r *rig) {
	const count, had = 100_000, 3_000
	e := testEnvelope(shares(count)...)
	var taken []envelope.Take
	for i := range had {
		taken = append(taken, envelope.Take{User: "user" + strconv.Itoa(i), Share: 2 * i, Minor: int64(2*i + 1), At: time.Now()})
	}
	mustFill(t, r, e, taken...)
	if got := mustTake(t, r, e.ID, "x", envelope.Won); got.Share != 1 || got.Minor != 2 {
		t.Errorf("first take %+v", got)
	}
	if got := mustTake(t, r, e.ID, "user2999", envelope.AlreadyWon); got.Share != 5998 {
		t.Errorf("user2999 has %+v", got)
	}
	if s := mustLook(t, r, e.ID); s.Left != count-had-1 || len(s.Taken) != had+1 {
		t.Errorf("left %d, taken %d", s.Left, len(s.Taken))
	}
	last := do(t, r.client, "LINDEX", "{b"+strconv.Itoa(r.number(e.ID))+"}:e:"+strconv.FormatInt(e.ID, 10)+":s", "-1")
	if s, _ := last.ToString(); s != "!99999:100000" {
		t.Errorf("the last share is %q", s)
	}
}

// crowd lets users grab, each several times, and returns what they were answered.
func crowd(t *testing.T, pots []*Pots, id int64, users, grabs int) map[string]envelope.Take {
	var (
		mu   sync.Mutex
		wins = map[string]envelope.Take{}
		won  = map[string]int{}
		wg   sync.WaitGroup
	)
	for i := range grabs {
		wg.Go(func() {
			user := fmt.Sprintf("user%d", i%users)
			take, outcome, err := pots[i%len(pots)].Take(t.Context(), id, user)
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

func checkCrowd(t *testing.T, r *rig, e envelope.Envelope, wins map[string]envelope.Take) {
	t.Helper()
	seen, sum := map[int]bool{}, int64(0)
	for _, take := range wins {
		seen[take.Share] = true
		sum += take.Minor
	}
	if len(wins) != len(e.Shares) || len(seen) != len(e.Shares) || sum != e.Total.Minor {
		t.Errorf("%d winners of %d shares, in all %d; want %d and %d", len(wins), len(seen), sum, len(e.Shares), e.Total.Minor)
	}
	log := r.readAll(t, e.ID)
	if len(log) != len(e.Shares)+1 || !log[len(log)-1].Last {
		t.Fatalf("%d records, the last %+v", len(log), log[len(log)-1])
	}
	for i, record := range log[1:] {
		if record.Take.Share != i || wins[record.Take.User] != record.Take || record.Last != (i == len(e.Shares)-1) {
			t.Errorf("record %d is %+v", i, record)
		}
	}
	for i, take := range mustLook(t, r, e.ID).Taken {
		if take != log[i+1].Take {
			t.Errorf("Look has %+v at %d, the log %+v", take, i, log[i+1].Take)
		}
	}
}

func testCrowd(t *testing.T, r *rig) {
	e := testEnvelope(shares(100)...)
	mustFill(t, r, e)
	checkCrowd(t, r, e, crowd(t, []*Pots{r.Pots}, e.ID, 300, 1000))
}

func testTwoClients(t *testing.T, r *rig) {
	e := testEnvelope(shares(100)...)
	mustFill(t, r, e)
	other := r.pots(t, r.open(t), nil)
	checkCrowd(t, r, e, crowd(t, []*Pots{r.Pots, other}, e.ID, 300, 1000))
}

func testTakeAgainstClose(t *testing.T, r *rig) {
	const rounds, users = 1000, 6
	other := r.pots(t, r.open(t), nil)
	var cut atomic.Int64
	for range rounds {
		e := testEnvelope(1, 2, 3, 4)
		mustFill(t, r, e)
		var (
			wg     sync.WaitGroup
			mu     sync.Mutex
			wins   []envelope.Take
			closed envelope.PotState
		)
		for u := range users {
			wg.Go(func() {
				take, outcome, err := []*Pots{r.Pots, other}[u%2].Take(t.Context(), e.ID, "user"+strconv.Itoa(u))
				if err != nil {
					t.Error(err)
				}
				if outcome == envelope.Won {
					mu.Lock()
					defer mu.Unlock()
					wins = append(wins, take)
				}
			})
		}
		wg.Go(func() {
			var err error
			if closed, err = other.Close(context.WithoutCancel(t.Context()), e.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		slices.SortFunc(wins, func(a, b envelope.Take) int { return a.Share - b.Share })
		if !slices.Equal(wins, closed.Taken) || len(wins)+closed.Left != 4 || !closed.Closed {
			t.Fatalf("answered %+v, closed with %+v", wins, closed)
		}
		if closed.Left > 0 && len(wins) > 0 {
			cut.Add(1)
		}
	}
	t.Logf("%d of %d were closed in the middle", cut.Load(), rounds)
}
