package envelope_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/roster"
	"github.com/hongbao/hongbao/internal/system"
	"github.com/hongbao/hongbao/internal/system/systemtest"
	"github.com/hongbao/hongbao/wallet"
)

// usersOn returns n users whose shards are on a server.
func usersOn(t *testing.T, s *system.System, server int, n int) (names []string) {
	t.Helper()
	for i := 0; len(names) < n; i++ {
		name := fmt.Sprintf("person%03d", i)
		if s.Cluster.ServerOf(s.Cluster.ForUser(name)) == server {
			names = append(names, name)
		}
	}
	return names
}

// TestAMySQLServerIsDownForAWhile has the sender on one server and receivers on both. Grabs go on while either is down, and
// every credit arrives once it is back.
func TestAMySQLServerIsDownForAWhile(t *testing.T) {
	second := devstack.NewTestMariaDB(t)
	s := systemtest.New(t, func(c *system.Config) { c.MySQL, c.Log = append(c.MySQL, second.DSN()), quiet() })
	here, there := usersOn(t, s, 0, 8), usersOn(t, s, 1, 8)
	systemtest.Fund(t, s, "g", 10_000, append(append([]string{}, here...), there...)...)

	workers, err := roster.New(s.Redis, roster.Config{Key: "workers", Worker: "w", Partitions: s.Buckets.Shards}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	stop := systemtest.Start(t, func(ctx context.Context) { s.Work(ctx, workers) })
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
			systemtest.Until(t, "a credit on the server that is up", func() bool { return systemtest.Balance(t, s, here[1]) >= 10_000+take.Minor })
		}
	}
	_, err = s.Envelopes.Send(t.Context(), there[1], order("down", 100, 1))
	if wallet.RefusalCode(err) != wallet.CodeUnavailable {
		t.Errorf("a send from a server that is down: %v", err)
	}

	if err := second.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := map[string]int64{here[0]: 1600, there[0]: 1600}
	for user, minor := range won {
		systemtest.Until(t, user+" has every credit", func() bool { return systemtest.Balance(t, s, user) == 10_000-sent[user]+minor })
	}
	systemtest.MustBalance(t, s)
}
