package mysqlwebhook_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/webhook"
)

// forget makes a pass of a forgetter over each shard.
func (r *rig) forget() (forgotten int) {
	r.Helper()
	f := webhook.NewForgetter(r.store, r.clock.now, nil)
	for shard := range r.cluster.Shards() {
		n, err := f.Pass(r.Context(), shard)
		if err != nil {
			r.Fatal(err)
		}
		forgotten += n
	}
	return forgotten
}

func (r *rig) count(owner, table string) (n int) {
	r.Helper()
	shard := r.cluster.ForUser(owner)
	row := r.cluster.DB(shard).QueryRowContext(r.Context(),
		"SELECT COUNT(*) FROM "+r.cluster.Table(shard, "webhook_"+table))
	if err := row.Scan(&n); err != nil {
		r.Fatal(err)
	}
	return n
}

// What is older than Retention is deleted whole, delivered or not, and what follows keeps its numbers.
func TestOldEventsAreForgotten(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	e, _ := r.create(merchant, rec.URL)
	r.tell(r.event(merchant, "cover:1"), r.event(merchant, "cover:2"), r.event(merchant, "cover:1"))
	r.send()
	if _, err := r.service.SetState(t.Context(), merchant, e.ID, webhook.StatePaused); err != nil {
		t.Fatal(err)
	}
	r.tell(r.event(merchant, "cover:3")) // which the paused endpoint does not get
	r.clock.advance(webhook.Retention - time.Hour)
	if n := r.forget(); n != 0 {
		t.Errorf("%d events forgotten too early", n)
	}
	r.tell(r.event(merchant, "cover:1"))
	r.clock.advance(2 * time.Hour)
	old := r.deliveries(e)[4].Event
	if n := r.forget(); n != 4 {
		t.Errorf("%d events forgotten, want 4", n)
	}
	if n := r.forget(); n != 0 {
		t.Errorf("%d events forgotten once more", n)
	}
	for table, want := range map[string]int{"events": 1, "deliveries": 1, "attempts": 0} {
		if n := r.count(merchant, table); n != want {
			t.Errorf("%d %s are left, want %d", n, table, want)
		}
	}
	r.balanced()
	_, err := r.service.Replay(t.Context(), merchant, e.ID, webhook.Range{Event: old})
	if refusal.CodeOf(err) != webhook.CodeEventNotFound {
		t.Errorf("replay of a forgotten event: %v", err)
	}
	if _, err := r.service.SetState(t.Context(), merchant, e.ID, webhook.StateActive); err != nil {
		t.Fatal(err)
	}
	r.tell(r.event(merchant, "cover:1"), r.event(merchant, "cover:3"))
	r.send()
	left, err := r.service.Events(t.Context(), merchant, 0, 0)
	if err != nil || len(left) != 3 {
		t.Fatalf("events: %+v, %v", left, err)
	}
	for i, want := range []webhook.Record{
		{Position: 5, Object: "cover:1", Sequence: 3}, {Position: 6, Object: "cover:1", Sequence: 4},
		{Position: 7, Object: "cover:3", Sequence: 2},
	} {
		if got := left[i]; got.Position != want.Position || got.Object != want.Object || got.Sequence != want.Sequence {
			t.Errorf("event %d: %+v, want %+v", i, got, want)
		}
	}
	if rec.acceptedIDs() != 6 { // three before the pause, three after
		t.Errorf("%d events arrived", rec.acceptedIDs())
	}
	r.balanced()
}

func TestTheLatestEventsComeFirst(t *testing.T) {
	r := openRig(t)
	const all = 5
	for range all {
		r.tell(r.event(merchant, "cover:1"))
	}
	r.tell(r.event("merchant~2", "cover:1"))
	position := int64(math.MaxInt64)
	var seen []int64
	for {
		events, err := r.service.LatestEvents(t.Context(), merchant, position, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			seen = append(seen, e.Position)
		}
		position = seen[len(seen)-1]
	}
	if want := []int64{5, 4, 3, 2, 1}; !slices.Equal(seen, want) {
		t.Errorf("positions %v, want %v", seen, want)
	}
}
