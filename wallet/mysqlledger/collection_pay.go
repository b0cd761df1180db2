package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet"
)

// change changes a collection under its lock, in one transaction on its shard, and returns it as it is afterwards: f
// returns the notices of what it did, and whether it did anything. Error: wallet.ErrCollectionNotFound.
func (l *Ledger) change(ctx context.Context, id int64, f func(tx *sql.Tx, t tables, c *wallet.Collection) (changed bool, tell tellOf, err error)) (c wallet.Collection, changed bool, err error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return wallet.Collection{}, false, wallet.ErrCollectionNotFound
	}
	t := l.tables[shard]
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) (err error) {
		if c, err = readCollection(ctx, tx, t, id, " FOR UPDATE"); err != nil {
			return err
		}
		var tell tellOf
		if changed, tell, err = f(tx, t, &c); err != nil || !changed || tell == nil {
			return err
		}
		notices, err := tell(c)
		if err == nil {
			err = checkNotices(notices)
		}
		if err != nil {
			return err
		}
		return l.writeNotices(ctx, tx, shard, notices)
	})
	if err != nil {
		if !errors.Is(err, wallet.ErrCollectionNotFound) {
			err = fmt.Errorf("collection %d: %w", id, err)
		}
		return wallet.Collection{}, false, err
	}
	if changed {
		l.tell(shard)
	}
	return c, changed, nil
}

// errPartChanged is a mistake in this package: nobody changes a part without the lock of its collection.
var errPartChanged = errors.New("mysqlledger: a part changed under the lock of its collection")

// setPart writes a part of a locked collection, provided that it is still in the state that it was read in.
func setPart(ctx context.Context, tx *sql.Tx, t tables, id int64, before, p wallet.CollectionPart) error {
	done, err := tx.ExecContext(ctx, "UPDATE "+t.parts+" SET state = ?, claim = ?, payment = ?, at = ? WHERE collection = ? AND member = ? AND state = ? AND claim = ?",
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
func partOf(c *wallet.Collection, member string) *wallet.CollectionPart {
	for i := range c.Parts {
		if c.Parts[i].Member == member {
			return &c.Parts[i]
		}
	}
	return nil
}

// Claim begins the payment of a member's part: it becomes claimed, if it is due and the collection is open. c is the
// collection afterwards, in any case. Errors: wallet.ErrCollectionNotFound, shards.ErrUnavailable.
func (l *Ledger) Claim(ctx context.Context, id int64, member string, at time.Time) (c wallet.Collection, err error) {
	c, _, err = l.change(ctx, id, func(tx *sql.Tx, t tables, c *wallet.Collection) (bool, tellOf, error) {
		p := partOf(c, member)
		if p == nil || p.State != wallet.PartDue || c.State != wallet.CollectionOpen {
			return false, nil, nil
		}
		before := *p
		p.State, p.Claim, p.At = wallet.PartClaimed, p.Claim+1, millis(at.UnixMilli())
		return true, nil, setPart(ctx, tx, t, id, before, *p)
	})
	return c, err
}

// Release makes a claimed part due again, if the claim is this one. Error: shards.ErrUnavailable.
func (l *Ledger) Release(ctx context.Context, claim wallet.CollectionClaim, at time.Time) error {
	_, _, err := l.change(ctx, claim.Collection, func(tx *sql.Tx, t tables, c *wallet.Collection) (bool, tellOf, error) {
		p := partOf(c, claim.Member)
		if p == nil || p.State != wallet.PartClaimed || p.Claim != claim.Claim {
			return false, nil, nil
		}
		before := *p
		p.State, p.At = wallet.PartDue, millis(at.UnixMilli())
		return true, nil, setPart(ctx, tx, t, c.ID, before, *p)
	})
	return err
}

// Record makes a claimed part paid by a hold, if the claim is this one, counts it, and completes an open collection with
// its last part. A part that this hold has paid before stays as it is; any other is an error, for then a payment was made
// that the collection knows nothing of.
func (l *Ledger) Record(ctx context.Context, claim wallet.CollectionClaim, hold int64, at time.Time, tell tellOf) (wallet.Collection, error) {
	c, _, err := l.change(ctx, claim.Collection, func(tx *sql.Tx, t tables, c *wallet.Collection) (bool, tellOf, error) {
		p := partOf(c, claim.Member)
		switch {
		case p != nil && p.State == wallet.PartPaid && p.Payment == hold:
			return false, nil, nil
		case p == nil || p.State != wallet.PartClaimed || p.Claim != claim.Claim:
			return false, nil, fmt.Errorf("mysqlledger: payment %d of claim %d by %s has no part", hold, claim.Claim, claim.Member)
		}
		before := *p
		p.State, p.Payment, p.At = wallet.PartPaid, hold, millis(at.UnixMilli())
		if err := setPart(ctx, tx, t, c.ID, before, *p); err != nil {
			return false, nil, err
		}
		return true, tell, count(ctx, tx, t, c, p.Minor)
	})
	return c, err
}

// count adds a paid part to its locked collection.
func count(ctx context.Context, tx *sql.Tx, t tables, c *wallet.Collection, minor int64) error {
	c.Collected += minor
	unpaid := slices.ContainsFunc(c.Parts, func(p wallet.CollectionPart) bool { return p.State == wallet.PartDue || p.State == wallet.PartClaimed })
	if !unpaid && c.State == wallet.CollectionOpen {
		c.State = wallet.CollectionComplete
	}
	_, err := tx.ExecContext(ctx, "UPDATE "+t.collections+" SET collected = ?, state = ? WHERE id = ?", c.Collected, string(c.State), c.ID)
	return err
}

// CloseCollection closes an open collection. One that is not open stays as it is. c is the collection afterwards.
func (l *Ledger) CloseCollection(ctx context.Context, id int64, at time.Time, tell tellOf) (c wallet.Collection, err error) {
	c, _, err = l.change(ctx, id, func(tx *sql.Tx, t tables, c *wallet.Collection) (bool, tellOf, error) {
		if c.State != wallet.CollectionOpen {
			return false, nil, nil
		}
		c.State, c.ClosedAt = wallet.CollectionClosed, millis(at.UnixMilli())
		_, err := tx.ExecContext(ctx, "UPDATE "+t.collections+" SET state = ?, closed_at = ? WHERE id = ?", string(c.State), at.UnixMilli(), id)
		return true, tell, err
	})
	return c, err
}

// Remind notes that an open collection was reminded of, with the notices; done is false if it was before, or is not open.
func (l *Ledger) Remind(ctx context.Context, id int64, tell tellOf) (done bool, err error) {
	_, done, err = l.change(ctx, id, func(tx *sql.Tx, t tables, c *wallet.Collection) (bool, tellOf, error) {
		if c.State != wallet.CollectionOpen {
			return false, nil, nil
		}
		update, err := tx.ExecContext(ctx, "UPDATE "+t.collections+" SET reminded = 1 WHERE id = ? AND reminded = 0", id)
		if err != nil {
			return false, nil, err
		}
		n, err := update.RowsAffected()
		return n == 1, tell, err
	})
	return done, err
}
