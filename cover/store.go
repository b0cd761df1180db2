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
	Needs        []string // images that the cover's side must have
	Redesigned   bool     // the cover's images may be others than before
	Hide         []string // images to hide where no other cover shows them
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

	// Due returns ids of covers of a shard that are approved and whose validity is over: by the clock of the shard
	// where clocks is empty, else those of the test sides of these merchants, by their clocks.
	Due(ctx context.Context, shard int, clocks []merchant.TestClock, limit int) ([]int64, error)

	Images
	Purges
	Reports
}

// Images are the uploads that a Store knows.
type Images interface {
	// AddImage records an image; where the side has one of that hash, nothing happens. Error: ErrTooMany.
	AddImage(ctx context.Context, i Image) error

	// HasImage says whether a merchant's side has an image; mode "" is either.
	HasImage(ctx context.Context, merchant int64, m merchant.Mode, hash string) (bool, error)

	// CountImages returns how many images a merchant's side has.
	CountImages(ctx context.Context, merchant int64, m merchant.Mode) (int, error)
}

// Purge is an image of a cover that was taken down.
type Purge struct {
	Hash     string
	TakenAt  time.Time
	HiddenAt time.Time // zero while its files are shown
}

// Purges are the images whose files are to be hidden and then deleted, each on the shard of a cover that had it.
type Purges interface {
	// DuePurges returns those of a shard that are to be looked at now.
	DuePurges(ctx context.Context, shard, limit int) ([]Purge, error)

	// InUse says whether a cover in one of the states names the image, on any shard.
	InUse(ctx context.Context, hash string, states []State) (bool, error)

	// MarkGone notes, on every shard, that the image has to be uploaded again by all who uploaded it before a time, and
	// returns whether somebody has uploaded it since.
	MarkGone(ctx context.Context, hash string, before time.Time) (uploaded bool, err error)

	// Postpone lets a purge be looked at again after a time; hidden notes that its files are. It changes nothing where
	// the image was taken down again meanwhile.
	Postpone(ctx context.Context, shard int, p Purge, by time.Duration, hidden bool) error

	// EndPurge forgets a purge that was taken up at a time.
	EndPurge(ctx context.Context, shard int, p Purge) error
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
	// Put stores a file durably; the same name always means the same bytes. It stays hidden where its image is.
	Put(ctx context.Context, hash, size string, data []byte) error

	// Get returns a file. Errors: ErrNotFound, ErrGone.
	Get(ctx context.Context, hash, size string) ([]byte, error)

	// Hide makes every file of an image gone, and Show ends that. Both are durable.
	Hide(ctx context.Context, hash string) error
	Show(ctx context.Context, hash string) error

	// Delete deletes the files of an image, which stays hidden if it was.
	Delete(ctx context.Context, hash string) error
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

	// Standing says how a merchant's side stands now. Refusal: merchant_not_found.
	Standing(ctx context.Context, id int64, m merchant.Mode) (merchant.Standing, error)

	// Ahead says how far the clock of a merchant's side is ahead of ours. Refusal: merchant_not_found.
	Ahead(ctx context.Context, id int64, m merchant.Mode) (time.Duration, error)

	// TestClocks are those of a shard that are ahead, in the order of merchants, after one.
	TestClocks(ctx context.Context, shard int, after int64, limit int) ([]merchant.TestClock, error)
}

// IDs makes ids for records of an owner; each carries the owner's shard.
type IDs interface {
	NewID(owner string) (int64, error)
}
