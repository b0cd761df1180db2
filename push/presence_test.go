package push_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
)

// attend listens to a topic and takes part in its presence.
func (c *client) attend(topic string) {
	c.t.Helper()
	c.send(`{"op":"subscribe","topic":%q,"presence":true}`, topic)
	c.expect("subscribed")
}

// told is the next number that the client is told, which must come next.
func (c *client) told(topic string, count int) {
	c.t.Helper()
	if m := c.expect("present"); m.Topic != topic || m.Count != count {
		c.t.Fatalf("told %d on %s instead of %d", m.Count, m.Topic, count)
	}
}

// toldSoon reads until the client is told a number.
func (c *client) toldSoon(count int) {
	c.t.Helper()
	for c.expect("present").Count != count {
	}
}

// Who comes is counted at once, a subject once over all nodes, and only those that take part.
func TestPresence(t *testing.T) {
	a := sharedNode(t, push.Config{})
	b := newNode(t, devstack.TestRedis(t).Socket(), push.Config{})
	topic := t.Name()
	ann, bob := a.dial("ann"), b.dial("bob")
	ann.attend(topic)
	ann.told(topic, 1)
	bob.attend(topic)
	bob.told(topic, 2)
	ann.told(topic, 2)

	for _, n := range []*node{a, b} { // on the same node, and on the other
		again := n.dial("ann")
		again.attend(topic)
		again.told(topic, 2)
	}
	silent := b.dial("silent")
	silent.subscribe(topic)
	elsewhere := b.dial("dave")
	elsewhere.attend(topic + " elsewhere")
	elsewhere.told(topic+" elsewhere", 1)

	carol := a.dial("carol")
	carol.attend(topic)
	for _, c := range []*client{ann, bob, carol} {
		c.told(topic, 3)
	}
	a.publish(topic, 1, 1)
	silent.events(1, 1)
}

// Who goes, and who may not listen any more, is not counted for long.
func TestWhoGoesIsNotPresent(t *testing.T) {
	cfg := push.Config{PresenceEvery: 200 * time.Millisecond}
	a := sharedNode(t, cfg)
	b := newNode(t, devstack.TestRedis(t).Socket(), cfg)
	topic := t.Name()
	bob := b.dial("bob")
	bob.attend(topic)
	come := func() *client {
		t.Helper()
		ann := a.dial("ann")
		ann.attend(topic)
		bob.toldSoon(2)
		return ann
	}
	_ = come().ws.Close()
	bob.toldSoon(1)
	come().send(`{"op":"unsubscribe","topic":%q}`, topic)
	bob.toldSoon(1)
	come()
	a.gate.close("ann", topic)
	if err := a.hub.Recheck(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	bob.toldSoon(1)
}

// A node that cannot say anything any more is forgotten, although nobody said that its listeners are gone.
func TestADeadNodesListenersAreNotPresent(t *testing.T) {
	cfg := push.Config{PresenceEvery: 200 * time.Millisecond}
	dying := sharedNode(t, cfg)
	b := newNode(t, devstack.TestRedis(t).Socket(), cfg)
	topic := t.Name()
	ann, bob := dying.dial("ann"), b.dial("bob")
	ann.attend(topic)
	ann.toldSoon(1)
	bob.attend(topic)
	bob.toldSoon(2)
	dying.redis.Close()
	bob.toldSoon(1)
}

// More subjects than are named are still counted.
func TestPresenceOfMany(t *testing.T) {
	a := sharedNode(t, push.Config{})
	b := newNode(t, devstack.TestRedis(t).Socket(), push.Config{})
	topic := t.Name()
	for i := range push.MaxNamed + 1 {
		a.dial(fmt.Sprint("user", i)).attend(topic)
	}
	bob := b.dial("bob")
	bob.attend(topic)
	bob.toldSoon(push.MaxNamed + 2)
}
