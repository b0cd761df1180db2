package revoked

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
)

func connect(t *testing.T, socket string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{socket}, ForceSingleClient: true, DisableCache: true,
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// node is a List that is opened and runs.
func node(t *testing.T, client rueidis.Client, now func() time.Time, enforce func()) *List {
	t.Helper()
	l, err := Open(t.Context(), client, slog.New(slog.DiscardHandler), now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx, enforce)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestEveryNodeLearnsOfARevocation(t *testing.T) {
	client := connect(t, devstack.TestRedis(t).Socket())
	enforced := make(chan struct{}, 1_000)
	one := node(t, client, time.Now, nil)
	two := node(t, client, time.Now, func() { enforced <- struct{}{} })
	for range 2 { // it may be repeated
		if err := one.Add(t.Context(), "stolen", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "both nodes know", func() bool { return one.Has("stolen") && two.Has("stolen") })
	<-enforced
	if one.Has("another") || two.Has("") {
		t.Error("what was not revoked is revoked")
	}
	late, err := Open(t.Context(), client, slog.New(slog.DiscardHandler), time.Now)
	if err != nil || !late.Has("stolen") {
		t.Errorf("a node that starts later does not know: %v", err)
	}

	// What a node knows stays in force where Redis forgets it, and what comes after is learnt too.
	if err := client.Do(t.Context(), client.B().Del().Key(idsKey, versionKey).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if err := two.Add(t.Context(), "lost", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	await(t, "the next revocation is known", func() bool { return one.Has("lost") })
	if !one.Has("stolen") {
		t.Error("a revocation was forgotten")
	}
}

// A revocation is dropped when its token has expired, here and on Redis.
func TestRevocationsEnd(t *testing.T) {
	client := connect(t, devstack.TestRedis(t).Socket())
	at := time.Now()
	l, err := Open(t.Context(), client, slog.New(slog.DiscardHandler), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	add := func(id string, life time.Duration) {
		t.Helper()
		if err := l.Add(t.Context(), id, at.Add(life)); err != nil {
			t.Fatal(err)
		}
		if err := l.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	add("short-lived", time.Minute)
	add("long-lived", time.Hour)
	add("long-lived", time.Minute) // never shortens
	if !l.Has("short-lived") || !l.Has("long-lived") {
		t.Fatal("not revoked")
	}
	at = at.Add(2 * time.Minute)
	add("next", time.Hour)
	kept, err := client.Do(t.Context(), client.B().Zcount().Key(idsKey).Min("-inf").Max(
		"("+l.second()).Build()).AsInt64()
	if err != nil || kept != 0 || l.Has("short-lived") || !l.Has("long-lived") || !l.Has("next") {
		t.Errorf("%d are kept too long, %v, %v", kept, *l.ids.Load(), err)
	}
}

func TestRevocationsStayWhileRedisIsAway(t *testing.T) {
	devstack.SkipInShort(t)
	server, err := devstack.StartRedis(t.Context(), devstack.RedisOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	client := connect(t, server.Socket())
	l := node(t, client, time.Now, nil)
	if err := l.Add(t.Context(), "stolen", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	await(t, "it is known", func() bool { return l.Has("stolen") })
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := l.refresh(ctx); err == nil {
		t.Error("Redis is away, and nobody says so")
	}
	if err := l.Add(ctx, "more", time.Now().Add(time.Hour)); err == nil {
		t.Error("revoked without Redis")
	}
	if !l.Has("stolen") {
		t.Error("a revocation was forgotten")
	}
}
