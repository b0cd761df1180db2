package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// A transaction happens whole or not at all, whatever it did before it failed.
func testTransactions(t *testing.T, open Open) {
	b := open(t, 4)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	bob := b.Elsewhere("alice")
	offer := b.Offer("alice", bob)
	b.DeliverAll()
	inbox := new(Inbox)
	b.PublishAll(inbox)
	own := errors.New("the product's own")
	request := Request(t, "all", "everything")
	paid, second := b.Draft("alice", 50), b.OfferDraft("alice", bob)
	paid.Counterparty = bob
	everything := func(tx ledger.Tx, limit int64) error {
		if err := tx.Claim(ctx, "alice", request, paid.ID); err != nil {
			return err
		}
		if _, err := tx.Hold(ctx, paid, ledger.HoldOptions{PayNow: true}); err != nil {
			return err
		}
		if _, err := tx.Hold(ctx, second, ledger.HoldOptions{DailyLimit: limit}); err != nil {
			return err
		}
		if _, done, err := tx.Advance(ctx, StepOf(offer, Offered, Arrived)); err != nil || !done {
			return fmt.Errorf("advance: %v, %w", done, err)
		}
		if err := tx.Index(ctx, ledger.IndexEntry{Of: bob, Subject: Offer, Reference: second.ID}); err != nil {
			return err
		}
		return tx.Publish(ctx, ledger.Event{Topic: "x", Body: []byte(`{}`)})
	}
	nothing := func(how string) {
		t.Helper()
		if _, ok, err := b.Requested(ctx, "alice", request); ok || err != nil {
			t.Errorf("%s: requested: %v, %v", how, ok, err)
		}
		for _, h := range []ledger.Hold{paid, second} {
			if _, err := b.GetHold(ctx, h.ID); err != ledger.ErrHoldNotFound {
				t.Errorf("%s: hold %d: %v", how, h.ID, err)
			}
		}
		if now := Must(b.GetHold(ctx, offer.ID)); !SameHold(now, offer) {
			t.Errorf("%s: the offer is %+v, want %+v", how, now, offer)
		}
		if n := b.DeliverAll() + b.PublishAll(inbox); n != 0 {
			t.Errorf("%s: %d items and events were left", how, n)
		}
		b.WantBalances(map[string]int64{"alice": 900, bob: 0})
		b.WantBalanced(0)
	}
	err := b.Tx(ctx, offer.ID, func(tx ledger.Tx) error { return errors.Join(everything(tx, 0), own) })
	if !errors.Is(err, own) {
		t.Errorf("an error of the function: %v", err)
	}
	nothing("an error of the function")
	err = b.Tx(ctx, offer.ID, func(tx ledger.Tx) error { return everything(tx, 199) }) // 100 are counted before
	if codeOf(err) != refusal.CodeDailyLimitExceeded {
		t.Errorf("a refusal: %v", err)
	}
	nothing("a refusal")
	err = b.Tx(ctx, offer.ID, func(tx ledger.Tx) error {
		return errors.Join(everything(tx, 0), tx.Publish(ctx, ledger.Event{Topic: "x", Body: []byte("[]")}))
	})
	if codeOf(err) != malformed {
		t.Errorf("an event that is no object: %v", err)
	}
	nothing("an event that is no object")

	if err := b.Tx(ctx, offer.ID, func(tx ledger.Tx) error { return everything(tx, 200) }); err != nil {
		t.Fatal(err)
	}
	b.WantBalanced(150)
	b.DeliverAll()
	b.PublishAll(inbox)
	b.WantBalances(map[string]int64{"alice": 750, bob: 150})
	b.WantBalanced(0)
	if got := inbox.Bodies("x"); !slices.Equal(got, []string{"{}"}) {
		t.Errorf("events: %v", got)
	}
	if got, err := b.Indexed(ctx, bob, Offer, 0, 10); err != nil || !slices.Equal(got, []int64{second.ID, offer.ID}) {
		t.Errorf("bob finds %v, %v", got, err)
	}
	b.otherShards(bob)
}

// otherShards tries what belongs to another shard than the transaction's; bob's is another than alice's.
func (b *Book) otherShards(bob string) {
	ctx, id := b.T.Context(), Must(b.NewID("alice"))
	b.TopUp(bob, 500)
	before := b.Balance(bob)
	offer := b.Offer(bob, "alice")
	b.DeliverAll()
	for what, f := range map[string]func(tx ledger.Tx) error{
		"a hold": func(tx ledger.Tx) error {
			_, err := tx.Hold(ctx, b.Draft(bob, 1),
				ledger.HoldOptions{})
			return err
		},
		"a step": func(tx ledger.Tx) error {
			_, _, err := tx.Advance(ctx,
				StepOf(offer, Offered, Arrived))
			return err
		},
		"a claim": func(tx ledger.Tx) error {
			return tx.Claim(ctx, bob, Request(b.T, "elsewhere", 1), id)
		},
	} {
		if err := b.Tx(ctx, id, f); codeOf(err) != malformed {
			b.T.Errorf("%s of another shard: %v", what, err)
		}
	}
	for _, id := range []int64{0, -1, id | 1023} {
		ran := false
		err := b.Tx(ctx, id, func(ledger.Tx) error { ran = true; return nil })
		if !errors.Is(err, ledger.ErrHoldNotFound) || ran {
			b.T.Errorf("a transaction on the shard of %d: %v, %v", id, err, ran)
		}
	}
	b.WantBalances(map[string]int64{bob: before - 100})
	b.WantBalanced(0)
}

// A request is claimed once; what a repeat does besides is undone, and the first reference comes back.
func testClaims(t *testing.T, open Open) {
	b := open(t, 2)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	request := Request(t, "r", "body")
	first, again := b.Draft("alice", 10), b.Draft("alice", 10)
	claim := func(r ledger.Request, h ledger.Hold) error {
		return b.Tx(ctx, h.ID, func(tx ledger.Tx) error {
			if err := tx.Claim(ctx, "alice", r, h.ID); err != nil {
				return err
			}
			_, err := tx.Hold(ctx, h, ledger.HoldOptions{})
			return err
		})
	}
	if err := claim(request, first); err != nil {
		t.Fatal(err)
	}
	err := claim(request, again)
	if before, ok := errors.AsType[*ledger.RepeatedError](err); !ok || before.Reference != first.ID {
		t.Errorf("a repeat: %v", err)
	}
	if err := claim(Request(t, "r", "other"), again); codeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("another body: %v", err)
	}
	cancelled := Request(t, "c", "body")
	if id, ok, err := b.CancelRequest(ctx, "alice", cancelled); id != 0 || ok || err != nil {
		t.Errorf("cancel: %d, %v, %v", id, ok, err)
	}
	if err := claim(cancelled, again); !errors.Is(err, ledger.ErrCancelled) {
		t.Errorf("a cancelled request: %v", err)
	}
	// A claim after other work of the same transaction undoes that work when it fails.
	err = b.Tx(ctx, again.ID, func(tx ledger.Tx) error {
		if _, err := tx.Hold(ctx, again, ledger.HoldOptions{}); err != nil {
			return err
		}
		return tx.Claim(ctx, "alice", request, again.ID)
	})
	if _, ok := errors.AsType[*ledger.RepeatedError](err); !ok {
		t.Errorf("a late repeat: %v", err)
	}
	if _, err := b.GetHold(ctx, again.ID); err != ledger.ErrHoldNotFound {
		t.Errorf("the hold of a repeat: %v", err)
	}
	// The same id of another user is another request.
	b.TopUp("bob", 10)
	h := b.Draft("bob", 10)
	if got, err := b.Hold(ctx, request, h); err != nil || got.ID != h.ID {
		t.Errorf("bob's: %+v, %v", got, err)
	}
	b.WantBalances(map[string]int64{"alice": 990, "bob": 0})
	b.WantBalanced(0)
}

// The events of a topic come out in the order in which they went in; what did not happen is not told; a topic that
// fails keeps its events and holds up no other.
func testEvents(t *testing.T, open Open) {
	b := open(t, 2)
	ctx := t.Context()
	b.TopUp("alice", 1000)
	shard, inbox := b.ShardOfUser("alice"), new(Inbox)
	if n := b.PublishAll(inbox); n != 0 {
		t.Errorf("%d events before there was any", n)
	}
	body := func(h ledger.Hold) string { return fmt.Sprintf(`{"type":"offered","id":"%d"}`, h.ID) }
	first, second, third := b.Offer("alice", "bob"), b.Offer("alice", "bob"), b.Offer("alice", "carol")
	inbox.Break(ledger.UserTopic("bob"))
	if n, err := b.Publish(ctx, shard, inbox); n != 1 || err == nil {
		t.Errorf("publish with a topic out of order: %d, %v", n, err)
	}
	if got := inbox.Bodies(ledger.UserTopic("carol")); !slices.Equal(got, []string{body(third)}) {
		t.Errorf("carol heard %v", got)
	}
	inbox.Break("")
	b.MustAdvance(first, Offered, Arrived)
	if _, done, err := b.Advance(StepOf(second, Accepted, Arrived), Soon(second)); done || err != nil {
		t.Fatal(done, err) // not made, so nothing is told
	}
	if _, err := b.OfferOf(5000, 0, CNY, first.CreatedAt); codeOf(err) != refusal.CodeInsufficientBalance {
		t.Error(err)
	}
	if n := b.PublishAll(inbox); n != 3 {
		t.Errorf("%d published, want 3", n)
	}
	for topic, want := range map[string][]string{
		ledger.UserTopic("bob"): {body(first),
			body(second)}, ledger.UserTopic("carol"): {body(third)}, "steps": {`{"to":"arrived"}`},
	} {
		if got := inbox.Bodies(topic); !slices.Equal(got, want) {
			t.Errorf("%s heard %v, want %v", topic, got, want)
		}
	}
	if n := b.PublishAll(inbox); n != 0 {
		t.Errorf("%d events came again", n)
	}
	for what, e := range map[string]ledger.Event{
		"no JSON":    {Topic: "x", Body: []byte("{")},
		"a list":     {Topic: "x", Body: []byte("[]")},
		"no body":    {Topic: "x"},
		"no topic":   {Body: []byte("{}")},
		"a long one": {Topic: "x", Body: fmt.Appendf(nil, `{"a":%q}`, make([]byte, ledger.MaxEvent))},
	} {
		if err := b.Tx(ctx, first.ID, func(tx ledger.Tx) error { return tx.Publish(ctx, e) }); codeOf(
			err) != malformed {
			t.Errorf("%s: %v", what, err)
		}
	}
	b.DeliverAll()
	b.WantBalanced(0)
}

// An id that would not be kept whole is refused, whether its hold goes together with others or alone.
func testRequestIDs(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	longest := strings.Repeat("x", 63)
	if _, err := ledger.OwnRequest(longest+"x", "test", 0); err == nil {
		t.Error("a request of this system's own with 65 characters")
	}
	good := Must(ledger.OwnRequest(longest, "test", 0))
	for _, id := range []string{"", good.ID + "x", "#é", "##"} {
		bad := good
		bad.ID = id
		for what, o := range map[string]ledger.HoldOptions{"together": {}, "alone": {PayNow: true}} {
			h := b.Draft("alice", 10)
			if o.PayNow {
				h.Counterparty = "bob"
			}
			if _, err := b.HoldWith(t.Context(), bad, h, o); err == nil {
				t.Errorf("%s: a hold with request %q", what, id)
			}
		}
	}
	h := b.Draft("alice", 10)
	for range 2 {
		if held, err := b.HoldWith(t.Context(), good, h, ledger.HoldOptions{}); err != nil || held.ID != h.ID {
			t.Errorf("the longest id: %+v, %v", held, err)
		}
	}
	b.WantBalanced(0)
}

// Requests that are cancelled are never carried out, and those that were carried out are not cancelled.
func testCancelRequest(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	ctx := t.Context()
	own := func(body any) ledger.Request { return Must(ledger.OwnRequest("test:0", "test", body)) }
	if _, ok, err := b.CancelRequest(ctx, "alice", own(0)); ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := b.HoldWith(ctx, own(0), b.Draft("alice", 10), ledger.HoldOptions{}); !errors.Is(err,
		ledger.ErrCancelled) {
		t.Errorf("a cancelled request: %v", err)
	}
	if _, ok, err := b.Requested(ctx, "alice", own(0)); ok || err != nil {
		t.Errorf("a cancelled request: %v, %v", ok, err)
	}
	_, _, err := b.CancelRequest(ctx, "alice", own("another body"))
	if refusal.CodeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("another body: %v", err)
	}
	if _, _, err := b.CancelRequest(ctx, "#clearing", own(0)); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
		t.Errorf("of nobody: %v", err)
	}
	h, made := b.Draft("alice", 10), Request(t, "made", 1)
	if _, err := b.Hold(ctx, made, h); err != nil {
		t.Fatal(err)
	}
	if id, ok, err := b.CancelRequest(ctx, "alice", made); id != h.ID || !ok || err != nil {
		t.Errorf("one that was made: %d, %v, %v", id, ok, err)
	}
	if _, err := ledger.NewRequest("#test:0", "test", 0); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
		t.Errorf("a client's request with an id of our own: %v", err)
	}
	b.WantBalances(map[string]int64{"alice": 990})
	b.WantBalanced(0)
}
