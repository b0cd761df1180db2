package cover

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Errors of a Store.
var (
	// ErrNotFound says that no cover, report or art has the id.
	ErrNotFound = errors.New("cover: no such thing")
	// ErrTooMany says that a merchant's side has as many covers or images as it may have.
	ErrTooMany = errors.New("cover: the merchant has too many of these")
	// ErrGone says that art was there and must not be shown any more.
	ErrGone = errors.New("cover: the art is gone")
)

// UnknownImageError says that a cover would use an image that its merchant's side has not.
type UnknownImageError struct{ Hash string }

// Error implements error.
func (e *UnknownImageError) Error() string { return "cover: image " + e.Hash + " is unknown" }

// Edit is what a change makes of a cover: the cover as it is afterwards, and the line of its history, which the store
// numbers.
type Edit struct {
	Cover
	Change       Change
	Events       []ledger.Event
	ServerEvents []merchant.ServerEvent
}

// Store keeps covers. Every method is safe to repeat. Times that it hands out are of the clock of the shard's database,
// in whole milliseconds.
type Store interface {
	// Create stores a cover in one transaction on its merchant's shard: f makes it with an id and the time of now, and
	// may run several times. If the request was carried out before, in the name of the account, the cover of that time
	// is returned as it is now. Refusal: request_conflict. Errors: ErrTooMany, *UnknownImageError.
	Create(
		ctx context.Context, account string, id int64, r ledger.Request, f func(now time.Time) (Edit, error),
	) (Cover, error)

	// Update changes a cover under its lock, in one transaction with the line of its history: f makes the edit from the
	// cover as it is and the time of now, and may refuse. It may run several times. Where the history knows the request
	// of this By and Side already, nothing happens, and the cover is returned as it is. Refusal: request_conflict.
	// Errors: ErrNotFound, *UnknownImageError.
	Update(
		ctx context.Context, id int64, by string, side Side, r ledger.Request, f func(Cover, time.Time) (Edit, error),
	) (Cover, error)

	// Get returns a cover and the time of now. Error: ErrNotFound.
	Get(ctx context.Context, id int64) (c Cover, now time.Time, err error)

	// OfMerchant returns covers of a merchant's side, the highest id first, below before (0: the highest).
	OfMerchant(ctx context.Context, merchant int64, m merchant.Mode, before int64, limit int) ([]Cover, error)

	// InState returns covers in a state, of all shards, the highest id first, below before (0: the highest); appealed:
	// those alone whose appeal is open.
	InState(ctx context.Context, s State, appealed bool, before int64, limit int) ([]Cover, error)

	// History returns lines of a cover's history, the latest first, below before (0: the latest).
	History(ctx context.Context, id, before int64, limit int) ([]Change, error)

	// Due returns ids of covers of a shard that are approved and whose validity is over.
	Due(ctx context.Context, shard, limit int) ([]int64, error)

	Images
	Reports
}

// Images are the uploads that a Store knows.
type Images interface {
	// AddImage records an image; where the side has one of that hash, nothing happens. Error: ErrTooMany.
	AddImage(ctx context.Context, i Image) error

	// CountImages returns how many images a merchant's side has.
	CountImages(ctx context.Context, merchant int64, m merchant.Mode) (int, error)
}

// Reports are what users say against covers, as a Store keeps them: on the cover's shard.
type Reports interface {
	// AddReport stores a report. Where the user has reported the cover before, that report is returned, and nothing
	// happens.
	AddReport(ctx context.Context, r Report) (Report, error)

	// OpenReports returns reports that are not decided, of all shards, the highest id first, below before (0: the
	// highest).
	OpenReports(ctx context.Context, before int64, limit int) ([]Report, error)

	// DecideReport decides a report that is open, and returns it as it is then: where it was decided before, as it was.
	// Error: ErrNotFound.
	DecideReport(ctx context.Context, id int64, d Outcome) (Report, error)
}

// Art keeps images' files. Names are hashes and sizes that this package has checked.
type Art interface {
	// Put stores a file durably. Where there is one, or was one, it is there again; the same name always means the same
	// bytes.
	Put(ctx context.Context, hash, size string, data []byte) error

	// Get returns a file. Errors: ErrNotFound, ErrGone.
	Get(ctx context.Context, hash, size string) ([]byte, error)
}

// Merchants is what covers need of merchant.Service.
type Merchants interface {
	// Member admits a member of a merchant. Refusals: merchant_not_found, role_missing.
	Member(ctx context.Context, user string, id int64, a merchant.Action) (merchant.Merchant, error)

	// Server admits a session of a merchant's side. Refusals: merchant_not_found, mode_mismatch, permission_missing,
	// merchant_not_active.
	Server(
		ctx context.Context, s merchant.Session, id int64, m merchant.Mode, p merchant.Permission,
	) (merchant.Merchant, error)

	// Members are those of a merchant. Refusal: merchant_not_found.
	Members(ctx context.Context, c merchant.Caller, id int64) ([]merchant.Member, error)

	// Works says whether a merchant's side may act now. Refusal: merchant_not_found.
	Works(ctx context.Context, id int64, m merchant.Mode) (bool, error)
}

// IDs makes ids for records of an owner; each carries the owner's shard.
type IDs interface {
	NewID(owner string) (int64, error)
}
