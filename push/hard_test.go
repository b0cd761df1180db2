package push_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
)

func TestSlowConsumerIsCutOffAlone(t *testing.T) {
	n := sharedNode(t, push.Config{QueueBytes: 128 << 10})
	slow, quick := n.dial("ann"), n.dial("bob")
	slow.subscribe(t.Name()) // and does not read on
	epoch := quick.subscribe(t.Name()).Epoch
	var seq uint64
	large := fmt.Appendf(nil, `{"n":7,"x":"%08000d"}`, 1)
	for n.metric("hongbao_push_slow_disconnects_total") == 0 {
		if err := n.bus.Publish(t.Context(), t.Name(), [][]byte{large, large}); err != nil {
			t.Fatal(err)
		}
		quick.events(seq+1, seq+2)
		if seq += 2; seq > 20_000 {
			t.Fatal("160 MB are not enough for a slow consumer to be noticed")
		}
	}
	slow.closed(push.CloseSlow) // it wakes up just in time to be told
	n.publish(t.Name(), 1, 1)
	quick.events(seq+1, seq+1)
	if got := n.metric("hongbao_push_slow_disconnects_total"); got != 1 {
		t.Errorf("%v slow disconnects", got)
	}
	slow = n.dial("ann")
	if m := slow.resume(t.Name(), epoch, seq-2); !m.Resumed {
		t.Errorf("answered %+v", m)
	}
	slow.events(seq-1, seq+1)
}

func TestThousandConnectionsOnOneTopic(t *testing.T) {
	n := sharedNode(t, push.Config{})
	const connections, batches, size = 1000, 20, 10
	var ready, done sync.WaitGroup
	ready.Add(connections)
	failed := make(chan error, connections)
	for i := range connections {
		c := n.dial(fmt.Sprint("user", i))
		done.Go(func() { failed <- readAll(c, t.Name(), &ready, batches*size) })
	}
	ready.Wait()
	if got := n.metric("hongbao_push_connections"); got != connections {
		t.Errorf("%v connections", got)
	}
	if got := n.metric("hongbao_push_topics"); got != 1 {
		t.Errorf("%v topics", got)
	}
	for i := range batches {
		n.publish(t.Name(), i*size+1, i*size+size)
	}
	done.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll subscribes, then reads events 1 to last, in order.
func readAll(c *client, topic string, ready *sync.WaitGroup, last uint64) error {
	if err := c.ws.WriteMessage(1, fmt.Appendf(nil, `{"op":"subscribe","topic":%q}`, topic)); err != nil {
		return err
	}
	if m, err := c.next(); err != nil || m.Op != "subscribed" {
		return fmt.Errorf("subscribe: %+v, %w", m, err)
	}
	ready.Done()
	for at := uint64(0); at < last; {
		m, err := c.next()
		if err != nil {
			return err
		}
		for _, e := range m.Events {
			if at++; e.Seq != at || e.Event.N != int(at) {
				return fmt.Errorf("event %d with %d instead of %d", e.Seq, e.Event.N, at)
			}
		}
	}
	return nil
}

// Redis dies and comes back while events are published and received. Whoever listens has every event in the end, or
// was told to reload; nobody is left believing that it has everything.
func TestRedisKilledAndRestarted(t *testing.T) {
	noLeaks(t)
	redis := devstack.NewTestRedis(t)
	a, b := newNode(t, redis.Socket(), push.Config{}), newNode(t, redis.Socket(), push.Config{})
	topic := t.Name()
	clients := []*client{a.dial("ann"), b.dial("bob")}
	for _, c := range clients {
		c.subscribe(topic)
	}
	const last = 3000
	ctx, cancel := context.WithCancel(t.Context())
	progress := make(chan int, 1)
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i := 1; publishUntilDone(ctx, t, a, topic, i); i++ {
			if i%700 == 0 && i <= last {
				progress <- i
			}
		}
	})
	for range 3 {
		<-progress
		redis.Kill()
		if err := redis.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		t.Logf("told to reload %d times", follow(c, last))
	}
	cancel()
	publishing.Wait()
}

// publishUntilDone repeats as a relay does: an event may come twice, but not be left out.
func publishUntilDone(ctx context.Context, t *testing.T, n *node, topic string, i int) bool {
	deadline := time.Now().Add(timeout)
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		err := n.bus.Publish(attempt, topic, [][]byte{fmt.Appendf(nil, `{"n":%d}`, i)})
		cancel()
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		if time.Now().After(deadline) {
			t.Errorf("publish: %v", err)
			return false
		}
	}
}

// follow reads until it has seen n = last or a later one. Numbers follow each other and no n is left out, except over
// a reload. It returns how often that was asked for.
func follow(c *client, last int) (reloads int) {
	c.t.Helper()
	seq, seen := uint64(0), 0
	for seen < last {
		m, err := c.next()
		if err != nil {
			c.t.Fatalf("after n=%d: %v", seen, err)
		}
		if m.Op == "reload" {
			reloads++
			seq, seen = m.Seq, -1
			continue
		}
		for _, e := range m.Events {
			if seq++; e.Seq != seq {
				c.t.Fatalf("event %d instead of %d", e.Seq, seq)
			}
			if seen >= 0 && e.Event.N > seen+1 {
				c.t.Fatalf("n=%d follows n=%d", e.Event.N, seen)
			}
			seen = e.Event.N
		}
	}
	return reloads
}

// What is queued when the node stops still arrives, also at somebody who reads slowly.
func TestShutdownDrainsFullQueues(t *testing.T) {
	n := sharedNode(t, push.Config{QueueBytes: 64 << 20})
	slow, quick := n.dial("ann"), n.dial("bob")
	slow.subscribe(t.Name()) // and does not read on
	quick.subscribe(t.Name())
	const events = 600
	large := fmt.Appendf(nil, `{"n":7,"x":"%016000d"}`, 1) // 600 are more than the kernel takes off the hub's hands
	for range events / 10 {
		if err := n.bus.Publish(t.Context(), t.Name(),
			[][]byte{large, large, large, large, large, large, large, large, large, large}); err != nil {
			t.Fatal(err)
		}
		quick.skim(10)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.hub.Shutdown(t.Context()) }()
	quick.closed(websocket.CloseGoingAway) // it has begun
	slow.skim(events)
	slow.closed(websocket.CloseGoingAway)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// skim reads this many events without looking at them, which is quicker than the close grace on a busy machine.
func (c *client) skim(events int) {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(timeout))
	for events > 0 {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			c.t.Fatalf("with %d events to come: %v", events, err)
		}
		events -= bytes.Count(data, []byte(`"seq":`))
	}
}
