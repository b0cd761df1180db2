package stock

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// ErrNotFound says that there is no such record.
var ErrNotFound = errors.New("stock: not found")

// Store keeps what merchants decided and what is settled, on the shard of the cover; and holdings, on the shard of
// their user. Every method is safe to repeat.
type Store interface {
	// Buy stores a purchase with its hold, in one transaction: the stock grows and its version rises. If the request
	// was carried out before, the batch of that time is returned as it is now. Refusals: insufficient_balance,
	// request_conflict, too_many_pieces.
	Buy(ctx context.Context, r ledger.Request, s Stock, b Batch, h ledger.Hold) (Batch, error)

	// Withdraw stores an order. Repeated, it returns that of the first time as it is now. Refusal: request_conflict.
	Withdraw(ctx context.Context, account string, r ledger.Request, w Withdrawal) (Withdrawal, error)

	// OpenChannel stores a channel; the version rises. Repeated, it returns that of the first time as it is now.
	// Refusals: request_conflict, too_many_pieces.
	OpenChannel(ctx context.Context, account string, r ledger.Request, s Stock, c Channel) (Channel, error)

	// CloseChannel closes a channel; the version rises. Closing again changes nothing. Error: ErrNotFound.
	CloseChannel(ctx context.Context, id int64) (Channel, error)

	// AddCodes stores codes of a channel, which are not in the pot yet. first is false if the request was carried out
	// before: then nothing happens. Refusals: request_conflict, too_many_pieces. Error: ErrNotFound.
	AddCodes(ctx context.Context, account string, r ledger.Request, channel int64, digests []string) (first bool,
		err error)

	// Get returns the stock of a cover; all zero but the cover where nothing was bought and no channel made.
	Get(ctx context.Context, cover int64) (Stock, error)

	// Batches, Withdrawals and Channels are those of a cover, the newest first.
	Batches(ctx context.Context, cover int64) ([]Batch, error)
	Withdrawals(ctx context.Context, cover int64) ([]Withdrawal, error)
	Channels(ctx context.Context, cover int64) ([]Channel, error)

	// Withdrawal, Channel and Code return one. Error: ErrNotFound.
	Withdrawal(ctx context.Context, id int64) (Withdrawal, error)
	Channel(ctx context.Context, id int64) (Channel, error)
	Code(ctx context.Context, channel int64, digest string) (IssuedCode, error)

	// Hours are the statistics of a cover, the earliest hour first.
	Hours(ctx context.Context, cover int64, from, to time.Time) ([]Hour, error)

	// Counted is the position up to which the log of envelopes in a bucket was counted; empty if it never was. Count
	// adds the uses between two positions of it, in one transaction on the bucket's shard, and does nothing if the log
	// was not counted exactly up to after.
	Counted(ctx context.Context, shard, bucket int) (pots.Position, error)
	Count(ctx context.Context, shard, bucket int, after, upTo pots.Position, uses []Use) error

	// Uses are how a cover was used, the earliest hour first.
	Uses(ctx context.Context, cover int64, from, to time.Time) ([]Use, error)

	// Source returns what is known of a bucket's log.
	Source(ctx context.Context, shard, bucket int) (ledger.SourceLog, error)

	// Settle writes records of one cover's log, in one transaction, and passes over those that were settled before.
	// Error: ledger.ErrSourceMoved where the log is not as from says, then nothing happens.
	Settle(ctx context.Context, cover int64, records []Record, from ledger.SourceLog,
		until func(time.Time) time.Time) (Settled, error)

	// Settled notes that everything up to a record of the log is settled. Error: as Settle.
	Settled(ctx context.Context, shard int, from ledger.SourceLog, upTo string) error

	// Terms and Contents are what a pot is filled from.
	Terms(ctx context.Context, cover int64) (Terms, error)
	Contents(ctx context.Context, cover int64) (Contents, error)

	// Stale returns the stocks of a shard whose pot may not be up to their version. UpToDate notes that it is.
	Stale(ctx context.Context, shard, limit int) ([]Stock, error)
	UpToDate(ctx context.Context, cover, version int64) error

	// CodesToAdd returns codes of a cover that may not be in the pot, at most limit; CodesAdded notes that they are.
	CodesToAdd(ctx context.Context, cover int64, limit int) ([]IssuedCode, error)
	CodesAdded(ctx context.Context, cover int64, codes []IssuedCode) error

	// WithdrawRest orders everything back that is left of a cover, unless that was ordered before. By is empty.
	WithdrawRest(ctx context.Context, id, cover int64, at time.Time) error

	// Ordered returns withdrawals of a shard that are not done.
	Ordered(ctx context.Context, shard, limit int) ([]Withdrawal, error)

	// Stocks returns the stocks of a shard, in the order of covers, after one.
	Stocks(ctx context.Context, shard int, after int64, limit int) ([]Stock, error)

	// Holding returns what a user holds of a cover. Error: ErrNotFound.
	Holding(ctx context.Context, user string, cover int64) (Holding, error)

	// Holdings are those of a user, the latest claim first, below a cover's claim time (zero: from the latest).
	Holdings(ctx context.Context, user string, before time.Time, limit int) ([]Holding, error)
}

// Hour is the statistics of a channel in an hour of UTC.
type Hour struct {
	Channel int64
	At      time.Time // when it begins
	Views   int64
	Claims  int64
}

// Use is what happened to the envelopes of a cover in an hour of UTC.
type Use struct {
	Cover   int64
	At      time.Time // when it begins
	Sent    int64     // envelopes
	Opened  int64     // envelopes of which the first share was taken
	Reached int64     // people who took a share, once for each envelope
}

// Settled says what Settle did.
type Settled struct {
	Stock
	Claims   int     // how many were written
	Rejected []Claim // that the ledger has no piece for
	Back     int64   // pieces that were withdrawn
}

// Covers is what pieces need of covers.
type Covers interface {
	// Authorize admits a member or a server to a cover of its merchant. Refusals: cover_not_found, role_missing,
	// mode_mismatch, permission_missing, merchant_not_active.
	Authorize(
		ctx context.Context, by cover.Caller, merchant, id int64, a merchant.Action, p merchant.Permission,
	) (cover.Cover, error)

	// Entry is what a cover is now, at most half a second old. Refusal: cover_not_found.
	Entry(ctx context.Context, id int64) (cover.Entry, error)
}

// IDs makes ids for records of an account; each carries the account's shard.
type IDs interface {
	NewID(account string) (int64, error)
}
