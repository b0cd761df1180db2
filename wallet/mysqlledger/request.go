package mysqlledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/wallet"
)

// repeat ends a transaction whose request was carried out before.
type repeat struct{ reference int64 }

func (r repeat) Error() string {
	return fmt.Sprintf("mysqlledger: the request made %d before", r.reference)
}

// tombstone is the reference of a request that was given up.
const tombstone = 0

// claim records a request in the transaction of its effect. If it was recorded before, the error is a repeat, or
// wallet.ErrGivenUp, or a request_conflict where it asked for something else then; either way the transaction is to be
// rolled back. A second call with the same id waits here until the first has committed.
func (l *Ledger) claim(ctx context.Context, tx *sql.Tx, t tables, user string, r wallet.Request, reference int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.requests+" (user, request_id, fingerprint, reference, at) VALUES (?, ?, ?, ?, ?)",
		user, r.ID, r.Fingerprint[:], reference, l.now().UnixMilli())
	if !shards.IsDuplicate(err) {
		return err
	}
	first, _, err := readRequest(ctx, tx, t, user, r)
	switch {
	case err != nil:
		return err
	case first == tombstone:
		return wallet.ErrGivenUp
	}
	return repeat{first}
}

// GiveUp makes sure that a request of this user is never carried out, unless it was already: then ok, and id is what it
// caused. Refusal: request_conflict.
func (l *Ledger) GiveUp(ctx context.Context, user string, r wallet.Request) (id int64, ok bool, err error) {
	if err := wallet.CheckID("user", user); err != nil {
		return 0, false, err
	}
	shard := l.cluster.ForUser(user)
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error { return l.claim(ctx, tx, l.tables[shard], user, r, tombstone) })
	before, repeated := errors.AsType[repeat](err)
	switch {
	case repeated:
		return before.reference, true, nil
	case err == nil, errors.Is(err, wallet.ErrGivenUp):
		return 0, false, nil
	}
	return 0, false, fmt.Errorf("give up a request: %w", err)
}

// Requested returns the id of what a request of this user caused, if it was carried out. Refusal: request_conflict.
func (l *Ledger) Requested(ctx context.Context, user string, r wallet.Request) (id int64, ok bool, err error) {
	if err := wallet.CheckID("user", user); err != nil {
		return 0, false, err
	}
	shard := l.cluster.ForUser(user)
	if id, ok, err = readRequest(ctx, l.cluster.DB(shard), l.tables[shard], user, r); err != nil {
		return 0, false, shards.Classify(fmt.Errorf("look up a request: %w", err))
	}
	return id, ok && id != tombstone, nil
}

// readRequest returns what a request made. Refusal: request_conflict.
func readRequest(ctx context.Context, q querier, t tables, user string, r wallet.Request) (reference int64, ok bool, err error) {
	var fingerprint []byte
	err = q.QueryRowContext(ctx, "SELECT fingerprint, reference FROM "+t.requests+" WHERE user = ? AND request_id = ?", user, r.ID).Scan(&fingerprint, &reference)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if !bytes.Equal(fingerprint, r.Fingerprint[:]) {
		return 0, false, wallet.Refuse(wallet.CodeRequestConflict, "request_id %q was used before for something else: use a new one for each new request", r.ID)
	}
	return reference, true, nil
}
