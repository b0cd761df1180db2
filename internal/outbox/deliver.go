package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// Bounds of one delivery.
const (
	deliverWidth   = 8               // destinations at a time
	maxMessages    = 64              // messages merged into one transaction at the destination
	maxItems       = 4000            // items in it, unless a single message has more
	deliverTimeout = 5 * time.Second // for one destination, unless Config says otherwise
	probeTimeout   = time.Second     // for a ping of a server that failed the last time
	maxCollisions  = 3               // times that another worker may deliver the same messages while we do
)

// errArrived says that somebody else delivered some of the messages at the same time.
var errArrived = errors.New("outbox: another worker delivered the same")

// errDuplicate says that some of what messages carry came with others.
var errDuplicate = errors.New("outbox: some of it arrived with other messages")

// Deliver brings the oldest messages of a shard to their destinations and returns the number of items delivered. It
// delivers a bounded amount, one transaction at each destination; 0 means that there is nothing, or nothing for a
// destination that is up. A destination that fails is left alone for a while, and so are all of a server that does not
// answer, until it answers a ping; the failure is part of err once each time, and the others are delivered. Any number
// of workers may deliver for the same shard.
func (o *Outbox) Deliver(ctx context.Context, shard int) (items int, err error) {
	dests, err := o.dests(ctx, shard)
	if err != nil {
		return 0, err
	}
	return o.deliver(ctx, shard, dests)
}

// DeliverTo is Deliver for the destinations on one server, numbered as by shards.Cluster.ServerOf: with a job for each,
// no server waits for another one.
func (o *Outbox) DeliverTo(ctx context.Context, shard, server int) (items int, err error) {
	dests, err := o.dests(ctx, shard)
	if err != nil {
		return 0, err
	}
	return o.deliver(ctx, shard, slices.DeleteFunc(dests, func(dest int) bool { return o.serverOf(dest) != server }))
}

// dests are the destinations of a shard's messages.
func (o *Outbox) dests(ctx context.Context, shard int) ([]int, error) {
	dests, err := rows.Select(ctx, o.cluster.DB(shard), rows.Scalar[int],
		"SELECT DISTINCT dest FROM "+o.outbox(shard)+" WHERE dest > ?", Outside)
	if err != nil {
		return nil, shards.Classify(fmt.Errorf("outbox of shard %d: %w", shard, err))
	}
	return dests, nil
}

// serverOf is the server of a destination. That of one which does not exist is 0: somebody has to say so.
func (o *Outbox) serverOf(dest int) int {
	if dest >= o.cluster.Shards() {
		return 0
	}
	return o.cluster.ServerOf(dest)
}

func (o *Outbox) deliver(ctx context.Context, shard int, dests []int) (items int, err error) {
	var mu sync.Mutex
	var arrived []Message
	err = loop.FanOut(dests, deliverWidth, func(dest int) error {
		if due, err := o.due(ctx, dest); !due {
			return err
		}
		messages, err := o.deliverTo(ctx, shard, dest)
		mu.Lock()
		arrived = append(arrived, messages...)
		mu.Unlock()
		if err != nil {
			err = shards.Classify(fmt.Errorf("deliver from shard %d to %d: %w", shard, dest, err))
		}
		return err
	})
	for _, m := range arrived {
		items += m.content.Size()
		o.metrics.delivered.WithLabelValues(string(m.Kind)).Add(float64(m.content.Size()))
	}
	// They had their effect. If the rows stay here, the next delivery finds them in the inboxes and deletes them.
	if clearErr := o.clear(ctx, shard, arrived); clearErr != nil {
		err = errors.Join(err, shards.Classify(fmt.Errorf("clear the outbox of shard %d: %w", shard, clearErr)))
	}
	return items, err
}

// due says whether a destination may be tried. A server that did not answer the last time has to answer a ping first,
// and one that does is as any other: whatever was wrong, no batch has to find out.
func (o *Outbox) due(ctx context.Context, dest int) (bool, error) {
	now, server := o.cfg.Now(), o.serverOf(dest)
	if _, due := o.failedDests.state(dest, now); !due {
		return false, nil
	}
	failed, due := o.failedServers.state(server, now)
	if !failed || !due {
		return due, nil
	}
	ping, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := o.cluster.ServerDB(server).PingContext(ping); err != nil {
		if ctx.Err() == nil {
			o.failedServers.add(server, now)
		}
		return false, shards.Classify(fmt.Errorf("ping server %d: %w", server, err))
	}
	o.failedServers.clear(server)
	return true, nil
}

// failed leaves alone what failed: the server where it does not answer, else the destination.
func (o *Outbox) failed(dest int, err error) {
	if errors.Is(shards.Classify(err), shards.ErrUnavailable) {
		o.failedServers.add(o.serverOf(dest), o.cfg.Now())
	} else {
		o.failedDests.add(dest, o.cfg.Now())
	}
	o.metrics.suspensions.Inc()
}

// deliverTo delivers the oldest messages for one destination, and returns them.
func (o *Outbox) deliverTo(ctx context.Context, source, dest int) ([]Message, error) {
	messages, err := o.read(ctx, source, dest)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	if dest >= o.cluster.Shards() {
		return nil, fmt.Errorf("there is no shard %d", dest)
	}
	err = o.receiveInTurn(ctx, source, dest, messages)
	switch {
	case err == nil:
		o.failedDests.clear(dest)
		return messages, nil
	case ctx.Err() == nil:
		o.failed(dest, err)
	}
	return nil, err
}

// clear deletes messages at their source.
func (o *Outbox) clear(ctx context.Context, source int, arrived []Message) error {
	byDest := map[int][]any{}
	for _, m := range arrived {
		byDest[m.Dest] = append(byDest[m.Dest], m.ID)
	}
	var where []string
	var args []any
	for dest, ids := range byDest {
		where = append(where, "dest = ? AND id IN "+rows.In(len(ids)))
		args = append(append(args, dest), ids...)
	}
	if len(where) == 0 {
		return nil
	}
	_, err := o.cluster.DB(source).ExecContext(ctx, "DELETE FROM "+o.outbox(source)+" WHERE "+strings.Join(where,
		" OR "), args...)
	return err
}

// read reads the oldest messages for one destination.
func (o *Outbox) read(ctx context.Context, source, dest int) ([]Message, error) {
	messages, err := rows.Select(ctx, o.cluster.DB(source), Scan,
		"SELECT "+Columns+" FROM "+o.outbox(source)+" WHERE dest = ? ORDER BY id LIMIT ?", dest, maxMessages)
	if err != nil {
		return nil, err
	}
	items := 0
	for i := range messages {
		if err := o.Decode(&messages[i]); err != nil {
			return nil, err
		}
		if items += messages[i].content.Size(); i > 0 && items > maxItems {
			return messages[:i], nil
		}
	}
	return messages, nil
}

// receiveInTurn is receive among the writers of the destination's server. The wait for that is bounded by Acquire.
func (o *Outbox) receiveInTurn(ctx context.Context, source, dest int, messages []Message) error {
	release, err := o.cfg.Acquire(ctx, dest)
	if err != nil {
		return err
	}
	defer release()
	return o.receive(ctx, source, dest, messages)
}

// receive takes in messages at their destination, except those that arrived before.
func (o *Outbox) receive(ctx context.Context, source, dest int, messages []Message) (err error) {
	ctx, end := o.Trace(ctx, "outbox.deliver", messages)
	defer func() { err = end(err) }()
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	// Deliveries to one shard have many accounts in common. Here they take turns in order, which costs the server less
	// than waiting for each other's locks: 34 instead of 44 µs of its time for each credit, measured with four sources.
	select {
	case o.turns[dest] <- struct{}{}:
		defer func() { <-o.turns[dest] }()
	case <-ctx.Done():
		return ctx.Err()
	}
	fresh, sift := messages, false
	for range maxCollisions {
		err := o.cluster.Tx(ctx, dest, func(tx *sql.Tx) error { return o.consume(ctx, tx, source, dest, fresh, sift) })
		if err == nil {
			o.follow(fresh)
		}
		if errors.Is(err, errDuplicate) && !sift {
			sift = true
			o.cfg.Log.Error("a shard sends again what has arrived: it has lost its latest commits", "shard", source,
				"dest", dest)
			continue
		}
		if !errors.Is(err, errArrived) {
			return err
		}
		if fresh, err = o.notArrived(ctx, source, dest, messages); err != nil || len(fresh) == 0 {
			return err
		}
	}
	return errArrived
}

// consume records the arrival of messages and lets their consumers do their work, with sift without what arrived with
// other messages.
func (o *Outbox) consume(ctx context.Context, tx *sql.Tx, source, dest int, messages []Message, sift bool) error {
	args, at := make([]any, 0, 3*len(messages)), o.cfg.Now().UnixMilli()
	for _, m := range messages {
		args = append(args, source, m.ID, at)
	}
	if err := rows.InsertNow(ctx, tx, "INSERT INTO "+o.inbox(dest)+" (source, id, at)", 3, args, ""); err != nil {
		if shards.IsDuplicate(err) {
			return errArrived
		}
		return err
	}
	for _, c := range o.consumers {
		some, err := of(c.Kind(), messages), error(nil)
		s, sifts := c.(Sifter)
		if sifts && sift && len(some) > 0 {
			if some, err = s.Sift(ctx, tx, dest, some); err != nil {
				return err
			}
		}
		if len(some) == 0 {
			continue
		}
		err = c.Consume(ctx, tx, dest, some)
		if sifts && shards.IsDuplicate(err) {
			err = errors.Join(errDuplicate, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow tells the consumers that want to hear of it what was taken in.
func (o *Outbox) follow(messages []Message) {
	for _, c := range o.consumers {
		if f, ok := c.(Follower); ok {
			if some := of(c.Kind(), messages); len(some) > 0 {
				f.Follow(some)
			}
		}
	}
}

// of are the messages of a kind.
func of(kind Kind, messages []Message) []Message {
	other := func(m Message) bool { return m.Kind != kind }
	if !slices.ContainsFunc(messages, other) {
		return messages
	}
	return slices.DeleteFunc(slices.Clone(messages), other)
}
