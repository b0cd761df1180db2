package memledger

import (
	"context"
	"errors"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// tombstone is the reference of a request that was cancelled.
const tombstone = 0

// claim records a request; see ledger.Tx.
func (tx *transaction) claim(user string, r ledger.Request, reference int64) error {
	if tx.ledger.forUser(user) != tx.shard {
		return errors.New("memledger: the wallet of a request's user is on another shard than its transaction")
	}
	if err := r.Check(); err != nil {
		return err
	}
	first, there, err := tx.findRequest(user, r)
	switch {
	case err != nil:
		return err
	case !there:
		put(tx, tx.requests, requestKey{user, r.ID}, request{fingerprint: r.Fingerprint, reference: reference})
		return nil
	case first == tombstone:
		return ledger.ErrCancelled
	}
	return &ledger.RepeatedError{Reference: first}
}

// findRequest returns what a request made. Refusal: request_conflict.
func (s *state) findRequest(user string, r ledger.Request) (reference int64, there bool, err error) {
	found, there := s.requests[requestKey{user, r.ID}]
	if there && found.fingerprint != r.Fingerprint {
		return 0, false, refusal.New(refusal.CodeRequestConflict,
			"request_id %q was used before for something else: use a new one for each new request", r.ID)
	}
	return found.reference, there, nil
}

// CancelRequest makes sure that a request of this user is never carried out, unless it was already: then ok, and id is
// what it caused. Refusal: request_conflict.
func (l *Ledger) CancelRequest(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return 0, false, err
	}
	err = l.onShard(ctx, l.forUser(user), func(tx *transaction) error { return tx.claim(user, r, tombstone) })
	if before, repeated := errors.AsType[*ledger.RepeatedError](err); repeated {
		return before.Reference, true, nil
	}
	if errors.Is(err, ledger.ErrCancelled) {
		err = nil
	}
	return 0, false, err
}

// Requested returns the id of what a request of this user caused, if it was carried out. Refusal: request_conflict.
func (l *Ledger) Requested(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error) {
	if err := ledger.CheckAccount("user", user); err != nil {
		return 0, false, err
	}
	var found error
	err = l.read(ctx, l.forUser(user), func(s *state) { id, ok, found = s.findRequest(user, r) })
	return id, ok && id != tombstone, errors.Join(err, found)
}
