// Package envelope is the red envelope: its kinds and limits, the split, and what happens to it from send to refund.
//
//	Send    Split → Ledger.Hold (one transaction) → Pot.Fill
//	Grab    Pot.Take: one atomic script; the ledger is not asked
//	Settle  Settler: grab log → Ledger.Post, acknowledged after commit
//	Push    Relay: the same log → Publisher, one message per group and batch
//	Refund  Refunder: Pot.Close → when posted = taken, Ledger.Void → Pot.Retire
//	Sweep   Sweeper: an open hold without a pot is filled (a crash between Hold and Fill; or all of them after a loss)
//
// Whatever stops between two of these steps, the next run of the same step finishes it: each is idempotent, and the
// ledger alone says what was paid.
package envelope

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject labels envelopes in the ledger.
const Subject ledger.Subject = "envelope"

// Kind says how an envelope is shared out.
type Kind string

const (
	Lucky     Kind = "lucky"     // random shares
	Equal     Kind = "equal"     // the same for everyone, the remainder one unit at a time
	Exclusive Kind = "exclusive" // one share, for one named member
)

// Seed is the secret from which an envelope's split is drawn. It is revealed when the envelope closes.
type Seed [32]byte

// Commitment is the hex SHA-256 of the seed followed by the envelope's id in decimal. Published at send, it proves
// afterwards that the split was fixed before the first grab.
func (s Seed) Commitment(id int64) string {
	sum := sha256.Sum256(strconv.AppendInt(s[:], id, 10))
	return hex.EncodeToString(sum[:])
}

// Envelope is what was sent. It never changes.
type Envelope struct {
	ID        int64
	Group     string
	Sender    string
	Kind      Kind
	Total     ledger.Amount
	Count     int
	Greeting  string
	To        string // exclusive only
	Cover     int64  // the branded cover that it was sent with; 0 for none
	Seed      Seed
	Shares    []int64 // minor units, in the order in which they will be taken
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Take is a share that a user took.
type Take struct {
	User  string
	Share int // index into Shares
	Minor int64
	At    time.Time // to the millisecond, by the pot's clock
}

// Outcome is the answer to a grab.
type Outcome string

const (
	Won        Outcome = "won"
	AlreadyWon Outcome = "already_won" // the same share again
	Empty      Outcome = "empty"
	Expired    Outcome = "expired"
)

// State is where an envelope is in its life. StateDrained and StateExpired are final.
type State string

const (
	StateOpen    State = "open"
	StateDrained State = "drained" // every share is taken
	StateExpired State = "expired" // its time was over before that
)
