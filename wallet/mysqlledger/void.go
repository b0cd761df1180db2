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
		if h = holds[0]; h.Staged() || h.Metered() {
			return errOtherwise
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

// errOtherwise is a mistake of the caller: it would have parted a stage, or a product's rows, and their money.
var errOtherwise = errors.New("mysqlledger: the hold's money moves by steps or draws alone")

// void gives the pending rest of a locked, open hold back.
func (tx *Tx) void(ctx context.Context, h *ledger.Hold) error {
	rest := h.Pending()
	voided := h.Voided + rest
	update, err := tx.sql.ExecContext(ctx,
		"UPDATE "+tx.tables.Holds+" SET is_open = 0, voided = ? WHERE id = ? AND posted = ? AND is_open = 1",
		voided, h.ID, h.Posted)
	if err != nil {
		return err
	}
	if n, err := update.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("mysqlledger: hold %d changed under its lock", h.ID))
	}
	if h.CountsDaily {
		if err := uncount(ctx, tx.sql, tx.tables, usageOf(*h), rest); err != nil {
			return err
		}
	}
	if err := tx.giveBack(ctx, *h, rest, 0); err != nil {
		return err
	}
	h.Voided, h.Open = voided, false
	return nil
}

// giveBack writes the entries of money that goes from a hold to its owner. Kind, subject, reference and part make them
// unique: nothing is given back twice.
func (tx *Tx) giveBack(ctx context.Context, h ledger.Hold, minor int64, part int) error {
	txID, err := tx.l.ids.New(tx.shard)
	if err != nil {
		return err
	}
	after, err := credit(ctx, tx.sql, tx.tables, h.Owner, ledger.Amount{Minor: minor, Currency: h.Amount.Currency})
	if err != nil {
		return err
	}
	e := entry{currency: h.Amount.Currency, kind: ledger.EntryVoid, subject: h.Subject, reference: h.ID, part: part,
		counterparty: h.Counterparty, note: h.Note, at: tx.l.now().UnixMilli()}
	from, to := e, e
	from.account, from.seq, from.amount = HoldAccount(h.ID), txID, -minor
	to.account, to.seq, to.amount, to.balance = h.Owner, after.seq, minor, after.balance
	return writeEntries(ctx, tx.sql, tx.tables, []entry{from, to})
}
