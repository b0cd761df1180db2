package push_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
)

func dialUnix(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "unix", path)
}

func count(from, to int) []int {
	var ns []int
	for i := from; i <= to; i++ {
		ns = append(ns, i)
	}
	return ns
}

func TestEventsArriveInOrderOnTwoNodes(t *testing.T) {
	a := sharedNode(t, push.Config{})
	b := newNode(t, devstack.TestRedis(t).Socket(), push.Config{})
	topic := t.Name()
	ca, cb := a.dial("ann"), b.dial("bob")
	at := ca.subscribe(topic)
	if at.Epoch == "" || at.Seq != 0 || at.Resumed {
		t.Fatalf("a new topic stands at %+v", at)
	}
	if other := cb.subscribe(topic); other.Epoch != at.Epoch {
		t.Fatalf("two epochs for one topic: %s and %s", at.Epoch, other.Epoch)
	}
	for i := range 20 {
		publisher := []*node{a, b}[i%2]
		publisher.publish(topic, i*10+1, i*10+10)
	}
	for _, c := range []*client{ca, cb} {
		if got := c.events(1, 200); !slices.Equal(got, count(1, 200)) {
			t.Errorf("received %v", got)
		}
	}
}

func TestSeveralEventsShareAFrame(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	c.subscribe(t.Name())
	n.publish(t.Name(), 1, 50)
	if m := c.expect("events"); len(m.Events) != 50 {
		t.Errorf("the first frame has %d of 50 events", len(m.Events))
	}
}

// The more listen, the more events share a frame; a resumed listener misses none of those that still wait for one.
func TestACrowdHasFewFrames(t *testing.T) {
	const crowd, batches = 100, 200
	n := sharedNode(t, push.Config{})
	var listeners []*client
	for i := range crowd {
		c := n.dial(fmt.Sprint("user", i))
		c.subscribe(t.Name())
		listeners = append(listeners, c)
	}
	began := time.Now()
	for i := range batches {
		n.publish(t.Name(), i+1, i+1)
	}
	late := n.dial("late")
	at := late.subscribe(t.Name())
	frames, events := 0, 0
	for first := listeners[0]; events < batches; frames++ {
		m := first.expect("events")
		if m.Events[0].Seq != uint64(events+1) {
			t.Fatalf("event %d follows %d", m.Events[0].Seq, events)
		}
		events += len(m.Events)
	}
	if most := 3 + int(time.Since(began)/(crowd*time.Millisecond)); frames > most {
		t.Errorf("%d events came in %d frames, where %d are enough", batches, frames, most)
	}
	n.publish(t.Name(), batches+1, batches+1)
	for seq := at.Seq; seq < batches+1; {
		m := late.expect("events")
		if m.Events[0].Seq != seq+1 {
			t.Fatalf("whoever came late hears of event %d after %d", m.Events[0].Seq, seq)
		}
		seq += uint64(len(m.Events))
	}
}

func TestResume(t *testing.T) {
	n := sharedNode(t, push.Config{})
	topic := t.Name()
	c := n.dial("ann")
	epoch := c.subscribe(topic).Epoch
	n.publish(topic, 1, 300)
	c.events(1, 300)

	cases := []struct {
		name    string
		epoch   string
		seq     uint64
		resumed bool
	}{
		{"nothing missed", epoch, 300, true},
		{"one missed", epoch, 299, true},
		{"all that is remembered missed", epoch, 44, true},
		{"one more than is remembered missed", epoch, 43, false},
		{"everything missed", epoch, 0, false},
		{"of the future", epoch, 301, false},
		{"of another epoch", "another", 300, false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			c := n.dial("bob")
			m := c.resume(topic, test.epoch, test.seq)
			if m.Resumed != test.resumed || m.Epoch != epoch {
				t.Fatalf("answered %+v", m)
			}
			if !test.resumed {
				if m.Seq != 300 {
					t.Errorf("go on from %d instead of 300", m.Seq)
				}
				return
			}
			if m.Seq != test.seq {
				t.Errorf("go on from %d instead of %d", m.Seq, test.seq)
			}
			if got := c.events(test.seq+1, 300); !slices.Equal(got, count(int(test.seq)+1, 300)) {
				t.Errorf("received %v", got)
			}
		})
	}
}

// A resume that the connection's queue could not hold must not end as a slow consumer, again and again.
func TestResumeLargerThanTheQueueReloads(t *testing.T) {
	n := sharedNode(t, push.Config{QueueBytes: 2000})
	c := n.dial("ann")
	epoch := c.subscribe(t.Name()).Epoch
	for i := range 100 {
		n.publish(t.Name(), i, i)
		c.expect("events")
	}
	if m := n.dial("bob").resume(t.Name(), epoch, 1); m.Resumed || m.Seq != 100 {
		t.Errorf("answered %+v", m)
	}
}

func TestSpliceLosesAndRepeatsNothing(t *testing.T) {
	n := sharedNode(t, push.Config{})
	topic := t.Name()
	watcher := n.dial("ann")
	epoch := watcher.subscribe(topic).Epoch

	// Between the choice of where to resume and the answer, no more is published than the history holds, however long a
	// busy machine takes.
	const missed, meanwhile = 50, 200
	var published, most atomic.Uint64
	most.Store(math.MaxUint64)
	ctx, cancel := context.WithCancel(t.Context())
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i := 1; ctx.Err() == nil; {
			if uint64(i) > most.Load() {
				runtime.Gosched()
				continue
			}
			n.publish(topic, i, i+1)
			published.Store(uint64(i + 1))
			i += 2
		}
	})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			if _, err := watcher.next(); err != nil {
				return
			}
		}
	})
	eventually(t, "the first events", func() bool { return published.Load() > missed })
	for range 200 {
		c := n.dial("bob")
		most.Store(published.Load() + meanwhile)
		from := published.Load() - missed
		if m := c.resume(topic, epoch, from); !m.Resumed || m.Seq != from {
			t.Fatalf("from %d on: %+v", from, m)
		}
		most.Store(math.MaxUint64)
		target := published.Load() + 5
		for i, k := range c.events(from+1, target) {
			if uint64(k) != from+1+uint64(i) {
				t.Fatalf("event %d carries %d", from+1+uint64(i), k)
			}
		}
		_ = c.ws.Close()
	}
	cancel()
	publishing.Wait()
	_ = watcher.ws.Close()
	watching.Wait()
}

func TestUnsubscribeEndsTheEvents(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	c.subscribe(t.Name() + "1")
	c.subscribe(t.Name() + "2")
	if got := n.metric("hongbao_push_topics"); got != 2 {
		t.Errorf("%v topics", got)
	}
	c.send(`{"op":"unsubscribe","topic":%q}`, t.Name()+"1")
	eventually(t, "one topic", func() bool { return n.metric("hongbao_push_topics") == 1 })
	n.publish(t.Name()+"1", 1, 1)
	n.publish(t.Name()+"2", 2, 2)
	if got := c.events(1, 1); got[0] != 2 {
		t.Errorf("received event %v", got)
	}
	c.subscribe(t.Name() + "1") // and again
	n.publish(t.Name()+"1", 3, 3)
	if got := c.events(2, 2); got[0] != 3 {
		t.Errorf("received event %v", got)
	}
}

func TestLostHistoryMeansReload(t *testing.T) {
	n := sharedNode(t, push.Config{})
	c := n.dial("ann")
	before := c.subscribe(t.Name())
	n.publish(t.Name(), 1, 3)
	c.events(1, 3)
	redis, _ := newClient(t, devstack.TestRedis(t).Socket())
	forget(t, redis, t.Name())
	n.publish(t.Name(), 4, 5)
	m := c.expect("reload")
	if m.Epoch == before.Epoch || m.Seq != 2 {
		t.Errorf("told to reload from %+v", m)
	}
	n.publish(t.Name(), 6, 6)
	if got := c.events(3, 3); got[0] != 6 {
		t.Errorf("received %v after the reload", got)
	}
}

func forget(t *testing.T, redis rueidis.Client, topic string) {
	t.Helper()
	del := redis.B().Del().Key("{t:"+topic+"}:state", "{t:"+topic+"}:history").Build()
	if err := redis.Do(t.Context(), del).Error(); err != nil {
		t.Fatal(err)
	}
}
