package pottest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
)

func testOrder(t *testing.T, r *rig) {
	e := Envelope(30, 10, 20)
	MustFill(t, r, e)
	before := time.Now().Add(-time.Second)
	var taken []envelope.Take
	for i, user := range []string{"a", "b:colon", "c@x"} {
		take := MustTake(t, r, e.ID, user, envelope.Won)
		early, late := take.At.Before(before), take.At.After(time.Now().Add(time.Second))
		if take.User != user || take.Share != i || take.Minor != e.Shares[i] || early || late {
			t.Errorf("take %d is %+v", i, take)
		}
		if again := MustTake(t, r, e.ID, user, envelope.AlreadyWon); again != take {
			t.Errorf("again %+v, first %+v", again, take)
		}
		taken = append(taken, take)
	}
	MustTake(t, r, e.ID, "late", envelope.Empty)
	got := MustLook(t, r, e.ID)
	if !slices.Equal(got.Taken, taken) || got.Left != 0 || !got.Closed {
		t.Errorf("Look = %+v, want the takes %v", got, taken)
	}
	want := []envelope.Record{{Kind: envelope.RecordSent, Envelope: e.ID}}
	for i, take := range taken {
		want = append(want, envelope.Record{Kind: envelope.RecordTaken, Envelope: e.ID, Take: take, Last: i == 2})
	}
	if log := ReadAll(t, r, BucketOf(e.ID)); !slices.Equal(log, want) {
		t.Errorf("log\n%+v, want\n%+v", log, want)
	}
	if n := r.Waiting(); n != 0 {
		t.Errorf("%d callers wait, and all are answered", n)
	}
}

func testImpossible(t *testing.T, r *rig) {
	for name, id := range map[string]int64{"no pot": NewID(), "no shard": -1} {
		_, _, take := r.Take(t.Context(), id, "a")
		_, look := r.Look(t.Context(), id)
		_, shut := r.Close(t.Context(), id)
		for call, err := range map[string]error{"Take": take, "Look": look, "Close": shut} {
			if !errors.Is(err, envelope.ErrNoPot) {
				t.Errorf("%s: %s: %v", name, call, err)
			}
		}
	}
	for _, user := range []string{"", "#g", "a b"} {
		if _, _, err := r.Take(t.Context(), NewID(), user); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
			t.Errorf("Take by %q: %v", user, err)
		}
	}
	e := Envelope(1)
	e.ID = -1
	if err := r.Fill(t.Context(), e, nil); err == nil {
		t.Error("a pot was filled for an id that no shard can have made")
	}
}

func testFillAgain(t *testing.T, r *rig) {
	e := Envelope(5, 6)
	MustFill(t, r, e)
	first := MustTake(t, r, e.ID, "a", envelope.Won)
	MustFill(t, r, e)
	MustFill(t, r, e, envelope.Take{User: "z", Share: 1, Minor: 6, At: time.Now()})
	if s := MustLook(t, r, e.ID); s.Left != 1 || !slices.Equal(s.Taken, []envelope.Take{first}) || s.Closed {
		t.Errorf("after filling again: %+v", s)
	}
	if log := ReadAll(t, r, BucketOf(e.ID)); len(log) != 2 {
		t.Errorf("log %+v, want sent and taken", log)
	}
}

func testFillTaken(t *testing.T, r *rig) {
	e := Envelope(5, 6, 7, 8)
	at := time.Now().UTC().Truncate(time.Millisecond)
	had := []envelope.Take{
		{User: "a", Share: 2, Minor: 7, At: at.Add(-2 * time.Second)},
		{User: "b", Share: 0, Minor: 5, At: at.Add(-time.Second)},
	}
	MustFill(t, r, e, had[1], had[0])
	if log := ReadAll(t, r, BucketOf(e.ID)); len(log) != 0 {
		t.Errorf("log %+v, want nothing", log)
	}
	if got := MustTake(t, r, e.ID, "a", envelope.AlreadyWon); got != had[0] {
		t.Errorf("a has %+v", got)
	}
	c := MustTake(t, r, e.ID, "c", envelope.Won)
	d := MustTake(t, r, e.ID, "d", envelope.Won)
	if c.Share != 1 || d.Share != 3 {
		t.Errorf("c took %d and d %d, want 1 and 3", c.Share, d.Share)
	}
	if s := MustLook(t, r, e.ID); !slices.Equal(s.Taken, append(had, c, d)) {
		t.Errorf("Look = %+v", s)
	}
	all := Envelope(9)
	MustFill(t, r, all, envelope.Take{User: "a", Minor: 9, At: at})
	MustTake(t, r, all.ID, "b", envelope.Empty)
}

func testFillContradiction(t *testing.T, r *rig) {
	e := Envelope(5, 6)
	for name, taken := range map[string][]envelope.Take{
		"no such share": {{User: "a", Share: 2}},
		"share twice":   {{User: "a"}, {User: "b"}},
		"user twice":    {{User: "a"}, {User: "a", Share: 1}},
		"malformed":     {{User: "#n"}},
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
	e := Envelope(Shares(count)...)
	var taken []envelope.Take
	for i := range had {
		user := "user" + strconv.Itoa(i)
		taken = append(taken, envelope.Take{User: user, Share: 2 * i, Minor: int64(2*i + 1), At: time.Now()})
	}
	MustFill(t, r, e, taken...)
	if got := MustTake(t, r, e.ID, "x", envelope.Won); got.Share != 1 || got.Minor != 2 {
		t.Errorf("first take %+v", got)
	}
	if got := MustTake(t, r, e.ID, "user2999", envelope.AlreadyWon); got.Share != 5998 {
		t.Errorf("user2999 has %+v", got)
	}
	if s := MustLook(t, r, e.ID); s.Left != count-had-1 || len(s.Taken) != had+1 {
		t.Errorf("left %d, taken %d", s.Left, len(s.Taken))
	}
}

func testCrowd(t *testing.T, r *rig) {
	e := Envelope(Shares(100)...)
	MustFill(t, r, e)
	CheckCrowd(t, r, e, Crowd(t, []Pots{r}, e.ID, 300, 1000))
}

func testTwoProcesses(t *testing.T, r *rig) {
	e := Envelope(Shares(100)...)
	MustFill(t, r, e)
	CheckCrowd(t, r, e, Crowd(t, []Pots{r, r.store.Open(t)}, e.ID, 300, 1000))
}

func testTakeAgainstClose(t *testing.T, r *rig) {
	const rounds, users = 1000, 6
	other := r.store.Open(t)
	var cut atomic.Int64
	for range rounds {
		e := Envelope(1, 2, 3, 4)
		MustFill(t, r, e)
		var (
			wg     sync.WaitGroup
			mu     sync.Mutex
			wins   []envelope.Take
			closed envelope.PotState
		)
		for u := range users {
			wg.Go(func() {
				take, outcome, err := []Pots{r, other}[u%2].Take(t.Context(), e.ID, "user"+strconv.Itoa(u))
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
			r.store.Expire(t, e.ID)
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

// testTakeMany asks for several users, of several buckets, at once: twice for the same, for a pot that is not there,
// for a user who cannot be.
func testTakeMany(t *testing.T, r *rig) {
	one, other, drained := Envelope(5, 6), Envelope(7), Envelope(8)
	for _, e := range []envelope.Envelope{one, other, drained} {
		MustFill(t, r, e)
	}
	last := MustTake(t, r, drained.ID, "first", envelope.Won)
	type want struct {
		user    string
		share   int
		outcome envelope.Outcome
		err     error
	}
	asks, wants := []envelope.Ask{}, []want{}
	ask := func(id int64, w want) {
		asks, wants = append(asks, envelope.Ask{Envelope: id, User: w.user}), append(wants, w)
	}
	ask(one.ID, want{"a", 0, envelope.Won, nil})
	ask(NewID(), want{"a", 0, "", envelope.ErrNoPot})
	ask(one.ID, want{"a", 0, envelope.AlreadyWon, nil})
	ask(other.ID, want{"a", 0, envelope.Won, nil})
	ask(drained.ID, want{"first", last.Share, envelope.AlreadyWon, nil})
	ask(one.ID, want{"#n", 0, "", refusal.New(refusal.CodeInvalidArgument, "")})
	ask(drained.ID, want{"late", 0, envelope.Empty, nil})
	ask(one.ID, want{"b", 1, envelope.Won, nil})
	ask(-1, want{"a", 0, "", envelope.ErrNoPot})
	ask(one.ID, want{"c", 0, envelope.Empty, nil})
	for range 2 { // the second time what is final may be remembered, and who has won has won already
		for i, a := range r.TakeMany(t.Context(), asks) {
			w := wants[i]
			if w.err != nil {
				code := refusal.CodeOf(w.err)
				if !errors.Is(a.Err, w.err) && (code == "" || refusal.CodeOf(a.Err) != code) {
					t.Errorf("ask %d: %v, want %v", i, a.Err, w.err)
				}
				continue
			}
			another := a.Take.User != "" && a.Take.User != w.user
			if a.Err != nil || a.Outcome != w.outcome || a.Take.Share != w.share || another {
				t.Errorf("ask %d: %+v, want %+v", i, a, w)
			}
			if w.outcome == envelope.Won {
				wants[i].outcome = envelope.AlreadyWon
			}
		}
	}
	if s := MustLook(t, r, one.ID); len(s.Taken) != 2 || !s.Closed {
		t.Errorf("%+v after two users took two shares", s)
	}
	if n := r.Waiting(); n != 0 {
		t.Errorf("%d callers wait, and all are answered", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i, a := range r.TakeMany(gone, []envelope.Ask{{Envelope: NewID(), User: "a"}, {Envelope: -1, User: "a"}}) {
		if a.Err == nil {
			t.Errorf("a caller who has gone: answer %d is %+v", i, a)
		}
	}
	if answers := r.TakeMany(t.Context(), nil); len(answers) != 0 {
		t.Errorf("nobody asked, and the answers are %v", answers)
	}
}
