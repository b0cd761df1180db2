package envelope_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/mempot"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
	"github.com/hongbao/hongbao/wallet/ledger/ledgertest"
	"github.com/hongbao/hongbao/wallet/memledger"
)

// Envelopes that are sent at once do not pass the day's bound together; what goes back may be sent again, and a
// currency without a bound counts nothing.
func TestDailyLimit(t *testing.T) {
	noon := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC) // so that the day does not change meanwhile
	now := func() time.Time { return noon }
	book := ledgertest.Must(memledger.New(memledger.Config{Shards: 2, Now: now, NewID: memledger.Count()}))
	pot := ledgertest.Must(mempot.New(mempot.Config{
		Buckets: pots.Buckets{Shards: 2, PerShard: 2}, ShardOf: book.ShardOf, Now: now, After: time.After,
	}))
	limits := envelope.DefaultLimits()
	limits.PerDay = ledger.DailyLimits{Default: 100}
	group := members{"alice": true, "bob": true}
	service := envelope.NewService(book, pot, group, nil, envelope.NewMetadata(book), limits, now)
	limits.PerDay = ledger.DailyLimits{Default: 100, In: map[ledger.Currency]int64{"CNY": 0}}
	unbounded := envelope.NewService(book, pot, group, nil, envelope.NewMetadata(book), limits, now)
	books := ledgertest.OfMemory(t, book, new(ledgertest.Clock))
	books.TopUp("alice", 10_000)

	var sent, refused atomic.Int64
	ids := make([]int64, 50)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			v, err := service.Send(t.Context(), "alice", order(fmt.Sprint("crowd", i), 7, 1))
			switch {
			case err == nil:
				sent.Add(1)
				ids[i] = v.ID
			case refusal.CodeOf(err) == refusal.CodeDailyLimitExceeded:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sent.Load() != 14 || refused.Load() != 36 { // 14 times 7 is 98
		t.Errorf("%d sent and %d refused, want 14 and 36", sent.Load(), refused.Load())
	}
	for i, id := range ids {
		if id == 0 {
			continue
		}
		again, err := service.Send(t.Context(), "alice", order(fmt.Sprint("crowd", i), 7, 1))
		if err != nil || again.ID != id {
			t.Errorf("a repeat at the bound: %d, %v", again.ID, err)
		}
		if _, done, err := book.Void(t.Context(), id, 0); err != nil || !done {
			t.Errorf("an envelope goes back: %t, %v", done, err)
		}
		break
	}
	if _, err := service.Send(t.Context(), "alice", order("after-a-refund", 9, 1)); err != nil {
		t.Errorf("after a refund: %v", err)
	}
	_, err := service.Send(t.Context(), "alice", order("one-too-many", 1, 1))
	if refusal.CodeOf(err) != refusal.CodeDailyLimitExceeded {
		t.Errorf("one too many: %v", err)
	}
	if _, err := unbounded.Send(t.Context(), "alice", order("no-bound", 500, 2)); err != nil {
		t.Errorf("without a bound: %v", err)
	}
	books.WantBalanced(0)
}
