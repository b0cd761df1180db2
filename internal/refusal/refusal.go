// Package refusal is the vocabulary in which every domain says no: a stable code and a sentence for a person. It also
// holds the rules for ids, which are the same in every domain.
package refusal

import (
	"errors"
	"fmt"
)

// Error is an answer of a domain, not a failure: the request was understood and cannot be carried out. Code is stable
// and part of the API; Detail is a sentence for a person that says what was wrong and what is allowed.
type Error struct {
	Code   string
	Detail string
}

func (e *Error) Error() string { return e.Code + ": " + e.Detail }

// New makes a refusal.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the refusal in err's chain, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Codes that more than one domain uses.
const (
	CodeInvalidArgument     = "invalid_argument"
	CodeUnknownCurrency     = "unknown_currency"
	CodeAmountOutOfRange    = "amount_out_of_range"
	CodeInsufficientBalance = "insufficient_balance"
	CodeDailyLimitExceeded  = "daily_limit_exceeded"
	CodeAccountFrozen       = "account_frozen"
	CodeRequestConflict     = "request_conflict"
	CodeNotAMember          = "not_a_member"
	CodeNoteTooLong         = "note_too_long"
	CodeUnavailable         = "unavailable" // try again later, with the same request id
)
