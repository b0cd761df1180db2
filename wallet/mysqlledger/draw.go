package mysqlledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Draw implements ledger.Tx.
func (tx *Tx) Draw(ctx context.Context, d ledger.Draw) (h ledger.Hold, done bool, err error) {
	if err := d.Check(); err != nil {
		return ledger.Hold{}, false, err
	}
	holds, err := SelectHolds(ctx, tx.sql, tx.tables, "WHERE id = ? FOR UPDATE", d.Hold)
	if err != nil {
		return ledger.Hold{}, false, err
	}
	if len(holds) == 0 {
		return ledger.Hold{}, false, ledger.ErrHoldNotFound
	}
	if h = holds[0]; !h.Metered() {
		return ledger.Hold{}, false, fmt.Errorf("mysqlledger: hold %d is not metered", h.ID)
	}
	if d.Units > h.Units() {
		return h, false, nil
	}
	if d.Funds == ledger.FundsVoided {
		err = tx.returnUnits(ctx, &h, d)
	} else {
		err = tx.payUnits(ctx, &h, d)
	}
	return h, err == nil, err
}

// payUnits posts units of a locked hold to its counterparty.
func (tx *Tx) payUnits(ctx context.Context, h *ledger.Hold, d ledger.Draw) error {
	p := d.Post(*h)
	p.At = rows.Millis(p.At.UnixMilli())
	if err := tx.writePosts(ctx, []ledger.Post{p}, map[int64]*ledger.Hold{h.ID: h}); err != nil {
		return err
	}
	h.Posted += p.Minor
	h.Open = h.Pending() > 0
	return nil
}

// returnUnits gives units of a locked hold back to its owner.
func (tx *Tx) returnUnits(ctx context.Context, h *ledger.Hold, d ledger.Draw) error {
	minor, before := d.Units*h.Unit, h.Voided
	h.Voided += minor
	h.Open = h.Pending() > 0
	update, err := tx.sql.ExecContext(ctx, "UPDATE "+tx.tables.Holds+" SET voided = ?, is_open = ? WHERE id = ? AND "+
		"posted = ? AND voided = ?", h.Voided, h.Open, h.ID, h.Posted, before)
	if err != nil {
		return err
	}
	if n, err := update.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("mysqlledger: hold %d changed under its lock", h.ID))
	}
	return tx.giveBack(ctx, *h, minor, int(before/h.Unit))
}
