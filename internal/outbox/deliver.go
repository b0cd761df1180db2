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
	deliverWidth   = 8               // transactions at a time
	maxMessages    = 64              // messages merged into one transaction at their destinations
	maxItems       = 4000            // items in it, unless a single message has more
	deliverTimeout = 5 * time.Second // for one transaction, unless Config says otherwise
	probeTimeout   = time.Second     // for a ping of a server that failed the last time
	maxCollisions  = 3               // times that another worker may deliver the same messages while we do
)

// errArrived says that somebody else delivered some of the messages at the same time.
var errArrived = errors.New("outbox: another worker delivered the same")

// Deliver brings the oldest messages of a shard to their destinations and returns the number of items delivered. It
// delivers a bounded amount, for each destination what fits one transaction; 0 means that there is nothing, or nothing
// for a destination that is up. A destination that fails is left alone for a while, and so are all of a server that
// does not answer, until it answers a ping; the failure is part of err once each time, and the others are delivered.
// Any number of workers may deliver for the same shard.
func (o *Outbox) Deliver(ctx context.Context, shard int) (items int, err error) {
	dests, err := o.dests(ctx, shard)
	if err != nil {
		return 0, err
	}
	items, _, err = o.deliver(ctx, shard, dests)
	return items, err
}

// DeliverTo is Deliver for the destinations on one server, numbered as by shards.Cluster.ServerOf: with a job for each,
// no server waits for another one. Where some are left alone and nothing else failed, the error is loop.ErrWaiting.
func (o *Outbox) DeliverTo(ctx context.Context, shard, server int) (items int, err error) {
	dests, err := o.dests(ctx, shard)
	if err != nil {
		return 0, err
	}
	items, isWaiting, err := o.deliver(ctx, shard,
		slices.DeleteFunc(dests, func(dest int) bool { return o.serverOf(dest) != server }))
	if err == nil && isWaiting {
		err = loop.ErrWaiting
	}
	return items, err
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

// deliver says with isWaiting that destinations were left alone.
func (o *Outbox) deliver(ctx context.Context, shard int, dests []int) (items int, isWaiting bool, err error) {
	if len(dests) == 0 {
		return 0, false, nil
	}
	var mu sync.Mutex
	var arrived []Message
	err = loop.FanOutSeq(o.groups(ctx, shard, dests), deliverWidth, func(g group) error {
		if errors.Is(g.err, loop.ErrWaiting) {
			mu.Lock()
			defer mu.Unlock()
			isWaiting = true
			return nil
		}
		if g.err != nil {
			return g.err
		}
		return o.deliverGroup(ctx, shard, g.messages, func(messages []Message) {
			mu.Lock()
			defer mu.Unlock()
			arrived = append(arrived, messages...)
		})
	})
	for _, m := range arrived {
		items += m.content.Size()
		o.metrics.delivered.WithLabelValues(string(m.Kind)).Add(float64(m.content.Size()))
	}
	// They had their effect. If the rows stay here, the next delivery finds them in the inboxes and deletes them.
	if clearErr := o.clear(ctx, shard, arrived); clearErr != nil {
		err = errors.Join(err, shards.Classify(fmt.Errorf("clear the outbox of shard %d: %w", shard, clearErr)))
	}
	return items, isWaiting, err
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
	if err := o.ping(ctx, server); err != nil {
		o.metrics.suspensions.Inc()
		return false, err
	}
	o.failedServers.clear(server)
	return true, nil
}

// ping asks a server whether it answers, and leaves it alone for a while if it does not.
func (o *Outbox) ping(ctx context.Context, server int) error {
	asked := o.cfg.Now()
	ping, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := o.cluster.ServerDB(server).PingContext(ping)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		o.failedServers.add(server, asked)
	}
	return shards.Classify(fmt.Errorf("ping server %d: %w", server, err))
}

// deliverGroup delivers messages that go together, and hands those that arrived to done. Where they cannot arrive
// together, those for each destination go by themselves, so that none waits for another.
func (o *Outbox) deliverGroup(ctx context.Context, source int, messages []Message, done func([]Message)) error {
	dests := destsOf(messages)
	err := o.receiveInTurn(ctx, source, messages)
	if err == nil {
		for _, dest := range dests {
			o.failedDests.clear(dest)
			o.suspects.clear(dest)
		}
		done(messages)
		return nil
	}
	err = shards.Classify(fmt.Errorf("deliver from shard %d to %s: %w", source, strings.Trim(fmt.Sprint(dests), "[]"),
		err))
	// What was out of reach need not be their own server: numbers for ids may come from another one. A ping tells.
	down := errors.Is(err, shards.ErrUnavailable) && o.ping(ctx, o.serverOf(dests[0])) != nil
	if ctx.Err() != nil {
		return err
	}
	if down || len(dests) == 1 {
		for _, dest := range dests {
			if !down {
				o.failedDests.add(dest, o.cfg.Now())
			}
			o.suspects.add(dest, o.cfg.Now())
			o.metrics.suspensions.Inc()
		}
		return err
	}
	return loop.FanOut(slices.Collect(byDest(messages)), deliverWidth, func(some []Message) error {
		if due, err := o.due(ctx, some[0].Dest); !due {
			return err
		}
		return o.deliverGroup(ctx, source, some, done)
	})
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

// receiveInTurn is receive when it is the destinations' turn, among the writers of their server. Deliveries to one
// shard have many accounts in common: taking turns in order costs the server less than waiting for each other's locks,
// 34 instead of 44 µs of its time for each credit, measured with four sources. Who waits for a turn holds no place
// among the writers. The wait for that is bounded by Acquire.
func (o *Outbox) receiveInTurn(ctx context.Context, source int, messages []Message) error {
	turns, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	for _, dest := range destsOf(messages) { // in ascending order, as locks are taken, so that none waits in a circle
		select {
		case o.turns[dest] <- struct{}{}:
			defer func() { <-o.turns[dest] }()
		case <-turns.Done():
			return turns.Err()
		}
	}
	release, err := o.cfg.Acquire(ctx, messages[0].Dest)
	if err != nil {
		return err
	}
	defer release()
	return o.receive(ctx, source, messages)
}

// receive takes in messages at their destinations, which are on one server, in one transaction. Those for a single
// destination are taken in without the ones that arrived before.
func (o *Outbox) receive(ctx context.Context, source int, messages []Message) (err error) {
	ctx, end := o.Trace(ctx, "outbox.deliver", messages)
	defer func() { err = end(err) }()
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	dests := destsOf(messages)
	fresh, sift := messages, false
	for range maxCollisions {
		err := o.cluster.TxAcross(ctx, dests, func(tx *sql.Tx) error {
			for some := range byDest(fresh) {
				if err := o.consume(ctx, tx, source, some, len(dests) > 1, sift); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			o.follow(fresh)
		}
		if err == nil || len(dests) > 1 {
			return err
		}
		if shards.IsDuplicate(err) && !sift { // met by a consumer, and perhaps told by a later statement or the commit
			sift = true
			o.cfg.Log.Error("a shard sends again what has arrived: it has lost its latest commits", "shard", source,
				"dest", dests[0])
			continue
		}
		if !errors.Is(err, errArrived) {
			return err
		}
		if fresh, err = o.notArrived(ctx, source, dests[0], messages); err != nil || len(fresh) == 0 {
			return err
		}
	}
	return errArrived
}

// consume records the arrival of messages for one destination and lets their consumers do their work, with sift without
// what arrived with other messages. Together with those for others, what arrived before need not be told from any other
// error, and the record goes with the next statement.
func (o *Outbox) consume(ctx context.Context, tx *sql.Tx, source int, messages []Message, together, sift bool) error {
	dest := messages[0].Dest
	args, at := make([]any, 0, 3*len(messages)), o.cfg.Now().UnixMilli()
	for _, m := range messages {
		args = append(args, source, m.ID, at)
	}
	record := rows.InsertNow
	if together {
		record = rows.Insert
	}
	if err := record(ctx, tx, "INSERT INTO "+o.inbox(dest)+" (source, id, at)", 3, args, ""); err != nil {
		if shards.IsDuplicate(err) {
			return errArrived
		}
		return err
	}
	for _, c := range o.consumers {
		some, err := of(c.Kind(), messages), error(nil)
		if s, sifts := c.(Sifter); sifts && sift && len(some) > 0 {
			if some, err = s.Sift(ctx, tx, dest, some); err != nil {
				return err
			}
		}
		if len(some) == 0 {
			continue
		}
		if err := c.Consume(ctx, tx, dest, some); err != nil {
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
