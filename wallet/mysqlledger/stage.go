package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
)

// Advance carries out a step if the hold is in its From stage and its time fits: then done, and the money has moved as the
// new stage says, in the same transaction. Otherwise nothing happens. h is the hold afterwards. Errors:
// wallet.ErrHoldNotFound, shards.ErrUnavailable.
func (l *Ledger) Advance(ctx context.Context, s wallet.Step) (h wallet.Hold, done bool, err error) {
	shard, ok := l.ShardOf(s.Hold)
	if !ok {
		return wallet.Hold{}, false, wallet.ErrHoldNotFound
	}
	if s.From.Fate() != wallet.FatePending || s.To.Fate() == 0 || s.From == s.To {
		return wallet.Hold{}, false, fmt.Errorf("mysqlledger: there is no step from %q to %q", s.From, s.To)
	}
	if err := checkNotices(s.Notices); err != nil {
		return wallet.Hold{}, false, err
	}
	txID, err := l.newID(shard)
	if err != nil {
		return wallet.Hold{}, false, err
	}
	t := l.tables[shard]
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		if done, err = enterStage(ctx, tx, t, s); err != nil {
			return err
		}
		holds, err := selectHolds(ctx, tx, t, "WHERE id = ?", s.Hold)
		if err != nil {
			return err
		}
		if len(holds) == 0 {
			return wallet.ErrHoldNotFound
		}
		if h = holds[0]; !done {
			return nil
		}
		switch s.To.Fate() {
		case wallet.FateVoided:
			err = l.void(ctx, tx, t, txID, &h)
		case wallet.FatePosted:
			err = l.payWhole(ctx, tx, shard, &h, h.Counterparty, s.At.UnixMilli())
		}
		if err != nil {
			return err
		}
		return l.writeNotices(ctx, tx, shard, s.Notices)
	})
	if err != nil {
		if !errors.Is(err, wallet.ErrHoldNotFound) {
			err = fmt.Errorf("hold %d from %s to %s: %w", s.Hold, s.From, s.To, err)
		}
		return wallet.Hold{}, false, err
	}
	if done {
		l.tell(shard)
	}
	return h, done, nil
}

// enterStage changes the stage and thereby locks the hold.
func enterStage(ctx context.Context, tx *sql.Tx, t tables, s wallet.Step) (done bool, err error) {
	set, args := "stage = ?, staged_at = ?", []any{string(s.To), s.At.UnixMilli()}
	if !s.Until.IsZero() {
		set, args = set+", expires_at = ?", append(args, s.Until.UnixMilli())
	}
	fits := "expires_at > ?"
	if s.Due {
		fits = "expires_at <= ?"
	}
	// expires_at is compared before it is set: WHERE comes before SET.
	update, err := tx.ExecContext(ctx, "UPDATE "+t.holds+" SET "+set+" WHERE id = ? AND stage = ? AND is_open = 1 AND "+fits,
		append(args, s.Hold, string(s.From), s.At.UnixMilli())...)
	if err != nil {
		return false, err
	}
	n, err := update.RowsAffected()
	return n == 1, err
}

// payWhole posts the only part of a locked, open hold.
func (l *Ledger) payWhole(ctx context.Context, tx *sql.Tx, shard int, h *wallet.Hold, payee string, at int64) error {
	heads := map[int64]*head{h.ID: {id: h.ID, subject: h.Subject, owner: h.Owner, currency: h.Amount.Currency, note: h.Note, parts: h.Parts}}
	post := wallet.Post{Hold: h.ID, Payee: payee, Minor: h.Amount.Minor, At: millis(at)}
	if err := l.writePosts(ctx, tx, shard, []wallet.Post{post}, heads); err != nil {
		return err
	}
	h.Posted, h.Open = h.Amount.Minor, false
	return nil
}
