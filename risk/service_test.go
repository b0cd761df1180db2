package risk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// desk has reviews in memory, and the calls that were carried out.
type desk struct {
	waiting []risk.Waiting
	done    map[string]bool
	err     error
}

func (d *desk) CarriedOut(_ context.Context, user, requestID string) (bool, error) {
	return d.done[user+" "+requestID], d.err
}

func (d *desk) Ask(_ context.Context, w risk.Waiting) (risk.Waiting, bool, error) {
	i := slices.IndexFunc(d.waiting, func(o risk.Waiting) bool {
		return o.User == w.User && o.RequestID == w.RequestID
	})
	if i >= 0 {
		return d.waiting[i], false, d.err
	}
	if len(d.waiting) == risk.MaxOpenReviews {
		return risk.Waiting{}, true, d.err
	}
	d.waiting = append(d.waiting, w)
	return w, false, d.err
}

func (d *desk) Decide(context.Context, risk.Decision) (w risk.Waiting, err error) { return w, nil }
func (d *desk) List(context.Context, risk.ReviewState, int64, int) ([]risk.Waiting, error) {
	return nil, nil
}

// bench is a service over memory, by a clock of its own.
type bench struct {
	*risk.Service
	desk    *desk
	at      time.Time
	stopped []string
}

func newBench(t *testing.T, rules string) *bench {
	t.Helper()
	parsed, err := risk.Parse([]byte("version: v7\nrules:\n" + rules))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{desk: &desk{done: map[string]bool{}}, at: time.Unix(1_800_000_000, 0)}
	now := func() time.Time { return b.at }
	b.Service, err = risk.NewService(risk.Config{
		Rules: parsed, Windows: risk.NewMemory(0, now), Grabs: risk.NewMemory(1000, now), Reviews: b.desk,
		Requests: b.desk, Now: now, Stopped: func(rule string, v risk.Verdict) {
			b.stopped = append(b.stopped, rule+" "+string(v))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func transfer(id string, minor int64) risk.Claim {
	return risk.Claim{Kind: risk.Transfer, RequestID: id, User: "alice", Payee: "bob", Fingerprint: "f" + id,
		Amount: ledger.Amount{Minor: minor, Currency: "CNY"}}
}

func (b *bench) decide(t *testing.T, c risk.Claim, proven bool) risk.Answer {
	t.Helper()
	a, err := b.Decide(t.Context(), c, proven)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) end(t *testing.T, a risk.Answer, refused bool) {
	t.Helper()
	if err := b.Done(t.Context(), a, refused); err != nil {
		t.Fatal(err)
	}
}

func TestVerdicts(t *testing.T) {
	const window = "on: [transfer], window: 1h, count: 1"
	for then, want := range map[risk.Verdict]string{
		risk.Refuse: risk.CodeRefused, risk.Review: risk.CodeReview, risk.Challenge: "",
	} {
		b := newBench(t, fmt.Sprintf("  - {name: r1, %s, then: %s}", window, then))
		if a := b.decide(t, transfer("1", 5), false); !a.Allowed() {
			t.Errorf("%s: the first: %+v", then, a)
		}
		a := b.decide(t, transfer("2", 5), false)
		if a.Verdict != then || a.Rule != "r1" || a.Version != "v7" {
			t.Errorf("%s: the second: %+v", then, a)
		}
		if want != "" && refusal.CodeOf(a.Err()) != want {
			t.Errorf("%s: %v", then, a.Err())
		}
		if proven := b.decide(t, transfer("2", 5), true); proven.Allowed() != (then == risk.Challenge) {
			t.Errorf("%s: with a proof: %+v", then, proven)
		}
		if a := b.decide(t, transfer("1", 5), false); !a.Allowed() {
			t.Errorf("%s: the first again: %+v", then, a)
		}
		b.at = b.at.Add(time.Hour)
		if a := b.decide(t, transfer("3", 5), false); !a.Allowed() {
			t.Errorf("%s: an hour later: %+v", then, a)
		}
		if len(b.stopped) == 0 || b.stopped[0] != "r1 "+string(then) {
			t.Errorf("%s: stopped %v", then, b.stopped)
		}
	}
}

// The first rule that answers decides; whoever an earlier rule allows is not asked by later ones.
func TestOrder(t *testing.T) {
	b := newBench(t, `
  - {name: strict, on: [transfer], window: 1h, count: 2, then: refuse}
  - {name: trusted, on: [transfer], only: [alice], then: allow}
  - {name: stricter, on: [transfer], window: 1h, count: 0, then: refuse}
`)
	for i, want := range []string{"", "", "strict"} {
		if a := b.decide(t, transfer(fmt.Sprint(i), 1), false); a.Rule != want {
			t.Errorf("alice's number %d: %+v", i, a)
		}
	}
	c := transfer("x", 1)
	c.User = "carol"
	if a := b.decide(t, c, false); a.Rule != "stricter" {
		t.Errorf("carol: %+v", a)
	}
}

// What the domain refuses frees its place, what it may have carried out does not, and a call with the request id of
// another one cannot free that one's.
func TestDone(t *testing.T) {
	b := newBench(t, "  - {name: r1, on: [transfer], window: 1h, count: 1, then: refuse}")
	refused := b.decide(t, transfer("1", 5), false)
	b.end(t, refused, true)
	first := b.decide(t, transfer("2", 5), false)
	if !first.Allowed() {
		t.Fatalf("after a refusal: %+v", first)
	}
	again := b.decide(t, transfer("2", 5), false) // the same call at once
	b.end(t, first, true)                         // one of the two is refused
	b.end(t, again, false)                        // and the other one carried out
	if a := b.decide(t, transfer("3", 5), false); a.Allowed() {
		t.Errorf("what was carried out is not counted: %+v", a)
	}
	b.at = b.at.Add(time.Hour)
	paid := b.decide(t, transfer("4", 5), false)
	b.end(t, paid, false)
	b.desk.done["alice 4"] = true
	conflict := transfer("4", 5)
	conflict.Fingerprint = "other"
	if a := b.decide(t, conflict, false); !a.Allowed() {
		t.Errorf("the domain has to say that it is a conflict: %+v", a)
	} else {
		b.end(t, a, true)
	}
	b.end(t, paid, true) // as for a repeat whose answer was lost
	if a := b.decide(t, transfer("5", 5), false); a.Allowed() {
		t.Errorf("a conflict has freed the place of what was carried out: %+v", a)
	}
	if a := b.decide(t, transfer("4", 5), false); !a.Allowed() {
		t.Errorf("what was carried out before: %+v", a)
	}
}

// An operator's yes lets one call pass the rules that ask for a review, and no other.
func TestReviewed(t *testing.T) {
	b := newBench(t, `
  - {name: look, on: [transfer], window: 1h, count: 0, then: review}
  - {name: most, on: [transfer], window: 1h, count: 1, then: refuse}
`)
	if a := b.decide(t, transfer("1", 5), true); a.Verdict != risk.Review {
		t.Fatalf("%+v", a)
	}
	if w := b.desk.waiting; len(w) != 1 || w[0].Rule != "look" || w[0].Version != "v7" || w[0].Fingerprint != "f1" {
		t.Errorf("%+v", w)
	}
	b.desk.waiting[0].State = risk.ReviewApproved
	if a := b.decide(t, transfer("1", 5), false); !a.Allowed() {
		t.Errorf("approved: %+v", a)
	}
	if a := b.decide(t, transfer("2", 5), false); a.Verdict != risk.Review {
		t.Errorf("another one: %+v", a)
	}
	b.desk.waiting[1].State = risk.ReviewApproved
	if a := b.decide(t, transfer("2", 5), false); a.Rule != "most" {
		t.Errorf("approved, and over a bound that is not an operator's: %+v", a)
	}
	b.desk.waiting[1].State = risk.ReviewDeclined
	if a := b.decide(t, transfer("2", 5), false); a.Verdict != risk.Refuse || a.Rule != "look" {
		t.Errorf("declined: %+v", a)
	}
	for i := range risk.MaxOpenReviews {
		b.decide(t, transfer(fmt.Sprint("more", i), 5), false)
	}
	a := b.decide(t, transfer("last", 5), false)
	if a.Verdict != risk.Review || len(b.desk.waiting) != risk.MaxOpenReviews {
		t.Errorf("%d wait: %+v", len(b.desk.waiting), a)
	}
}

// While it is not known what was claimed, nothing goes on.
func TestUnknown(t *testing.T) {
	b := newBench(t, "  - {name: r1, on: [transfer], window: 1h, count: 0, then: review}")
	b.desk.err = errors.New("away")
	if a, err := b.Decide(t.Context(), transfer("1", 5), false); err == nil || a.Allowed() {
		t.Errorf("%+v, %v", a, err)
	}
}

// Grabs are decided from memory, by what was won.
func TestGrabs(t *testing.T) {
	b := newBench(t, `
  - {name: friends, on: [grab], only: [dave], then: allow}
  - {name: bots, on: [grab], window: 1m, count: 2, amount: {CNY: 100}, then: refuse}
`)
	cny := func(n int64) ledger.Amount { return ledger.Amount{Minor: n, Currency: "CNY"} }
	for i := range 3 {
		b.Won("dave", fmt.Sprint(i), cny(1))
		b.Won("carol", "same", cny(1)) // told twice, counted once
	}
	b.Won("alice", "1", cny(1))
	b.Won("alice", "2", cny(1))
	b.Won("bob", "1", cny(100))
	for user, want := range map[string]bool{"alice": false, "bob": false, "carol": true, "dave": true, "eve": true} {
		if a := b.MayGrab(user); a.Allowed() != want || !want && a.Rule != "bots" {
			t.Errorf("%s: %+v", user, a)
		}
	}
	b.at = b.at.Add(time.Minute)
	if a := b.MayGrab("alice"); !a.Allowed() {
		t.Errorf("a minute later: %+v", a)
	}
}

func BenchmarkMayGrab(b *testing.B) {
	parsed, err := risk.Parse([]byte(good))
	if err != nil {
		b.Fatal(err)
	}
	s, err := risk.NewService(risk.Config{Rules: parsed, Grabs: risk.NewMemory(1<<16, time.Now), Now: time.Now,
		Stopped: func(string, risk.Verdict) {}})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 2000 {
		s.Won(fmt.Sprint("user-", i), "1", ledger.Amount{Minor: 1, Currency: "CNY"})
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			s.MayGrab(fmt.Sprint("user-", i%2000))
		}
	})
}
