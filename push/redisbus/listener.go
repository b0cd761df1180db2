package redisbus

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/hongbao/hongbao/push"
)

// maxWaiting bounds the events that wait while a listener catches up. More is asked for again instead.
const maxWaiting = HistorySize

// listener follows one topic and makes an unbroken sequence of what pub/sub delivers.
type listener struct {
	bus     *Bus
	topic   string
	receive func(push.Batch)
	wake    chan struct{} // holds one token while there is something to catch up
	ready   chan struct{} // closed once the first batch was delivered

	mu       sync.Mutex
	stopped  bool
	begun    bool // at is known
	at       place
	catching bool
	waiting  []push.Batch
	events   int  // in waiting
	overflow bool // waiting is not everything
}

// Listen delivers a topic's batches to receive, as push.Bus says.
func (b *Bus) Listen(ctx context.Context, topic string, receive func(push.Batch)) (stop func(), err error) {
	l := &listener{
		bus: b, topic: topic, receive: receive,
		wake: make(chan struct{}, 1), ready: make(chan struct{}), catching: true,
	}
	own, cancel := context.WithCancel(b.ctx)
	err = b.start(func() {
		var catchingUp sync.WaitGroup
		catchingUp.Go(func() { l.run(own) })
		b.follow(own, topicChannel(topic), l.message, l.confirmed)
		catchingUp.Wait()
	})
	if err != nil {
		cancel()
		return nil, err
	}
	stop = func() {
		l.stop()
		cancel()
	}
	select {
	case <-l.ready:
		return stop, nil
	case <-ctx.Done():
		stop()
		return nil, fmt.Errorf("listen to %s: %w", topic, ctx.Err())
	case <-b.ctx.Done():
		stop()
		return nil, ErrClosed
	}
}

func (l *listener) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
}

// confirmed is called when the subscription stands: whatever happened before it may have been missed.
func (l *listener) confirmed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind()
}

// behind has run catch up. It is called with mu held.
func (l *listener) behind() {
	l.catching = true
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// message is called with what publish.lua and attend.lua published.
func (l *listener) message(payload string) {
	var m struct {
		Epoch   string
		First   uint64
		Events  []json.RawMessage
		Present *int
	}
	err := json.Unmarshal([]byte(payload), &m)
	if err == nil && m.Present != nil {
		l.present(*m.Present)
		return
	}
	if err != nil || m.First == 0 || m.Epoch == "" {
		l.bus.log.Error("a message on a topic's channel is not ours", "topic", l.topic)
		return
	}
	b := push.Batch{Topic: l.topic, Epoch: m.Epoch, First: m.First, Events: m.Events}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
	case l.catching:
		l.wait(b)
	case !l.follow(b):
		l.wait(b)
		l.behind()
	}
}

// present hands on how many take part in the topic's presence. That has no place among the events, and does not wait.
func (l *listener) present(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun && !l.stopped {
		l.receive(push.Batch{Topic: l.topic, Present: &n})
	}
}

// wait keeps a batch until the listener has caught up. It is called with mu held.
func (l *listener) wait(b push.Batch) {
	if l.overflow || l.events+len(b.Events) > maxWaiting {
		l.overflow, l.waiting, l.events = true, nil, 0
		return
	}
	l.waiting = append(l.waiting, b)
	l.events += len(b.Events)
}

// follow delivers what is new in a batch that continues what was delivered. It is false, and does nothing, where
// something lies between. It is called with mu held.
func (l *listener) follow(b push.Batch) bool {
	if b.Epoch != l.at.epoch || b.First > l.at.seq+1 {
		return false
	}
	known := min(l.at.seq+1-b.First, uint64(len(b.Events)))
	b.First, b.Events = b.First+known, b.Events[known:]
	if len(b.Events) > 0 {
		l.deliver(b)
	}
	return true
}

// deliver hands on a batch and moves to its end. It is called with mu held.
func (l *listener) deliver(b push.Batch) {
	l.at = place{epoch: b.Epoch, seq: b.Last(), own: true}
	if n := len(b.Events); n > 0 {
		l.at.event = string(b.Events[n-1])
	}
	l.receive(b)
}

// run catches up whenever the listener is behind.
func (l *listener) run(ctx context.Context) {
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		var retry backoff
		for {
			err := l.catchUp(ctx)
			if err == nil {
				break
			}
			l.bus.log.Debug("catching up failed", "topic", l.topic, "error", err)
			if !retry.wait(ctx) {
				return
			}
		}
	}
}

// catchUp asks for what was missed, delivers it and then what waited.
func (l *listener) catchUp(ctx context.Context) error {
	l.mu.Lock()
	from := l.at
	l.mu.Unlock()
	missed, complete, err := l.bus.after(ctx, l.topic, from)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil
	}
	switch {
	case !l.begun:
		l.begun = true
		l.deliver(push.Batch{Topic: l.topic, Epoch: missed.Epoch, First: missed.Last() + 1})
		close(l.ready)
	case complete && l.follow(missed):
		l.bus.catchUps.WithLabelValues("filled").Inc()
	default:
		l.bus.catchUps.WithLabelValues("reload").Inc()
		l.deliver(push.Batch{Topic: l.topic, Epoch: missed.Epoch, First: missed.Last() + 1})
	}
	l.resume()
	return nil
}

// resume delivers what waited and follows, unless something still lies between: then the listener is behind again. It
// is called with mu held.
func (l *listener) resume() {
	waiting, overflow := l.waiting, l.overflow
	l.waiting, l.events, l.overflow = nil, 0, false
	l.catching = len(l.wake) > 0 // subscribed again while we asked: the answer may be too old
	for _, b := range waiting {
		if !l.follow(b) {
			overflow = true // of an epoch between two others, or not stored when we asked: ask again
		}
	}
	if overflow {
		l.behind()
	}
}
