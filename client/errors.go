package client

import (
	"errors"
	"fmt"

	"github.com/cloudwego/kitex/pkg/kerrors"
)

// Refusal is the server's answer to a call that it did not carry out.
type Refusal struct {
	Code     string // stable: one of the Code constants, or of a newer server's
	Detail   string // a sentence for a person: what was wrong and what is allowed
	Incident string // only where Code is CodeInternal: what to quote to the operator
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

// CallError is the error of a call. Its cause is a *Refusal, an error of the network, of the TokenSource, or of the
// context.
type CallError struct {
	Method string // for example Envelopes.Send
	// RequestID is what a repetition must carry in order to be the same request; empty where the method takes none.
	RequestID string
	Attempts  int // how often the call was sent
	Cause     error

	uncertain bool // an attempt before the last may have taken effect
}

func (e *CallError) Error() string {
	if e.Attempts > 1 {
		return fmt.Sprintf("%s, %d attempts: %v", e.Method, e.Attempts, e.Cause)
	}
	return fmt.Sprintf("%s: %v", e.Method, e.Cause)
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Cause }

// isUncertain says whether an earlier attempt of the call that failed with err may have taken effect.
func isUncertain(err error) bool {
	failed, ok := errors.AsType[*CallError](err)
	return ok && failed.uncertain
}

// Code is the code of the refusal in err. A call that was sent and got no answer (the network, a timeout, a context
// that ended) means the same as CodeUnavailable, and so has that code. It is empty for nil and for a call that was not
// sent, because the TokenSource failed for example.
func Code(err error) string {
	if r, ok := RefusalOf(err); ok {
		return r.Code
	}
	if isTransport(err) {
		return CodeUnavailable
	}
	return ""
}

// RefusalOf finds the refusal in an error, also in one of a bare Kitex client with KitexOptions.
func RefusalOf(err error) (*Refusal, bool) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r, true
	}
	biz, ok := kerrors.FromBizStatusError(err)
	if !ok || biz.BizExtra()[ExtraCode] == "" {
		return nil, false
	}
	return &Refusal{Code: biz.BizExtra()[ExtraCode], Detail: biz.BizMessage(),
		Incident: biz.BizExtra()[ExtraIncident]}, true
}

// Keys of the extra values of the BizStatusError in which a refusal travels. Its message is the detail.
const (
	ExtraCode     = "code"
	ExtraIncident = "incident"
)

// IsTimeout says whether err is that of a call that was not answered in time.
func IsTimeout(err error) bool {
	return errors.Is(err, kerrors.ErrRPCTimeout) || kerrors.IsTimeoutError(err)
}

// isTransport says whether an error is Kitex's own, which leaves open whether the call took effect.
func isTransport(err error) bool {
	_, detailed := errors.AsType[*kerrors.DetailedError](err)
	return detailed || IsTimeout(err)
}
