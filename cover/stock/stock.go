package stock

import (
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject labels purchases of pieces.
const Subject ledger.Subject = "cover_stock"

// Bounds.
const (
	MaxPieces   = 1_000_000 // of a purchase or a withdrawal
	MaxBatches  = 500       // purchases of a cover
	MaxChannels = 100       // of a cover
	MaxCodes    = 10_000    // made in one call
	MaxAllCodes = 200_000   // of a cover
	MaxGrants   = 1_000     // users in one call
	maxName     = 40        // characters of a channel's name
)

// Rules are what an installation decides about pieces.
type Rules struct {
	// Prices of a piece in minor units, by the currency in which the merchant pays.
	Prices map[ledger.Currency]int64
	// HoldFor is how long a claimed piece can be used.
	HoldFor time.Duration
}

// DefaultRules are those of the model product: ¥1.00 a piece, to be used within half a year.
func DefaultRules() Rules {
	return Rules{Prices: map[ledger.Currency]int64{"CNY": 100}, HoldFor: 183 * 24 * time.Hour}
}

// Revenue is the account that the price of claimed pieces is paid to.
func Revenue(m merchant.Mode) string {
	const one, sales = 1, "sales" // an installation has one
	if m == merchant.Test {
		return ledger.ProductAccount("cover", one, ledger.TestWallet(sales))
	}
	return ledger.ProductAccount("cover", one, sales)
}

// Stock is the pieces of a cover.
type Stock struct {
	Cover     int64
	Merchant  int64
	Mode      merchant.Mode
	Bought    int64
	Claimed   int64
	Withdrawn int64
	Version   int64 // rises with each purchase and each change of a channel
}

// Left is how many pieces are neither claimed nor withdrawn.
func (s Stock) Left() int64 { return s.Bought - s.Claimed - s.Withdrawn }

// Batch is a purchase of pieces.
type Batch struct {
	ID        int64 // of its hold: its low bits are the merchant's shard
	Cover     int64
	Pieces    int64
	Price     ledger.Amount // of one piece
	Claimed   int64
	Withdrawn int64
	By        string // a user id, or the id of a key
	At        time.Time
}

// Withdrawal asks for pieces back. Until it is done, it may find fewer than it asks for.
type Withdrawal struct {
	ID     int64
	Cover  int64
	Asked  int64
	Pieces int64 // what it found; once it is done
	Done   bool
	By     string
	At     time.Time
}

// Kind is how a channel gives pieces away.
type Kind string

const (
	KindLink  Kind = "link"  // one code for all, behind a link or printed as a QR code
	KindCodes Kind = "codes" // codes, each of which is good for one piece
	KindGrant Kind = "grant" // the merchant's server names the users

	KindPayment Kind = "payment" // the merchant's server names payments and who made them: a piece for each
)

// hasCodes says whether users claim through the channel themselves; else only the merchant's server gives.
func (k Kind) hasCodes() bool { return k == KindLink || k == KindCodes }

// ParseKind accepts the kinds. Refusal: invalid_argument.
func ParseKind(kind string) (Kind, error) {
	switch k := Kind(kind); k {
	case KindLink, KindCodes, KindGrant, KindPayment:
		return k, nil
	}
	return "", refusal.New(refusal.CodeInvalidArgument, "kind %q is unknown: give link, codes, grant or payment",
		refusal.Clip(kind))
}

// Channel is a way to a cover's pieces. A user gets one piece of a cover, whatever the channels.
type Channel struct {
	ID       int64
	Cover    int64
	Kind     Kind
	Name     string
	Quota    int64     // pieces at most; 0 for as many as are left
	StartsAt time.Time // zero for at once
	EndsAt   time.Time // zero for never
	Closed   bool
	Code     Code  // of a link, zero for others
	Codes    int64 // how many codes were made
	Claimed  int64 // as far as settled
	By       string
	At       time.Time
}

// Claim is a piece that a user was given.
type Claim struct {
	Cover   int64
	User    string
	Channel int64
	Digest  string // of the single-use code, or of the payment; empty for none
	At      time.Time
}

// Holding is the right of a user to send with a cover.
type Holding struct {
	User        string
	Cover       int64
	Channel     int64
	ClaimedAt   time.Time
	UsableUntil time.Time
}
