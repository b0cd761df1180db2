package envelope_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/internal/refusal"
)

// usersOn returns n users whose shards are on a server.
func usersOn(t *testing.T, s *app.App, server int, n int) (names []string) {
	t.Helper()
	for i := 0; len(names) < n; i++ {
		name := fmt.Sprintf("person%03d", i)
		if s.Cluster.ServerOf(s.Cluster.ForUser(name)) == server {
			names = append(names, name)
		}
	}
	return names
}

// TestAMySQLServerIsDownForAWhile has the sender on one server and receivers on both. Grabs go on while either is down,
// and every credit arrives once it is back.
func TestAMySQLServerIsDownForAWhile(t *testing.T) {
	second := devstack.NewTestMySQL(t)
	s := apptest.New(t, func(c *app.Config) { c.MySQL, c.Log = append(c.MySQL, second.DSN()), quiet() })
	here, there := usersOn(t, s, 0, 8), usersOn(t, s, 1, 8)
	apptest.Fund(t, s, "g", 10_000, append(append([]string{}, here...), there...)...)

	workers, err := membership.New(s.Redis, membership.Config{Key: "workers", Worker: "w",
		Partitions: s.Buckets.Shards}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	stop := apptest.Start(t, func(ctx context.Context) { s.Work(ctx, workers) })
	defer stop()

	fromHere := send(t, s, here[0], order("here", 1600, 16))
	fromThere := send(t, s, there[0], order("there", 1600, 16))
	second.Kill()

	won := map[string]int64{}
	for _, user := range append(append([]string{}, here...), there...) {
		for _, id := range []int64{fromHere.ID, fromThere.ID} {
			g := grab(t, s, user, id)
			if g.Outcome != envelope.Won {
				t.Fatalf("grab while a server is down: %s", g.Outcome)
			}
			won[user] += g.Take.Minor
		}
	}
	// Whose wallet is on the server that is up gets what was sent there.
	first, err := s.Envelopes.Get(t.Context(), here[1], fromHere.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, take := range first.Taken {
		if take.User == here[1] {
			apptest.Until(t, "a credit on the server that is up",
				func() bool { return apptest.Balance(t, s, here[1]) >= 10_000+take.Minor })
		}
	}
	_, err = s.Envelopes.Send(t.Context(), there[1], order("down", 100, 1))
	if refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("a send from a server that is down: %v", err)
	}

	if err := second.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := map[string]int64{here[0]: 1600, there[0]: 1600}
	for user, minor := range won {
		apptest.Until(t, user+" has every credit", func() bool {
			return apptest.Balance(t, s,
				user) == 10_000-sent[user]+minor
		})
	}
	apptest.MustBalance(t, s)
}
