package mysqlledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// ErrIDExists says that a record's id is another record's: two processes have the same node number.
var ErrIDExists = errors.New("mysqlledger: the id exists already: do two processes have the same node number?")

// Hold debits the owner and stores the hold, in one transaction on the owner's shard. If the request was already
// carried out, the hold of that time is returned, as it is now. Refusals: insufficient_balance, account_frozen,
// request_conflict.
// Error: ledger.ErrCancelled where the request was cancelled. Any other error, except shards.ErrUnavailable, says that
// the hold is malformed or that its id exists.
func (l *Ledger) Hold(ctx context.Context, r ledger.Request, h ledger.Hold) (ledger.Hold, error) {
	return l.HoldWith(ctx, r, h, ledger.HoldOptions{})
}

// HoldWith is Hold with options. Refusals: as Hold, and daily_limit_exceeded. Holds of a shard that arrive together and
// need no more than their owner's money are committed together.
func (l *Ledger) HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold,
	o ledger.HoldOptions) (held ledger.Hold, err error) {
	if err := errors.Join(r.Check(), l.checkHold(h), o.Check(h)); err != nil {
		return ledger.Hold{}, err
	}
	if shard, _ := l.ShardOf(h.ID); !h.CountsDaily && !o.PayNow {
		var done holdCall
		if done, err = l.holds[shard].Do(ctx, holdCall{request: r, hold: h}); err == nil {
			held, err = done.hold, done.err
		}
	} else {
		held, err = l.holdAlone(ctx, r, h, o)
	}
	if before, ok := errors.AsType[*ledger.RepeatedError](err); ok {
		return l.GetHold(ctx, before.Reference)
	}
	if err != nil {
		return ledger.Hold{}, wrap(err, "hold %d", h.ID)
	}
	return held, nil
}

// holdAlone carries out a call in a transaction of its own.
func (l *Ledger) holdAlone(ctx context.Context, r ledger.Request, h ledger.Hold,
	o ledger.HoldOptions) (held ledger.Hold, err error) {
	err = l.SQLTx(ctx, h.ID, func(tx *Tx) (err error) {
		if err := tx.Claim(ctx, h.Owner, r, h.ID); err != nil {
			return err
		}
		held, err = tx.hold(ctx, h, o)
		return err
	})
	return held, err
}

// Hold implements ledger.Tx.
func (tx *Tx) Hold(ctx context.Context, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error) {
	if err := errors.Join(tx.l.checkHold(h), o.Check(h)); err != nil {
		return ledger.Hold{}, err
	}
	if shard, _ := tx.l.ShardOf(h.ID); shard != tx.shard {
		return ledger.Hold{}, fmt.Errorf("mysqlledger: hold %d belongs to another shard than its transaction", h.ID)
	}
	return tx.hold(ctx, h, o)
}

// hold stores a hold that was checked.
func (tx *Tx) hold(ctx context.Context, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error) {
	h = asStored(h)
	if err := tx.insertHold(ctx, h); err != nil {
		return ledger.Hold{}, err
	}
	if h.CountsDaily {
		if err := count(ctx, tx.sql, tx.tables, usageOf(h), o.DailyLimit); err != nil {
			return ledger.Hold{}, err
		}
	}
	if err := tx.setAside(ctx, h); err != nil {
		return ledger.Hold{}, err
	}
	if o.PayNow {
		if err := tx.payWhole(ctx, &h, h.CreatedAt.UnixMilli()); err != nil {
			return ledger.Hold{}, err
		}
	}
	return h, nil
}

// asStored is a new hold as it is read back.
func asStored(h ledger.Hold) ledger.Hold {
	h.CreatedAt, h.ExpiresAt = rows.Millis(h.CreatedAt.UnixMilli()), rows.Millis(h.ExpiresAt.UnixMilli())
	h.StagedAt = stagedAt(h.Stage, h.StagedAt.UnixMilli())
	h.Posted, h.Voided, h.Open = 0, 0, true
	return h
}

// setAside moves a hold's amount out of the owner's wallet, which is the row that many calls may want at once.
func (tx *Tx) setAside(ctx context.Context, h ledger.Hold) error {
	after, err := debit(ctx, tx.sql, tx.tables, h.Owner, h.Amount)
	if err != nil {
		return err
	}
	return writeEntries(ctx, tx.sql, tx.tables, holdEntries(h, after))
}

// holdEntries are the two entries of a new hold; after is its owner's wallet once the money is out.
func holdEntries(h ledger.Hold, after state) []entry {
	e := entry{currency: h.Amount.Currency, kind: ledger.EntryHold, subject: h.Subject, reference: h.ID,
		counterparty: h.Counterparty, note: h.Note, at: h.CreatedAt.UnixMilli()}
	from, to := e, e
	from.account, from.seq, from.amount, from.balance = h.Owner, after.seq, -h.Amount.Minor, after.balance
	to.account, to.seq, to.amount = HoldAccount(h.ID), h.ID, h.Amount.Minor
	return []entry{from, to}
}

func (tx *Tx) insertHold(ctx context.Context, h ledger.Hold) error {
	values, err := holdValues(h)
	if err != nil {
		return err
	}
	_, err = tx.sql.ExecContext(ctx, "INSERT INTO "+tx.tables.Holds+" ("+holdColumns+") VALUES "+rows.In(holdWidth),
		values...)
	if shards.IsDuplicate(err) {
		return ErrIDExists
	}
	return err
}

// holdWidth is how many columns holdColumns names.
const holdWidth = 18

// holdValues are the values of holdColumns of a new hold.
func holdValues(h ledger.Hold) ([]any, error) {
	parts, err := json.Marshal(h.Parts)
	if err != nil {
		return nil, err
	}
	detail := h.Detail
	if detail == nil {
		detail = []byte{}
	}
	return []any{h.ID, string(h.Subject), h.Owner, string(h.Amount.Currency), h.Amount.Minor, 0, 0, 1, h.Note, parts,
		detail, h.CreatedAt.UnixMilli(), h.ExpiresAt.UnixMilli(), h.Counterparty, h.CountsDaily, string(h.Stage),
		stageTime(h), h.Unit}, nil
}

func (l *Ledger) checkHold(h ledger.Hold) error {
	shard, ok := l.ShardOf(h.ID)
	if !ok || shard != l.cluster.ForUser(h.Owner) {
		return fmt.Errorf("mysqlledger: hold %d: the id is not one for owner %q", h.ID, h.Owner)
	}
	return h.Check()
}

// payWhole posts the only part of a locked, open hold to its counterparty.
func (tx *Tx) payWhole(ctx context.Context, h *ledger.Hold, at int64) error {
	post := ledger.Post{Hold: h.ID, Payee: h.Counterparty, Minor: h.Amount.Minor, At: rows.Millis(at)}
	if err := tx.writePosts(ctx, []ledger.Post{post}, map[int64]*ledger.Hold{h.ID: h}); err != nil {
		return err
	}
	h.Posted, h.Open = h.Amount.Minor, false
	return nil
}
