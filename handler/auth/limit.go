package auth

import (
	"fmt"
	"time"
)

// Names under which values travel between gateway and Kitex server, for one hop. A server believes an address only from
// a gateway.
const (
	AddressKey = "HONGBAO_ADDRESS" // from where the gateway was called
	LimitKey   = "HONGBAO_LIMIT"   // backward: a LimitState
)

// LimitState is what is left of a limit after a call.
type LimitState struct {
	Name                   string // one word
	Limit, Remaining       int
	Per, Reset, RetryAfter time.Duration
}

const limitFormat = "%s %d %d %d %d %d"

// String is the state as it travels.
func (l LimitState) String() string {
	return fmt.Sprintf(limitFormat, l.Name, l.Limit, l.Remaining, l.Per, l.Reset, l.RetryAfter)
}

// ParseLimitState is the inverse of String.
func ParseLimitState(text string) (l LimitState, err error) {
	_, err = fmt.Sscanf(text, limitFormat, &l.Name, &l.Limit, &l.Remaining, &l.Per, &l.Reset, &l.RetryAfter)
	return l, err
}
