package merchant

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Record is a merchant with its members and keys, as it is under its lock.
type Record struct {
	Merchant
	Members []Member // ordered by user id
	Keys    []Key    // ordered by id
}

// Edit is what a change makes of a Record. What is nil stays as it is.
type Edit struct {
	Change    Change // without Seq and Reason's checks; the store numbers it
	State     State  // the merchant's new one
	Member    *Member
	Remove    string        // the member who is no longer one
	Key       *Key          // a new one
	TestAhead time.Duration // of the clock of the test side; 0 to leave it
	Ending    *Key          // one that was there before, with the state and the expiry that it gets
	Index     []ledger.IndexEntry
	Events    []ledger.Event

	ServerEvents []ServerEvent
}

// Store keeps merchants. Every method is safe to repeat.
type Store interface {
	// NewID makes an id for a merchant of an applicant: it carries the shard of the applicant, and the accounts that
	// are named after it are there, too.
	NewID(applicant string) (int64, error)

	// Apply stores a merchant with its first owner and the first line of its history, in one transaction on the
	// applicant's shard. If the request was carried out before, the merchant of that time is returned as it is now.
	// Refusal: request_conflict.
	Apply(ctx context.Context, r ledger.Request, m Merchant, first Edit) (Merchant, error)

	// Update changes a merchant under its lock, in one transaction with the line of its history: f makes the edit from
	// the record as it is, and may refuse. It may run several times. Where the history knows the request of this By and
	// Side already, nothing happens: made is what the change made then, repeated is true, and r is the record as it is.
	// Refusal: request_conflict. Error: ErrNotFound.
	Update(
		ctx context.Context, id int64, by string, side Side, request ledger.Request, f func(Record) (Edit, error),
	) (r Record, made int64, repeated bool, err error)

	// Get returns a merchant with its members and keys. Error: ErrNotFound.
	Get(ctx context.Context, id int64) (Record, error)

	// Lines returns those of the merchants that exist, in the order of ids given, without members and keys.
	Lines(ctx context.Context, ids []int64) ([]Merchant, error)

	// MemberOf returns those of the merchants of which a user is a member now, with the role.
	MemberOf(ctx context.Context, ids []int64, user string) (map[int64]Role, error)

	// InState returns merchants in a state, of all shards, the highest id first, below before (0: the highest).
	InState(ctx context.Context, s State, before int64, limit int) ([]Merchant, error)

	// Find returns merchants of all shards that a search finds, the highest id first. Capitals and small letters are
	// alike.
	Find(ctx context.Context, q Search) ([]Merchant, error)

	// History returns lines of a merchant's history, the latest first, below before (0: the latest).
	History(ctx context.Context, id, before int64, limit int) ([]Change, error)

	// TestClocks returns those of a shard's merchants whose test side is ahead, in the order of their ids, after one.
	TestClocks(ctx context.Context, shard int, after int64, limit int) ([]TestClock, error)

	// Key returns a key and its merchant, as they are now. ok is false where there is no such key.
	Key(ctx context.Context, id int64) (k Key, m Merchant, ok bool, err error)

	// UseKey notes that a key was used at a time, at most once a minute, and with a nonce: fresh is false where the key
	// was used with that nonce before. A nonce is forgotten after its time; "" is none.
	UseKey(ctx context.Context, id int64, nonce string, at, forget time.Time) (fresh bool, err error)

	// Unannounced returns revoked keys of a shard of which not every node has been told.
	Unannounced(ctx context.Context, shard, limit int) ([]Key, error)

	// Announced notes that every node was told of a key's revocation.
	Announced(ctx context.Context, key int64) error
}

// Ledger is what merchants need of the wallet ledger.
type Ledger interface {
	// NewID makes an id for a record of this owner; it carries the owner's shard.
	NewID(owner string) (int64, error)

	// HoldWith debits the owner and stores the hold. If the request was carried out before, the hold of that time is
	// returned as it is now. Refusals: insufficient_balance, request_conflict.
	HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error)

	// Indexed returns the references of a subject that concern somebody, the highest first, below before (0: from the
	// highest).
	Indexed(ctx context.Context, of string, s ledger.Subject, before int64, limit int) ([]int64, error)
}
