package mysqlledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// tombstone is the reference of a request that was cancelled.
const tombstone = 0

// claim records a request in the transaction of its effect; see ledger.Tx.
func (l *Ledger) claim(ctx context.Context, tx *sql.Tx, t Tables, user string, r ledger.Request,
	reference int64) error {
	if err := r.Check(); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx,
		"INSERT INTO "+t.Requests+" (user, request_id, fingerprint, reference, at) VALUES (?, ?, ?, ?, ?)",
		user, r.ID, r.Fingerprint[:], reference, l.now().UnixMilli())
	if !shards.IsDuplicate(err) {
		return err
	}
	first, _, err := readRequest(ctx, tx, t, user, r)
	switch {
	case err != nil:
		return err
	case first == tombstone:
		return ledger.ErrCancelled
	}
	return &ledger.RepeatedError{Reference: first}
}

// CancelRequest makes sure that a request of this user is never carried out, unless it was already: then ok, and id is
// what it caused. Refusal: request_conflict.
func (l *Ledger) CancelRequest(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return 0, false, err
	}
	shard := l.cluster.ForUser(user)
	err = l.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		return l.claim(ctx, tx, l.tables[shard], user, r,
			tombstone)
	})
	before, repeated := errors.AsType[*ledger.RepeatedError](err)
	switch {
	case repeated:
		return before.Reference, true, nil
	case err == nil, errors.Is(err, ledger.ErrCancelled):
		return 0, false, nil
	}
	return 0, false, fmt.Errorf("cancel a request: %w", err)
}

// Requested returns the id of what a request of this user caused, if it was carried out. Refusal: request_conflict.
func (l *Ledger) Requested(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return 0, false, err
	}
	shard := l.cluster.ForUser(user)
	if id, ok, err = readRequest(ctx, l.cluster.DB(shard), l.tables[shard], user, r); err != nil {
		return 0, false, shards.Classify(fmt.Errorf("look up a request: %w", err))
	}
	return id, ok && id != tombstone, nil
}

// CarriedOut says whether a call of a user with a request id was carried out, whatever it asked for.
func (l *Ledger) CarriedOut(ctx context.Context, user, requestID string) (bool, error) {
	shard := l.cluster.ForUser(user)
	var reference int64
	err := l.cluster.DB(shard).QueryRowContext(ctx, "SELECT reference FROM "+l.tables[shard].Requests+
		" WHERE user = ? AND request_id = ?", user, requestID).Scan(&reference)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, shards.Classify(fmt.Errorf("look up a request: %w", err))
	}
	return reference != tombstone, nil
}

// readRequest returns what a request made. Refusal: request_conflict.
func readRequest(ctx context.Context, q rows.Querier, t Tables, user string,
	r ledger.Request) (reference int64, ok bool, err error) {
	var fingerprint []byte
	err = q.QueryRowContext(ctx, "SELECT fingerprint, reference FROM "+t.Requests+" WHERE user = ? AND request_id = ?",
		user, r.ID).Scan(&fingerprint, &reference)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if !bytes.Equal(fingerprint, r.Fingerprint[:]) {
		return 0, false, requestConflict(r)
	}
	return reference, true, nil
}

func requestConflict(r ledger.Request) error {
	return refusal.New(refusal.CodeRequestConflict,
		"request_id %q was used before for something else: use a new one for each new request", r.ID)
}
