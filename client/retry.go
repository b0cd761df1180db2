package client

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"github.com/cloudwego/kitex/client/callopt"
)

// Retry says how a call without an answer is repeated. The delay before the second attempt is Base, doubled with each
// further one up to Max; a random part of up to one half is taken off each.
type Retry struct {
	Attempts int // in all; 1 repeats nothing
	Base     time.Duration
	Max      time.Duration
}

// DefaultRetry outlasts the restart of a server: it repeats for about 6 seconds.
func DefaultRetry() Retry {
	return Retry{Attempts: 9, Base: 50 * time.Millisecond, Max: 2 * time.Second}
}

// delay is how long to wait after an attempt, counted from 1.
func (r Retry) delay(attempt int) time.Duration {
	d := r.Base
	for range attempt - 1 {
		if d >= r.Max/2 {
			d = r.Max
			break
		}
		d *= 2
	}
	return d - time.Duration(mathrand.Int64N(int64(d)/2+1))
}

// NewRequestID returns a new id for a request that moves money: 128 random bits.
func NewRequestID() string { return rand.Text() }

// requestID is the caller's, or a new one.
func requestID(given string) string {
	if given != "" {
		return given
	}
	return NewRequestID()
}

// method is a method of a generated client.
type method[Q, A any] func(ctx context.Context, request Q, options ...callopt.Option) (A, error)

// call is what is to be known of a call besides its request.
type call struct {
	method    string
	requestID string
	timeout   time.Duration // of an attempt; 0: the client's
	once      bool          // do not repeat it
	uncertain bool          // an attempt before the last may have taken effect
}

// invoke calls a method until it is answered, as often as the client repeats calls.
func invoke[Q, A any](ctx context.Context, c *Client, k call, m method[Q, A], request Q) (A, error) {
	var none A
	retry, refused := c.shared.config.retry, ""
	if k.once {
		retry.Attempts = 1
	}
	turn := c.shared.turn.Add(1)
	var last error
	for attempt := 1; ; attempt++ {
		token, err := c.tokens.get(ctx, refused)
		if err != nil {
			return none, k.fail(attempt-1, err)
		}
		if token == refused {
			return none, k.fail(attempt-1, last) // the source has no other
		}
		answer, err := m(ContextWithToken(ctx, token), request, c.shared.options(k, turn+uint64(attempt))...)
		if err == nil {
			return answer, nil
		}
		if r, ok := RefusalOf(err); ok {
			err = r
		}
		last = err
		why := ended(ctx)
		switch code := Code(err); {
		case why != nil:
			return none, k.fail(attempt, errors.Join(why, err))
		case code == CodeUnauthenticated && refused == "":
			refused = token // nothing was done; with another token it may be
			continue
		case code != CodeUnavailable || attempt >= retry.Attempts:
			return none, k.fail(attempt, err)
		}
		k.uncertain = true
		select {
		case <-time.After(retry.delay(attempt)):
		case <-ctx.Done():
			return none, k.fail(attempt, errors.Join(context.Cause(ctx), err))
		}
	}
}

// ended is why a context has ended, or nil. Kitex watches the deadline with a timer of its own, which may be the first
// to notice.
func ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < time.Millisecond {
		return context.DeadlineExceeded
	}
	return nil
}

func (k call) fail(attempts int, cause error) error {
	return &CallError{Method: k.method, RequestID: k.requestID, Attempts: attempts, Cause: cause,
		uncertain: k.uncertain}
}

// options of an attempt: its address where there are several, so that a repetition goes to another, and its timeout.
func (s *shared) options(k call, turn uint64) []callopt.Option {
	var options []callopt.Option
	if n := uint64(len(s.config.addresses)); n > 1 {
		options = append(options, callopt.WithHostPort(s.config.addresses[turn%n]))
	}
	if k.timeout > 0 {
		options = append(options, callopt.WithRPCTimeout(k.timeout))
	}
	return options
}
