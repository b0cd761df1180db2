package webhook

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// schedule is that of the Standard Webhooks specification, section "Retry schedule".
var schedule = [...]time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour,
}

// Schedule is the time from one attempt to the next, before jitter; the first is from the event.
func Schedule() []time.Duration { return slices.Clone(schedule[:]) }

// nextAttempt is when a delivery is tried again of which so many tries failed; ok is false where it is not. Times are
// up to a fifth shorter or longer than those of Schedule, so that what failed together is not tried together.
func nextAttempt(tries int, now time.Time) (at time.Time, ok bool) {
	if tries >= len(schedule) {
		return time.Time{}, false
	}
	d := schedule[tries]
	return now.Add(d - d/5 + rand.N(2*(d/5)+1)), true
}

// Bounds of the pause of an endpoint that asks for one.
const (
	firstThrottle = time.Second
	mostThrottle  = 5 * time.Minute
	mostAsked     = time.Hour // by Retry-After
)

// Throttle is the pause of an endpoint that asks for one again after a pause of before (0: for the first time), for as
// long as it asked (0: it did not say).
func Throttle(before, asked time.Duration) time.Duration {
	return max(min(max(2*before, firstThrottle), mostThrottle), min(asked, mostAsked))
}

// Outcome is what an attempt came to.
type Outcome string

const (
	OutcomeDelivered Outcome = "delivered"
	OutcomeFailed    Outcome = "failed"
	OutcomeThrottled Outcome = "throttled" // failed, and the endpoint asks for a pause
	OutcomeGone      Outcome = "gone"      // failed, and the endpoint wants nothing any more
)

// Answer is what became of an attempt on the wire.
type Answer struct {
	Status     int           // 0 where there was none
	RetryAfter time.Duration // 0 where the endpoint named none
	Failure    string        // why there was no answer, in our own words
	Body       []byte        // at most MaxAnswer bytes
	Took       time.Duration
	Timestamp  string // the signed headers
	Signature  string
}

// Outcome follows from the status: 2xx delivers, 410 ends the endpoint, 429, 502 and 504 ask for a pause. A redirect is
// a failure like any other: it is not followed.
func (a Answer) Outcome() Outcome {
	switch {
	case a.Status >= 200 && a.Status < 300:
		return OutcomeDelivered
	case a.Status == 410:
		return OutcomeGone
	case a.Status == 429 || a.Status == 502 || a.Status == 504:
		return OutcomeThrottled
	}
	return OutcomeFailed
}

// Result is what is recorded of an attempt.
type Result struct {
	Answer
	Outcome Outcome
	At      time.Time
	State   DeliveryState // of the delivery afterwards
	NextAt  time.Time     // where it is still due
}

// resultOf says what follows from an answer to a delivery of which so many tries failed before.
func resultOf(a Answer, tries int, at time.Time) Result {
	r := Result{Answer: a, Outcome: a.Outcome(), At: at, State: DeliveryDelivered}
	if r.Outcome == OutcomeDelivered {
		return r
	}
	var again bool
	r.State = DeliveryDue
	if r.NextAt, again = nextAttempt(tries+1, at.Add(a.Took)); !again {
		r.State = DeliveryDead
	}
	return r
}

// PublicAddress says whether an address is one of the internet, so that a request to it reaches nothing of the
// operator's own. Not public are those of the IANA special-purpose registries (RFC 6890), those for several receivers,
// and IPv6 addresses that carry an IPv4 address to a translator.
func PublicAddress(a netip.Addr) bool {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !globalUnicast6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(specialPurpose, func(p netip.Prefix) bool { return p.Contains(a) })
}

var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// specialPurpose are prefixes that netip's own questions do not cover.
var specialPurpose = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by carriers; some clouds keep their metadata there
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}
