package wallet

import "time"

// CollectionKind says how a bill is shared.
type CollectionKind string

const (
	CollectEven      CollectionKind = "even"
	CollectPerPerson CollectionKind = "per_person"
)

// CollectionState is where a collection is in its life. The last two are final.
type CollectionState string

const (
	CollectionOpen     CollectionState = "open"
	CollectionComplete CollectionState = "complete" // every part was paid
	CollectionClosed   CollectionState = "closed"   // by its collector; claims of before may still be paid
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
	Kind      CollectionKind
	Currency  Currency
	Total     int64 // the bill, in minor units
	Due       int64 // the sum of the parts but the collector's own
	Collected int64 // the sum of those paid
	Note      string
	State     CollectionState
	CreatedAt time.Time
	RemindAt  time.Time
	ClosedAt  time.Time // zero unless closed
	Parts     []CollectionPart
}

// CollectionPart is what one user is asked for.
type CollectionPart struct {
	Member  string
	Minor   int64
	State   PartState
	Claim   int   // how many payments of it have begun
	Payment int64 // the hold that paid it; 0 unless paid
	At      time.Time
}

// Part returns what a user is asked for.
func (c Collection) Part(member string) (CollectionPart, bool) {
	for _, p := range c.Parts {
		if p.Member == member {
			return p, true
		}
	}
	return CollectionPart{}, false
}

// CollectionLine is a collection in somebody's list: without its parts but theirs, which is zero where they have none.
type CollectionLine struct {
	Collection
	Mine CollectionPart
}

// CollectionClaim is the right to pay a part, once. The hold that does has it as its Detail, as JSON.
type CollectionClaim struct {
	Collection int64  `json:"collection"`
	Member     string `json:"-"` // the hold's owner
	Claim      int    `json:"claim"`
}
