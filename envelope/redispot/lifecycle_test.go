package redispot

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
)

func testExpired(t *testing.T, r *rig) {
	e := testEnvelope(1, 2, 3)
	had := envelope.Take{User: "a", Share: 0, Minor: 1, At: time.Now().UTC().Truncate(time.Millisecond)}
	mustFill(t, r, e, had)
	_, list := keysOf(r.number(e.ID)).pot(e.ID)
	ends := do(t, r.client, "PEXPIRETIME", list)
	if ms, err := ends.ToInt64(); err != nil || ms != e.ExpiresAt.UnixMilli() {
		t.Errorf("the shares end at %d, %v, want %d", ms, err, e.ExpiresAt.UnixMilli())
	}

	late := testEnvelope(1, 2, 3)
	late.ExpiresAt = time.Now().Add(-time.Millisecond)
	mustFill(t, r, late, had)
	fresh := r.pots(t, r.client, nil)
	mustTake(t, fresh, late.ID, "b", envelope.Expired)
	for _, p := range []*Pots{fresh, r.pots(t, r.client, nil)} { // one that remembers and one that asks
		mustTake(t, p, late.ID, "c", envelope.Expired)
		if got := mustTake(t, p, late.ID, "a", envelope.AlreadyWon); got != had {
			t.Errorf("a has %+v", got)
		}
		if s := mustLook(t, p, late.ID); !s.Closed || s.Left != 2 || !slices.Equal(s.Taken, []envelope.Take{had}) {
			t.Errorf("Look = %+v", s)
		}
	}
}

func testDrainedThenExpired(t *testing.T, r *rig) {
	e := testEnvelope(1)
	e.ExpiresAt = time.Now().Add(-time.Millisecond)
	mustFill(t, r, e, envelope.Take{User: "a", Minor: 1, At: time.Now()})
	mustTake(t, r, e.ID, "b", envelope.Empty)
	if s, err := r.Close(t.Context(), e.ID); err != nil || s.Left != 0 || !s.Closed {
		t.Errorf("Close = %+v, %v", s, err)
	}
	mustTake(t, r.pots(t, r.client, nil), e.ID, "b", envelope.Empty)
}

func testRetire(t *testing.T, r *rig) {
	refunded, posted, open := testEnvelope(1, 2), testEnvelope(1), testEnvelope(1, 2)
	retired := []envelope.Retirement{{Envelope: refunded.ID, Refunded: 2}, {Envelope: posted.ID}, {Envelope: open.ID, Refunded: 3}, {Envelope: newID(), Refunded: 7}}
	for _, e := range []envelope.Envelope{refunded, posted, open} {
		mustFill(t, r, e)
	}
	mustTake(t, r, refunded.ID, "a", envelope.Won)
	mustTake(t, r, posted.ID, "a", envelope.Won)
	if _, err := r.Close(t.Context(), refunded.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Retire(t.Context(), retired); err != nil {
			t.Fatal(err)
		}
	}
	fresh := r.pots(t, r.client, nil)
	mustTake(t, fresh, refunded.ID, "b", envelope.Expired)
	mustTake(t, fresh, refunded.ID, "a", envelope.AlreadyWon)
	mustTake(t, fresh, posted.ID, "b", envelope.Empty)
	mustTake(t, fresh, open.ID, "b", envelope.Expired)
	for e, want := range map[int64]int64{refunded.ID: 2, posted.ID: 0, open.ID: 3} {
		var got []int64
		for _, record := range r.readAll(t, e) {
			if record.Kind == envelope.RecordRefunded && record.Envelope == e {
				got = append(got, record.Refunded)
			}
		}
		if want > 0 && !slices.Equal(got, []int64{want}) || want == 0 && len(got) > 0 {
			t.Errorf("refunded records %v, want %d", got, want)
		}
		b, _ := r.of(e)
		pot, shares := b.keys.pot(e)
		ttl := do(t, r.client, "TTL", pot)
		if seconds, _ := ttl.ToInt64(); seconds < 3590 || seconds > 3600 {
			t.Errorf("forgotten in %d s", seconds)
		}
		exists := do(t, r.client, "EXISTS", shares)
		if n, _ := exists.ToInt64(); n != 0 {
			t.Error("the list of shares is still there")
		}
	}
	ttl := do(t, r.client, "TTL", keysOf(r.number(open.ID)).log)
	if seconds, _ := ttl.ToInt64(); seconds != -1 {
		t.Error("the log expires")
	}
}

func testMissing(t *testing.T, r *rig) {
	var ids, want []int64
	for i := range 1200 {
		e := testEnvelope(1)
		if i%3 == 0 {
			mustFill(t, r, e)
		} else {
			want = append(want, e.ID)
		}
		ids = append(ids, e.ID)
	}
	if got, err := r.Missing(t.Context(), ids); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d missing, %v; want %d", len(got), err, len(want))
	}
	if got, err := r.Missing(t.Context(), nil); err != nil || len(got) > 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

// everyCall makes each call that needs the pots, on an envelope and its bucket.
func everyCall(t *testing.T, r *rig, e envelope.Envelope) map[string]error {
	bucket := r.number(e.ID)
	calls := map[string]error{}
	_, _, calls["Take"] = r.Take(t.Context(), e.ID, "x")
	calls["Fill"] = r.Fill(t.Context(), e, nil)
	_, calls["Look"] = r.Look(t.Context(), e.ID)
	_, calls["Close"] = r.Close(t.Context(), e.ID)
	calls["Retire"] = r.Retire(t.Context(), []envelope.Retirement{{Envelope: e.ID}})
	_, calls["Missing"] = r.Missing(t.Context(), []int64{e.ID})
	_, calls["Position"] = r.Position(t.Context(), bucket, envelope.ReaderRelay)
	_, _, calls["Read"] = r.Read(t.Context(), bucket, "", 1, 0)
	_, _, calls["Read and wait"] = r.Read(t.Context(), bucket, "", 1, time.Second)
	calls["Acknowledge"] = r.Acknowledge(t.Context(), bucket, envelope.ReaderRelay, "1-1")
	_, _, calls["Backlog"] = r.Backlog(t.Context(), bucket, envelope.ReaderRelay)
	return calls
}

func testLost(t *testing.T, r *rig) {
	open, drained := testEnvelope(1, 2), testEnvelope(1)
	mustFill(t, r, open)
	mustFill(t, r, drained)
	mustTake(t, r, drained.ID, "a", envelope.Won)
	mustTake(t, r, drained.ID, "b", envelope.Empty) // from now on remembered
	if present, foreign, err := r.Markers(t.Context()); present != 4 || foreign || err != nil {
		t.Fatalf("Markers = %d, %v, %v", present, foreign, err)
	}
	r.flush(t)
	for call, err := range everyCall(t, r, open) {
		if !errors.Is(err, envelope.ErrPotsLost) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if _, _, err := r.Take(t.Context(), drained.ID, "a"); !errors.Is(err, envelope.ErrPotsLost) {
		t.Errorf("a remembered pot still answers: %v", err)
	}
	if present, foreign, err := r.Markers(t.Context()); present != 0 || foreign || err != nil {
		t.Errorf("Markers = %d, %v, %v", present, foreign, err)
	}
	if n := do(t, r.client, "EXISTS", keysOf(r.number(open.ID)).log); n.IsInt64() {
		if v, _ := n.ToInt64(); v != 0 {
			t.Error("something was written although the pots are lost")
		}
	}
	// Part of it comes back: what is there stays, the rest is marked.
	if err := r.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFill(t, r, open)
	mustTake(t, r, open.ID, "a", envelope.Won)
	for b := range 4 {
		if b != r.number(open.ID) {
			do(t, r.client, "DEL", keysOf(b).home)
		}
	}
	if present, _, _ := r.Markers(t.Context()); present != 1 {
		t.Errorf("%d markers, want 1", present)
	}
	if err := r.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustTake(t, r, open.ID, "a", envelope.AlreadyWon)
}

func testForeign(t *testing.T, r *rig) {
	e := testEnvelope(1, 2)
	mustFill(t, r, e)
	stranger := *r
	stranger.Pots = r.pots(t, r.client, func(c *Config) { c.Installation = "another" })
	for call, err := range everyCall(t, &stranger, e) {
		if !errors.Is(err, envelope.ErrPotsLost) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if present, foreign, err := stranger.Markers(t.Context()); present != 0 || !foreign || err != nil {
		t.Errorf("Markers = %d, %v, %v", present, foreign, err)
	}
	if err := stranger.Install(t.Context()); !errors.Is(err, ErrForeign) {
		t.Errorf("Install = %v", err)
	}
	mustTake(t, r, e.ID, "a", envelope.Won)
}
