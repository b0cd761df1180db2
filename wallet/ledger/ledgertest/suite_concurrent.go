package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// race calls f n times at once and counts the nils and the refusals with a code; anything else fails the test.
func race(t *testing.T, n int, code string, f func(i int) error) (done, refused int64) {
	t.Helper()
	var yes, no atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			switch err := f(i); {
			case err == nil:
				yes.Add(1)
			case refusal.CodeOf(err) == code:
				no.Add(1)
			default:
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	return yes.Load(), no.Load()
}

func testConcurrentHolds(t *testing.T, open Open) {
	b := open(t, 4)
	b.TopUp("alice", 10_050) // enough for 100 holds of 100
	holds := make([]ledger.Hold, 200)
	for i := range holds {
		holds[i] = b.Draft("alice", 60, 40)
	}
	held, refused := race(t, len(holds), refusal.CodeInsufficientBalance, func(i int) error {
		_, err := b.Hold(t.Context(), Request(t, fmt.Sprint(i), i), holds[i])
		return err
	})
	if held != 100 || refused != 100 {
		t.Errorf("%d held and %d refused, want 100 and 100", held, refused)
	}
	b.WantBalances(map[string]int64{"alice": 50})
	b.WantBalanced(0)
}

// The same request many times at once holds once.
func testConcurrentRepeats(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 1000)
	r := Request(t, "same", "body")
	ids := make([]int64, 20)
	race(t, len(ids), "", func(i int) error {
		got, err := b.Hold(t.Context(), r, b.Draft("alice", 100))
		ids[i] = got.ID
		return err
	})
	if slices.Min(ids) != slices.Max(ids) {
		t.Errorf("different holds were returned: %v", ids)
	}
	b.WantBalances(map[string]int64{"alice": 900})
	b.WantBalanced(0)
}

// Of holds that come together each has its own answer, and one that cannot be carried out harms no other.
func testCrowdOfHolds(t *testing.T, open Open) {
	b := open(t, 1)
	const each = 20
	b.TopUp("taken", 10)
	taken := b.Gift("taken", 10)
	kept := b.Draft("kept", 5)
	b.TopUp("kept", 5)
	if _, err := b.Hold(t.Context(), Request(t, "kept", 0), kept); err != nil {
		t.Fatal(err)
	}
	b.TopUp("same", 1000)
	b.TopUp("rich", 100*each+each) // so that no hold under the id that exists is refused for want of money
	b.TopUp("poor", 250)
	b.TopUp("late", 100)
	if _, _, err := b.CancelRequest(t.Context(), "late", Request(t, "late", 0)); err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		hold ledger.Hold
		err  error
	}
	kinds := []struct {
		name string
		call func(i int) (ledger.Hold, error)
		fine func(o outcome) bool
	}{
		{"has the money", func(i int) (ledger.Hold, error) {
			return b.Hold(t.Context(), Request(t, fmt.Sprint("rich", i), i), b.Draft("rich", 60, 40))
		}, func(o outcome) bool { return o.err == nil && o.hold.Amount.Minor == 100 && o.hold.Open }},
		{"has the money for two of them", func(i int) (ledger.Hold, error) {
			return b.Hold(t.Context(), Request(t, fmt.Sprint("poor", i), i), b.Draft("poor", 100))
		}, func(o outcome) bool {
			return o.err == nil || refusal.CodeOf(o.err) == refusal.CodeInsufficientBalance
		}},
		{"the same request", func(int) (ledger.Hold, error) {
			return b.Hold(t.Context(), Request(t, "same", 0), b.Draft("same", 100))
		}, func(o outcome) bool { return o.err == nil && o.hold.Owner == "same" }},
		{"a request of before", func(int) (ledger.Hold, error) {
			return b.Hold(t.Context(), Request(t, "kept", 0), b.Draft("kept", 5))
		}, func(o outcome) bool { return o.err == nil && o.hold.ID == kept.ID }},
		{"another body than before", func(i int) (ledger.Hold, error) {
			return b.Hold(t.Context(), Request(t, "kept", i+1), b.Draft("kept", 5))
		}, func(o outcome) bool { return refusal.CodeOf(o.err) == refusal.CodeRequestConflict }},
		{"cancelled", func(int) (ledger.Hold, error) {
			return b.Hold(t.Context(), Request(t, "late", 0), b.Draft("late", 100))
		}, func(o outcome) bool { return errors.Is(o.err, ledger.ErrCancelled) }},
		{"an id that exists", func(i int) (ledger.Hold, error) {
			h := b.Draft("rich", 1)
			h.ID = taken.ID
			return b.Hold(t.Context(), Request(t, fmt.Sprint("taken", i), i), h)
		}, func(o outcome) bool { return o.err != nil && refusal.CodeOf(o.err) == "" }},
	}
	answers := make([]outcome, each*len(kinds))
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i].hold, answers[i].err = kinds[i%len(kinds)].call(i)
		})
	}
	all.Wait()
	paid, same := 0, map[int64]bool{}
	for i, o := range answers {
		kind := kinds[i%len(kinds)]
		if !kind.fine(o) {
			t.Errorf("%s: %+v, %v", kind.name, o.hold, o.err)
		}
		if o.err == nil && o.hold.Owner == "poor" {
			paid++
		}
		if o.err == nil && o.hold.Owner == "same" {
			same[o.hold.ID] = true
		}
	}
	if paid != 2 || len(same) != 1 {
		t.Errorf("%d holds of who could pay two, %d holds of one request", paid, len(same))
	}
	b.WantBalances(map[string]int64{"rich": each, "poor": 50, "same": 900, "kept": 0, "late": 100})
	// Who was refused for want of money may ask again with the same request.
	b.TopUp("poor", 10_000)
	for i, o := range answers {
		if o.err == nil || kinds[i%len(kinds)].name != kinds[1].name {
			continue
		}
		if _, err := kinds[1].call(i); err != nil {
			t.Errorf("asked again: %v", err)
		}
	}
	b.WantBalances(map[string]int64{"poor": 10_050 - 100*(each-2)})
	b.WantBalanced(0)
}

// What passes the daily limit together is what would pass one by one.
func testConcurrentLimit(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 100_000)
	at := Day("2026-02-16 12:00:00")
	held, refused := race(t, 200, refusal.CodeDailyLimitExceeded, func(int) error {
		_, err := b.OfferOf(7, 500, CNY, at)
		return err
	})
	if held != 71 || refused != 129 {
		t.Errorf("%d held and %d refused, want 71 and 129", held, refused)
	}
	b.WantBalances(map[string]int64{"alice": 100_000 - 71*7})
	b.DeliverAll()
	b.WantBalanced(0)
}

// Of several steps at once out of one stage, one is done.
func testConcurrentSteps(t *testing.T, open Open) {
	b := open(t, 2)
	b.TopUp("alice", 10_000)
	arrived := int64(0)
	for range 20 {
		h := b.Offer("alice", "bob")
		var done atomic.Int64
		race(t, 6, "", func(i int) error {
			_, ok, err := b.Advance(StepOf(h, Offered, []ledger.Stage{Arrived, Returned, Accepted}[i%3]), Soon(h))
			if ok {
				done.Add(1)
			}
			return err
		})
		if done.Load() != 1 {
			t.Errorf("%d steps out of one stage were done", done.Load())
		}
		after := Must(b.GetHold(t.Context(), h.ID))
		b.wantFunds("after the race", after)
		arrived += after.Posted
	}
	b.DeliverAll()
	b.WantBalances(map[string]int64{"bob": arrived})
	b.WantBalanced(0)
}

// Eight workers deliver the same messages at the same time: each has its effect once.
func testConcurrentDelivery(t *testing.T, open Open) {
	b := open(t, 4)
	senders := []string{"alice", "bob", "carol", "dave", "erin", "frank"}
	const rounds = 12
	for _, s := range senders {
		b.TopUp(s, 1000)
	}
	for round := range rounds {
		for _, s := range senders {
			h := b.Gift(s, 4, 3, 2, 1)
			for part := range h.Parts { // one batch, and so one message, each
				b.PostAll(Pay(h, part, fmt.Sprintf("user-%d", (round+part)%7)))
			}
		}
	}
	want := rounds * int64(len(senders)) * 10
	b.WantBalanced(want)
	race(t, 8, "", func(int) error {
		for shard := range b.Shards() {
			for {
				if n, err := b.Deliver(t.Context(), shard); n == 0 || err != nil {
					if err != nil {
						return err
					}
					break
				}
			}
		}
		return nil
	})
	b.DeliverAll() // a worker that lost a race may have ended early
	var sum int64
	for i := range 7 {
		sum += b.Balance(fmt.Sprintf("user-%d", i))
	}
	if sum != want {
		t.Errorf("%d were credited, want %d", sum, want)
	}
	b.WantBalanced(0)
}

// While senders, settlers and two deliverers are at work, and offers come and go, every audit finds the books balanced.
func testAuditWhileItRuns(t *testing.T, open Open) {
	const sends = 40 // of each sender; the audits go on until all are done
	b := open(t, 4)
	senders := []string{"alice", "bob", "carol", "dave"}
	for _, s := range senders {
		b.TopUp(s, 1_000_000)
	}
	sent, stop := context.WithCancel(t.Context())
	defer stop()
	var sending, delivering sync.WaitGroup
	for i, s := range senders {
		sending.Go(func() {
			for n := range sends {
				h := b.Gift(s, 5, 4, 3, 2)
				b.PostAll(Pay(h, 0, fmt.Sprintf("user-%d", (n+i)%9)), Pay(h, 1, s),
					Pay(h, 2, fmt.Sprintf("user-%d", 20+(n+i)%7)))
				if _, done, err := b.Void(t.Context(), h.ID, 12); !done || err != nil {
					t.Errorf("void: %v, %v", done, err)
				}
				offer, to := b.Offer(s, "erin"), []ledger.Stage{Arrived, Returned, Accepted}[n%3]
				if _, done, err := b.Advance(StepOf(offer, Offered, to), Soon(offer)); !done || err != nil {
					t.Errorf("advance: %v, %v", done, err)
				}
			}
		})
	}
	for range 2 {
		delivering.Go(func() {
			for sent.Err() == nil {
				for shard := range b.Shards() {
					if _, err := b.Deliver(t.Context(), shard); err != nil {
						t.Errorf("deliver: %v", err)
					}
				}
			}
		})
	}
	go func() { sending.Wait(); stop() }()
	for audits := 0; audits < 3 || sent.Err() == nil; audits++ {
		for _, d := range b.Audited().Discrepancies {
			t.Errorf("audit: %+v", d)
		}
	}
	delivering.Wait()
	b.DeliverAll()
	b.WantBalanced(0)
}
