package mysqlledger_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/transfer"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// offer is a transfer that nobody has made yet: 100 from alice to a counterparty, for an hour.
func (b *book) offer(to string) ledger.Hold {
	b.t.Helper()
	h := b.draft("alice", 100)
	h.Subject, h.Counterparty, h.Stage, h.StagedAt = transfer.Subject, to, transfer.StateOffered, h.CreatedAt
	h.ExpiresAt = h.CreatedAt.Add(time.Hour)
	return h
}

// offered makes it, with a mention and a notice.
func (b *book) offered(to string) ledger.Hold {
	b.t.Helper()
	h := b.offer(to)
	got, err := b.HoldOn(b.t.Context(), request(b.t, fmt.Sprint(h.ID), "offer"), h, ledger.HoldOptions{
		Mentions: []ledger.IndexEntry{{Of: to, Subject: h.Subject, Reference: h.ID}},
		Notices:  []ledger.Event{{Topic: "user:" + to, Body: []byte(`{"type":"offered"}`)}},
	})
	if err != nil || !equal(got, h) {
		b.t.Fatalf("offer: %+v, %v, want %+v", got, err, h)
	}
	return got
}

func step(h ledger.Hold, from, to ledger.Stage) ledger.Step {
	return ledger.Step{Hold: h.ID, From: from, To: to, At: h.CreatedAt.Add(time.Minute), Notices: []ledger.Event{{Topic: "user:x", Body: []byte(`{}`)}}}
}

// Each line tries a step on an offer that was led into a stage.
func TestSteps(t *testing.T) {
	b := open(t, 4)
	b.topUp("alice", 10_000)
	bob := b.elsewhere("alice")
	ctx := t.Context()
	late := func(s ledger.Step) ledger.Step { s.At = s.At.Add(2 * time.Hour); return s }
	due := func(s ledger.Step) ledger.Step { s.Due = true; return s }
	for _, line := range []struct {
		what string
		lead []ledger.Stage // from offered on
		step func(h ledger.Hold) ledger.Step
		done bool
	}{
		{"accept", nil, func(h ledger.Hold) ledger.Step { return step(h, transfer.StateOffered, transfer.StateAccepted) }, true},
		{"accept too late", nil, func(h ledger.Hold) ledger.Step { return late(step(h, transfer.StateOffered, transfer.StateAccepted)) }, false},
		{"accept at the last moment", nil, func(h ledger.Hold) ledger.Step {
			s := step(h, transfer.StateOffered, transfer.StateAccepted)
			s.At = h.ExpiresAt.Add(-time.Millisecond)
			return s
		}, true},
		{"accept at the first moment too late", nil, func(h ledger.Hold) ledger.Step {
			s := step(h, transfer.StateOffered, transfer.StateAccepted)
			s.At = h.ExpiresAt
			return s
		}, false},
		{"expire", nil, func(h ledger.Hold) ledger.Step {
			return due(late(step(h, transfer.StateOffered, transfer.StateExpired)))
		}, true},
		{"expire too early", nil, func(h ledger.Hold) ledger.Step { return due(step(h, transfer.StateOffered, transfer.StateExpired)) }, false},
		{"arrive at once", nil, func(h ledger.Hold) ledger.Step { return step(h, transfer.StateOffered, transfer.StateArrived) }, true},
		{"accept twice", []ledger.Stage{transfer.StateAccepted}, func(h ledger.Hold) ledger.Step { return step(h, transfer.StateOffered, transfer.StateAccepted) }, false},
		{"arrive", []ledger.Stage{transfer.StateAccepted}, func(h ledger.Hold) ledger.Step {
			return due(late(step(h, transfer.StateAccepted, transfer.StateArrived)))
		}, true},
		{"recall", []ledger.Stage{transfer.StateAccepted}, func(h ledger.Hold) ledger.Step { return step(h, transfer.StateAccepted, transfer.StateRecalled) }, true},
		{"recall what was declined", []ledger.Stage{transfer.StateDeclined}, func(h ledger.Hold) ledger.Step { return step(h, transfer.StateOffered, transfer.StateRecalled) }, false},
		{"decline what has arrived", []ledger.Stage{transfer.StateArrived}, func(h ledger.Hold) ledger.Step { return step(h, transfer.StateOffered, transfer.StateDeclined) }, false},
	} {
		h := b.offered(bob)
		from := transfer.StateOffered
		for _, to := range line.lead {
			if _, done, err := b.Advance(ctx, step(h, from, to)); !done || err != nil {
				t.Fatal(done, err)
			}
			from = to
		}
		s := line.step(h)
		before := must(b.GetHold(ctx, h.ID))
		after, done, err := b.Advance(ctx, s)
		if done != line.done || err != nil {
			t.Errorf("%s: %v, %v", line.what, done, err)
		}
		if stored := must(b.GetHold(ctx, h.ID)); !equal(stored, after) || !done && !equal(before, after) {
			t.Errorf("%s: returned %+v, stored %+v", line.what, after, stored)
		}
		posted, voided := int64(0), int64(0)
		switch after.Stage.Fate() {
		case ledger.FundsPosted:
			posted = 100
		case ledger.FundsVoided:
			voided = 100
		}
		if after.Posted != posted || after.Voided != voided || after.Open != (posted+voided == 0) || done && (after.Stage != s.To || !after.StagedAt.Equal(s.At)) {
			t.Errorf("%s: %+v", line.what, after)
		}
		if again, done, err := b.Advance(ctx, s); done || err != nil || !equal(again, after) {
			t.Errorf("%s, again: %+v, %v, %v", line.what, again, done, err)
		}
	}
	b.deliver()
	b.wantBalanced(0)
}

// What no hold and no step can be is an error, and changes nothing.
func TestMalformedStages(t *testing.T) {
	b := open(t, 2)
	b.topUp("alice", 1000)
	ctx := t.Context()
	good := ledger.HoldOptions{}
	for what, change := range map[string]func(*ledger.Hold, *ledger.HoldOptions){
		"no stage":               func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Stage = "" },
		"a stage at the end":     func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Stage = transfer.StateArrived },
		"a stage that is none":   func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Stage = "lost" },
		"two parts":              func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Parts = []int64{50, 50} },
		"no counterparty":        func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Counterparty = "" },
		"a system account":       func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Counterparty = "#clearing" },
		"a stage of an envelope": func(h *ledger.Hold, _ *ledger.HoldOptions) { h.Subject = envelope.Subject },
		"paid at once":           func(_ *ledger.Hold, t *ledger.HoldOptions) { t.PayTo = "bob" },
		"a limit below zero":     func(_ *ledger.Hold, t *ledger.HoldOptions) { t.PerDay = -1 },
		"a notice that is no JSON": func(_ *ledger.Hold, t *ledger.HoldOptions) {
			t.Notices = []ledger.Event{{Topic: "x", Body: []byte("{")}}
		},
		"a notice that is a list": func(_ *ledger.Hold, t *ledger.HoldOptions) {
			t.Notices = []ledger.Event{{Topic: "x", Body: []byte("[]")}}
		},
		"a notice that is too long": func(_ *ledger.Hold, t *ledger.HoldOptions) {
			t.Notices = []ledger.Event{{Topic: "x", Body: fmt.Appendf(nil, `{"a":%q}`, make([]byte, ledger.MaxEvent))}}
		},
		"a mention of nobody": func(_ *ledger.Hold, t *ledger.HoldOptions) { t.Mentions = []ledger.IndexEntry{{Of: "#till"}} },
	} {
		h, terms := b.offer("bob"), good
		change(&h, &terms)
		if _, err := b.HoldOn(ctx, request(t, "bad", what), h, terms); err == nil || refusal.CodeOf(err) != "" && refusal.CodeOf(err) != refusal.CodeInvalidArgument {
			t.Errorf("%s: %v", what, err)
		}
	}
	h := b.offered("bob")
	for what, s := range map[string]ledger.Step{
		"from the end":    step(h, transfer.StateArrived, transfer.StateDeclined),
		"to where it is":  step(h, transfer.StateOffered, transfer.StateOffered),
		"to nowhere":      step(h, transfer.StateOffered, "lost"),
		"from no stage":   step(h, "", transfer.StateArrived),
		"a broken notice": {Hold: h.ID, From: transfer.StateOffered, To: transfer.StateArrived, Notices: []ledger.Event{{Topic: "x"}}},
		"no hold":         step(ledger.Hold{ID: h.ID + 1<<40}, transfer.StateOffered, transfer.StateArrived),
		"no shard's":      step(ledger.Hold{ID: h.ID | 1023}, transfer.StateOffered, transfer.StateArrived),
	} {
		if _, done, err := b.Advance(ctx, s); done || err == nil {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
	if _, done, err := b.Void(ctx, h.ID, 0); done || err == nil {
		t.Errorf("a void past the stage: %v, %v", done, err)
	}
	if r := b.post(pay(h, 0, "bob")); r.Posted != 0 || len(r.Rejected) != 1 {
		t.Errorf("a post past the stage: %+v", r)
	}
	b.wantBalances(map[string]int64{"alice": 900, "bob": 0})
}

// A mention travels as money does: its row may be delivered by many at once and again after a crash, and the shard that it
// is for may be another one or the same.
func TestMentionsArriveOnce(t *testing.T) {
	c := shardstest.New(t, 4)
	one, two := openOn(t, c, 1), openOn(t, c, 2)
	one.topUp("alice", 100_000)
	want := map[string][]int64{}
	for i := range 150 {
		to := fmt.Sprintf("user-%d", i%7)
		want[to] = append(want[to], one.offered(to).ID)
	}
	shard := c.ForUser("alice")
	outbox, kept := c.Table(shard, "outbox"), c.Table(shard, "kept")
	exec(t, one, shard, "CREATE TABLE "+kept+" AS SELECT * FROM "+outbox)
	if got, err := one.Mentioned(t.Context(), "user-0", transfer.Subject, 0, 10); err != nil || len(got) != 0 {
		t.Errorf("mentioned before delivery: %v, %v", got, err)
	}
	one.wantBalanced(0) // what is on its way is no discrepancy
	for range 2 {
		var wg sync.WaitGroup
		for _, l := range []*book{one, two, one, two} {
			wg.Go(func() {
				for {
					n, err := l.Deliver(context.WithoutCancel(t.Context()), shard)
					if err != nil {
						t.Errorf("deliver: %v", err)
					}
					if n == 0 || err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		one.deliver() // a worker that lost a race may have ended early
		for to, ids := range want {
			slices.Sort(ids)
			slices.Reverse(ids)
			got, err := two.Mentioned(t.Context(), to, transfer.Subject, 0, 1000)
			if err != nil || !slices.Equal(got, ids) {
				t.Errorf("%s was mentioned in %v, %v, want %v", to, got, err, ids)
			}
			if page, err := two.Mentioned(t.Context(), to, transfer.Subject, ids[3], 2); err != nil || !slices.Equal(page, ids[4:6]) {
				t.Errorf("a page of %s: %v, %v, want %v", to, page, err, ids[4:6])
			}
			holds, err := two.GetHolds(t.Context(), append([]int64{5, ids[0] + 1<<40}, ids...))
			if err != nil || len(holds) != len(ids) || holds[0].ID != ids[0] {
				t.Errorf("holds of %s: %d, %v", to, len(holds), err)
			}
		}
		one.wantBalanced(0)
		exec(t, one, shard, "INSERT INTO "+outbox+" SELECT * FROM "+kept) // as a crash before the deletion leaves it
	}
	one.wantBalanced(0)
}

// A row of mentions that by a mistake with node numbers bears the id of another one is not taken for it.
func TestAMentionUnderAnIDThatComesTwice(t *testing.T) {
	b := open(t, 1)
	b.topUp("alice", 1000)
	h := b.offered("bob")
	exec(t, b, 0, "INSERT INTO "+b.cluster.Table(0, "inbox")+" SELECT 0, id, 0 FROM "+b.cluster.Table(0, "outbox"))
	b.deliver()
	if got, err := b.Mentioned(t.Context(), "bob", transfer.Subject, 0, 10); err != nil || !slices.Equal(got, []int64{h.ID}) {
		t.Errorf("bob was mentioned in %v, %v, want %d", got, err, h.ID)
	}
	if left := count(t, b, 0, "SELECT COUNT(*) FROM "+b.cluster.Table(0, "outbox")); left != 0 {
		t.Errorf("%d rows are still in the outbox", left)
	}
	b.wantBalanced(0)
}

func TestNotices(t *testing.T) {
	b := open(t, 2)
	b.topUp("alice", 1000)
	shard := b.cluster.ForUser("alice")
	select {
	case <-b.Told(shard):
		t.Error("told before there was anything to tell")
	default:
	}
	first, second := b.offered("bob"), b.offered("carol")
	<-b.Told(shard)
	notices, err := b.Notices(t.Context(), shard, 10)
	if err != nil || len(notices) != 2 || notices[0].Topic != "user:bob" || notices[1].Topic != "user:carol" || string(notices[0].Body) != `{"type":"offered"}` {
		t.Fatalf("%+v, %v", notices, err)
	}
	if _, done, err := b.Advance(t.Context(), step(second, transfer.StateOffered, transfer.StateExpired)); !done || err != nil {
		t.Fatal(done, err)
	}
	<-b.Told(shard)
	if _, done, err := b.Advance(t.Context(), step(first, transfer.StateAccepted, transfer.StateArrived)); done || err != nil {
		t.Fatal(done, err) // not made, so nothing is told
	}
	if err := b.ForgetNotices(t.Context(), shard, []int64{notices[0].ID, notices[1].ID}); err != nil {
		t.Fatal(err)
	}
	if notices, err = b.Notices(t.Context(), shard, 10); err != nil || len(notices) != 1 || notices[0].Topic != "user:x" {
		t.Errorf("%+v, %v", notices, err)
	}
	_, err = b.HoldOn(t.Context(), request(t, "poor", 1), b.draft("alice", 5000), ledger.HoldOptions{Notices: []ledger.Event{{Topic: "user:bob", Body: []byte("{}")}}})
	if refusal.CodeOf(err) != refusal.CodeInsufficientBalance {
		t.Errorf("%v", err)
	}
	if left, err := b.Notices(t.Context(), shard, 10); err != nil || len(left) != 1 {
		t.Errorf("after a refused hold: %+v, %v", left, err)
	}
	for _, shard := range []int{-1, 2} {
		if _, err := b.Notices(t.Context(), shard, 1); err == nil {
			t.Errorf("notices of shard %d", shard)
		}
		if err := b.ForgetNotices(t.Context(), shard, []int64{1}); err == nil {
			t.Errorf("forgot notices of shard %d", shard)
		}
	}
}
