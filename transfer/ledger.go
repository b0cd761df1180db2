package transfer

import (
	"context"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Ledger is what transfers need of the wallet ledger. Every method is safe to repeat.
type Ledger interface {
	// NewID makes an id for a hold of this owner.
	NewID(owner string) (int64, error)

	// Tx runs f in one transaction on the shard that an id carries; see ledger.Tx. Error: ledger.ErrHoldNotFound for an
	// id of no shard, and whatever f returns.
	Tx(ctx context.Context, id int64, f func(ledger.Tx) error) error

	// GetHold returns a hold as it is now. Error: ledger.ErrHoldNotFound.
	GetHold(ctx context.Context, id int64) (ledger.Hold, error)

	// HoldsOf returns an owner's holds, newest first, with an id below before (0: from the newest).
	HoldsOf(ctx context.Context, owner string, s ledger.Subject, before int64, limit int) ([]ledger.Hold, error)

	// GetHolds returns those of the holds that exist, in the order of ids given.
	GetHolds(ctx context.Context, ids []int64) ([]ledger.Hold, error)

	// Indexed returns the references of a subject that concern somebody, the highest first, below before (0: from the
	// highest).
	Indexed(ctx context.Context, of string, s ledger.Subject, before int64, limit int) ([]int64, error)

	ledger.DueHolds
}
