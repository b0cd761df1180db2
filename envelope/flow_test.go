package envelope_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

func users(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("user%03d", i)
	}
	return names
}

func order(id string, total int64, count int) envelope.Order {
	return envelope.Order{RequestID: id, Group: "g", Kind: string(envelope.Lucky), Total: total, Count: count,
		Currency: "CNY", Greeting: "恭喜发财"}
}

func send(t *testing.T, s *app.App, sender string, o envelope.Order) envelope.View {
	t.Helper()
	v, err := s.Envelopes.Send(t.Context(), sender, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func grab(t *testing.T, s *app.App, user string, id int64) envelope.Grabbed {
	t.Helper()
	g, err := s.Envelopes.Grab(t.Context(), user, id)
	if err != nil {
		t.Fatalf("grab of %s: %v", user, err)
	}
	return g
}

// quiet is a log for parts whose failures are the test's purpose.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func settlerOf(s *app.App, log envelope.Log, ledger envelope.Ledger) *envelope.Settler {
	return envelope.NewSettler(log, s.Pots, ledger, s.Buckets, quiet())
}

func TestAThousandGrabsOfAHundredShares(t *testing.T) {
	s := apptest.New(t, nil)
	names := users(300)
	apptest.Fund(t, s, "g", 0, names...)
	if _, err := s.Wallets.TopUp(t.Context(), names[0], "fund", 100_000, "CNY"); err != nil {
		t.Fatal(err)
	}
	e := send(t, s, names[0], order("r1", 100_000, 100))

	const grabs = 1000
	var mu sync.Mutex
	won := make(map[string]envelope.Take)
	var wg sync.WaitGroup
	for i := range grabs {
		wg.Go(func() {
			user := names[i%len(names)]
			g, err := s.Envelopes.Grab(t.Context(), user, e.ID)
			if err != nil {
				t.Errorf("grab: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			switch before, ok := won[user]; {
			case g.Outcome == envelope.Won && ok && before != g.Take, g.Outcome == envelope.AlreadyWon && ok &&
				before != g.Take:
				t.Errorf("%s has %+v and %+v", user, before, g.Take)
			case g.Outcome == envelope.Won || g.Outcome == envelope.AlreadyWon:
				won[user] = g.Take
			}
		})
	}
	wg.Wait()

	if len(won) != 100 {
		t.Fatalf("%d winners, want 100", len(won))
	}
	total, shares := int64(0), make(map[int]bool)
	for _, take := range won {
		total += take.Minor
		shares[take.Share] = true
	}
	if total != 100_000 || len(shares) != 100 {
		t.Fatalf("%d different shares sum to %d, want 100 and 100000", len(shares), total)
	}
	apptest.Settle(t, s)
	for _, user := range names {
		if got := apptest.Balance(t, s, user); got != won[user].Minor {
			t.Errorf("%s was credited %d, want %d", user, got, won[user].Minor)
		}
	}
	v, err := s.Envelopes.Get(t.Context(), names[0], e.ID)
	if err != nil || v.State != envelope.StateDrained || v.Best < 0 || len(v.Taken) != 100 {
		t.Errorf("view: %v, state %s, best %d of %d", err, v.State, v.Best, len(v.Taken))
	}
	checkRevealed(t, v)
	apptest.MustBalance(t, s)
}

// checkRevealed redoes the split of a closed envelope.
func checkRevealed(t *testing.T, v envelope.View) {
	t.Helper()
	if err := envelope.Verify(v); err != nil {
		t.Error(err)
	}
}

func TestSendTwice(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	first := send(t, s, "alice", order("r1", 600, 2))
	if again := send(t, s, "alice", order("r1", 600, 2)); again.ID != first.ID {
		t.Errorf("a repeat made envelope %d beside %d", again.ID, first.ID)
	}
	if got := apptest.Balance(t, s, "alice"); got != 400 {
		t.Errorf("alice has %d after one send of 600, want 400", got)
	}
	_, err := s.Envelopes.Send(t.Context(), "alice", order("r1", 300, 2))
	if refusal.CodeOf(err) != refusal.CodeRequestConflict {
		t.Errorf("another order under the same id: %v", err)
	}
	// The same id of another user is another request.
	if other := send(t, s, "bob", order("r1", 600, 2)); other.ID == first.ID {
		t.Error("two users share a request")
	}
	// A repeat stands even when the installation allows less, and when its sender may no longer send.
	stricter := envelope.DefaultLimits()
	stricter.Mean, stricter.Count, stricter.Greeting = 1, 1, 1
	strict := envelope.NewService(s.Ledger, s.Pots, s.Groups, nil, s.Metadata, stricter, time.Now)
	if again, err := strict.Send(t.Context(), "alice", order("r1", 600, 2)); err != nil || again.ID != first.ID {
		t.Errorf("a repeat under lower limits made %d beside %d, %v", again.ID, first.ID, err)
	}
	if _, err := strict.Send(t.Context(), "alice", order("r2", 600, 2)); refusal.CodeOf(err) !=
		envelope.CodeCountOutOfRange {
		t.Errorf("a new order under lower limits: %v", err)
	}
	if err := s.Groups.Remove(t.Context(), "g", "alice"); err != nil {
		t.Fatal(err)
	}
	if again := send(t, s, "alice", order("r1", 600, 2)); again.ID != first.ID {
		t.Errorf("a repeat after leaving made envelope %d beside %d", again.ID, first.ID)
	}
	if _, err := s.Envelopes.Send(t.Context(), "alice",
		order("r2", 100, 1)); refusal.CodeOf(err) != refusal.CodeNotAMember {
		t.Errorf("a new order after leaving: %v", err)
	}
	apptest.MustBalance(t, s)
}

func TestRefusedOrdersMoveNothing(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol")
	apptest.Fund(t, s, "other", 0, "dave")
	for name, test := range map[string]struct {
		change func(*envelope.Order)
		code   string
	}{
		"mean over the limit":    {func(o *envelope.Order) { o.Total = 40_001 }, refusal.CodeAmountOutOfRange},
		"count over the members": {func(o *envelope.Order) { o.Count = 4 }, envelope.CodeCountOutOfRange},
		"another currency":       {func(o *envelope.Order) { o.Currency = "JPY" }, refusal.CodeInsufficientBalance},
		"not one's group":        {func(o *envelope.Order) { o.Group = "other" }, refusal.CodeNotAMember},
		"no such group":          {func(o *envelope.Order) { o.Group = "nowhere" }, refusal.CodeNotAMember},
		"text that turns around": {func(o *envelope.Order) { o.Greeting = "\u202e001¥" }, refusal.CodeInvalidArgument},
		"exclusive to a stranger": {func(o *envelope.Order) { o.Kind, o.Count, o.To = "exclusive", 1, "dave" },
			envelope.CodeRecipientNotAMember},
		"more than one has": {func(o *envelope.Order) { o.Total = 1001 }, refusal.CodeInsufficientBalance},
	} {
		t.Run(name, func(t *testing.T) {
			o := order("refused", 600, 2)
			test.change(&o)
			_, err := s.Envelopes.Send(t.Context(), "alice", o)
			if refusal.CodeOf(err) != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
		})
	}
	if got := apptest.Balance(t, s, "alice"); got != 1000 {
		t.Errorf("alice has %d, want 1000", got)
	}
	lines, err := s.Envelopes.ListSent(t.Context(), "alice", 0, 10)
	if err != nil || len(lines) != 0 {
		t.Errorf("%d envelopes were sent, %v", len(lines), err)
	}
	keys, err := s.Redis.Do(t.Context(), s.Redis.B().Keys().Pattern("*:e:*").Build()).AsStrSlice()
	if err != nil || len(keys) != 0 {
		t.Errorf("Redis holds %v, %v", keys, err)
	}
	apptest.MustBalance(t, s)
}

func TestWhoMayGrabAndLook(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol")
	apptest.Fund(t, s, "other", 0, "dave")
	o := order("r", 500, 1)
	o.Kind, o.To = string(envelope.Exclusive), "bob"
	e := send(t, s, "alice", o)

	for user, code := range map[string]string{"dave": refusal.CodeNotAMember, "carol": envelope.CodeNotTheRecipient,
		"alice": envelope.CodeNotTheRecipient} {
		if _, err := s.Envelopes.Grab(t.Context(), user, e.ID); refusal.CodeOf(err) != code {
			t.Errorf("grab of %s: %v, want %s", user, err, code)
		}
	}
	if _, err := s.Envelopes.Get(t.Context(), "dave", e.ID); refusal.CodeOf(err) != refusal.CodeNotAMember {
		t.Errorf("look of a stranger: %v", err)
	}
	for _, id := range []int64{0, -1, 1, e.ID + 1<<20, 1<<63 - 1} {
		if _, err := s.Envelopes.Grab(t.Context(), "bob", id); refusal.CodeOf(err) != envelope.CodeEnvelopeNotFound {
			t.Errorf("grab of %d: %v", id, err)
		}
	}
	v, err := s.Envelopes.Get(t.Context(), "carol", e.ID)
	if err != nil || v.Seed != (envelope.Seed{}) || v.Shares != nil || v.Revealed || v.State != envelope.StateOpen {
		t.Errorf("an open envelope shows %+v, %v", v, err)
	}
	if g := grab(t, s, "bob", e.ID); g.Outcome != envelope.Won || g.Take.Minor != 500 {
		t.Errorf("bob got %+v", g)
	}
	if g := grab(t, s, "bob", e.ID); g.Outcome != envelope.AlreadyWon || g.Take.Minor != 500 {
		t.Errorf("bob's second grab: %+v", g)
	}
	apptest.Settle(t, s)
	apptest.MustBalance(t, s)
}

// brokenPot fails where a process would have died before Fill.
type brokenPot struct{ envelope.Pot }

var errDied = errors.New("the process died here")

func (brokenPot) Fill(context.Context, envelope.Envelope, []envelope.Take) error { return errDied }

func TestACrashBetweenHoldAndFill(t *testing.T) {
	later := time.Now
	s := apptest.New(t, func(c *app.Config) { c.Now = func() time.Time { return later() } })
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	dying := envelope.NewService(s.Ledger, brokenPot{s.Pots}, s.Groups, nil, s.Metadata, envelope.DefaultLimits(),
		time.Now)
	for _, id := range []string{"swept", "repeated", "expired"} {
		if _, err := dying.Send(t.Context(), "alice", order(id, 100, 2)); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
	}
	if got := apptest.Balance(t, s, "alice"); got != 700 {
		t.Fatalf("alice has %d, want 700: the money is held", got)
	}
	lines, err := s.Envelopes.ListSent(t.Context(), "alice", 0, 10)
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d envelopes, %v", len(lines), err)
	}
	if _, err := s.Envelopes.Grab(t.Context(), "bob", lines[0].ID); refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("grab without a pot: %v", err)
	}

	// The sender's application repeats the call.
	repeated := send(t, s, "alice", order("repeated", 100, 2))
	if g := grab(t, s, "bob", repeated.ID); g.Outcome != envelope.Won {
		t.Errorf("grab after a repeat: %+v", g)
	}
	// The sweeper finds the others.
	recovery, err := s.Recover(t.Context())
	if err != nil || recovery.Lost || recovery.Filled != 2 {
		t.Fatalf("recover: %+v, %v", recovery, err)
	}
	for _, line := range lines {
		if line.ID != repeated.ID {
			if g := grab(t, s, "bob", line.ID); g.Outcome != envelope.Won {
				t.Errorf("grab after the sweep: %+v", g)
			}
		}
	}
	apptest.Settle(t, s)
	apptest.MustBalance(t, s)
}

func TestAnEnvelopeThatWasNeverFilledIsRefunded(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.Limits.OpenFor = time.Millisecond })
	apptest.Fund(t, s, "g", 1000, "alice", "bob")
	limits := envelope.DefaultLimits()
	limits.OpenFor = time.Millisecond
	dying := envelope.NewService(s.Ledger, brokenPot{s.Pots}, s.Groups, nil, s.Metadata, limits, time.Now)
	if _, err := dying.Send(t.Context(), "alice", order("r", 100, 2)); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	refundAll(t, s, "alice", 1000)
	apptest.MustBalance(t, s)
}

// refundAll runs the refunder until the user has so much.
func refundAll(t *testing.T, s *app.App, user string, want int64) {
	t.Helper()
	refunder := envelope.NewRefunder(s.Pots, s.Ledger, s.Buckets, quiet())
	apptest.Until(t, fmt.Sprintf("%s has %d", user, want), func() bool {
		for shard := range s.Buckets.Shards {
			if _, _, err := refunder.Pass(t.Context(), shard); err != nil {
				t.Fatal(err)
			}
		}
		return apptest.Balance(t, s, user) == want
	})
}

func TestTwoSettlersOnOneLog(t *testing.T) {
	s := apptest.New(t, nil)
	names := users(60)
	apptest.Fund(t, s, "g", 10_000, names...)
	for round := range 20 {
		e := send(t, s, names[round], order(fmt.Sprint("r", round), 1000, 50))
		for _, user := range names[:50] {
			grab(t, s, user, e.ID)
		}
	}
	second := apptest.Open(t, configOf(t, s))
	var wg sync.WaitGroup
	for _, one := range []*app.App{s, second} {
		for range 2 {
			wg.Go(func() {
				if err := one.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	apptest.Settle(t, s)
	total := int64(0)
	for _, user := range names {
		total += apptest.Balance(t, s, user)
	}
	if total != 60*10_000 {
		t.Errorf("all wallets sum to %d, want %d", total, 60*10_000)
	}
	apptest.MustBalance(t, s)
}

// forgetful is a log whose reader dies before it acknowledges.
type forgetful struct {
	envelope.Log
	dies atomic.Bool
}

func (f *forgetful) Acknowledge(ctx context.Context, bucket int, r pots.Reader, upTo pots.Position) error {
	if f.dies.Load() {
		return errDied
	}
	return f.Log.Acknowledge(ctx, bucket, r, upTo)
}

func TestASettlerThatDiesBetweenPostAndAcknowledge(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol")
	e := send(t, s, "alice", order("r", 300, 3))
	for _, user := range []string{"alice", "bob", "carol"} {
		grab(t, s, user, e.ID)
	}
	log := &forgetful{Log: s.Pots}
	log.dies.Store(true)
	settler := settlerOf(s, log, s.Ledger)
	for range 3 {
		for shard := range s.Buckets.Shards {
			if err := settler.Drain(t.Context(), shard); err != nil && !errors.Is(err, errDied) {
				t.Fatal(err)
			}
		}
	}
	log.dies.Store(false)
	apptest.Settle(t, s)
	if sum := apptest.Balance(t, s, "alice") + apptest.Balance(t, s, "bob") +
		apptest.Balance(t, s, "carol"); sum != 3000 {
		t.Errorf("the three have %d, want 3000", sum)
	}
	apptest.MustBalance(t, s)
}

func TestExpiryRacesTheLastGrab(t *testing.T) {
	s := apptest.New(t, func(c *app.Config) { c.Limits.OpenFor = time.Hour })
	apptest.Fund(t, s, "g", 100_000, "alice", "bob")
	const rounds = 1000
	refunder := envelope.NewRefunder(s.Pots, s.Ledger, s.Buckets, quiet())
	won, wonMinor := 0, int64(0)
	for round := range rounds {
		o := order(fmt.Sprint("r", round), 20, 1)
		e := send(t, s, "alice", o)
		var wg sync.WaitGroup
		wg.Go(func() {
			looks := 0
			if round%4 == 0 { // the end of time comes after several questions to the servers: so does the grab
				looks = round / 4 % 24
			}
			for range looks {
				if _, err := s.Pots.Look(t.Context(), e.ID); err != nil {
					t.Error(err)
				}
			}
			g, err := s.Envelopes.Grab(t.Context(), "bob", e.ID)
			switch {
			case err != nil:
				t.Error(err)
			case g.Outcome == envelope.Won:
				won++
				wonMinor += g.Take.Minor
			case g.Outcome != envelope.Expired:
				t.Errorf("grab: %s", g.Outcome)
			}
		})
		wg.Go(func() {
			apptest.Expire(t, s, e.ID)
			shard, _ := s.Ledger.ShardOf(e.ID)
			if _, _, err := refunder.Pass(t.Context(), shard); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if round%10 == 0 { // what is won and not settled is due again and again
			apptest.Settle(t, s)
		}
	}
	apptest.Settle(t, s)
	for shard := range s.Buckets.Shards {
		if _, _, err := refunder.Pass(t.Context(), shard); err != nil {
			t.Fatal(err)
		}
	}
	if won == 0 || won == rounds {
		t.Errorf("%d of %d grabs won: there was no race", won, rounds)
	}
	if bob := apptest.Balance(t, s, "bob"); bob != 100_000+wonMinor {
		t.Errorf("bob has %d, want %d", bob, 100_000+wonMinor)
	}
	if alice := apptest.Balance(t, s, "alice"); alice != 100_000-wonMinor {
		t.Errorf("alice has %d, want %d: refunded + grabbed must be the total", alice, 100_000-wonMinor)
	}
	apptest.MustBalance(t, s)
}

func TestRedisEmptied(t *testing.T) {
	s := apptest.New(t, nil)
	apptest.Fund(t, s, "g", 1000, "alice", "bob", "carol")
	e := send(t, s, "alice", order("r", 600, 3))
	first := grab(t, s, "bob", e.ID)
	apptest.Settle(t, s)

	if err := s.Redis.Do(t.Context(), s.Redis.B().Flushall().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Envelopes.Grab(t.Context(), "carol", e.ID); !errors.Is(err, pots.ErrLost) {
		t.Errorf("grab on an emptied Redis: %v", err)
	}
	if _, err := s.Envelopes.Send(t.Context(), "alice", order("while-lost", 100, 1)); err == nil {
		t.Error("a send on an emptied Redis was acknowledged")
	}
	recovery, err := s.Recover(t.Context())
	if err != nil || !recovery.Lost || recovery.Filled < 1 {
		t.Fatalf("recover: %+v, %v", recovery, err)
	}
	if again := grab(t, s, "bob", e.ID); again.Outcome != envelope.AlreadyWon || again.Take.Share != first.Take.Share ||
		again.Take.Minor != first.Take.Minor {
		t.Errorf("bob had %+v and now has %+v", first, again)
	}
	for _, user := range []string{"carol", "alice"} {
		if g := grab(t, s, user, e.ID); g.Outcome != envelope.Won || g.Take.Share == first.Take.Share {
			t.Errorf("%s got %+v", user, g)
		}
	}
	apptest.Settle(t, s)
	v, err := s.Envelopes.Get(t.Context(), "bob", e.ID)
	if err != nil || v.State != envelope.StateDrained {
		t.Fatalf("view: %s, %v", v.State, err)
	}
	checkRevealed(t, v)
	apptest.MustBalance(t, s)
}

// configOf is how a second process would open the same installation.
func configOf(t *testing.T, s *app.App) app.Config {
	c := s.Config()
	return c
}
