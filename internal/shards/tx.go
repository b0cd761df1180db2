package shards

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Retries of a transaction that lost against another: at most txAttempts, between which it waits a random time up to
// txBackoff, twice as long each time. The longest wait in all is below 1.3 s, lock waits not counted.
const (
	txAttempts = 8
	txBackoff  = 10 * time.Millisecond
)

// Tx runs f in one READ COMMITTED transaction on a shard. It commits when f returns nil and rolls back otherwise. f
// runs again, from the start, when the server rolled the transaction back as the victim of a deadlock or of a lock
// wait, or when the shard was moved, so it must have no effects but those on the transaction, or set them anew each
// time. What f writes by rows.Later goes with its next statement or with the commit. Error: ErrUnavailable, and
// whatever f returns. After an error of the commit itself the outcome is unknown.
func (c *Cluster) Tx(ctx context.Context, shard int, f func(tx *sql.Tx) error) error {
	err := c.follow(ctx, shard, func(server int) error { return c.retried(ctx, c.servers[server].db, f) })
	if err != nil {
		return Classify(fmt.Errorf("shard %d: %w", shard, err))
	}
	return nil
}

// ErrApart says that shards are not on one server, or that one of them is being moved.
var ErrApart = errors.New("shards: the shards have no transaction in common")

// TxAcross is Tx on several shards, at least one, that are on one server. More than one are not followed to another
// server: f meets a table that is not there, and nothing is done. Error: ErrApart, and as of Tx.
func (c *Cluster) TxAcross(ctx context.Context, shards []int, f func(tx *sql.Tx) error) error {
	if len(shards) == 1 {
		return c.Tx(ctx, shards[0], f)
	}
	places := c.layout.Load().places
	server := places[shards[0]].server
	for _, shard := range shards {
		if at := places[shard]; at.server != server || at.fenced || at.err != nil {
			return fmt.Errorf("%w: %v", ErrApart, shards)
		}
	}
	if err := c.retried(ctx, c.servers[server].db, f); err != nil {
		return Classify(fmt.Errorf("shards %v: %w", shards, err))
	}
	return nil
}

func (c *Cluster) retried(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) (err error) {
	for attempt := range txAttempts {
		if attempt > 0 {
			if waited := wait(ctx, rand.N(txBackoff<<(attempt-1))); waited != nil {
				return waited
			}
		}
		if err = once(ctx, db, f); err == nil || !retryable(err) {
			return err
		}
	}
	return err
}

func once(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to tell; the server forgets the transaction with the connection
		return err
	}
	return tx.Commit()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
