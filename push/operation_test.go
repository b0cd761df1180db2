package push_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/push"
)

// anybody lets whoever comes connect, as ann.
type anybody struct{}

func (anybody) Authenticate(*http.Request) (push.Session, error) {
	return push.Session{Subject: "ann", Token: "secret"}, nil
}

func (anybody) Renew(_ context.Context, s push.Session, token string) (push.Session, error) {
	return s, nil
}

func (anybody) GoOn(string) bool { return true }

func (anybody) MayListen(context.Context, string, string) error { return nil }

// operating connects to a hub without topics that has one operation, op.
func operating(t *testing.T, cfg push.Config, op push.Operation) *client {
	t.Helper()
	cfg.Operations = map[string]push.Operation{"op": op}
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), 500) }
	hub := push.New(nil, anybody{}, refuse, cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := hub.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	n := &node{t: t, url: "ws" + strings.TrimPrefix(server.URL, "http")}
	return n.dial("ann")
}

// TestOperationsAreBounded: they run beside each other and beside pings, so many at a time and no more; each is
// answered when it is over.
func TestOperationsAreBounded(t *testing.T) {
	const most, all = 3, 10
	var running, highest atomic.Int32
	started, release := make(chan struct{}, all), make(chan struct{})
	c := operating(t, push.Config{MaxCalls: most},
		func(ctx context.Context, s push.Session, message []byte) ([]byte, error) {
			n := running.Add(1)
			defer running.Add(-1)
			for h := highest.Load(); n > h && !highest.CompareAndSwap(h, n); h = highest.Load() {
			}
			started <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
			}
			return fmt.Appendf(nil, `{"op":"done","topic":"%s of %s: %d"}`, s.Token, s.Subject, len(message)), nil
		})
	c.send(`{"op":"op"}`)
	<-started
	c.send(`{"op":"ping"}`)
	c.expect("pong")
	for range all - 1 {
		c.send(`{"op":"op"}`)
	}
	for range most - 1 {
		<-started
	}
	close(release)
	for range all {
		if m := c.expect("done"); m.Topic != "secret of ann: 11" {
			t.Errorf("answered %+v", m)
		}
	}
	if n := highest.Load(); n > most {
		t.Errorf("%d operations at a time, and %d are allowed", n, most)
	}
}

// TestAnOperationWithoutSense closes the connection, as any malformed message does.
func TestAnOperationWithoutSense(t *testing.T) {
	for message, want := range map[string]string{
		`{"op":"op"}`:    "op needs sense",
		`{"op":"other"}`: "op must be op, subscribe, unsubscribe, refresh or ping",
	} {
		c := operating(t, push.Config{}, func(context.Context, push.Session, []byte) ([]byte, error) {
			return nil, errors.New("op needs sense")
		})
		c.send("%s", message)
		if _, err := c.next(); !websocket.IsCloseError(err, push.CloseMalformed) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", message, err)
		}
	}
}

// TestAnOperationEndsWithItsConnection: nobody waits for what goes on for nobody.
func TestAnOperationEndsWithItsConnection(t *testing.T) {
	ended := make(chan struct{})
	started := make(chan struct{})
	c := operating(t, push.Config{}, func(ctx context.Context, _ push.Session, _ []byte) ([]byte, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return []byte(`{}`), nil
	})
	c.send(`{"op":"op"}`)
	<-started
	_ = c.ws.Close()
	<-ended
}
