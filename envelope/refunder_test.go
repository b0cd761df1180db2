package envelope_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// inFuture is a clock after every expiry of these tests.
func inFuture() time.Time { return time.Now().Add(48 * time.Hour) }

// passEverywhere lets a refunder look once at every shard.
func passEverywhere(t *testing.T, s *app.App, r *ledger.DuePass) (errs []error) {
	t.Helper()
	for shard := range s.Buckets.Shards {
		if _, _, err := r.Pass(t.Context(), shard); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// TestUnsettledEnvelopesHoldUpNoOther has more envelopes that cannot be refunded, as their grabs are not settled (or,
// after a contradiction, never will be), than one pass looks at. What expired after them is refunded all the same.
func TestUnsettledEnvelopesHoldUpNoOther(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 10_000, "alice", "bob")
	const unsettled = 201 // refundBatch and one more
	for i := range unsettled {
		grab(t, s, "bob", send(t, s, "alice", order(fmt.Sprintf("stuck-%d", i), 2, 2)).ID)
	}
	send(t, s, "alice", order("free", 100, 2))

	refunder := envelope.NewRefunder(s.Pots, s.Ledger, inFuture, quiet())
	for range 3 {
		if errs := passEverywhere(t, s, refunder); len(errs) > 0 {
			t.Fatal(errs)
		}
	}
	if got, want := apptest.Balance(t, s, "alice"), int64(10_000-2*unsettled); got != want {
		t.Errorf("alice has %d, want %d: the envelope behind those that wait was not refunded", got, want)
	}
}

// TestADamagedPotHoldsUpNoOther has one envelope whose pot cannot be read.
func TestADamagedPotHoldsUpNoOther(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 10_000, "alice", "bob")
	damaged := send(t, s, "alice", order("damaged", 100, 2))
	const sound = 30
	for i := range sound {
		send(t, s, "alice", order(fmt.Sprintf("sound-%d", i), 100, 2))
	}
	shard, _ := s.Ledger.ShardOf(damaged.ID)
	pot := fmt.Sprintf("{b%d}:e:%d", s.Buckets.Of(shard, damaged.ID), damaged.ID)
	if err := s.Redis.Do(t.Context(), s.Redis.B().Hset().Key(pot).FieldValue().FieldValue("bob",
		"nonsense").Build()).Error(); err != nil {
		t.Fatal(err)
	}

	refunder := envelope.NewRefunder(s.Pots, s.Ledger, inFuture, quiet())
	for range 3 {
		if errs := passEverywhere(t, s, refunder); len(errs) != 1 {
			t.Fatalf("%d passes failed, want the one of the damaged pot: %v", len(errs), errs)
		}
	}
	if got, want := apptest.Balance(t, s, "alice"), int64(10_000-100); got != want {
		t.Errorf("alice has %d, want %d: envelopes beside the damaged one were not refunded", got, want)
	}
}

// stoppingPot is the pot of a worker that is told to stop while it refunds.
type stoppingPot struct {
	envelope.Pot
	stop context.CancelFunc
}

func (p stoppingPot) Retire(ctx context.Context, r []envelope.Retirement) error {
	p.stop()
	return p.Pot.Retire(ctx, r)
}

// TestAWorkerThatIsStoppedFinishesItsRefund: once the money is back nobody looks at the hold again, so the group must
// hear of it, and the pot must be let go, now.
func TestAWorkerThatIsStoppedFinishesItsRefund(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	e := send(t, s, "alice", order("r", 100, 2))
	shard, _ := s.Ledger.ShardOf(e.ID)
	ctx, stop := context.WithCancel(t.Context())
	refunder := envelope.NewRefunder(stoppingPot{s.Pots, stop}, s.Ledger, inFuture, quiet())
	if _, _, err := refunder.Pass(ctx, shard); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := apptest.Balance(t, s, "alice"); got != 1000 {
		t.Fatalf("alice has %d, want 1000", got)
	}
	records, _, err := s.Pots.Read(t.Context(), s.Buckets.Of(shard, e.ID), "", 10, 0)
	if err != nil || len(records) != 2 || records[1].Kind != envelope.RecordRefunded {
		t.Errorf("the log holds %+v, %v: want the refund", records, err)
	}
	pot := fmt.Sprintf("{b%d}:e:%d", s.Buckets.Of(shard, e.ID), e.ID)
	if ttl, err := s.Redis.Do(t.Context(), s.Redis.B().Ttl().Key(pot).Build()).AsInt64(); err != nil || ttl < 0 {
		t.Errorf("the pot is kept for ever: %d, %v", ttl, err)
	}
}
