package redisbus_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/push/redisbus"
)

func TestAttend(t *testing.T) {
	const long, short = time.Hour, time.Millisecond
	a, client := sharedBus(t)
	b, _ := newBus(t, unixOption(devstack.TestRedis(t).Socket()))
	topic := "a topic } with {odd} characters: " + t.Name()
	p, _ := listen(t, b, topic)
	attend := func(bus *redisbus.Bus, here push.Attendance, lease time.Duration) int {
		t.Helper()
		present, err := bus.Attend(t.Context(), topic, here, lease)
		if err != nil {
			t.Fatal(err)
		}
		return present
	}
	named := func(subjects ...string) push.Attendance {
		return push.Attendance{Count: len(subjects), Subjects: subjects}
	}
	for i, step := range []struct {
		bus   *redisbus.Bus
		here  push.Attendance
		lease time.Duration
		want  int
	}{
		{a, named("ann", "bob"), long, 2},
		{b, named("bob", "carol"), long, 3},
		{b, named("carol", "bob"), long, 3},
		{b, named("bob"), long, 2},
		{a, push.Attendance{Count: 100}, long, 101},
		{b, named(), long, 100},
		{a, named("ann", "ann:1", "ann:2"), long, 3},
		{a, named(), long, 0},
		{a, named(), long, 0},
	} {
		if got := attend(step.bus, step.here, step.lease); got != step.want {
			t.Errorf("step %d: %d are present instead of %d", i, got, step.want)
		}
	}
	left, err := client.Do(t.Context(), client.B().Exists().Key("{t:"+topic+"}:presence").Build()).AsInt64()
	if err != nil || left != 0 {
		t.Errorf("nobody is present, and %d keys are there: %v", left, err)
	}

	attend(a, named("ann"), short)
	eventually(t, func() bool { return attend(b, named("bob"), long) == 1 },
		func() string { return "who said nothing for the lease is still present" })
	ttl, err := client.Do(t.Context(), client.B().Pttl().Key("{t:"+topic+"}:presence").Build()).AsInt64()
	if err != nil || ttl <= 0 || ttl > long.Milliseconds() {
		t.Errorf("what nodes said lives for %d ms: %v", ttl, err)
	}
	attend(b, named(), long)

	// Those that listen are told each number once, and nothing of it counts as an event.
	publish(t, a, topic, 1, 1)
	p.waitFor(t, 1)
	want := []int{2, 3, 2, 101, 100, 3, 0}
	told := p.numbers()
	if len(told) < len(want) || !slices.Equal(told[:len(want)], want) || told[len(told)-1] != 0 {
		t.Errorf("told %v", told)
	}
}
