package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
)

// Bounds of what a process sends at a time.
const (
	maxFast        = 128 // in all, to endpoints that are not slow
	maxSlow        = 128 // in all, to those that are
	maxPerEndpoint = 8
	// maxKnownSlow bounds the slow endpoints that are remembered: some of them may be gone. One that is forgotten
	// counts as fast until its next attempt takes long.
	maxKnownSlow = 10_000

	// slowAfter is how long an attempt takes that makes its endpoint a slow one, until an attempt is faster. A slow
	// endpoint has one place, among those of slow endpoints, and an attempt gives up its place among the fast ones as
	// soon as it has taken so long. So the others never wait for longer than this, however many receivers hang.
	slowAfter = 2 * time.Second

	dispatchInterval = 200 * time.Millisecond
	buryBatch        = 1000
	recordTimeout    = 10 * time.Second

	// An endpoint whose deliveries cannot be claimed is tried again after pauses that grow between these.
	firstClaimPause = 50 * time.Millisecond
	mostClaimPause  = 5 * time.Second
)

// Lease is how long a claim is good on the clock of the database: longer than an attempt and the recording of it.
const Lease = time.Minute

// Dispatcher makes the attempts of the shards that a process owns. It is safe for concurrent use; any number of
// processes may work on a shard.
type Dispatcher struct {
	queue  Queue
	sender Sender
	wake   func(shard int) <-chan struct{}
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	sending map[int64]int  // by endpoint
	slow    map[int64]bool // by endpoint
	allFast int            // that are being sent to endpoints that are not slow
	allSlow int            // that are being sent to those that are; more than maxSlow after an outage of many
	shards  map[int]*shardWork
}

// shardWork is what is under way for a shard.
type shardWork struct {
	wake    chan struct{} // there is something new, or room for another attempt
	running sync.WaitGroup
	paused  map[int64]claimPause // by endpoint; of the Pass that runs
}

// claimPause keeps an endpoint that failed to be claimed for from being tried in every pass.
type claimPause struct {
	until  time.Time
	length time.Duration
}

// NewDispatcher makes a dispatcher. wake signals that a shard has something new; it may be nil.
func NewDispatcher(
	q Queue, s Sender, wake func(int) <-chan struct{}, now func() time.Time, log *slog.Logger,
) *Dispatcher {
	return &Dispatcher{
		queue: q, sender: s, wake: wake, now: now, log: log,
		sending: map[int64]int{}, slow: map[int64]bool{}, shards: map[int]*shardWork{},
	}
}

// Run dispatches for a shard until the context ends, and then waits until nothing is under way. Attempts that are under
// way then are broken off and left to whoever comes next.
func (d *Dispatcher) Run(ctx context.Context, shard int) {
	wake := d.workOf(shard).wake
	var forwarding sync.WaitGroup
	if d.wake != nil {
		forwarding.Go(func() { forward(ctx, d.wake(shard), wake) })
	}
	job := loop.Job{Name: "webhooks", Log: d.log.With("shard", shard), Interval: dispatchInterval, Wake: wake}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		begun, err := d.Pass(ctx, shard)
		return begun > 0, err
	})
	forwarding.Wait()
	d.Wait(shard)
}

// forward passes signals on.
func forward(ctx context.Context, from <-chan struct{}, to chan<- struct{}) {
	for {
		select {
		case <-from:
			signal(to)
		case <-ctx.Done():
			return
		}
	}
}

func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default: // one is waiting already
	}
}

func (d *Dispatcher) workOf(shard int) *shardWork {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shards[shard] == nil {
		d.shards[shard] = &shardWork{wake: make(chan struct{}, 1)}
	}
	return d.shards[shard]
}

// Wait waits until no attempt of a shard is under way. No Pass of the shard may begin meanwhile.
func (d *Dispatcher) Wait(shard int) { d.workOf(shard).running.Wait() }

// Pass begins as many attempts of a shard as there is room for, and returns their number with that of the deliveries it
// buried. It does not wait for the attempts: see Wait. An endpoint that fails to be claimed for is logged and gets a
// pause of its own, so it holds up no other. Passes of one shard must not run together.
func (d *Dispatcher) Pass(ctx context.Context, shard int) (begun int, err error) {
	now := d.now()
	waiting, err := d.queue.Waiting(ctx, shard, now)
	if err != nil {
		return 0, err
	}
	work := d.workOf(shard)
	paused := map[int64]claimPause{} // without those that have nothing due any more
	for _, w := range waiting {
		pause, failed := work.paused[w.Endpoint]
		if failed && now.Before(pause.until) {
			paused[w.Endpoint] = pause
			continue
		}
		n, err := d.serve(ctx, work, shard, w, now)
		begun += n
		if err != nil && ctx.Err() == nil {
			pause.length = min(max(2*pause.length, firstClaimPause), mostClaimPause)
			pause.until = now.Add(pause.length)
			paused[w.Endpoint] = pause
			d.logUnclaimed(failed, shard, w.Endpoint, err)
		}
	}
	work.paused = paused
	return begun, nil
}

// logUnclaimed logs the first failure of a row as an error: an endpoint that fails for an hour is one line in the log.
func (d *Dispatcher) logUnclaimed(again bool, shard int, endpoint int64, err error) {
	level := slog.LevelError
	if again {
		level = slog.LevelDebug
	}
	d.log.Log(context.Background(), level, "deliveries to a webhook could not be claimed, and are tried again",
		"shard", shard, "endpoint", endpoint, "error", err)
}

func (d *Dispatcher) serve(
	ctx context.Context, work *shardWork, shard int, w Waiting, now time.Time,
) (int, error) {
	switch {
	case w.State == StateDisabled:
		return d.queue.Bury(ctx, shard, w.Endpoint, buryBatch)
	case w.State != StateActive || now.Before(w.NotBefore):
		return 0, nil
	}
	slow, places := d.take(w.Endpoint)
	if places == 0 {
		return 0, nil
	}
	messages, err := d.queue.Claim(ctx, shard, w.Endpoint, now, places)
	d.giveBack(w.Endpoint, slow, places-len(messages))
	for _, m := range messages {
		work.running.Go(func() { d.attempt(ctx, work, &place{endpoint: m.Endpoint, slow: slow}, m) })
	}
	return len(messages), err
}

// place is room for one attempt.
type place struct {
	endpoint int64
	slow     bool // it counts as one of a slow endpoint
	given    bool // back
}

// take takes as many places as an endpoint may have now.
func (d *Dispatcher) take(endpoint int64) (slow bool, places int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slow = d.slow[endpoint]
	if slow {
		places = min(1-d.sending[endpoint], maxSlow-d.allSlow)
	} else {
		places = min(maxPerEndpoint-d.sending[endpoint], maxFast-d.allFast)
	}
	places = max(places, 0)
	d.add(endpoint, slow, places)
	return slow, places
}

// giveBack gives back places that were not used.
func (d *Dispatcher) giveBack(endpoint int64, slow bool, places int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(endpoint, slow, -places)
}

// slowDown makes the endpoint of an attempt that takes long a slow one.
func (d *Dispatcher) slowDown(p *place) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.given {
		return
	}
	d.rememberSlow(p.endpoint)
	if !p.slow {
		d.add(p.endpoint, false, -1)
		p.slow = true
		d.add(p.endpoint, true, 1)
	}
}

func (d *Dispatcher) rememberSlow(endpoint int64) {
	d.slow[endpoint] = true
	for other := range d.slow {
		if len(d.slow) <= maxKnownSlow {
			return
		}
		if other != endpoint {
			delete(d.slow, other)
		}
	}
}

// leave gives the place of an attempt back and remembers whether its endpoint is slow.
func (d *Dispatcher) leave(p *place, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.given = true
	d.add(p.endpoint, p.slow, -1)
	if took < slowAfter {
		delete(d.slow, p.endpoint)
	}
}

func (d *Dispatcher) add(endpoint int64, slow bool, n int) {
	if slow {
		d.allSlow += n
	} else {
		d.allFast += n
	}
	if d.sending[endpoint] += n; d.sending[endpoint] == 0 {
		delete(d.sending, endpoint)
	}
}

// attempt sends a message, records what came of it and gives its place back.
func (d *Dispatcher) attempt(ctx context.Context, work *shardWork, p *place, m Message) {
	slow := time.AfterFunc(slowAfter, func() {
		d.slowDown(p)
		signal(work.wake)
	})
	at := d.now()
	answer := d.sender.Send(ctx, m)
	slow.Stop()
	defer func() {
		d.leave(p, answer.Took)
		signal(work.wake)
	}()
	// What was sent is recorded even when this process is told to stop.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if answer.Status == 0 && ctx.Err() != nil {
		d.logError(d.queue.Release(record, m), m)
		return
	}
	recorded, err := d.queue.Record(record, m, resultOf(answer, m.Tries, at))
	if err == nil && !recorded {
		d.log.Warn("a webhook's lease ran out before its attempt was recorded: it is sent again",
			"endpoint", m.Endpoint, "event", m.Event)
	}
	d.logError(err, m)
}

func (d *Dispatcher) logError(err error, m Message) {
	if err != nil {
		d.log.Error("an attempt to deliver a webhook was not recorded: it is made again", "endpoint", m.Endpoint,
			"event", m.Event, "error", err)
	}
}
