package mysqlledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Void returns what is left of a hold to its owner, provided that exactly posted minor units of it have been posted.
// done is false, and nothing happens, if another amount has been. A void done before is done, and so is one of a hold
// of which nothing is left. Errors: ledger.ErrHoldNotFound, shards.ErrUnavailable.
func (l *Ledger) Void(ctx context.Context, id, posted int64) (h ledger.Hold, done bool, err error) {
	err = l.SQLTx(ctx, id, func(tx *Tx) error {
		holds, err := SelectHolds(ctx, tx.sql, tx.tables, "WHERE id = ? FOR UPDATE", id)
		if err != nil {
			return err
		}
		if len(holds) == 0 {
			return ledger.ErrHoldNotFound
		}
		if h = holds[0]; h.Staged() {
			return errStaged
		}
		if done = h.Posted == posted; !done || !h.Open {
			return nil
		}
		return tx.void(ctx, &h)
	})
	if err != nil {
		return ledger.Hold{}, false, wrap(err, "void %d", id)
	}
	return h, done, nil
}

// errStaged is a mistake of the caller: it would have parted a stage and its money.
var errStaged = errors.New("mysqlledger: the hold has a stage, and its money moves with that alone")

// void gives the pending rest of a locked, open hold back.
func (tx *Tx) void(ctx context.Context, h *ledger.Hold) error {
	txID, err := tx.l.ids.New(tx.shard)
	if err != nil {
		return err
	}
	rest := h.Pending()
	update, err := tx.sql.ExecContext(ctx,
		"UPDATE "+tx.tables.Holds+" SET is_open = 0, voided = ? WHERE id = ? AND posted = ? AND is_open = 1",
		rest, h.ID, h.Posted)
	if err != nil {
		return err
	}
	if n, err := update.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("mysqlledger: hold %d changed under its lock", h.ID))
	}
	if h.CountsDaily {
		if err := tx.uncount(ctx, *h, rest); err != nil {
			return err
		}
	}
	after, err := credit(ctx, tx.sql, tx.tables, h.Owner, ledger.Amount{Minor: rest, Currency: h.Amount.Currency})
	if err != nil {
		return err
	}
	// Kind, subject and reference make the entry unique: no hold is given back twice.
	e := entry{currency: h.Amount.Currency, kind: ledger.EntryVoid, subject: h.Subject, reference: h.ID,
		counterparty: h.Counterparty, note: h.Note, at: tx.l.now().UnixMilli()}
	from, to := e, e
	from.account, from.seq, from.amount = HoldAccount(h.ID), txID, -rest
	to.account, to.seq, to.amount, to.balance = h.Owner, after.seq, rest, after.balance
	if err := writeEntries(ctx, tx.sql, tx.tables, []entry{from, to}); err != nil {
		return err
	}
	h.Voided, h.Open = h.Voided+rest, false
	return nil
}
