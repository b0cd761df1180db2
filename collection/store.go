package collection

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Ledger is what collections need of the wallet ledger. Every method is safe to repeat.
type Ledger interface {
	// NewID makes an id for a hold or a collection of this owner.
	NewID(owner string) (int64, error)

	// HoldWith debits the owner and stores the hold, in one transaction on the owner's shard. If the request was
	// already carried out, the hold of that time is returned as it is now, and if it was cancelled,
	// ledger.ErrCancelled. Refusals: insufficient_balance, daily_limit_exceeded, request_conflict.
	HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error)

	// Tx runs f in one transaction on the shard that an id carries; see ledger.Tx.
	Tx(ctx context.Context, id int64, f func(ledger.Tx) error) error

	// Requested returns the id of what a request of this user caused, if it was carried out. Refusal: request_conflict.
	Requested(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error)

	// CancelRequest makes sure that a request of this user is never carried out, unless it was already: then ok, and id
	// is what it caused. Refusal: request_conflict.
	CancelRequest(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error)

	// Indexed returns the references of a subject that concern somebody, the highest first, below before (0: from the
	// highest).
	Indexed(ctx context.Context, of string, s ledger.Subject, before int64, limit int) ([]int64, error)
}

// Store keeps collections. Every method is safe to repeat.
type Store interface {
	// Open stores a collection with its index entries and events. If the request was already carried out, the
	// collection of that time is returned as it is now. Refusal: request_conflict.
	Open(ctx context.Context, r ledger.Request, c Collection, index []ledger.IndexEntry,
		events []ledger.Event) (Collection, error)

	// Get returns a collection as it is now. Error: ErrNotFound.
	Get(ctx context.Context, id int64) (Collection, error)

	// Lines returns those of the collections that exist, in the order of ids given, each with the part of a member.
	Lines(ctx context.Context, ids []int64, member string) ([]Line, error)

	// OpenedBy returns the ids of those that a collector opened, the highest first, below before (0: the highest).
	OpenedBy(ctx context.Context, collector string, before int64, limit int) ([]int64, error)

	// Claim begins the payment of a member's part: it becomes claimed, if it is due and the collection is open. c is
	// the collection afterwards, in any case. Error: ErrNotFound.
	Claim(ctx context.Context, id int64, member string, at time.Time) (c Collection, err error)

	// Release makes a claimed part due again, if the claim is this one.
	Release(ctx context.Context, claim Claim, at time.Time) error

	// Record makes a claimed part paid by a hold, if the claim is this one, counts it, and completes an open collection
	// with its last part. A part that this hold has paid before stays as it is.
	Record(ctx context.Context, claim Claim, hold int64, at time.Time, events Events) (Collection, error)

	// Close closes an open collection. One that is not open stays as it is. c is the collection afterwards.
	Close(ctx context.Context, id int64, at time.Time, events Events) (c Collection, err error)

	// IdleClaims returns claims on a shard that were made before a time, the oldest first, from the one behind after
	// (the zero IdleClaim: from the oldest).
	IdleClaims(ctx context.Context, shard int, before time.Time, after IdleClaim, limit int) ([]IdleClaim, error)

	// DueReminders returns the ids of open collections on a shard whose time to remind has come and that were not
	// reminded of.
	DueReminders(ctx context.Context, shard int, now time.Time, limit int) ([]int64, error)

	// Remind notes that a collection was reminded of; done is false if it was before.
	Remind(ctx context.Context, id int64, events Events) (done bool, err error)
}

// Events makes the events of a change from the collection afterwards. They are published if the change happens.
type Events = func(Collection) ([]ledger.Event, error)

// Directory knows who is in a group.
type Directory interface {
	// IsMember says whether the user is a member of the group. A group that does not exist has no members.
	IsMember(ctx context.Context, group, user string) (bool, error)
	// Members returns the members ordered by id.
	Members(ctx context.Context, group string) ([]string, error)
}
