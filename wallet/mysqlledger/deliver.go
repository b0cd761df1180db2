package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

// Bounds of one delivery.
const (
	deliverWidth   = 8               // destinations at a time
	maxParcels     = 64              // outbox rows merged into one transaction at the destination
	maxLegs        = 4000            // credits and mentions in it, unless a single row has more
	deliverTimeout = 5 * time.Second // for one destination
	probeTimeout   = time.Second     // for one that failed the last time
	maxCollisions  = 3               // times that another worker may deliver the same rows while we do
)

// errDelivered says that somebody else delivered some of the parcels at the same time.
var errDelivered = errors.New("mysqlledger: another worker delivered the same")

// Deliver credits what a shard has posted to its payees, wherever they are, brings its mentions to those whom they concern,
// and returns how many posts and mentions are thereby no longer in flight. It delivers a bounded amount, one transaction at each destination; 0 means that there is nothing, or
// nothing for a destination that is up. A destination that fails is left alone for a while, and its failure is part of
// err once each time; the others are delivered. Any number of workers may deliver the same shard: a post is credited once.
func (l *Ledger) Deliver(ctx context.Context, shard int) (delivered int, err error) {
	if err := l.checkShard(shard); err != nil {
		return 0, err
	}
	var dests []int
	err = collect(ctx, l.cluster.DB(shard), func(rows *sql.Rows) error {
		var dest int
		err := rows.Scan(&dest)
		dests = append(dests, dest)
		return err
	}, "SELECT DISTINCT dest FROM "+l.tables[shard].outbox)
	if err != nil {
		return 0, shards.Classify(fmt.Errorf("outbox of shard %d: %w", shard, err))
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var arrived []*parcel
	var errs []error
	slots := make(chan struct{}, deliverWidth)
	for _, dest := range dests {
		patience, due := l.paused.patience(dest, l.now())
		if !due {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			parcels, err := l.deliverTo(ctx, shard, dest, patience)
			mu.Lock()
			defer mu.Unlock()
			arrived = append(arrived, parcels...)
			if err != nil {
				errs = append(errs, shards.Classify(fmt.Errorf("deliver from shard %d to %d: %w", shard, dest, err)))
			}
		})
	}
	wg.Wait()
	credits := 0
	for _, b := range arrived {
		delivered += b.contents.size()
		credits += len(b.contents.Legs)
	}
	l.metrics.credits.Add(float64(credits))
	// They are credited. If the rows stay here, the next delivery finds them in the inboxes and deletes them.
	if err := l.clearOutbox(ctx, shard, arrived); err != nil {
		errs = append(errs, shards.Classify(fmt.Errorf("clear the outbox of shard %d: %w", shard, err)))
	}
	return delivered, errors.Join(errs...)
}

// deliverTo credits the oldest parcels for one destination there, and returns them.
func (l *Ledger) deliverTo(ctx context.Context, source, dest int, patience time.Duration) ([]*parcel, error) {
	parcels, err := l.readOutbox(ctx, source, dest)
	if err != nil || len(parcels) == 0 {
		return nil, err
	}
	if err = l.checkShard(dest); err == nil {
		err = l.receiveInLane(ctx, source, dest, parcels, patience)
	}
	switch {
	case err == nil:
		l.paused.clear(dest)
		return parcels, nil
	case ctx.Err() == nil:
		l.paused.add(dest, l.now())
		l.metrics.suspensions.Inc()
	}
	return nil, err
}

// clearOutbox deletes parcels at their source.
func (l *Ledger) clearOutbox(ctx context.Context, source int, arrived []*parcel) error {
	byDest := map[int][]any{}
	for _, b := range arrived {
		byDest[b.dest] = append(byDest[b.dest], b.id)
	}
	var where []string
	var args []any
	for dest, ids := range byDest {
		where = append(where, "dest = ? AND id IN "+in(len(ids)))
		args = append(append(args, dest), ids...)
	}
	if len(where) == 0 {
		return nil
	}
	_, err := l.cluster.DB(source).ExecContext(ctx, "DELETE FROM "+l.tables[source].outbox+" WHERE "+strings.Join(where, " OR "), args...)
	return err
}

func (l *Ledger) readOutbox(ctx context.Context, source, dest int) ([]*parcel, error) {
	var parcels []*parcel
	err := collect(ctx, l.cluster.DB(source), func(rows *sql.Rows) error {
		b, err := scanParcel(rows)
		parcels = append(parcels, b)
		return err
	}, "SELECT "+parcelColumns+" FROM "+l.tables[source].outbox+" WHERE dest = ? ORDER BY id LIMIT ?", dest, maxParcels)
	if err != nil {
		return nil, err
	}
	legs := 0
	for i, b := range parcels {
		if legs += b.contents.size(); i > 0 && legs > maxLegs {
			return parcels[:i], nil
		}
	}
	return parcels, nil
}

// receiveInLane is receive in its turn, which the patience with the destination does not include.
func (l *Ledger) receiveInLane(ctx context.Context, source, dest int, parcels []*parcel, patience time.Duration) error {
	leave, err := l.lane(ctx, dest)
	if err != nil {
		return err
	}
	defer leave()
	return l.receive(ctx, source, dest, parcels, patience)
}

// receive credits parcels at their destination, except those that were credited before.
func (l *Ledger) receive(ctx context.Context, source, dest int, parcels []*parcel, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Deliveries to one shard have many accounts in common. Here they take turns in order, which costs the server less
	// than waiting for each other's locks: 34 instead of 44 µs of its time for each credit, measured with four sources.
	select {
	case l.gates[dest] <- struct{}{}:
		defer func() { <-l.gates[dest] }()
	case <-ctx.Done():
		return ctx.Err()
	}
	fresh := parcels
	for range maxCollisions {
		err := l.cluster.Tx(ctx, dest, func(tx *sql.Tx) error { return l.creditParcels(ctx, tx, source, dest, fresh) })
		if !errors.Is(err, errDelivered) {
			return err
		}
		if fresh, err = l.notInInbox(ctx, source, dest, parcels); err != nil || len(fresh) == 0 {
			return err
		}
	}
	return errDelivered
}

// notInInbox are the parcels that were not delivered before. One that only bears the id of one that was is renamed.
func (l *Ledger) notInInbox(ctx context.Context, source, dest int, parcels []*parcel) ([]*parcel, error) {
	args := []any{source}
	for _, b := range parcels {
		args = append(args, b.id)
	}
	there := map[int64]bool{}
	err := collect(ctx, l.cluster.DB(dest), func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		there[id] = true
		return err
	}, "SELECT id FROM "+l.tables[dest].inbox+" WHERE source = ? AND id IN "+in(len(parcels)), args...)
	if err != nil {
		return nil, err
	}
	var fresh []*parcel
	for _, b := range parcels {
		if !there[b.id] {
			fresh = append(fresh, b)
			continue
		}
		same, err := l.delivered(ctx, dest, b)
		if err == nil && !same {
			err = l.rename(ctx, source, b)
		}
		if err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

func (l *Ledger) creditParcels(ctx context.Context, tx *sql.Tx, source, dest int, parcels []*parcel) error {
	t, at := l.tables[dest], l.now().UnixMilli()
	args := make([]any, 0, 3*len(parcels))
	sums := map[wallet.Currency]int64{}
	for _, b := range parcels {
		args = append(args, source, b.id, at)
		if len(b.contents.Legs) > 0 {
			sums[b.currency] += b.amount
		}
	}
	if err := insertRows(ctx, tx, "INSERT INTO "+t.inbox+" (source, id, at)", 3, args, ""); err != nil {
		if shards.IsDuplicate(err) {
			return errDelivered
		}
		return err
	}
	if err := receiveMentions(ctx, tx, t, parcels); err != nil {
		return err
	}
	entries := creditEntries(parcels)
	if len(entries) == 0 {
		return nil
	}
	if err := runBalances(ctx, tx, t, entries); err != nil {
		return err
	}
	txID, err := l.newID(dest)
	if err != nil {
		return err
	}
	return writeEntries(ctx, tx, t, append(entries, clearingEntries(txID, sums, -1, at)...))
}
