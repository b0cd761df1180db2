package redispot

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
)

// TestAnsweredWinsOutliveRedis kills Redis in the middle of grabs, several times.
func TestAnsweredWinsOutliveRedis(t *testing.T) {
	const rounds, grabbers, share = 5, 16, 7
	server := devstack.NewTestRedis(t)
	r := &rig{client: openSocket(t, server.Socket())}
	r.Pots = r.pots(t, r.client, nil)
	r.Install(t)
	var e envelope.Envelope
	answered := map[string]envelope.Take{}
	for round := range rounds {
		if round == 0 {
			many := make([]int64, 20_000)
			for i := range many {
				many[i] = share
			}
			e = pottest.Envelope(many...)
			pottest.MustFill(t, r, e)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		before := len(answered)
		grabbing, stop := context.WithCancel(t.Context())
		for g := range grabbers {
			wg.Go(func() {
				for i := 0; ; i++ {
					user := fmt.Sprintf("user-%d-%d-%d", round, g, i)
					take, outcome, err := r.Take(grabbing, e.ID, user)
					if err != nil {
						return
					}
					if outcome != envelope.Won && outcome != envelope.AlreadyWon {
						t.Errorf("%s got %s", user, outcome)
						return
					}
					mu.Lock()
					answered[user] = take
					mu.Unlock()
				}
			})
		}
		pottest.Eventually(t, "grabs are answered", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(answered)-before >= 300
		})
		server.Kill()
		stop()
		wg.Wait()
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// A grab that was under way when its caller left is still carried out; the last of them must not come between.
	pottest.Eventually(t, "nothing is under way", func() bool {
		b, err := r.of(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		return b.grabs.Idle()
	})
	kept := map[string]envelope.Take{}
	for _, take := range pottest.MustLook(t, r, e.ID).Taken {
		kept[take.User] = take
	}
	logged := map[string]envelope.Take{}
	for _, record := range pottest.ReadAll(t, r, pottest.BucketOf(e.ID)) {
		if record.Kind == envelope.RecordTaken {
			logged[record.Take.User] = record.Take
		}
	}
	for user, take := range answered {
		if kept[user] != take || logged[user] != take {
			t.Errorf("%s was answered %+v, the pot has %+v, the log %+v", user, take, kept[user], logged[user])
		}
	}
	if len(kept) != len(logged) {
		t.Errorf("%d takes in the pot, %d in the log", len(kept), len(logged))
	}
	t.Logf("%d answered, %d kept", len(answered), len(kept))
}

func TestReplicasConfirmBeforeTheAnswer(t *testing.T) {
	port, replicaPort := freePort(t), freePort(t)
	startNode(t, port)
	startNode(t, replicaPort, "--replicaof", "127.0.0.1 "+strconv.Itoa(port))
	primary := fmt.Sprintf("127.0.0.1:%d", port)
	replica := openTCP(t, true, fmt.Sprintf("127.0.0.1:%d", replicaPort))
	r := &rig{client: openTCP(t, true, primary)}
	follow := func() {
		t.Helper()
		do(t, replica, "REPLICAOF", "127.0.0.1", strconv.Itoa(port))
		pottest.Eventually(t, "the replica confirms a write", func() bool {
			c, release := r.client.Dedicate()
			defer release()
			answers := c.DoMulti(t.Context(), c.B().Set().Key("follow").Value("").Build(),
				c.B().Wait().Numreplicas(1).Timeout(50).Build())
			confirmed, err := answers[1].AsInt64()
			return err == nil && confirmed == 1
		})
	}
	follow()

	r.open = func(t testing.TB) rueidis.Client { return openTCP(t, true, primary) }
	waiting := func(timeout time.Duration) func(*Config) {
		return func(c *Config) { c.WaitReplicas, c.WaitTimeout = 1, timeout }
	}
	// A replica that is there confirms in the end, however busy the machine is.
	r.Pots = r.pots(t, r.client, waiting(time.Minute))
	r.Install(t)
	big, small := pottest.Envelope(pottest.Shares(100)...), pottest.Envelope(5)
	pottest.MustFill(t, r, big)
	pottest.MustFill(t, r, small)
	wins := pottest.Crowd(t, []pottest.Pots{r}, big.ID, 150, 500)
	pottest.CheckCrowd(t, r, big, wins)
	drained := pottest.Envelope(9)
	pottest.MustFill(t, r, drained)
	pottest.MustTake(t, r, drained.ID, "early", envelope.Won)

	do(t, replica, "REPLICAOF", "NO", "ONE")
	r.Pots = r.pots(t, r.client, waiting(300*time.Millisecond))
	onReplica := r.pots(t, replica, nil)
	for _, take := range pottest.MustLook(t, onReplica, big.ID).Taken {
		if wins[take.User] != take {
			t.Errorf("the replica has %+v, answered was %+v", take, wins[take.User])
		}
	}
	if s := pottest.MustLook(t, onReplica, big.ID); s.Left != 0 {
		t.Errorf("the replica lacks %d takes", s.Left)
	}

	refused := func(call string, err error) {
		t.Helper()
		if refusal.CodeOf(err) != refusal.CodeUnavailable {
			t.Errorf("%s without a replica: %v", call, err)
		}
	}
	for range 2 { // the repeated grab is as unsafe as the first
		_, _, err := r.Take(t.Context(), small.ID, "a")
		refused("Take", err)
	}
	pottest.MustTake(t, r, small.ID, "b", envelope.Empty) // nothing was given, so nothing can be lost
	if _, remembered := r.finals.get(small.ID); remembered {
		t.Error("a win that no replica has is remembered")
	}
	_, _, err := r.Take(t.Context(), small.ID, "a")
	refused("Take", err)
	r.Expire(t, small.ID)
	_, err = r.Close(t.Context(), small.ID)
	refused("Close", err)
	_, _, err = r.Read(t.Context(), pottest.BucketOf(small.ID), "", 10, 0)
	refused("Read", err)
	refused("Fill", r.Fill(t.Context(), pottest.Envelope(1), nil))
	refused("Retire", r.Retire(t.Context(), []envelope.Retirement{{Envelope: small.ID}}))

	follow()
	r.Pots = r.pots(t, r.client, waiting(time.Minute))
	if got := pottest.MustTake(t, r, small.ID, "a", envelope.AlreadyWon); got.Minor != 5 {
		t.Errorf("a has %+v", got)
	}
	if log := pottest.ReadAll(t, r, pottest.BucketOf(small.ID)); len(log) == 0 {
		t.Error("the log is empty")
	}
}
