package stock

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/hongbao/hongbao/internal/pots"
)

// ErrNoPot says that a cover has no pot yet.
var ErrNoPot = errors.New("stock: no pot")

// Outcome is how a claim ended.
type Outcome string

const (
	Claimed     Outcome = "claimed"
	AlreadyHeld Outcome = "already_held" // the user has a piece of this cover
	SoldOut     Outcome = "sold_out"     // no pieces are left
	QuotaSpent  Outcome = "quota_spent"  // the channel has given away what it may
	NotStarted  Outcome = "not_started"
	Ended       Outcome = "ended" // the channel's time is over, or it was closed

	UsedCode    Outcome = "code_used"    // by somebody else
	UnknownCode Outcome = "code_unknown" // nobody made such a code, or it is not of this channel
)

// Outcomes are all that there are.
func Outcomes() []Outcome {
	return []Outcome{Claimed, AlreadyHeld, SoldOut, QuotaSpent, NotStarted, Ended, UsedCode, UnknownCode}
}

// Pot holds the pieces of covers that are left. Every method is atomic, safe to repeat and safe for concurrent use;
// each may fail with pots.ErrLost.
type Pot interface {
	// Claim gives the user a piece through a channel, or the same answer again if they have one: the claim is theirs
	// with Claimed and AlreadyHeld. A digest names the code, "" none. The time is the pot's own, and as much later as
	// the clock of the cover's side is ahead. It is O(1). Error: ErrNoPot.
	Claim(
		ctx context.Context, cover, channel int64, ahead time.Duration, digest, user string,
	) (Claim, Outcome, error)

	// See counts that somebody looked at the page of a channel, at the time of Claim. Error: ErrNoPot.
	See(ctx context.Context, cover, channel int64, ahead time.Duration) error

	// Held returns the claim of a user who has one. Error: ErrNoPot.
	Held(ctx context.Context, cover int64, user string) (c Claim, ok bool, err error)

	// Withdraw takes what is left, up to the asked number of pieces, once for each id, and logs it. Error: ErrNoPot.
	Withdraw(ctx context.Context, w Withdrawal) error

	// Update brings a pot up to newer terms. Older ones change nothing. Error: ErrNoPot.
	Update(ctx context.Context, t Terms) error

	// AddCodes adds digests of single-use codes of a channel, at most MaxCodes, whether there is a pot or not.
	AddCodes(ctx context.Context, cover, channel int64, digests []string) error

	// Fill makes a pot from what is settled. Filling an existing pot changes nothing.
	Fill(ctx context.Context, t Terms, c Contents) error

	// Missing returns those of the covers that have no pot.
	Missing(ctx context.Context, covers []int64) ([]int64, error)

	// Drop makes the pot of a cover be forgotten: nothing can be claimed any more.
	Drop(ctx context.Context, cover int64) error
}

// Terms are what a merchant decided about the pieces of a cover.
type Terms struct {
	Cover    int64
	Version  int64
	Bought   int64
	Channels []Channel
}

// Contents are what was taken from a pot already, read in pieces.
type Contents struct {
	Withdrawn   int64
	Withdrawals iter.Seq2[[]Withdrawal, error] // those that are done
	Claims      iter.Seq2[[]Claim, error]
	Codes       iter.Seq2[[]IssuedCode, error]
}

// IssuedCode is a single-use code as the store knows it.
type IssuedCode struct {
	Channel int64
	Digest  string
	User    string // who used it; empty for nobody
}

// Record is one line of a bucket's log: a Claim, a Withdrawal that is done, or views of a channel's page.
type Record struct {
	At         pots.Position
	Cover      int64
	Claim      Claim      // where its User is set
	Withdrawal Withdrawal // where its ID is set
	Views      Views      // where its Count is set
}

// Views are how often the page of a channel was looked at.
type Views struct {
	Channel int64
	Count   int64
	At      time.Time
}

// LogName names the log of pieces among those of a bucket, in the ledger too.
const LogName = "covers"

// ReaderSettler is the one reader of the log.
const ReaderSettler pots.Reader = "settle"

// Log is what happened to the pots of a bucket.
type Log = pots.Log[Record]
