package mysqlwebhook_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/webhook"
)

const merchant = "merchant~1"

func TestAnEventReachesEverySubscribedEndpoint(t *testing.T) {
	r := openRig(t)
	first, second := r.receiver(nil), r.receiver(nil)
	e, k := r.create(merchant, first.URL+"/hooks?from=hongbao")
	first.knows(k)
	_, k2 := r.create(merchant, second.URL)
	second.knows(k2)
	other, err := r.service.Update(t.Context(), merchant, e.ID, first.URL, []string{"cover.frozen"})
	if err != nil || len(other.Types) != 1 {
		t.Fatalf("update: %+v, %v", other, err)
	}
	frozen := r.event(merchant, "cover:1")
	frozen.Type = "cover.frozen"
	r.tell(r.event(merchant, "cover:1"), frozen, r.event("merchant~2", "cover:1"))
	r.send()
	if got := first.got(); len(got) != 1 || got[0].payload.Type != "cover.frozen" || got[0].payload.Sequence != 2 {
		t.Errorf("first: %+v", got)
	}
	if got := second.got(); len(got) != 2 || string(got[0].payload.Data) != `{"note":"恭喜 <发财>"}` {
		t.Errorf("second: %+v", got)
	}
	attempts, err := r.service.Attempts(t.Context(), merchant, e.ID, r.deliveries(e)[0].Event, 0, 0)
	if err != nil || len(attempts) != 1 {
		t.Fatalf("attempts: %+v, %v", attempts, err)
	}
	a, wire := attempts[0], first.got()[0]
	signed := wire.id + "." + wire.header.Get("webhook-timestamp") + "." + string(wire.body)
	if a.Status != 200 || a.Outcome != webhook.OutcomeDelivered || string(a.Answer) != "answer \n"+wire.id ||
		string(a.Signed) != signed || a.Signature != wire.signature {
		t.Errorf("the attempt: %+v", a)
	}
	r.balanced()
}

func TestEd25519SignaturesVerify(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	e, k := r.create(merchant, rec.URL)
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	got := rec.got()[0]
	public := r.endpoint(e).Keys[0].Public
	v1a := got.signature[strings.Index(got.signature, "v1a,")+len("v1a,"):]
	content := got.id + "." + got.header.Get("webhook-timestamp") + "." + string(got.body)
	if !public.Equal(k.Public) || !ed25519.Verify(public, []byte(content), must(base64.StdEncoding.DecodeString(v1a))) {
		t.Errorf("signature %q does not verify", got.signature)
	}
}

// A secret is shown once: by the call that makes it, and not when that is repeated.
func TestSecretsAreShownOnce(t *testing.T) {
	r := openRig(t)
	ctx := t.Context()
	set := webhook.Settings{URL: "http://127.0.0.1:1/", Types: []string{"*"}, Asymmetric: true}
	e, k, err := r.service.Create(ctx, merchant, "same", set)
	if err != nil || k == nil || len(k.Secret) != 32 {
		t.Fatalf("create: %v", err)
	}
	again, k, err := r.service.Create(ctx, merchant, "same", set)
	if err != nil || k != nil || again.ID != e.ID {
		t.Errorf("create again: %+v, %v, %v", again, k, err)
	}
	set.URL = "http://127.0.0.1:2/"
	if _, _, err := r.service.Create(ctx, merchant, "same", set); refusal.CodeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("create something else: %v", err)
	}
	if _, k, err = r.service.Roll(ctx, merchant, e.ID, "roll"); err != nil || k == nil {
		t.Errorf("roll: %v", err)
	}
	if _, k, err = r.service.Roll(ctx, merchant, e.ID, "roll"); err != nil || k != nil {
		t.Errorf("roll again: %v, %v", k, err)
	}
	all, err := r.service.Endpoints(ctx, merchant, 0, 0)
	if err != nil || len(all) != 1 || len(all[0].Keys) != 2 {
		t.Fatalf("list: %+v, %v", all, err)
	}
	for _, k := range append(all[0].Keys, r.endpoint(e).Keys...) {
		if k.Secret != nil || k.Private != nil || k.Public == nil {
			t.Errorf("key %d is shown with a secret", k.Number)
		}
	}
	r.balanced()
}

func TestRollingSignsWithBothForADay(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	e, old := r.create(merchant, rec.URL)
	_, next, err := r.service.Roll(t.Context(), merchant, e.ID, "roll")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []webhook.Key{old, *next} {
		rec.knows(k)
		r.tell(r.event(merchant, "cover:1"))
		r.send()
	}
	if n := strings.Count(rec.got()[0].signature, "v1,"); n != 2 {
		t.Errorf("%d signatures while rolling", n)
	}
	r.clock.advance(webhook.Rolling + time.Second)
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	if last := rec.got()[2]; strings.Count(last.signature, "v1,") != 1 {
		t.Errorf("after a day: %q", last.signature)
	}
	// Rolling twice leaves the two newest.
	for i := range 2 {
		if _, _, err := r.service.Roll(t.Context(), merchant, e.ID, fmt.Sprint("again-", i)); err != nil {
			t.Fatal(err)
		}
	}
	if keys := r.endpoint(e).Keys; len(keys) != 2 || keys[0].Number != 4 || keys[1].Number != 3 {
		t.Errorf("keys: %+v", keys)
	}
	r.balanced()
}

func TestGoneDisables(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(func(received) int { return http.StatusGone })
	witness := r.receiver(nil)
	e, _ := r.create(merchant, rec.URL)
	w, _ := r.create(merchant, witness.URL)
	only := []string{webhook.TypeDisabled}
	if _, err := r.service.Update(t.Context(), merchant, w.ID, witness.URL, only); err != nil {
		t.Fatal(err)
	}
	r.tell(r.event(merchant, "cover:1"), r.event(merchant, "cover:2"))
	r.send()
	if now := r.endpoint(e); now.State != webhook.StateDisabled || now.Reason != webhook.ReasonGone {
		t.Errorf("endpoint: %+v", now)
	}
	r.deliverAll()
	r.send()
	if got := witness.got(); len(got) != 1 || got[0].payload.Object != webhook.ObjectOf(e.ID) ||
		!strings.Contains(string(got[0].payload.Data), `"reason":"gone"`) {
		t.Errorf("told: %+v", got)
	}
	for _, d := range r.deliveries(e) {
		if d.State != webhook.DeliveryDead {
			t.Errorf("delivery: %+v", d)
		}
	}
	ctx := t.Context()
	for what, call := range map[string]func() error{
		"resume": func() error {
			_, err := r.service.SetState(ctx, merchant, e.ID, webhook.StateActive)
			return err
		},
		"roll":   func() error { _, _, err := r.service.Roll(ctx, merchant, e.ID, "roll"); return err },
		"test":   func() error { _, err := r.service.Test(ctx, merchant, e.ID, "test"); return err },
		"replay": func() error { _, err := r.service.Replay(ctx, merchant, e.ID, webhook.Range{Event: 1}); return err },
	} {
		if err := call(); refusal.CodeOf(err) != webhook.CodeDisabled {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.balanced()
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	r := openRig(t)
	target := r.receiver(nil)
	redirecting := http.RedirectHandler(target.URL, http.StatusTemporaryRedirect)
	rec := r.receiver(nil)
	rec.Config.Handler = redirecting
	e, _ := r.create(merchant, rec.URL)
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	d := r.deliveries(e)[0]
	if len(target.got()) != 0 || d.State != webhook.DeliveryDue || d.Status != http.StatusTemporaryRedirect {
		t.Errorf("delivery: %+v", d)
	}
}

// The times between attempts are those of the schedule, and after the last the delivery is dead.
func TestTheSchedule(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(func(received) int { return http.StatusInternalServerError })
	e, _ := r.create(merchant, rec.URL)
	r.tell(r.event(merchant, "cover:1"))
	for i, d := range webhook.Schedule() {
		r.clock.advance(d + d/5 + time.Second)
		before := r.clock.now()
		r.send()
		now := r.deliveries(e)[0]
		if now.Tries != i+1 {
			t.Fatalf("after attempt %d: %+v", i+1, now)
		}
		if i+1 == len(webhook.Schedule()) {
			if now.State != webhook.DeliveryDead {
				t.Errorf("at the end: %+v", now)
			}
			break
		}
		wait, next := now.NextAt.Sub(before), webhook.Schedule()[i+1]
		if wait < next-next/5-time.Millisecond || wait > next+next/5+time.Minute {
			t.Errorf("after attempt %d: %s instead of %s", i+1, wait, next)
		}
	}
	ids := map[string]bool{}
	for _, got := range rec.got() {
		ids[got.id] = true
	}
	if len(rec.got()) != len(webhook.Schedule()) || len(ids) != 1 {
		t.Errorf("%d attempts with %d ids", len(rec.got()), len(ids))
	}
	r.balanced()
	again := webhook.Range{Event: r.deliveries(e)[0].Event}
	if n, err := r.service.Replay(t.Context(), merchant, e.ID, again); n != 1 || err != nil {
		t.Errorf("replay: %d, %v", n, err)
	}
	r.send()
	if d := r.deliveries(e)[0]; d.State != webhook.DeliveryDue || d.Tries != 1 || d.Attempts != 11 {
		t.Errorf("after a replay: %+v", d)
	}
	r.balanced()
}

func TestFiveDaysOfFailureDisableAndTell(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(func(received) int { return http.StatusInternalServerError })
	e, _ := r.create(merchant, rec.URL)
	for range 5 {
		r.tell(r.event(merchant, "cover:1"))
		r.send()
		if now := r.endpoint(e); now.State != webhook.StateActive {
			t.Fatalf("too early: %+v", now)
		}
		r.clock.advance(24 * time.Hour)
	}
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	r.deliverAll()
	if now := r.endpoint(e); now.State != webhook.StateDisabled || now.Reason != webhook.ReasonFailing {
		t.Errorf("after five days: %+v", now)
	}
	events, err := r.service.Events(t.Context(), merchant, 0, 0)
	if err != nil || events[len(events)-1].Type != webhook.TypeDisabled {
		t.Errorf("events: %+v, %v", events, err)
	}
	r.send()
	r.balanced()
}

// One success in between begins the five days anew.
func TestASuccessEndsTheFailure(t *testing.T) {
	r := openRig(t)
	var broken atomic.Bool
	rec := r.receiver(func(received) int {
		if broken.Load() {
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	e, _ := r.create(merchant, rec.URL)
	for i := range 8 {
		broken.Store(i != 4)
		r.tell(r.event(merchant, "cover:1"))
		r.send()
		r.clock.advance(24 * time.Hour)
	}
	if now := r.endpoint(e); now.State != webhook.StateActive || now.FailingSince.IsZero() {
		t.Errorf("endpoint: %+v", now)
	}
}

func TestThrottledEndpointsArePaused(t *testing.T) {
	r := openRig(t)
	var busy atomic.Bool
	rec := r.receiver(func(received) int {
		if busy.Load() {
			return http.StatusTooManyRequests
		}
		return http.StatusOK
	})
	e, _ := r.create(merchant, rec.URL)
	busy.Store(true)
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	busy.Store(false)
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	if n := len(rec.got()); n != 1 {
		t.Errorf("%d attempts in the pause", n)
	}
	r.clock.advance(10 * time.Second)
	r.send()
	for _, d := range r.deliveries(e) {
		if d.State != webhook.DeliveryDelivered {
			t.Errorf("after the pause: %+v", d)
		}
	}
}

func TestPausedEndpointsKeepWhatIsDue(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	e, _ := r.create(merchant, rec.URL)
	ctx := t.Context()
	if _, err := r.service.SetState(ctx, merchant, e.ID, webhook.StatePaused); err != nil {
		t.Fatal(err)
	}
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	if len(rec.got()) != 0 {
		t.Error("sent to a paused endpoint")
	}
	if _, err := r.service.SetState(ctx, merchant, e.ID, webhook.StateActive); err != nil {
		t.Fatal(err)
	}
	r.send()
	if len(rec.got()) != 1 {
		t.Error("not sent after it was resumed")
	}
}

func TestTestEventsAndReplays(t *testing.T) {
	r := openRig(t)
	first, second := r.receiver(nil), r.receiver(nil)
	e, _ := r.create(merchant, first.URL)
	r.create(merchant, second.URL)
	ctx := t.Context()
	for range 2 { // the same request
		if _, err := r.service.Test(ctx, merchant, e.ID, "try"); err != nil {
			t.Fatal(err)
		}
	}
	r.deliverAll()
	r.send()
	if got := first.got(); len(got) != 1 || got[0].payload.Type != webhook.TypeTest || len(second.got()) != 0 {
		t.Errorf("tested: %+v, %+v", got, second.got())
	}
	began := r.clock.now().Add(-time.Minute)
	r.tell(r.event(merchant, "cover:1"), r.event(merchant, "cover:2"), r.event(merchant, "cover:3"))
	r.send()
	late, _ := r.create(merchant, first.URL)
	for range 2 {
		n, err := r.service.Replay(
			ctx, merchant, late.ID, webhook.Range{From: began, To: r.clock.now().Add(time.Minute)},
		)
		if err != nil || n != 3 {
			t.Errorf("replay: %d, %v", n, err)
		}
		r.send()
	}
	if n := len(first.got()); n != 1+3+3+3 {
		t.Errorf("%d attempts", n)
	}
	if _, err := r.service.Replay(ctx, merchant, late.ID, webhook.Range{Event: 17}); !errors.Is(
		err, webhook.ErrEventNotFound,
	) {
		t.Errorf("replay of nothing: %v", err)
	}
	if _, err := r.service.Replay(ctx, "merchant~2", late.ID, webhook.Range{Event: 17}); !errors.Is(
		err, webhook.ErrNotFound,
	) {
		t.Errorf("replay to somebody else's: %v", err)
	}
	r.balanced()
}

// Whoever polls sees every event once, in order, while others publish at the same time from both shards.
func TestSequenceUnderConcurrentPublishers(t *testing.T) {
	r := openRig(t)
	const publishers, each = 4, 50
	other := r.newNode(1)
	var all sync.WaitGroup
	for p := range publishers {
		n := []*node{r.node, other}[p%2]
		all.Go(func() {
			for i := range each {
				if err := n.publish(t.Context(), p/2, r.event(merchant, fmt.Sprint("cover:", i%3))); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	var position int64
	sequences := map[string]int64{}
	poll := func() {
		events, err := r.service.Events(t.Context(), merchant, position, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Position != position+1 || e.Sequence != sequences[e.Object]+1 {
				t.Fatalf("event %+v after position %d, sequences %v", e, position, sequences)
			}
			position, sequences[e.Object] = e.Position, e.Sequence
		}
	}
	r.until("all events", func() bool {
		var delivering sync.WaitGroup
		for _, n := range []*node{r.node, other} {
			for shard := range 2 {
				delivering.Go(func() { _, _ = n.ledger.Outbox().Deliver(t.Context(), shard) })
			}
		}
		poll()
		delivering.Wait()
		select {
		case <-done:
			return position == publishers*each
		default:
			return false
		}
	})
	r.balanced()
}

// An event is published if and only if its transaction commits.
func TestAnEventOfATransactionThatFails(t *testing.T) {
	r := openRig(t)
	failed := errors.New("failed")
	err := r.ledger.Tx(t.Context(), 1<<24, func(tx ledger.Tx) error {
		if err := r.store.Publish(t.Context(), tx, r.event(merchant, "cover:1")); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	r.deliverAll()
	if events := must(r.service.Events(t.Context(), merchant, 0, 0)); len(events) != 0 {
		t.Errorf("events: %+v", events)
	}
}

func TestBadEventsAreRefused(t *testing.T) {
	r := openRig(t)
	for what, change := range map[string]func(*webhook.Event){
		"owner":  func(e *webhook.Event) { e.Owner = "a b" },
		"type":   func(e *webhook.Event) { e.Type = "Cover" },
		"object": func(e *webhook.Event) { e.Object = "" },
		"data":   func(e *webhook.Event) { e.Data = []byte(`[1]`) },
		"json":   func(e *webhook.Event) { e.Data = []byte(`{"a":`) },
		"time":   func(e *webhook.Event) { e.At = time.Time{} },
	} {
		e := r.event(merchant, "cover:1")
		change(&e)
		if err := r.publish(context.Background(), 0, e); err == nil {
			t.Errorf("%s: published", what)
		}
	}
}
