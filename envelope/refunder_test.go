package envelope_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

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

// TestARefundSettlesWhatWasTaken has more envelopes whose grabs are not settled than one pass looks at, and no settler.
// What was taken is paid, and the rest goes back.
func TestARefundSettlesWhatWasTaken(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 10_000, "alice", "bob")
	const unsettled = 201 // refundBatch and one more
	for i := range unsettled {
		grab(t, s, "bob", send(t, s, "alice", order(fmt.Sprintf("unsettled-%d", i), 2, 2)).ID)
	}
	send(t, s, "alice", order("free", 100, 2))
	apptest.Expire(t, s)

	refunder := envelope.NewRefunder(s.Pots, s.Ledger, s.Buckets, quiet())
	for range 3 {
		if errs := passEverywhere(t, s, refunder); len(errs) > 0 {
			t.Fatal(errs)
		}
	}
	if got, want := apptest.Balance(t, s, "alice"), int64(10_000-unsettled); got != want {
		t.Errorf("alice has %d, want %d", got, want)
	}
	apptest.Settle(t, s) // which finds every grab settled
	if got, want := apptest.Balance(t, s, "bob"), int64(10_000+unsettled); got != want {
		t.Errorf("bob has %d, want %d", got, want)
	}
	apptest.MustBalance(t, s)
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
	apptest.Expire(t, s)

	refunder := envelope.NewRefunder(s.Pots, s.Ledger, s.Buckets, quiet())
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
	apptest.Expire(t, s)
	ctx, stop := context.WithCancel(t.Context())
	refunder := envelope.NewRefunder(stoppingPot{s.Pots, stop}, s.Ledger, s.Buckets, quiet())
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

// dyingPot is the pot of a worker that dies before it retires anything.
type dyingPot struct{ envelope.Pot }

var errKilled = errors.New("killed")

func (dyingPot) Retire(context.Context, []envelope.Retirement) error { return errKilled }

// TestAWorkerThatDiesAfterTheVoid: the money is back and nobody looks at the hold again. Another worker lets the pot go
// and tells the group, once, and leaves alone what is open or cannot be refunded yet.
func TestAWorkerThatDiesAfterTheVoid(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	e := send(t, s, "alice", order("r", 100, 2))
	shard, _ := s.Ledger.ShardOf(e.ID)
	apptest.Expire(t, s)
	refunder := envelope.NewRefunder(dyingPot{s.Pots}, s.Ledger, s.Buckets, quiet())
	if _, _, err := refunder.Pass(t.Context(), shard); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if got := apptest.Balance(t, s, "alice"); got != 1000 {
		t.Fatalf("alice has %d, want 1000", got)
	}
	unsettled := send(t, s, "alice", order("u", 100, 2)) // whose refunder died before the void
	grab(t, s, "bob", unsettled.ID)
	apptest.Expire(t, s)
	if _, err := s.Pots.Close(t.Context(), unsettled.ID); err != nil {
		t.Fatal(err)
	}
	ttl := func(id int64) int64 {
		pot := fmt.Sprintf("{b%d}:e:%d", s.Buckets.Of(shard, id), id)
		return apptest.Must(s.Redis.Do(t.Context(), s.Redis.B().Ttl().Key(pot).Build()).AsInt64())
	}
	if ttl(e.ID) >= 0 {
		t.Fatal("the pot is let go before anybody retired it")
	}
	retirer := envelope.NewRetirer(s.Pots, s.Ledger, s.Buckets, quiet())
	for pass, want := range []int{1, 0} {
		if n, err := retirer.Pass(t.Context(), shard); n != want || err != nil {
			t.Errorf("pass %d retired %d, %v, want %d", pass, n, err, want)
		}
	}
	if ttl(e.ID) < 0 || ttl(unsettled.ID) >= 0 {
		t.Errorf("the pots have %d and %d s to live: want the first to be let go alone", ttl(e.ID), ttl(unsettled.ID))
	}
	refunds := 0
	for bucket, to := s.Buckets.OfShard(shard); bucket < to; bucket++ {
		records, _, err := s.Pots.Read(t.Context(), bucket, "", 100, 0)
		for _, r := range records {
			if r.Kind == envelope.RecordRefunded && r.Envelope == e.ID && r.Refunded == 100 {
				refunds++
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if refunds != 1 {
		t.Errorf("the log tells of %d refunds, want one", refunds)
	}
}
