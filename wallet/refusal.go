package wallet

import (
	"errors"
	"fmt"
	"strings"
)

// Refusal is an answer of the domain, not a failure: the request was understood and cannot be done. Code is stable and
// part of the API; Detail is a sentence for a person that says what was wrong and what is allowed.
type Refusal struct {
	Code   string
	Detail string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

// Refuse makes a Refusal.
func Refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// RefusalCode is the code of the Refusal in err's chain, or "".
func RefusalCode(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Code
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
	CodeRequestConflict     = "request_conflict"
	CodeNotAMember          = "not_a_member"
	CodeUnavailable         = "unavailable" // try again later, with the same request id
)

var (
	// ErrHoldNotFound says that no hold has the id.
	ErrHoldNotFound = errors.New("wallet: no such hold")
	// ErrCollectionNotFound says that no collection has the id.
	ErrCollectionNotFound = errors.New("wallet: no such collection")
	// ErrGivenUp says that a request was given up before it was carried out, and never will be.
	ErrGivenUp = errors.New("wallet: the request was given up")
)

const maxID = 64

// CheckID accepts a user or group id of the chat application: 1 to 64 characters of A–Z a–z 0–9 . _ : @ - but not .
// or .. alone: ids stand in the paths of addresses, where clients and proxies resolve those two (RFC 3986, section
// 5.2.4).
func CheckID(what, id string) error {
	if !wellFormed(id, ".-_:@") {
		return Refuse(CodeInvalidArgument,
			"%s %q is malformed: give 1 to %d characters of A-Z a-z 0-9 . _ : @ - other than . and ..", what, clip(id), maxID)
	}
	return nil
}

// CheckRequestID accepts 1 to 64 characters of A–Z a–z 0–9 . _ : - but not . or .. alone.
func CheckRequestID(id string) error {
	if !wellFormed(id, ".-_:") {
		return Refuse(CodeInvalidArgument,
			"request_id %q is malformed: give 1 to %d characters of A-Z a-z 0-9 . _ : - other than . and ..", clip(id), maxID)
	}
	return nil
}

func wellFormed(id, punctuation string) bool {
	if id == "" || id == "." || id == ".." || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte(punctuation, c) < 0 {
			return false
		}
	}
	return true
}

// clip shortens what a caller sent before it is quoted back.
func clip(s string) string {
	const most = 32
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
