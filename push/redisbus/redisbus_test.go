package redisbus_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/push/redisbus"
)

func TestHistory(t *testing.T) {
	b, client := sharedBus(t)
	topic := "a topic } with {odd} characters: " + t.Name()
	epoch, seq, err := b.Head(t.Context(), topic)
	if err != nil || epoch == "" || seq != 0 {
		t.Fatalf("a new topic stands at %q %d: %v", epoch, seq, err)
	}
	publish(t, b, topic, 1, 600) // several messages
	if e, seq, err := b.Head(t.Context(), topic); e != epoch || seq != 600 || err != nil {
		t.Fatalf("stands at %s %d: %v", e, seq, err)
	}
	oldest := uint64(600 - redisbus.HistorySize)
	for _, test := range []struct {
		epoch    string
		after    uint64
		complete bool
	}{
		{epoch, oldest, true}, {epoch, oldest - 1, false}, {epoch, 0, false}, {epoch, 599, true}, {epoch, 600, true},
		{epoch, 601, false}, {"other", 600, false}, {"", 0, false},
	} {
		batch, complete, err := b.History(t.Context(), topic, test.epoch, test.after)
		if err != nil || complete != test.complete || batch.Epoch != epoch || batch.Topic != topic ||
			batch.Last() != 600 {
			t.Errorf("after %q %d: complete %v, %s ends at %d: %v", test.epoch, test.after, complete, batch.Epoch,
				batch.Last(), err)
			continue
		}
		if !complete {
			if len(batch.Events) > 0 {
				t.Errorf("after %q %d: incomplete, but %d events", test.epoch, test.after, len(batch.Events))
			}
			continue
		}
		var events []string
		for _, e := range batch.Events {
			events = append(events, string(e))
		}
		expectNumbered(t, events, int(test.after)+1, 600)
	}
	for _, key := range []string{"{t:" + topic + "}:state", "{t:" + topic + "}:history"} {
		ttl, err := client.Do(t.Context(), client.B().Ttl().Key(key).Build()).AsInt64()
		if day := int64(redisbus.HistoryTTL / time.Second); err != nil || ttl < day-60 || ttl > day {
			t.Errorf("%s lives for %d s: %v", key, ttl, err)
		}
	}
}

func TestWhatMayNotBePublished(t *testing.T) {
	b, _ := sharedBus(t)
	topic := t.Name()
	large := `{"x":"` + strings.Repeat("x", redisbus.MaxEvent) + `"}`
	for _, event := range []string{"", "1", "[]", `{"n":1`, `{"n":1}{`, large} {
		err := b.Publish(t.Context(), topic, [][]byte{[]byte(`{"n":0}`), []byte(event)})
		if !errors.Is(err, redisbus.ErrEvent) {
			t.Errorf("%.20q: %v", event, err)
		}
	}
	if err := b.Publish(t.Context(), topic, nil); err != nil {
		t.Errorf("nothing to publish: %v", err)
	}
	if _, seq, err := b.Head(t.Context(), topic); seq != 0 || err != nil {
		t.Errorf("something was published: %d, %v", seq, err)
	}
}

func TestConcurrentPublishersGetNumbersOfTheirOwn(t *testing.T) {
	b, _ := sharedBus(t)
	p, _ := listen(t, b, t.Name())
	var publishers sync.WaitGroup
	for range 8 {
		publishers.Go(func() {
			for i := range 25 {
				if err := b.Publish(t.Context(), t.Name(), numbered(i, i+1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publishers.Wait()
	if events, places := p.waitFor(t, 400); len(events) != 400 || len(places) != 1 {
		t.Errorf("%d events, places %v", len(events), places)
	}
}

func TestOneOfTwoListenersStops(t *testing.T) {
	b, client := sharedBus(t)
	first, stop := listen(t, b, t.Name())
	second, _ := listen(t, b, t.Name())
	publish(t, b, t.Name(), 1, 3)
	first.waitFor(t, 3)
	stop()
	stop()
	publish(t, b, t.Name(), 4, 9)
	events, _ := second.waitFor(t, 9)
	expectNumbered(t, events, 1, 9)
	events, _ = first.waitFor(t, 3)
	expectNumbered(t, events, 1, 3)
	third, stopThird := listen(t, b, t.Name()+"other")
	stopThird()
	subscribed := func() (names []string) {
		names, err := client.Do(t.Context(), client.B().PubsubShardchannels().Build()).AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	eventually(t, func() bool { return !slices.Contains(subscribed(), "{t:"+t.Name()+"other}:events") },
		func() string { return "a channel that nobody here listens to is still subscribed" })
	if !slices.Contains(subscribed(), "{t:"+t.Name()+"}:events") {
		t.Error("the channel of a listener is not subscribed")
	}
	publish(t, b, t.Name()+"other", 1, 1)
	if _, events, _ := third.snapshot(); len(events) > 0 {
		t.Errorf("received after stop: %v", events)
	}
}

// The subscription's connection breaks again and again while events are published: nothing is lost or repeated.
func TestBrokenSubscriptionIsFilledFromHistory(t *testing.T) {
	b, client := sharedBus(t)
	p, _ := listen(t, b, t.Name())
	total := 0
	for round := range 20 {
		for range 5 {
			publish(t, b, t.Name(), total+1, total+7)
			total += 7
		}
		breakSubscriptions(t, client)
		if round%3 == 2 { // however slow the machine, less is outstanding than the history holds
			p.waitFor(t, uint64(total))
		}
	}
	publish(t, b, t.Name(), total+1, total+1)
	total++
	events, places := p.waitFor(t, uint64(total))
	expectNumbered(t, events, 1, total)
	if len(places) != 1 {
		t.Errorf("places %v", places)
	}
}

func TestGapBeyondTheHistoryIsReported(t *testing.T) {
	b, client := sharedBus(t)
	topic := t.Name()
	p, _ := listen(t, b, topic)
	publish(t, b, topic, 1, 2)
	p.waitFor(t, 2)
	// As if 1,000 events had been published while nobody received: the state moves on without a message.
	if err := client.Do(t.Context(), client.B().Hincrby().Key("{t:"+topic+"}:state").Field("seq").Increment(
		1000).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if err := client.Do(t.Context(), client.B().Del().Key("{t:"+topic+"}:history").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	breakSubscriptions(t, client)
	_, places := p.waitFor(t, 1002)
	if len(places) != 2 || places[1].First != 1003 || len(places[1].Events) != 0 {
		t.Errorf("places %v", places)
	}
	publish(t, b, topic, 3, 3)
	events, _ := p.waitFor(t, 1003)
	expectNumbered(t, events, 1, 3)
}

// A Redis that lost its newest writes gives their numbers away again. Whoever saw the lost ones must not mistake the
// new ones for them.
func TestRewoundHistoryEndsTheEpoch(t *testing.T) {
	b, client := sharedBus(t)
	for _, test := range []struct {
		name  string
		again int // events published after the loss, before the listener is back
	}{{"fewer than were lost", 1}, {"as many", 3}, {"more", 5}} {
		t.Run(test.name, func(t *testing.T) {
			topic := t.Name()
			p, _ := listen(t, b, topic)
			publish(t, b, topic, 1, 10)
			p.waitFor(t, 10)
			before, _, err := b.Head(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			rewind(t, client, topic, 3)
			silently(t, client, topic, 11, 10+test.again)
			breakSubscriptions(t, client)
			eventually(t, func() bool {
				_, _, places := p.snapshot()
				return len(places) == 2
			}, func() string { return "the listener noticed nothing" })
			after, seq, err := b.Head(t.Context(), topic)
			if err != nil || after == before || seq != 0 {
				t.Errorf("the topic stands at %s %d, as if nothing had happened: %v", after, seq, err)
			}
			if _, complete, err := b.History(t.Context(), topic, before, 10); complete || err != nil {
				t.Errorf("a client of the old epoch was told that it missed nothing: %v", err)
			}
		})
	}
}

// rewind takes back the newest events, as a Redis does that comes back without its last writes.
func rewind(t *testing.T, client rueidis.Client, topic string, events int64) {
	t.Helper()
	for _, err := range []error{
		client.Do(t.Context(), client.B().Hincrby().Key("{t:"+topic+"}:state").Field("seq").Increment(
			-events).Build()).Error(),
		client.Do(t.Context(), client.B().Ltrim().Key("{t:"+topic+"}:history").Start(0).Stop(
			-events-1).Build()).Error(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// silently adds events as publish.lua does, without a message.
func silently(t *testing.T, client rueidis.Client, topic string, from, to int) {
	t.Helper()
	for _, e := range numbered(from, to) {
		if err := client.Do(t.Context(), client.B().Rpush().Key("{t:"+topic+"}:history").Element(
			string(e)).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	seq := client.B().Hincrby().Key("{t:" + topic + "}:state").Field("seq").Increment(int64(to - from + 1)).Build()
	if err := client.Do(t.Context(), seq).Error(); err != nil {
		t.Fatal(err)
	}
}

func TestAnnouncements(t *testing.T) {
	a, client := sharedBus(t)
	b, _ := newBus(t, unixOption(devstack.TestRedis(t).Socket()))
	received := make(chan string, 10)
	again := make(chan struct{}, 10)
	stop, err := b.OnAnnounce(t.Context(), t.Name(), func(p []byte) { received <- string(p) },
		func() { again <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	announce := func(payload string) {
		t.Helper()
		if err := a.Announce(t.Context(), t.Name(), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		announce(strconv.Itoa(i))
	}
	for i := range 3 {
		if got := within(t, received); got != strconv.Itoa(i) {
			t.Errorf("received %q instead of %d", got, i)
		}
	}
	if len(again) > 0 {
		t.Error("resubscribed was called without an interruption")
	}
	breakSubscriptions(t, client)
	within(t, again)
	announce("back")
	if got := within(t, received); got != "back" {
		t.Errorf("received %q", got)
	}
	stop()
	stop()
	announce("nobody hears this")
	if len(received) > 0 {
		t.Error("received after stop")
	}
}

func TestClosedBus(t *testing.T) {
	b, _ := sharedBus(t)
	if _, err := b.Listen(t.Context(), t.Name(), func(push.Batch) {}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b.Close()
	if _, err := b.Listen(t.Context(), t.Name(), func(push.Batch) {}); !errors.Is(err, redisbus.ErrClosed) {
		t.Errorf("listen: %v", err)
	}
	if _, err := b.OnAnnounce(t.Context(), t.Name(), func([]byte) {}, func() {}); !errors.Is(err, redisbus.ErrClosed) {
		t.Errorf("on announce: %v", err)
	}
}
