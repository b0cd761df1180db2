package auth

import (
	"errors"
	"strconv"
	"strings"
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

// String is the state as it travels: the fields in their order, separated by blanks. Every call has one, so it is made
// and read by hand.
func (l LimitState) String() string {
	text := append(make([]byte, 0, 64), l.Name...)
	for _, n := range []int64{int64(l.Limit), int64(l.Remaining), int64(l.Per), int64(l.Reset), int64(l.RetryAfter)} {
		text = strconv.AppendInt(append(text, ' '), n, 10)
	}
	return string(text)
}

// ParseLimitState is the inverse of String.
func ParseLimitState(text string) (l LimitState, err error) {
	var numbers [5]int64
	name, rest, more := strings.Cut(text, " ")
	for i := range numbers {
		if !more {
			return LimitState{}, errLimitState
		}
		var number string
		number, rest, more = strings.Cut(rest, " ")
		if numbers[i], err = strconv.ParseInt(number, 10, 64); err != nil {
			return LimitState{}, errLimitState
		}
	}
	if more {
		return LimitState{}, errLimitState
	}
	return LimitState{Name: name, Limit: int(numbers[0]), Remaining: int(numbers[1]), Per: time.Duration(numbers[2]),
		Reset: time.Duration(numbers[3]), RetryAfter: time.Duration(numbers[4])}, nil
}

var errLimitState = errors.New("auth: no state of a limit")
