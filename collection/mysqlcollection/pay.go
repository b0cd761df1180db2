package mysqlcollection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

// change changes a collection under its lock, in one transaction on its shard, and returns it as it is afterwards: f
// says whether it did anything, and then the events are published. Error: collection.ErrNotFound.
func (s *Store) change(
	ctx context.Context, id int64, events collection.Events,
	f func(tx *sql.Tx, t tables, c *collection.Collection) (changed bool, err error),
) (c collection.Collection, changed bool, err error) {
	if _, ok := s.cluster.ShardOf(id); !ok {
		return collection.Collection{}, false, collection.ErrNotFound
	}
	err = s.ledger.SQLTx(ctx, id, func(tx *mysqlledger.Tx) (err error) {
		t := s.tables(tx.Shard())
		if c, err = read(ctx, tx.SQL(), t, id, " FOR UPDATE"); err != nil {
			return err
		}
		if changed, err = f(tx.SQL(), t, &c); err != nil || !changed || events == nil {
			return err
		}
		published, err := events(c)
		if err != nil {
			return err
		}
		return tx.Publish(ctx, published...)
	})
	if err != nil {
		if !errors.Is(err, collection.ErrNotFound) {
			err = fmt.Errorf("collection %d: %w", id, err)
		}
		return collection.Collection{}, false, err
	}
	return c, changed, nil
}

// errPartChanged is a mistake in this package: nobody changes a part without the lock of its collection.
var errPartChanged = errors.New("mysqlcollection: a part changed under the lock of its collection")

// setPart writes a part of a locked collection, provided that it is still in the state that it was read in.
func setPart(ctx context.Context, tx *sql.Tx, t tables, id int64, before, p collection.Part) error {
	done, err := tx.ExecContext(ctx,
		"UPDATE "+t.parts+" SET state = ?, claim = ?, payment = ?, at = ? WHERE collection = ? AND member = ? AND "+
			"state = ? AND claim = ?",
		string(p.State), p.Claim, p.Payment, p.At.UnixMilli(), id, p.Member, string(before.State), before.Claim)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, errPartChanged)
	}
	return nil
}

// partOf points to a member's part, nil where there is none.
func partOf(c *collection.Collection, member string) *collection.Part {
	for i := range c.Parts {
		if c.Parts[i].Member == member {
			return &c.Parts[i]
		}
	}
	return nil
}

// Claim begins the payment of a member's part: it becomes claimed, if it is due and the collection is open. c is the
// collection afterwards, in any case. Errors: collection.ErrNotFound, shards.ErrUnavailable.
func (s *Store) Claim(ctx context.Context, id int64, member string, at time.Time) (c collection.Collection, err error) {
	c, _, err = s.change(ctx, id, nil, func(tx *sql.Tx, t tables, c *collection.Collection) (bool, error) {
		p := partOf(c, member)
		if p == nil || p.State != collection.PartDue || c.State != collection.StateOpen {
			return false, nil
		}
		before := *p
		p.State, p.Claim, p.At = collection.PartClaimed, p.Claim+1, rows.Millis(at.UnixMilli())
		return true, setPart(ctx, tx, t, id, before, *p)
	})
	return c, err
}

// Release makes a claimed part due again, if the claim is this one. Error: shards.ErrUnavailable.
func (s *Store) Release(ctx context.Context, claim collection.Claim, at time.Time) error {
	_, _, err := s.change(ctx, claim.Collection, nil, func(tx *sql.Tx, t tables, c *collection.Collection) (bool,
		error) {
		p := partOf(c, claim.Member)
		if p == nil || p.State != collection.PartClaimed || p.Claim != claim.Claim {
			return false, nil
		}
		before := *p
		p.State, p.At = collection.PartDue, rows.Millis(at.UnixMilli())
		return true, setPart(ctx, tx, t, c.ID, before, *p)
	})
	return err
}

// Record makes a claimed part paid by a hold, if the claim is this one, counts it, and completes an open collection
// with its last part. A part that this hold has paid before stays as it is; any other is an error, for then a payment
// was made that the collection knows nothing of.
func (s *Store) Record(ctx context.Context, claim collection.Claim, hold int64, at time.Time,
	events collection.Events) (collection.Collection, error) {
	c, _, err := s.change(ctx, claim.Collection, events,
		func(tx *sql.Tx, t tables, c *collection.Collection) (bool, error) {
			p := partOf(c, claim.Member)
			switch {
			case p != nil && p.State == collection.PartPaid && p.Payment == hold:
				return false, nil
			case p == nil || p.State != collection.PartClaimed || p.Claim != claim.Claim:
				return false, fmt.Errorf("mysqlcollection: payment %d of claim %d by %s has no part", hold, claim.Claim,
					claim.Member)
			}
			before := *p
			p.State, p.Payment, p.At = collection.PartPaid, hold, rows.Millis(at.UnixMilli())
			if err := setPart(ctx, tx, t, c.ID, before, *p); err != nil {
				return false, err
			}
			return true, count(ctx, tx, t, c, p.Minor)
		})
	return c, err
}

// count adds a paid part to its locked collection.
func count(ctx context.Context, tx *sql.Tx, t tables, c *collection.Collection, minor int64) error {
	c.Collected += minor
	unpaid := slices.ContainsFunc(c.Parts, func(p collection.Part) bool {
		return p.State == collection.PartDue || p.State == collection.PartClaimed
	})
	if !unpaid && c.State == collection.StateOpen {
		c.State = collection.StateComplete
	}
	_, err := tx.ExecContext(rows.Later(ctx), "UPDATE "+t.collections+" SET collected = ?, state = ? WHERE id = ?",
		c.Collected, string(c.State), c.ID)
	return err
}

// Close closes an open collection. One that is not open stays as it is. c is the collection afterwards.
func (s *Store) Close(ctx context.Context, id int64, at time.Time,
	events collection.Events) (c collection.Collection, err error) {
	c, _, err = s.change(ctx, id, events, func(tx *sql.Tx, t tables, c *collection.Collection) (bool, error) {
		if c.State != collection.StateOpen {
			return false, nil
		}
		c.State, c.ClosedAt = collection.StateClosed, rows.Millis(at.UnixMilli())
		_, err := tx.ExecContext(rows.Later(ctx), "UPDATE "+t.collections+" SET state = ?, closed_at = ? WHERE id = ?",
			string(c.State), at.UnixMilli(), id)
		return true, err
	})
	return c, err
}

// Remind notes that an open collection was reminded of, with the notices; done is false if it was before, or is not
// open.
func (s *Store) Remind(ctx context.Context, id int64, events collection.Events) (done bool, err error) {
	_, done, err = s.change(ctx, id, events, func(tx *sql.Tx, t tables, c *collection.Collection) (bool, error) {
		if c.State != collection.StateOpen {
			return false, nil
		}
		update, err := tx.ExecContext(ctx, "UPDATE "+t.collections+" SET reminded = 1 WHERE id = ? AND reminded = 0",
			id)
		if err != nil {
			return false, err
		}
		n, err := update.RowsAffected()
		return n == 1, err
	})
	return done, err
}
