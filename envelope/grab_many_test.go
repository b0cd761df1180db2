package envelope_test

import (
	"context"
	"errors"
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

// members is a directory of one group. Whoever asks about user "slow" waits until their context ends.
type members map[string]bool

func (m members) IsMember(ctx context.Context, _, user string) (bool, error) {
	if user == "slow" {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return m[user], nil
}

func (m members) Size(context.Context, string) (int, error) { return len(m), nil }

// unreadable is a ledger that cannot read some holds.
type unreadable struct {
	*memledger.Ledger
	ids map[int64]bool
}

var errAway = errors.New("the shard is away")

func (l unreadable) GetHold(ctx context.Context, id int64) (ledger.Hold, error) {
	if l.ids[id] {
		return ledger.Hold{}, errAway
	}
	return l.Ledger.GetHold(ctx, id)
}

// TestGrabMany: each grab of a call is answered as if it had been made alone, and the money agrees with the answers.
func TestGrabMany(t *testing.T) {
	book := ledgertest.Must(memledger.New(memledger.Config{Shards: 2, Now: time.Now, NewID: memledger.Count()}))
	l := unreadable{book, map[int64]bool{}}
	buckets := pots.Buckets{Shards: 2, PerShard: 2}
	pot := ledgertest.Must(mempot.New(mempot.Config{
		Buckets: buckets, ShardOf: book.ShardOf, Now: time.Now, After: time.After,
	}))
	group := members{"alice": true, "bob": true, "carol": true}
	service := func() *envelope.Service { // a process that remembers nothing
		return envelope.NewService(l, pot, group, nil, envelope.NewMetadata(l), envelope.DefaultLimits(), time.Now)
	}
	books := ledgertest.OfMemory(t, book, new(ledgertest.Clock))
	books.TopUp("alice", 1000)
	sent := func(o envelope.Order) int64 {
		return ledgertest.Must(service().Send(t.Context(), "alice", o)).ID
	}
	two, toCarol, drained := sent(order("two", 10, 2)), order("carol", 5, 1), sent(order("drained", 3, 1))
	toCarol.Kind, toCarol.To = string(envelope.Exclusive), "carol"
	exclusive, away := sent(toCarol), sent(order("away", 7, 1))
	ledgertest.Must(service().Grab(t.Context(), "alice", drained))
	l.ids[away] = true

	asks := []envelope.Ask{
		{Envelope: two, User: "bob"}, {Envelope: two, User: "mallory"}, {Envelope: 1 << 40, User: "bob"},
		{Envelope: two, User: "bob"}, {Envelope: exclusive, User: "bob"}, {Envelope: exclusive, User: "carol"},
		{Envelope: away, User: "bob"}, {Envelope: drained, User: "bob"}, {Envelope: drained, User: "alice"},
		{Envelope: two, User: "carol"}, {Envelope: -1, User: "bob"}, {Envelope: two, User: "alice"},
	}
	wants := []struct {
		outcome envelope.Outcome
		code    string
		err     error
	}{
		{outcome: envelope.Won}, {code: refusal.CodeNotAMember}, {code: envelope.CodeEnvelopeNotFound},
		{outcome: envelope.AlreadyWon}, {code: envelope.CodeNotTheRecipient}, {outcome: envelope.Won},
		{err: errAway}, {outcome: envelope.Empty}, {outcome: envelope.AlreadyWon},
		{outcome: envelope.Won}, {code: envelope.CodeEnvelopeNotFound}, {outcome: envelope.Empty},
	}
	s := service()
	results := ledgertest.Must(s.GrabMany(t.Context(), asks))
	for i, w := range wants {
		r := results[i]
		switch {
		case w.code != "" && refusal.CodeOf(r.Err) != w.code, w.err != nil && !errors.Is(r.Err, w.err),
			w.outcome != "" && (r.Err != nil || r.Outcome != w.outcome || r.Currency != "CNY"):
			t.Errorf("grab %d, %+v: %+v, want %+v", i, asks[i], r, w)
		}
	}
	if results[0].Take != results[3].Take || results[0].Take.Minor+results[9].Take.Minor != 10 {
		t.Errorf("bob has %+v and again %+v, carol %+v", results[0].Take, results[3].Take, results[9].Take)
	}

	settler := envelope.NewSettler(pot, pot, book, buckets, quiet())
	for shard := range buckets.Shards {
		if err := settler.Drain(t.Context(), shard); err != nil {
			t.Fatal(err)
		}
	}
	if h := ledgertest.Must(book.GetHold(t.Context(), two)); h.Posted != 10 || h.Open {
		t.Errorf("two users were told of 10, and %+v says what was posted", h)
	}
	again := ledgertest.Must(s.GrabMany(t.Context(), asks[:1]))
	if again[0].Outcome != envelope.AlreadyWon || again[0].Take != results[0].Take {
		t.Errorf("after it is settled bob is told %+v, and was told %+v", again[0], results[0])
	}
}

// TestGrabManyBounds: no grabs, too many, and a directory that does not answer about one user.
func TestGrabManyBounds(t *testing.T) {
	book := ledgertest.Must(memledger.New(memledger.Config{Shards: 1, Now: time.Now, NewID: memledger.Count()}))
	pot := ledgertest.Must(mempot.New(mempot.Config{
		Buckets: pots.Buckets{Shards: 1, PerShard: 1}, ShardOf: book.ShardOf, Now: time.Now, After: time.After,
	}))
	s := envelope.NewService(book, pot, members{"alice": true, "bob": true}, nil, envelope.NewMetadata(book),
		envelope.DefaultLimits(), time.Now)
	ledgertest.OfMemory(t, book, new(ledgertest.Clock)).TopUp("alice", 1000)
	one := ledgertest.Must(s.Send(t.Context(), "alice", order("one", 10, 1))).ID
	other := ledgertest.Must(s.Send(t.Context(), "alice", order("other", 10, 1))).ID
	for _, n := range []int{0, envelope.MaxGrabs + 1} {
		asks := make([]envelope.Ask, n)
		for i := range asks {
			asks[i] = envelope.Ask{Envelope: one, User: "bob"}
		}
		if _, err := s.GrabMany(t.Context(), asks); refusal.CodeOf(err) != refusal.CodeInvalidArgument {
			t.Errorf("%d grabs: %v", n, err)
		}
	}
	if state := ledgertest.Must(pot.Look(t.Context(), one)); len(state.Taken) != 0 {
		t.Errorf("a refused call took %+v", state.Taken)
	}
	results := ledgertest.Must(s.GrabMany(t.Context(), []envelope.Ask{
		{Envelope: other, User: "slow"}, {Envelope: one, User: "bob"},
	}))
	if !errors.Is(results[0].Err, context.DeadlineExceeded) || results[1].Outcome != envelope.Won {
		t.Errorf("beside a user of whom nothing is known: %+v", results)
	}
}
