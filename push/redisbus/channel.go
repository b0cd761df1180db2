package redisbus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	firstRetry     = 10 * time.Millisecond
	lastRetry      = time.Second
	unsubscribeFor = time.Second
)

// Announce tells every node something small: at most once, to those that listen right now.
func (b *Bus) Announce(ctx context.Context, channel string, payload []byte) error {
	name := announceChannel(channel)
	cmd := b.client.B().Spublish().Channel(name).Message(rueidis.BinaryString(payload)).Build()
	if err := b.client.Do(ctx, cmd).Error(); err != nil {
		return fmt.Errorf("announce on %s: %w", channel, err)
	}
	return nil
}

// OnAnnounce calls receive with each payload announced on the channel by any node, this one included, in order. After
// the subscription was interrupted, announcements may have been missed: resubscribed is called once it is back, before
// any later payload is received. Neither may block. It returns once the subscription stands.
func (b *Bus) OnAnnounce(ctx context.Context, channel string, receive func(payload []byte),
	resubscribed func()) (stop func(), err error) {
	a := &announcements{receive: receive, resubscribed: resubscribed, ready: make(chan struct{})}
	own, cancel := context.WithCancel(b.ctx)
	if err := b.start(func() { b.follow(own, announceChannel(channel), a.payload, a.confirmed) }); err != nil {
		cancel()
		return nil, err
	}
	stop = func() {
		a.end()
		cancel()
	}
	select {
	case <-a.ready:
		return stop, nil
	case <-ctx.Done():
		stop()
		return nil, fmt.Errorf("subscribe to %s: %w", channel, ctx.Err())
	case <-b.ctx.Done():
		stop()
		return nil, ErrClosed
	}
}

type announcements struct {
	receive      func([]byte)
	resubscribed func()
	ready        chan struct{} // closed once subscribed

	mu    sync.Mutex
	begun bool
	ended bool
}

func (a *announcements) confirmed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.ended:
	case a.begun:
		a.resubscribed()
	default:
		a.begun = true
		close(a.ready)
	}
}

func (a *announcements) payload(message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.receive([]byte(message))
	}
}

func (a *announcements) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
}

// follow keeps a subscription until ctx ends, over interruptions of every kind. message is called in order; confirmed
// each time that the subscription stands, before the first message that arrives through it. Neither may block.
func (b *Bus) follow(ctx context.Context, channel string, message func(string), confirmed func()) {
	b.count(channel, +1)
	defer b.unfollow(channel)
	var stands atomic.Bool
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "ssubscribe" {
			stands.Store(true)
			confirmed()
		}
	})
	var retry backoff
	for {
		// A broken connection is taken up again inside; a refusal (loading, a slot that moved) returns.
		err := b.subscriber.Receive(hooked, b.subscriber.B().Ssubscribe().Channel(channel).Build(),
			func(m rueidis.PubSubMessage) {
				message(m.Message)
			})
		if ctx.Err() != nil {
			return
		}
		b.log.Debug("subscription interrupted", "channel", channel, "error", err)
		if stands.Swap(false) {
			retry = 0
		}
		if !retry.wait(ctx) {
			return
		}
	}
}

// unfollow ends the subscription if it was the channel's last follower. Another that begins right now may find itself
// unsubscribed; follow then subscribes again.
func (b *Bus) unfollow(channel string) {
	if b.count(channel, -1) > 0 || b.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, unsubscribeFor)
	defer cancel()
	// An error means that the connection is gone, and the subscription with it.
	_ = b.subscriber.Do(ctx, b.subscriber.B().Sunsubscribe().Channel(channel).Build()).Error()
}

func (b *Bus) count(channel string, change int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.channels[channel] += change
	left := b.channels[channel]
	if left == 0 {
		delete(b.channels, channel)
	}
	return left
}

// start runs f unless the bus is closed. Close waits for it.
func (b *Bus) start(f func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.running.Go(f)
	return nil
}

func announceChannel(channel string) string { return "{a:" + channel + "}" }

// backoff is how long was waited last.
type backoff time.Duration

// wait waits longer each time, with jitter. It is false once ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	*b = backoff(min(lastRetry, max(firstRetry, 2*time.Duration(*b))))
	timer := time.NewTimer(time.Duration(*b)/2 + rand.N(time.Duration(*b)/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
