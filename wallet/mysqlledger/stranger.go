package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/wallet"
)

// delivered says whether a parcel whose id is in the inbox is the one that was delivered under it. Two processes that by
// mistake have the same node number can make the same id; then the row in the inbox is that of another parcel, and this
// one has yet to be credited. An entry or a mention comes with the inbox row, so the first tells.
func (l *Ledger) delivered(ctx context.Context, dest int, b *parcel) (bool, error) {
	if len(b.contents.Legs) == 0 {
		return l.mentioned(ctx, dest, b.contents.Mentions[:min(1, len(b.contents.Mentions))])
	}
	first := b.contents.Legs[0]
	hold := b.contents.Holds[first.Hold]
	var one int
	err := l.cluster.DB(dest).QueryRowContext(ctx, "SELECT 1 FROM "+l.tables[dest].entries+
		" WHERE account = ? AND kind = ? AND subject = ? AND reference = ? AND part = ?",
		first.Payee, string(wallet.EntryPost), string(hold.Subject), hold.ID, first.Part).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return true, err
}

// mentioned says whether mentions are there.
func (l *Ledger) mentioned(ctx context.Context, dest int, mentions []mention) (bool, error) {
	for _, m := range mentions {
		var one int
		err := l.cluster.DB(dest).QueryRowContext(ctx, "SELECT 1 FROM "+l.tables[dest].mentions+" WHERE who = ? AND subject = ? AND reference = ?",
			m.Who, string(m.Subject), m.Reference).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// rename gives an outbox row that bears the id of another a new one, under which the next delivery credits it.
func (l *Ledger) rename(ctx context.Context, source int, b *parcel) error {
	t := l.tables[source]
	id, err := l.newID(source)
	if err != nil {
		return err
	}
	l.log.Error("an outbox row had the id of an earlier one and gets another: do two processes have the same --node?",
		"shard", source, "id", b.id, "new", id)
	return l.cluster.Tx(ctx, source, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE "+t.outbox+" SET id = ? WHERE dest = ? AND id = ?", id, b.dest, b.id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 { // another worker has renamed it
			return err
		}
		for _, g := range b.contents.Legs {
			if _, err := tx.ExecContext(ctx, "UPDATE "+t.posts+" SET outbox = ? WHERE hold = ? AND part = ? AND outbox = ?",
				id, b.contents.Holds[g.Hold].ID, g.Part, b.id); err != nil {
				return fmt.Errorf("posts of outbox row %d: %w", b.id, err)
			}
		}
		return nil
	})
}
