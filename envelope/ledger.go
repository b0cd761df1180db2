package envelope

import (
	"context"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Ledger is what the envelope needs of the wallet ledger. Every method is safe to repeat.
type Ledger interface {
	// NewID makes an id for a hold of this owner.
	NewID(owner string) (int64, error)

	// ShardOf is the shard that an id carries. ok is false for an id that no shard of this installation can have made.
	ShardOf(id int64) (shard int, ok bool)

	// Hold debits the owner and stores the hold, in one transaction on the owner's shard. If the request was already
	// carried out, the hold of that time is returned. Refusals: insufficient_balance, request_conflict.
	Hold(ctx context.Context, r ledger.Request, h ledger.Hold) (ledger.Hold, error)

	// HoldWith is Hold with options. Refusals: as Hold, and daily_limit_exceeded.
	HoldWith(ctx context.Context, r ledger.Request, h ledger.Hold, o ledger.HoldOptions) (ledger.Hold, error)

	// Requested returns the id of what a request of this user caused, if it was carried out. Refusal: request_conflict.
	Requested(ctx context.Context, user string, r ledger.Request) (id int64, ok bool, err error)

	// GetHold returns a hold as it is now. Error: ledger.ErrHoldNotFound.
	GetHold(ctx context.Context, id int64) (ledger.Hold, error)

	// GetHolds returns those of the holds that exist, as they are now.
	GetHolds(ctx context.Context, ids []int64) ([]ledger.Hold, error)

	// Posts returns the posts of a hold, in the order of At.
	Posts(ctx context.Context, id int64) ([]ledger.Post, error)

	// Source returns what the ledger knows of a bucket's log.
	Source(ctx context.Context, shard, source int, log string) (ledger.SourceLog, error)

	// Settle pays parts of holds of one shard that a log says were taken, and notes in the same transaction that the
	// log is settled up to a record; with from.UpTo it only makes sure of from. Parts paid before are passed over: see
	// PostResult. Error: ledger.ErrSourceMoved where the log is not as from says, then nothing happens.
	Settle(ctx context.Context, shard int, posts []ledger.Post, from ledger.SourceLog,
		upTo string) (ledger.PostResult, error)

	// Void returns what is left of a hold to its owner, provided that exactly posted minor units of it have been
	// posted. done is false, and nothing happens, if another amount has been. A void done before is done.
	Void(ctx context.Context, id, posted int64) (h ledger.Hold, done bool, err error)

	// OpenHolds returns open holds of a subject on a shard with an id above after, in the order of ids.
	OpenHolds(ctx context.Context, shard int, s ledger.Subject, after int64, limit int) ([]ledger.Hold, error)

	// HoldsOf returns an owner's holds, newest first, with an id below before (0: from the newest).
	HoldsOf(ctx context.Context, owner string, s ledger.Subject, before int64, limit int) ([]ledger.Hold, error)

	// Credits returns what a user was credited, by hold id, newest first, with a hold id below before (0: the newest).
	Credits(ctx context.Context, user string, s ledger.Subject, before int64, limit int) ([]ledger.Credit, error)

	ledger.DueHolds
}

// Directory knows who is in a group.
type Directory interface {
	// IsMember says whether the user is a member of the group. A group that does not exist has no members.
	IsMember(ctx context.Context, group, user string) (bool, error)
	// Size is the number of members.
	Size(ctx context.Context, group string) (int, error)
}

// Covers knows who may send with which branded cover.
type Covers interface {
	// CheckUse refuses a cover that a user may not send with now, with a refusal of its own.
	CheckUse(ctx context.Context, user string, cover int64) error
}

// Publisher sends events to whoever listens to a topic.
type Publisher interface {
	// Publish sends the events in order; each is one JSON object. After an error some may have been sent.
	Publish(ctx context.Context, topic string, events [][]byte) error
}
