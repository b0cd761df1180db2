package mysqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/index"
	"github.com/hongbao/hongbao/internal/outbox"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Tx is a ledger.Tx whose SQL side a product's adapter uses for rows of its own.
type Tx struct {
	l      *Ledger
	sql    *sql.Tx
	shard  int
	tables Tables
	sent   []outbox.Message // written before the commit
}

var _ ledger.Tx = (*Tx)(nil)

// Tx runs f in one READ COMMITTED transaction on the shard that an id carries: see ledger.Tx, and shards.Cluster.Tx for
// the retries. Errors: ledger.ErrHoldNotFound for an id that no shard can have made, shards.ErrUnavailable, and
// whatever f returns. After an error of the commit itself the outcome is unknown.
func (l *Ledger) Tx(ctx context.Context, id int64, f func(ledger.Tx) error) error {
	return l.SQLTx(ctx, id, func(tx *Tx) error { return f(tx) })
}

// SQLTx is Tx for an adapter.
func (l *Ledger) SQLTx(ctx context.Context, id int64, f func(*Tx) error) error {
	shard, ok := l.ShardOf(id)
	if !ok {
		return ledger.ErrHoldNotFound
	}
	return l.SQLTxOn(ctx, shard, f)
}

// SQLTxOn is SQLTx on a shard that the caller knows.
func (l *Ledger) SQLTxOn(ctx context.Context, shard int, f func(*Tx) error) error {
	var tx *Tx
	err := l.cluster.Tx(ctx, shard, func(sqlTx *sql.Tx) error {
		tx = &Tx{l: l, sql: sqlTx, shard: shard, tables: l.tables[shard]}
		if err := f(tx); err != nil {
			return err
		}
		return l.outbox.Write(ctx, sqlTx, shard, tx.sent)
	})
	if err == nil {
		l.outbox.Written(shard, tx.sent)
	}
	return err
}

// SQL is the transaction for a product's own rows.
func (tx *Tx) SQL() *sql.Tx { return tx.sql }

// Shard is where the transaction runs.
func (tx *Tx) Shard() int { return tx.shard }

// Claim implements ledger.Tx. A second call with the same request waits here until the first has committed.
func (tx *Tx) Claim(ctx context.Context, user string, r ledger.Request, reference int64) error {
	if tx.l.cluster.ForUser(user) != tx.shard {
		return errors.New("mysqlledger: the wallet of a request's user is on another shard than its transaction")
	}
	return tx.l.claim(ctx, tx.sql, tx.tables, user, r, reference)
}

// Send puts messages into the outbox. All of a transaction are written together, just before it commits.
func (tx *Tx) Send(messages ...outbox.Message) { tx.sent = append(tx.sent, messages...) }

// Index implements ledger.Tx.
func (tx *Tx) Index(_ context.Context, entries ...ledger.IndexEntry) error {
	if err := ledger.CheckIndex(entries); err != nil {
		return err
	}
	stored := make([]index.Entry, len(entries))
	for i, e := range entries {
		stored[i] = index.Entry{Who: e.Of, Subject: string(e.Subject), Reference: e.Reference}
	}
	messages, err := index.Messages(stored, tx.l.indexShard)
	if err != nil {
		return err
	}
	tx.Send(messages...)
	return nil
}

// indexShard is the shard of somebody's index entries.
func (l *Ledger) indexShard(of string) int { return l.cluster.ForUser(ledger.IndexOwner(of)) }

// Indexed returns the references of a subject that concern somebody, the highest first, below before (0: from the
// highest).
func (l *Ledger) Indexed(ctx context.Context, of string, s ledger.Subject, before int64, limit int) ([]int64, error) {
	if err := ledger.CheckIndex([]ledger.IndexEntry{{Of: of}}); err != nil {
		return nil, err
	}
	return l.index.References(ctx, l.indexShard(of), of, string(s), before, limit)
}

// Publish implements ledger.Tx.
func (tx *Tx) Publish(_ context.Context, events ...ledger.Event) error {
	if err := ledger.CheckEvents(events); err != nil {
		return err
	}
	stored := make([]outbox.Event, len(events))
	for i, e := range events {
		stored[i] = outbox.Event{Topic: e.Topic, Body: e.Body}
	}
	messages, err := outbox.Events(stored)
	if err != nil {
		return err
	}
	tx.Send(messages...)
	return nil
}

// Advance implements ledger.Tx.
func (tx *Tx) Advance(ctx context.Context, s ledger.Step) (h ledger.Hold, done bool, err error) {
	if err := s.Check(); err != nil {
		return ledger.Hold{}, false, err
	}
	if done, err = tx.enterStage(ctx, s); err != nil {
		return ledger.Hold{}, false, err
	}
	holds, err := SelectHolds(ctx, tx.sql, tx.tables, "WHERE id = ?", s.Hold)
	if err != nil {
		return ledger.Hold{}, false, err
	}
	if len(holds) == 0 {
		return ledger.Hold{}, false, ledger.ErrHoldNotFound
	}
	if h = holds[0]; !done {
		return h, false, nil
	}
	switch s.Funds {
	case ledger.FundsVoided:
		err = tx.void(ctx, &h)
	case ledger.FundsPosted:
		err = tx.payWhole(ctx, &h, h.StagedAt.UnixMilli())
	}
	return h, err == nil, err
}

// enterStage changes the stage and thereby locks the hold. The database's clock decides what is due, and is the time of
// the stage.
func (tx *Tx) enterStage(ctx context.Context, s ledger.Step) (done bool, err error) {
	now, clock := tx.l.clockSQL()
	set, args := "stage = ?, staged_at = "+now, append([]any{string(s.To)}, clock...)
	if s.Renew {
		set, args = set+", expires_at = "+now+" + ?", append(append(args, clock...), s.For.Milliseconds())
	}
	due := "expires_at > " + now
	if s.Due {
		due = "expires_at <= " + now
	}
	args = append(append(args, s.Hold, string(s.From)), clock...)
	// expires_at is compared before it is set: WHERE comes before SET.
	update, err := tx.sql.ExecContext(ctx,
		"UPDATE "+tx.tables.Holds+" SET "+set+" WHERE id = ? AND stage = ? AND is_open = 1 AND "+due, args...)
	if err != nil {
		return false, err
	}
	n, err := update.RowsAffected()
	return n == 1, err
}

// wrap says what failed. What is an answer rather than a failure passes as it is.
func wrap(err error, format string, args ...any) error {
	if err == nil || errors.Is(err, ledger.ErrHoldNotFound) {
		return err
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
