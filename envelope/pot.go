package envelope

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
)

// Pot holds the shares that can still be taken, who took which, and the log of takes. A pot exists from Fill until some
// time after Retire; every method is atomic, safe to repeat and safe for concurrent use.
type Pot interface {
	// Fill makes the pot of an envelope from which some shares may already have been taken, and logs that it was sent
	// (a Sent record) if none was. Filling an existing pot changes nothing. Error: pots.ErrLost.
	Fill(ctx context.Context, e Envelope, taken []Take) error

	// Take gives the user a share: the same one again if they have one (AlreadyWon), else the next one (Won, logged),
	// else Empty or Expired. The time is the pot's own. Take is O(1). Errors: ErrNoPot, pots.ErrLost.
	Take(ctx context.Context, id int64, user string) (Take, Outcome, error)

	// TakeMany is Take for each of the asks, as if they came one after the other, and answers in their order. Those of
	// different buckets are under way together, and a failure affects only its own ask.
	TakeMany(ctx context.Context, asks []Ask) []Answer

	// Waiting is how many asks of Take and TakeMany, in this process, wait for their answer at this moment.
	Waiting() int

	// Look tells what was taken so far, in the order of taking. Errors: ErrNoPot, pots.ErrLost.
	Look(ctx context.Context, id int64) (PotState, error)

	// LookOld is Look in an epoch of the envelope's bucket that is over. Error: ErrNoPot.
	LookOld(ctx context.Context, id int64, epoch string) (PotState, error)

	// Close ends taking once the envelope's ExpiresAt is over by the pot's own clock, atomically with Take: whatever
	// Take has answered before is in the result, and nothing is taken afterwards. Errors: ErrNotDue, and nothing
	// happened; ErrNoPot, pots.ErrLost.
	Close(ctx context.Context, id int64) (PotState, error)

	// Unretired returns up to limit envelopes of a bucket that Retire has not ended though their time is over by the
	// pot's own clock, in the order of their ends and without the first skip of them. Error: pots.ErrLost.
	Unretired(ctx context.Context, bucket, skip, limit int) ([]int64, error)

	// Retire says that the ledger is done with these envelopes: each pot closes if it is open, is forgotten after
	// RetiredFor, and if refunded > 0 a Refunded record is logged (once). Retiring a pot that is gone does nothing.
	// Error: pots.ErrLost; what lies in buckets that are not lost is retired all the same.
	Retire(ctx context.Context, retired []Retirement) error

	// Missing returns those of the ids that have no pot. Error: pots.ErrLost.
	Missing(ctx context.Context, ids []int64) ([]int64, error)
}

// Ask is a user who wants a share of an envelope.
type Ask struct {
	Envelope int64
	User     string
}

// Answer is what Take returns.
type Answer struct {
	Take    Take
	Outcome Outcome
	Err     error
}

// PotState is what a pot knows.
type PotState struct {
	Taken  []Take // in the order of taking
	Left   int    // shares not taken
	Closed bool   // nothing can be taken any more
}

// Retirement says how an envelope ended in the ledger.
type Retirement struct {
	Envelope int64
	Refunded int64 // minor units; 0 when every share was posted
}

// RetiredFor is how long a retired pot still answers.
const RetiredFor = time.Hour

// Untaken returns the indexes of the shares that nobody took, in order. Takes that contradict the envelope or each
// other are an error: the ledger that they come from is damaged. Refusal: invalid_argument for a malformed user.
func Untaken(e Envelope, taken []Take) ([]int, error) {
	gone := make([]bool, len(e.Shares))
	users := make(map[string]bool, len(taken))
	for _, t := range taken {
		if err := refusal.CheckID("user", t.User); err != nil {
			return nil, err
		}
		switch {
		case t.Share < 0 || t.Share >= len(e.Shares):
			return nil, fmt.Errorf("envelope %d: %s took share %d of %d", e.ID, t.User, t.Share, len(e.Shares))
		case gone[t.Share]:
			return nil, fmt.Errorf("envelope %d: share %d was taken twice, again by %s", e.ID, t.Share, t.User)
		case users[t.User]:
			return nil, fmt.Errorf("envelope %d: %s took two shares", e.ID, t.User)
		}
		gone[t.Share], users[t.User] = true, true
	}
	left := make([]int, 0, len(e.Shares)-len(taken))
	for i := range gone {
		if !gone[i] {
			left = append(left, i)
		}
	}
	return left, nil
}

// ErrNoPot says that the envelope has no pot: not filled yet, or retired long ago. The ledger knows which.
var ErrNoPot = errors.New("envelope: no pot")

// ErrNotDue says that the envelope's time is not over by the pot's clock.
var ErrNotDue = errors.New("envelope: its time is not over")

// RecordKind says what happened to a pot.
type RecordKind string

const (
	RecordSent     RecordKind = "sent"
	RecordTaken    RecordKind = "taken"
	RecordRefunded RecordKind = "refunded"
)

// Record is one line of a bucket's log.
type Record struct {
	Kind     RecordKind
	Envelope int64
	Take     Take  // RecordTaken
	Last     bool  // RecordTaken: it was the last share
	Refunded int64 // RecordRefunded: minor units
}

// LogName names the log of grabs among those of a bucket, in the ledger too.
const LogName = "log"

// Readers of the log.
const (
	ReaderSettler pots.Reader = "settle"
	ReaderRelay   pots.Reader = "relay"
	ReaderUses    pots.Reader = "uses"
)

// Readers are all readers of the log.
func Readers() []pots.Reader { return []pots.Reader{ReaderSettler, ReaderRelay, ReaderUses} }

// ShareOf names a share.
type ShareOf struct {
	Envelope int64
	Share    int
}

// Traces knows which grabs of a log are traced. What it knows is for looking at only, and may be gone at any time.
type Traces interface {
	// Traces returns the traces of shares that were taken after a position of a bucket's log and up to another.
	Traces(ctx context.Context, bucket int, after, upTo pots.Position) (map[ShareOf]string, error)
}

// Log is the order in which things happened to the pots of a bucket.
type Log = pots.Log[Record]
