package memledger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Deliver brings the oldest message of a shard to its destination and returns the number of items in it; 0 means that
// there is none. The message has its effect in one transaction at the destination, once, and is then deleted here in
// another. Any number may deliver for the same shard.
func (l *Ledger) Deliver(ctx context.Context, n int) (items int, err error) {
	var oldest []message
	err = l.read(ctx, n, func(s *state) { oldest = s.outbox[:min(1, len(s.outbox))] })
	if err != nil || len(oldest) == 0 {
		return 0, err
	}
	m := oldest[0]
	if err := l.onShard(ctx, m.dest, func(tx *transaction) error { return tx.receive(m) }); err != nil {
		return 0, err
	}
	return m.items(), l.onShard(ctx, n, func(tx *transaction) error {
		at := slices.IndexFunc(tx.outbox, func(other message) bool { return other.id == m.id })
		switch {
		case at == 0:
			set(tx, &tx.state.outbox, tx.outbox[1:])
		case at > 0: // after a Restore, an older one is there again
			set(tx, &tx.state.outbox, slices.Concat(tx.outbox[:at], tx.outbox[at+1:]))
		}
		return nil
	})
}

// receive has the effect of a message, unless it arrived before. A credit that came with another message is passed
// over: a shard that went back in time has paid once more what it had forgotten.
func (tx *transaction) receive(m message) error {
	if tx.inbox[m.id] {
		return nil
	}
	put(tx, tx.inbox, m.id, true)
	for _, e := range m.index {
		tx.addIndex(e)
	}
	for i, c := range m.credits {
		leg := legKey{c.Hold, c.Part, c.Payee}
		if tx.legs[leg] {
			continue
		}
		put(tx, tx.legs, leg, true)
		tx.addTo(clearingAccount, c.Currency, -c.Minor)
		tx.credit(c.Payee, c.Currency, entry{part: c.Part, Entry: ledger.Entry{Minor: c.Minor, Kind: ledger.EntryPost,
			Subject: m.subjects[i], Reference: c.Hold, Counterparty: c.From, Note: c.Note, At: c.At}})
	}
	return nil
}

func (tx *transaction) addIndex(e ledger.IndexEntry) {
	key := indexKey{e.Of, e.Subject}
	ids := tx.index[key]
	if at, there := slices.BinarySearch(ids, e.Reference); !there {
		put(tx, tx.index, key, slices.Insert(slices.Clone(ids), at, e.Reference))
	}
}

// Age is how long the oldest message of a shard has been waiting, at least 1 ms; 0 where there is none.
func (l *Ledger) Age(ctx context.Context, n int) (age time.Duration, err error) {
	err = l.read(ctx, n, func(s *state) {
		if len(s.outbox) > 0 {
			age = max(l.now().Sub(s.outbox[0].at), time.Millisecond)
		}
	})
	return age, err
}

// Broker sends events to whoever listens to a topic.
type Broker interface {
	// Publish sends the events in order; each is one JSON object. After an error some may have been sent.
	Publish(ctx context.Context, topic string, events [][]byte) error
}

// Publish hands the events of a shard to a broker, those of a topic in their order, and returns how many it took. It
// forgets those; the others stay for the next call. A topic that fails does not hold up the others.
func (l *Ledger) Publish(ctx context.Context, n int, b Broker) (published int, err error) {
	var events []ledger.Event
	if err := l.read(ctx, n, func(s *state) { events = s.events }); err != nil {
		return 0, err
	}
	var topics []string
	bodies, failed := map[string][][]byte{}, map[string]bool{}
	for _, e := range events {
		if bodies[e.Topic] == nil {
			topics = append(topics, e.Topic)
		}
		bodies[e.Topic] = append(bodies[e.Topic], e.Body)
	}
	var errs []error
	for _, topic := range topics {
		if err := b.Publish(ctx, topic, bodies[topic]); err != nil {
			failed[topic], errs = true, append(errs, err)
			continue
		}
		published += len(bodies[topic])
	}
	errs = append(errs, l.onShard(ctx, n, func(tx *transaction) error {
		// Each topic loses the events that were read above. If somebody published at the same time, it has lost some of
		// them already, and the broker got those twice.
		left := map[string]int{}
		var kept []ledger.Event
		for _, e := range tx.events {
			if left[e.Topic]++; failed[e.Topic] || left[e.Topic] > len(bodies[e.Topic]) {
				kept = append(kept, e)
			}
		}
		set(tx, &tx.state.events, kept)
		return nil
	}))
	return published, errors.Join(errs...)
}
