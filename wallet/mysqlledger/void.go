package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
)

// Void returns what is left of a hold to its owner, provided that exactly posted minor units of it have been posted.
// done is false, and nothing happens, if another amount has been. A void done before is done, and so is one of a hold
// of which nothing is left. Errors: wallet.ErrHoldNotFound, shards.ErrUnavailable.
func (l *Ledger) Void(ctx context.Context, id, posted int64) (h wallet.Hold, done bool, err error) {
	shard, ok := l.ShardOf(id)
	if !ok {
		return wallet.Hold{}, false, wallet.ErrHoldNotFound
	}
	txID, err := l.newID(shard)
	if err != nil {
		return wallet.Hold{}, false, err
	}
	t := l.tables[shard]
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		holds, err := selectHolds(ctx, tx, t, "WHERE id = ? FOR UPDATE", id)
		if err != nil {
			return err
		}
		if len(holds) == 0 {
			return wallet.ErrHoldNotFound
		}
		h = holds[0]
		if h.Stage != "" {
			return errStaged
		}
		if done = h.Posted == posted; !done || !h.Open {
			return nil
		}
		return l.void(ctx, tx, t, txID, &h)
	})
	if err != nil {
		if !errors.Is(err, wallet.ErrHoldNotFound) {
			err = fmt.Errorf("void %d: %w", id, err)
		}
		return wallet.Hold{}, false, err
	}
	return h, done, nil
}

// errStaged is a mistake of the caller: it would have parted a stage and its money.
var errStaged = errors.New("mysqlledger: the hold has a stage, and its money moves with that alone")

// void gives the pending rest of a locked, open hold back.
func (l *Ledger) void(ctx context.Context, tx *sql.Tx, t tables, txID int64, h *wallet.Hold) error {
	rest := h.Pending()
	update, err := tx.ExecContext(ctx, "UPDATE "+t.holds+" SET is_open = 0, voided = ? WHERE id = ? AND posted = ? AND is_open = 1", rest, h.ID, h.Posted)
	if err != nil {
		return err
	}
	if n, err := update.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("mysqlledger: hold %d changed under its lock", h.ID))
	}
	if h.Subject.Counted() {
		if err := unspend(ctx, tx, t, *h, rest); err != nil {
			return err
		}
	}
	after, err := credit(ctx, tx, t, h.Owner, wallet.Amount{Minor: rest, Currency: h.Amount.Currency})
	if err != nil {
		return err
	}
	// Kind, subject and reference make the entry unique: no hold is given back twice.
	e := entry{currency: h.Amount.Currency, kind: wallet.EntryVoid, subject: h.Subject, reference: h.ID, counterparty: h.Counterparty, note: h.Note, at: l.now().UnixMilli()}
	from, to := e, e
	from.account, from.seq, from.amount = holdAccount(h.ID), txID, -rest
	to.account, to.seq, to.amount, to.balance = h.Owner, after.seq, rest, after.balance
	if err := writeEntries(ctx, tx, t, []entry{from, to}); err != nil {
		return err
	}
	h.Voided, h.Open = h.Voided+rest, false
	return nil
}
