package pottest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
)

func testExpired(t *testing.T, r *rig) {
	had := envelope.Take{User: "a", Share: 0, Minor: 1, At: time.Now().UTC().Truncate(time.Millisecond)}
	late := Envelope(1, 2, 3)
	late.ExpiresAt = time.Now().Add(-time.Millisecond)
	MustFill(t, r, late, had)
	fresh := r.store.Open(t)
	MustTake(t, fresh, late.ID, "b", envelope.Expired)
	for _, p := range []Pots{fresh, r.store.Open(t)} { // one that may remember the pot and one that cannot
		MustTake(t, p, late.ID, "c", envelope.Expired)
		if got := MustTake(t, p, late.ID, "a", envelope.AlreadyWon); got != had {
			t.Errorf("a has %+v", got)
		}
		if s := MustLook(t, p, late.ID); !s.Closed || s.Left != 2 || !slices.Equal(s.Taken, []envelope.Take{had}) {
			t.Errorf("Look = %+v", s)
		}
	}
}

// testCloseEarly tries to close pots whose time is not over by the store's clock, whoever thinks that it is.
func testCloseEarly(t *testing.T, r *rig) {
	early, soon := Envelope(1, 2), Envelope(1, 2)
	soon.ExpiresAt = time.Now().Add(200 * time.Millisecond)
	for _, e := range []envelope.Envelope{early, soon} {
		MustFill(t, r, e)
	}
	if _, err := r.Close(t.Context(), early.ID); !errors.Is(err, envelope.ErrNotDue) {
		t.Errorf("Close a day too early: %v", err)
	}
	wantUnretired(t, r, early.ID, false)
	MustTake(t, r, early.ID, "a", envelope.Won)
	MustTake(t, r, early.ID, "b", envelope.Won)
	if _, err := r.Close(t.Context(), early.ID); !errors.Is(err, envelope.ErrNotDue) {
		t.Errorf("Close a day too early, with nothing left: %v", err)
	}
	r.store.PassTime(t, soon.ExpiresAt)
	if s, err := r.Close(t.Context(), soon.ID); err != nil || !s.Closed || s.Left != 2 {
		t.Errorf("Close when the time is over: %+v, %v", s, err)
	}
	wantUnretired(t, r, soon.ID, true)
}

// testExpiryAfterRepeat lets a winner tap again while one share is left. The share must still expire.
func testExpiryAfterRepeat(t *testing.T, r *rig) {
	e, first := wonBeforeExpiry(t, r)
	if again := MustTake(t, r, e.ID, "a", envelope.AlreadyWon); again != first {
		t.Errorf("again %+v, first %+v", again, first)
	}
	r.store.PassTime(t, e.ExpiresAt)
	if s := MustLook(t, r, e.ID); !s.Closed || s.Left != 1 {
		t.Errorf("after its time the pot is closed: %v, with %d left; want it closed with 1", s.Closed, s.Left)
	}
	MustTake(t, r, e.ID, "b", envelope.Expired)
}

// wonBeforeExpiry returns an envelope that expires shortly and of whose two shares a has the first. A machine may be
// too busy to win in so short a time, so the time doubles until it is long enough.
func wonBeforeExpiry(t *testing.T, r *rig) (envelope.Envelope, envelope.Take) {
	t.Helper()
	const longest = time.Minute
	for lifetime := 200 * time.Millisecond; lifetime < longest; lifetime *= 2 {
		e := Envelope(1, 2)
		e.ExpiresAt = time.Now().Add(lifetime)
		MustFill(t, r, e)
		take, outcome, err := r.Take(t.Context(), e.ID, "a")
		switch {
		case err != nil:
			t.Fatal(err)
		case outcome == envelope.Won:
			return e, take
		}
	}
	t.Fatalf("no grab came before an expiry of %v", longest)
	return envelope.Envelope{}, envelope.Take{}
}

func testDrainedThenExpired(t *testing.T, r *rig) {
	e := Envelope(1)
	e.ExpiresAt = time.Now().Add(-time.Millisecond)
	MustFill(t, r, e, envelope.Take{User: "a", Minor: 1, At: time.Now()})
	MustTake(t, r, e.ID, "b", envelope.Empty)
	if s, err := r.Close(t.Context(), e.ID); err != nil || s.Left != 0 || !s.Closed {
		t.Errorf("Close = %+v, %v", s, err)
	}
	MustTake(t, r.store.Open(t), e.ID, "b", envelope.Empty)
}

func testRetire(t *testing.T, r *rig) {
	refunded, posted, open := Envelope(1, 2), Envelope(1), Envelope(1, 2)
	retired := []envelope.Retirement{
		{Envelope: refunded.ID, Refunded: 2}, {Envelope: posted.ID}, {Envelope: open.ID, Refunded: 3},
		{Envelope: NewID(), Refunded: 7}, {Envelope: -1, Refunded: 7},
	}
	for _, e := range []envelope.Envelope{refunded, posted, open} {
		MustFill(t, r, e)
	}
	MustTake(t, r, refunded.ID, "a", envelope.Won)
	MustTake(t, r, posted.ID, "a", envelope.Won)
	wantUnretired(t, r, refunded.ID, false)
	r.store.Expire(t, refunded.ID)
	for range 2 {
		if _, err := r.Close(t.Context(), refunded.ID); err != nil {
			t.Fatal(err)
		}
		wantUnretired(t, r, refunded.ID, true)
	}
	for range 2 {
		if err := r.Retire(t.Context(), retired); err != nil {
			t.Fatal(err)
		}
		wantUnretired(t, r, refunded.ID, false)
	}
	fresh := r.store.Open(t)
	MustTake(t, fresh, refunded.ID, "b", envelope.Expired)
	MustTake(t, fresh, refunded.ID, "a", envelope.AlreadyWon)
	MustTake(t, fresh, posted.ID, "b", envelope.Empty)
	MustTake(t, fresh, open.ID, "b", envelope.Expired)
	got := map[int64][]int64{}
	for bucket := range buckets {
		for _, record := range ReadAll(t, r, bucket) {
			if record.Kind == envelope.RecordRefunded {
				got[record.Envelope] = append(got[record.Envelope], record.Refunded)
			}
		}
	}
	if len(got) != 2 || !slices.Equal(got[refunded.ID], []int64{2}) || !slices.Equal(got[open.ID], []int64{3}) {
		t.Errorf("refunds by envelope are %v, want one of 2 and one of 3", got)
	}
}

// testEndForgotten takes a bucket back to before a pot was closed and retired. Nobody closes the pot again.
func testEndForgotten(t *testing.T, r *rig) {
	var all []envelope.Envelope
	for e := Envelope(1, 2); len(all) < 3; e = Envelope(1, 2) {
		if len(all) == 0 || BucketOf(e.ID) == BucketOf(all[0].ID) {
			e.ExpiresAt = time.Now().Add(time.Duration(len(all)-3) * time.Minute)
			all = append(all, e)
			MustFill(t, r, e)
		}
	}
	bucket, ended := BucketOf(all[0].ID), []envelope.Retirement{{Envelope: all[1].ID, Refunded: 3}}
	for skip, e := range all {
		if got, err := r.Unretired(t.Context(), bucket, skip, 1); err != nil || !slices.Equal(got, []int64{e.ID}) {
			t.Errorf("without the first %d: %v, %v, want %d", skip, got, err, e.ID)
		}
	}
	restore := r.store.Copy(t, bucket)
	for range 2 {
		wantUnretired(t, r, all[1].ID, true)
		if _, err := r.Close(t.Context(), all[1].ID); err != nil {
			t.Fatal(err)
		}
		if err := r.Retire(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
		wantUnretired(t, r, all[1].ID, false)
		restore()
	}
	if err := r.Retire(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	wantUnretired(t, r, all[1].ID, false)
	wantUnretired(t, r, all[2].ID, true)
}

// wantUnretired says whether an envelope is one of those whose time is over and that are not retired.
func wantUnretired(t *testing.T, r *rig, id int64, want bool) {
	t.Helper()
	ids, err := r.Unretired(t.Context(), BucketOf(id), 0, 10_000)
	if err != nil || slices.Contains(ids, id) != want {
		t.Errorf("%d are over and not retired, %v; that %d is one of them: %t", len(ids), err, id, want)
	}
}

func testMissing(t *testing.T, r *rig) {
	var ids, want []int64
	for i := range 1200 {
		e := Envelope(1)
		if i%3 == 0 {
			MustFill(t, r, e)
		} else {
			want = append(want, e.ID)
		}
		ids = append(ids, e.ID)
	}
	ids, want = append(ids, -1), append(want, -1) // no shard can have made it
	if got, err := r.Missing(t.Context(), ids); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d missing, %v; want %d", len(got), err, len(want))
	}
	if got, err := r.Missing(t.Context(), nil); err != nil || len(got) > 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func testLost(t *testing.T, r *rig) {
	open, drained := Envelope(1, 2), Envelope(1)
	MustFill(t, r, open)
	MustFill(t, r, drained)
	MustTake(t, r, drained.ID, "a", envelope.Won)
	MustTake(t, r, drained.ID, "b", envelope.Empty) // from now on a process may remember it
	for bucket := range buckets {
		r.store.Lose(t, bucket)
	}
	MustAllBeLost(t, r, open)
	if _, _, err := r.Take(t.Context(), drained.ID, "a"); !errors.Is(err, pots.ErrLost) {
		t.Errorf("a remembered pot still answers: %v", err)
	}

	r.store.Install(t)
	for bucket := range buckets {
		if log := ReadAll(t, r, bucket); len(log) > 0 {
			t.Errorf("after the loss bucket %d has %+v", bucket, log)
		}
	}
	missing, err := r.Missing(t.Context(), []int64{open.ID, drained.ID})
	if err != nil || len(missing) != 2 {
		t.Errorf("missing after the loss: %v, %v; want both", missing, err)
	}
	MustFill(t, r, open)
	MustTake(t, r, open.ID, "a", envelope.Won)
	r.store.Install(t) // once more: what is there stays
	MustTake(t, r, open.ID, "a", envelope.AlreadyWon)
}

func testLostAlone(t *testing.T, r *rig) {
	lost, kept := Envelope(1, 2), Envelope(1, 2)
	for BucketOf(kept.ID) == BucketOf(lost.ID) {
		kept.ID = NewID()
	}
	MustFill(t, r, lost)
	MustFill(t, r, kept)
	r.store.Lose(t, BucketOf(lost.ID))
	MustAllBeLost(t, r, lost)
	MustTake(t, r, kept.ID, "a", envelope.Won)
	both := []envelope.Retirement{{Envelope: lost.ID}, {Envelope: kept.ID}}
	if err := r.Retire(t.Context(), both); !errors.Is(err, pots.ErrLost) {
		t.Errorf("Retire of both: %v", err)
	}
	MustTake(t, r, kept.ID, "b", envelope.Expired) // it was retired all the same
	if _, err := r.Missing(t.Context(), []int64{lost.ID, kept.ID}); !errors.Is(err, pots.ErrLost) {
		t.Errorf("Missing of both: %v", err)
	}
}
