package shards

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"

	"github.com/hongbao/hongbao/internal/refusal"
)

// ErrUnavailable says that a shard's server could not be reached, or could not answer now. What the call would have
// done may or may not have been done; everything here is safe to repeat. An error that wraps it also carries a
// refusal.Error with the code unavailable, so that the edge needs to know nothing of shards.
var ErrUnavailable = errors.New("shards: a database server is unavailable")

type unavailable struct{ cause error }

func (u unavailable) Error() string { return ErrUnavailable.Error() + ": " + u.cause.Error() }

func (u unavailable) Unwrap() []error {
	return []error{ErrUnavailable, refusal.New(refusal.CodeUnavailable,
		"the ledger cannot be reached right now: try again with the same request_id"), u.cause}
}

// Numbers of server errors.
const (
	errDuplicate       = 1062
	errLockWaitTimeout = 1205
	errDeadlock        = 1213
)

// isTransient tells server errors that say "not now": too many connections, shutting down, killed, read-only, out of
// disk or memory for locks, and TiDB's own for a region or a store that cannot be reached.
func isTransient(number uint16) bool {
	switch number {
	case 1040, 1041, 1053, 1077, 1078, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1203, 1206, 1226, 1290, 1317, 1792,
		1836, 1927, 3572, 8022, 8027, 8028, 9001, 9002, 9003, 9004, 9005, 9006, 9007:
		return true
	}
	return false
}

// Classify wraps err so that errors.Is(err, ErrUnavailable) tells a server that cannot answer now from a statement
// that is wrong. Deadlocks and lock waits count as unavailable too: where they get out of Tx, its retries are used up.
// A cancelled context and a Refusal are returned as they are; a deadline that passed counts as unavailable.
func Classify(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		if isTransient(e.Number) || retryable(err) {
			return unavailable{err}
		}
		return err
	}
	if errors.Is(err, ErrVolatile) {
		return unavailable{err}
	}
	_, network := errors.AsType[net.Error](err) // a deadline is one, too
	if network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unavailable{err}
	}
	return err
}

// ClassifyFixed is Classify for readers that stay on a server when a shard leaves it: a table that is not there counts
// as unavailable.
func ClassifyFixed(err error) error {
	if isGone(err) {
		return unavailable{err}
	}
	return Classify(err)
}

// IsDuplicate says whether err is the violation of a unique key.
func IsDuplicate(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && e.Number == errDuplicate
}

// retryable says whether the transaction was rolled back for the sake of another and may be tried again at once.
func retryable(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (e.Number == errDeadlock || e.Number == errLockWaitTimeout)
}
