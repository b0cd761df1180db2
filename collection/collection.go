package collection

import (
	"errors"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject labels payments into collections in the ledger.
const Subject ledger.Subject = "collection"

// Kind says how a bill is shared.
type Kind string

const (
	Even      Kind = "even"
	PerPerson Kind = "per_person"
)

// State is where a collection is in its life. The last two are final.
type State string

const (
	StateOpen     State = "open"
	StateComplete State = "complete" // every part was paid
	StateClosed   State = "closed"   // by its collector; claims of before may still be paid
)

// PartState is where a part of a collection is. Paid and own are final.
type PartState string

const (
	PartDue     PartState = "due"
	PartClaimed PartState = "claimed" // a payment of it has begun, and nobody else may begin one
	PartPaid    PartState = "paid"
	PartOwn     PartState = "own" // the collector's: reckoned and not paid
)

// Collection is a bill that somebody asks others to share. It is kept on its collector's shard. It holds no money: each
// payment is a hold of the payer's, paid at once, which the part names.
type Collection struct {
	ID        int64 // from the ledger: its low bits are the collector's shard
	Group     string
	Collector string
	Kind      Kind
	Currency  ledger.Currency
	Total     int64 // the bill, in minor units
	Due       int64 // the sum of the parts but the collector's own
	Collected int64 // the sum of those paid
	Note      string
	State     State
	CreatedAt time.Time
	RemindAt  time.Time
	ClosedAt  time.Time // zero unless closed
	Parts     []Part
}

// Part is what one user is asked for.
type Part struct {
	Member  string
	Minor   int64
	State   PartState
	Claim   int   // how many payments of it have begun
	Payment int64 // the hold that paid it; 0 unless paid
	At      time.Time
}

// Part returns what a user is asked for.
func (c Collection) Part(member string) (Part, bool) {
	for _, p := range c.Parts {
		if p.Member == member {
			return p, true
		}
	}
	return Part{}, false
}

// Line is a collection in somebody's list: without its parts but theirs, which is zero where they have none.
type Line struct {
	Collection
	Mine Part
}

// Claim is the right to pay a part, once. The hold that does has it as its Detail, as JSON.
type Claim struct {
	Collection int64  `json:"collection"`
	Member     string `json:"-"` // the hold's owner
	Claim      int    `json:"claim"`
}

// IdleClaim is a claim whose payment stopped in the middle.
type IdleClaim struct {
	Claim
	At     int64 // when it was made, in milliseconds since 1970
	Server int   // of the payer's wallet
}

// Rules bound what may be collected. The zero value allows nothing: start from DefaultRules.
type Rules struct {
	RemindIn  time.Duration // from the opening of a collection to its reminder
	Note      int           // characters
	PerDay    ledger.DailyLimits
	ClaimIdle time.Duration // how long a payment that stopped in the middle is left to its user
}

// DefaultRules are WeChat's where they are known: 24 hours, and 200,000.00 a day.
func DefaultRules() Rules {
	return Rules{
		RemindIn: 24 * time.Hour, Note: 100, PerDay: ledger.DailyLimits{Default: ledger.DefaultDailyLimit},
		ClaimIdle: 10 * time.Second,
	}
}

// ErrNotFound says that no collection has the id.
var ErrNotFound = errors.New("collection: no such collection")
