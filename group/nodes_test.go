package group_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
	"github.com/hongbao/hongbao/push/redisbus"
)

const channel = "groups"

// overBus announces through Redis.
type overBus struct{ bus *redisbus.Bus }

func (o overBus) Announce(ctx context.Context, g string) error {
	return o.bus.Announce(ctx, channel, []byte(g))
}

// newNode is a directory as on one node of several, connected through Redis.
func newNode(t *testing.T, s group.Store) (*group.Directory, rueidis.Client) {
	t.Helper()
	option := rueidis.ClientOption{
		InitAddress:  []string{devstack.TestRedis(t).Socket()},
		DisableCache: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	bus, err := redisbus.New(client, option, slog.New(slog.NewTextHandler(io.Discard, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	d := newDirectory(t, s, overBus{bus})
	if _, err := bus.OnAnnounce(t.Context(), channel, func(g []byte) { d.Invalidate(string(g)) }, d.Flush); err != nil {
		t.Fatal(err)
	}
	return d, client
}

// seenWithin is long enough for a busy machine, and well below the backstop of 10 s.
const seenWithin = 5 * time.Second

func waitForMember(t *testing.T, d *group.Directory, user string, want bool) {
	t.Helper()
	deadline := time.Now().Add(seenWithin)
	for {
		is, err := d.IsMember(t.Context(), "g", user)
		if err != nil {
			t.Fatal(err)
		}
		if is == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v the other node still answers %v for %s", seenWithin, is, user)
		}
		time.Sleep(time.Millisecond) // between two looks at a condition with a deadline
	}
}

func TestChangeOnOneNodeIsSeenOnAnother(t *testing.T) {
	c := shardstest.New(t, 2)
	s := mysqlgroup.New(c)
	if err := mysqlgroup.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	here, _ := newNode(t, s)
	there, client := newNode(t, s)
	expectMember(t, there, "g", "ann", false)
	if err := here.Create(t.Context(), "g", []string{"ann"}); err != nil {
		t.Fatal(err)
	}
	waitForMember(t, there, "ann", true)
	if err := here.Add(t.Context(), "g", "bob"); err != nil {
		t.Fatal(err)
	}
	waitForMember(t, there, "bob", true)
	if err := here.Remove(t.Context(), "g", "ann"); err != nil {
		t.Fatal(err)
	}
	waitForMember(t, there, "ann", false)

	// Nobody hears of this one; the interruption of the announcements makes up for it.
	if err := s.Remove(t.Context(), "g", "bob"); err != nil {
		t.Fatal(err)
	}
	expectMember(t, there, "g", "bob", true)
	if err := client.Do(t.Context(), client.B().ClientKill().TypePubsub().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	waitForMember(t, there, "bob", false)
}
