package transfer

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet"
)

// Ledger is what transfers need of the wallet ledger. Every method is safe to repeat.
type Ledger interface {
	// NewID makes an id for a hold or a collection of this owner.
	NewID(owner string) (int64, error)

	// HoldOn debits the owner and stores the hold, on its terms, in one transaction on the owner's shard. If the request
	// was already carried out, the hold of that time is returned as it is now, and if it was given up,
	// wallet.ErrGivenUp. Refusals: insufficient_balance, daily_limit_exceeded, request_conflict.
	HoldOn(ctx context.Context, r wallet.Request, h wallet.Hold, t wallet.Terms) (wallet.Hold, error)

	// Advance carries out a step if the hold is in its From stage and its time fits: then done. Otherwise nothing
	// happens. h is the hold afterwards. Error: wallet.ErrHoldNotFound.
	Advance(ctx context.Context, s wallet.Step) (h wallet.Hold, done bool, err error)

	// GetHold returns a hold as it is now. Error: wallet.ErrHoldNotFound.
	GetHold(ctx context.Context, id int64) (wallet.Hold, error)

	// HoldsOf returns an owner's holds, newest first, with an id below before (0: from the newest).
	HoldsOf(ctx context.Context, owner string, s wallet.Subject, before int64, limit int) ([]wallet.Hold, error)

	// GetHolds returns those of the holds that exist, in the order of ids given.
	GetHolds(ctx context.Context, ids []int64) ([]wallet.Hold, error)

	// DueHolds returns open holds of a subject on a shard whose ExpiresAt is at or before now, the oldest first, from the
	// one behind after (the zero Hold: from the oldest).
	DueHolds(ctx context.Context, shard int, s wallet.Subject, now time.Time, after wallet.Hold, limit int) ([]wallet.Hold, error)

	// Mentioned returns the references of a subject that somebody was mentioned in, the highest first, below before (0:
	// from the highest).
	Mentioned(ctx context.Context, of string, s wallet.Subject, before int64, limit int) ([]int64, error)
}

// CollectionLedger is what collections need of the wallet ledger. Every method is safe to repeat.
type CollectionLedger interface {
	Ledger

	// Requested returns the id of what a request of this user caused, if it was carried out. Refusal: request_conflict.
	Requested(ctx context.Context, user string, r wallet.Request) (id int64, ok bool, err error)

	// GiveUp makes sure that a request of this user is never carried out, unless it was already: then ok, and id is what
	// it caused. Refusal: request_conflict.
	GiveUp(ctx context.Context, user string, r wallet.Request) (id int64, ok bool, err error)

	// OpenCollection stores a collection with its mentions and notices. If the request was already carried out, the
	// collection of that time is returned as it is now. Refusal: request_conflict.
	OpenCollection(ctx context.Context, r wallet.Request, c wallet.Collection, mentions []wallet.Mention, notices []wallet.Notice) (wallet.Collection, error)

	// GetCollection returns a collection as it is now. Error: wallet.ErrCollectionNotFound.
	GetCollection(ctx context.Context, id int64) (wallet.Collection, error)

	// CollectionLines returns those of the collections that exist, in the order of ids given, each with the part of a member.
	CollectionLines(ctx context.Context, ids []int64, member string) ([]wallet.CollectionLine, error)

	// CollectionsOf returns the ids of those that a collector opened, the highest first, below before (0: the highest).
	CollectionsOf(ctx context.Context, collector string, before int64, limit int) ([]int64, error)

	// Claim begins the payment of a member's part: it becomes claimed, if it is due and the collection is open. c is the
	// collection afterwards, in any case. Error: wallet.ErrCollectionNotFound.
	Claim(ctx context.Context, id int64, member string, at time.Time) (c wallet.Collection, err error)

	// Release makes a claimed part due again, if the claim is this one.
	Release(ctx context.Context, claim wallet.CollectionClaim, at time.Time) error

	// Record makes a claimed part paid by a hold, if the claim is this one, counts it, and completes an open collection
	// with its last part. tell makes the notices from the collection afterwards. A part that this hold has paid before stays as it is.
	Record(ctx context.Context, claim wallet.CollectionClaim, hold int64, at time.Time, tell func(wallet.Collection) ([]wallet.Notice, error)) (wallet.Collection, error)

	// CloseCollection closes an open collection. One that is not open stays as it is. c is the collection afterwards, from
	// which tell makes the notices.
	CloseCollection(ctx context.Context, id int64, at time.Time, tell func(wallet.Collection) ([]wallet.Notice, error)) (c wallet.Collection, err error)

	// IdleClaims returns claims on a shard that were made before a time, the oldest first.
	IdleClaims(ctx context.Context, shard int, before time.Time, limit int) ([]wallet.CollectionClaim, error)

	// DueReminders returns the ids of open collections on a shard whose time to remind has come and that were not reminded of.
	DueReminders(ctx context.Context, shard int, now time.Time, limit int) ([]int64, error)

	// Remind notes that a collection was reminded of, with the notices; done is false if it was before.
	Remind(ctx context.Context, id int64, tell func(wallet.Collection) ([]wallet.Notice, error)) (done bool, err error)
}

// Directory knows who is in a group.
type Directory interface {
	// IsMember says whether the user is a member of the group. A group that does not exist has no members.
	IsMember(ctx context.Context, group, user string) (bool, error)
	// Members returns the members ordered by id.
	Members(ctx context.Context, group string) ([]string, error)
}

// Publisher sends events to whoever listens to a topic.
type Publisher interface {
	// Publish sends the events in order; each is one JSON object. After an error some may have been sent.
	Publish(ctx context.Context, topic string, events [][]byte) error
}

// Notices are what a shard has to tell.
type Notices interface {
	// Notices returns the oldest, up to a limit.
	Notices(ctx context.Context, shard, limit int) ([]wallet.Notice, error)
	// ForgetNotices deletes them.
	ForgetNotices(ctx context.Context, shard int, ids []int64) error
}
