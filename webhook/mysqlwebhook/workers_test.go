package mysqlwebhook_test

import (
	"context"
	"flag"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/webhook"
)

var manyEvents = flag.Int("events", 500, "how many events go to a receiver that fails half the time")

// run works on both shards until the returned function is called: it dispatches.
func (r *rig) run(n *node) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	var all sync.WaitGroup
	for shard := range r.cluster.Shards() {
		all.Go(func() { n.dispatcher.Run(ctx, shard) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// Two workers deliver to a receiver that fails half the time; one is stopped in the middle, a third begins. Nothing is
// lost, and what is repeated has the same id: there are as many ids as events. At full size:
//
//	go test -run TestNothingIsLost ./webhook/mysqlwebhook -events 100000 -timeout 30m
func TestNothingIsLost(t *testing.T) {
	r := openRig(t)
	events := *manyEvents
	var calls atomic.Int64
	var rec *receiver
	rec = r.receiver(func(got received) int {
		// The last attempt succeeds: one event in a thousand would fail ten times in a row, and be dead.
		if calls.Add(1)%2 == 0 && rec.attempts(got.id) < len(webhook.Schedule())-1 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	_, k := r.create(merchant, rec.URL)
	rec.knows(k)
	stopFirst, stopSecond := r.run(r.newNode(1)), r.run(r.newNode(2))
	defer stopSecond()
	for published := 0; published < events; {
		batch := make([]webhook.Event, 0, 100)
		for ; len(batch) < cap(batch) && published < events; published++ {
			batch = append(batch, r.event(merchant, "cover:1"))
		}
		r.tell(batch...)
		if stopFirst != nil && published >= events/2 {
			stopFirst()
			stopFirst = nil
		}
	}
	stopThird := r.run(r.newNode(3))
	defer stopThird()
	r.untilWithin(2*time.Minute+time.Duration(events)*10*time.Millisecond, "everything accepted", func() bool {
		if rec.acceptedIDs() == events {
			return true
		}
		r.clock.advance(5 * time.Minute) // what failed becomes due sooner than by waiting
		return false
	})
	stopSecond()
	stopThird()
	if n := len(rec.got()); n < events {
		t.Errorf("%d attempts", n)
	}
	rec.mu.Lock()
	if len(rec.times) != events {
		t.Errorf("%d ids for %d events", len(rec.times), events)
	}
	rec.mu.Unlock()
	r.send() // what was accepted by a worker that was stopped before it could note that
	r.balanced()
}

// Two workers on one shard make each attempt once: what one has claimed, the other leaves alone.
func TestTwoWorkersMakeEachAttemptOnce(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	r.create(merchant, rec.URL)
	const events = 100
	for range events {
		r.tell(r.event(merchant, "cover:1"))
	}
	var stops []func()
	for number := range 2 {
		stops = append(stops, r.run(r.newNode(number+1)))
	}
	r.until("everything accepted", func() bool { return rec.acceptedIDs() == events })
	for _, stop := range stops {
		stop()
	}
	if n := len(rec.got()); n != events {
		t.Errorf("%d attempts at %d events", n, events)
	}
	r.balanced()
}

// A process dies between two steps: after the claim, after the attempt, or after the recording. Another goes on when
// the lease has run out, and the event has arrived with one id.
func TestDyingBetweenTwoSteps(t *testing.T) {
	for _, c := range []struct {
		died     string
		attempts int // that the receiver sees in all
		die      func(t *testing.T, r *rig, m webhook.Message)
	}{
		{"after the claim", 1, func(*testing.T, *rig, webhook.Message) {}},
		{"after the attempt", 2, func(t *testing.T, r *rig, m webhook.Message) {
			if a := r.sender.Send(t.Context(), m); a.Status != http.StatusOK {
				t.Fatalf("the attempt: %+v", a)
			}
		}},
		{"after the recording", 1, func(t *testing.T, r *rig, m webhook.Message) {
			a := r.sender.Send(t.Context(), m)
			done, err := r.store.Record(t.Context(), m, webhook.Result{
				Answer: a, Outcome: a.Outcome(), At: r.clock.now(), State: webhook.DeliveryDelivered,
			})
			if err != nil || !done {
				t.Fatalf("record: %v, %v", done, err)
			}
		}},
	} {
		t.Run(c.died, func(t *testing.T) {
			r := openRig(t)
			rec := r.receiver(nil)
			e, k := r.create(merchant, rec.URL)
			rec.knows(k)
			r.tell(r.event(merchant, "cover:1"))
			shard := r.cluster.ForUser(merchant)
			claimed, err := r.store.Claim(t.Context(), shard, e.ID, r.clock.now(), 10)
			if err != nil || len(claimed) != 1 {
				t.Fatalf("claim: %+v, %v", claimed, err)
			}
			c.die(t, r, claimed[0])
			before := len(rec.got())
			r.send()
			if len(rec.got()) != before {
				t.Error("an attempt that is under way was made again")
			}
			r.exec(merchant, "UPDATE @deliveries SET leased_until = 0") // the lease runs out
			r.send()
			rec.mu.Lock()
			if len(rec.all) != c.attempts || len(rec.times) != 1 {
				t.Errorf("%d attempts, %d ids", len(rec.all), len(rec.times))
			}
			rec.mu.Unlock()
			if d := r.deliveries(e)[0]; d.State != webhook.DeliveryDelivered || d.Attempts != 1 {
				t.Errorf("delivery: %+v", d)
			}
			// The first process comes back: its lease is lost, and nothing of what it records is noted.
			late := webhook.Result{Outcome: webhook.OutcomeGone, At: r.clock.now(), State: webhook.DeliveryDead}
			if done, err := r.store.Record(t.Context(), claimed[0], late); done || err != nil {
				t.Errorf("recorded late: %v, %v", done, err)
			}
			if now := r.endpoint(e); now.State != webhook.StateActive {
				t.Errorf("a late answer changed the endpoint: %+v", now)
			}
			r.balanced()
		})
	}
}

// A message that is delivered twice has its effect once: as after a crash between the commit at its destination and its
// deletion at its source.
func TestAMessageThatIsDeliveredTwice(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	e, _ := r.create(merchant, rec.URL)
	if err := r.publish(t.Context(), 0, r.event(merchant, "cover:1")); err != nil {
		t.Fatal(err)
	}
	table, kept := r.cluster.Table(0, "outbox"), r.cluster.Table(0, "kept")
	exec := func(statement string) {
		t.Helper()
		if _, err := r.cluster.DB(0).ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE " + kept + " LIKE " + table)
	exec("INSERT INTO " + kept + " SELECT * FROM " + table)
	r.deliverAll()
	exec("INSERT INTO " + table + " SELECT * FROM " + kept)
	r.deliverAll()
	if n := len(r.deliveries(e)); n != 1 {
		t.Errorf("%d deliveries", n)
	}
	r.balanced()
}

// The audit names what is missing or contradicts itself.
func TestTheAuditNamesWhatIsWrong(t *testing.T) {
	for what, statement := range map[string]string{
		"an event is lost":       "DELETE FROM @events WHERE sequence = 2",
		"the last event is lost": "DELETE FROM @events WHERE sequence = 3",
		"a count is lost":        "DELETE FROM @objects",
		"a delivery is lost":     "DELETE FROM @deliveries LIMIT 1",
		"an attempt is lost":     "DELETE FROM @attempts LIMIT 1",
		"delivered by nothing":   "UPDATE @attempts SET outcome = 'failed' LIMIT 1",
		"dead before its time":   "UPDATE @deliveries SET state = 'dead' LIMIT 1",
		"in no state":            "UPDATE @deliveries SET state = 'lost' LIMIT 1",
		"a key is lost":          "DELETE FROM @keys",
		"two newest keys": "INSERT INTO @keys SELECT endpoint, number + 1, secret, seed, `until`, sealed_by " +
			"FROM @keys",
		"a delivery to nowhere": "DELETE FROM @endpoints",
		"a delivery of nothing": "INSERT INTO @deliveries SELECT event + 1, endpoint, type, 'due', 0, 0, 0, 0, " +
			"'', 0, 1 FROM @deliveries LIMIT 1",
		"more is forgotten than is gone":   "UPDATE @owners SET forgotten = 1",
		"and of an object":                 "UPDATE @objects SET forgotten = 1",
		"a delivery is due past its tries": "UPDATE @deliveries SET state = 'due', tries = 10 LIMIT 1",
	} {
		t.Run(what, func(t *testing.T) {
			r := openRig(t)
			rec := r.receiver(nil)
			r.create(merchant, rec.URL)
			r.tell(r.event(merchant, "cover:1"), r.event(merchant, "cover:1"), r.event(merchant, "cover:1"))
			r.send()
			r.balanced()
			r.exec(merchant, statement)
			if r.audited().Balanced() {
				t.Error("the audit finds nothing")
			}
		})
	}
}
