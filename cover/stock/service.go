package stock

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Service is what merchants and users do with pieces. It is safe for concurrent use and has no state but a cache, so
// any number of processes may serve the same covers.
type Service struct {
	ids      IDs
	store    Store
	pot      Pot
	covers   Covers
	channels *channels
	rules    Rules
	now      func() time.Time
	log      *slog.Logger
}

// NewService makes a service.
func NewService(
	ids IDs, store Store, pot Pot, covers Covers, rules Rules, now func() time.Time, log *slog.Logger,
) (*Service, error) {
	known, err := newChannels(store, now)
	return &Service{ids, store, pot, covers, known, rules, now, log}, err
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// actor is the id of the user or of the key in whose name something is done.
func actor(c cover.Caller) string {
	if c.Session != nil {
		return strconv.FormatInt(c.Session.Key, 10)
	}
	return c.Subject
}

// mine is an order of a merchant about one of its covers.
type mine struct {
	cover.Cover
	account string // in whose name requests are
	by      string
	request ledger.Request
}

func (s *Service) order(
	ctx context.Context, by cover.Caller, of, id int64, a merchant.Action, p merchant.Permission, requestID,
	kind string,
	body ...any,
) (mine, error) {
	c, err := s.covers.Authorize(ctx, by, of, id, a, p)
	if err != nil {
		return mine{}, err
	}
	request, err := ledger.NewRequest(requestID, kind, append([]any{of, id}, body...))
	return mine{c, merchant.WebhookAccount(c.Merchant, c.Mode), actor(by), request}, err
}

// Purchase is what a merchant asks for.
type Purchase struct {
	RequestID string // unique for each wallet that pays
	Pieces    int64
	Wallet    string // available or marketing
	Currency  string
}

// Buy buys pieces of a cover that is approved, at the price of now. Repeating it buys nothing more. Refusals: see
// idl/stock.thrift.
func (s *Service) Buy(ctx context.Context, by cover.Caller, of, id int64, p Purchase) (Batch, error) {
	price, err := s.price(p)
	if err != nil {
		return Batch{}, err
	}
	o, err := s.order(ctx, by, of, id, merchant.BuyStock, merchant.CoverStock, p.RequestID, "cover.buy", p)
	if err != nil {
		return Batch{}, err
	}
	if _, err := s.usable(ctx, o.Cover); err != nil {
		return Batch{}, err
	}
	batch, err := s.ids.NewID(o.account)
	if err != nil {
		return Batch{}, err
	}
	now := s.clock()
	b := Batch{ID: batch, Cover: id, Pieces: p.Pieces, Price: price, By: o.by, At: now}
	made, err := s.store.Buy(ctx, o.request, stockOf(o.Cover), b, ledger.Hold{
		ID: batch, Subject: Subject, Owner: merchant.Account(o.Merchant, o.Mode, p.Wallet),
		Counterparty: Revenue(o.Mode),
		Amount:       ledger.Amount{Minor: p.Pieces * price.Minor, Currency: price.Currency}, Unit: price.Minor,
		Note: o.Name, CreatedAt: now,
	})
	if err != nil {
		return Batch{}, err
	}
	return made, s.refresh(ctx, id)
}

func (s *Service) price(p Purchase) (ledger.Amount, error) {
	if p.Pieces < 1 || p.Pieces > MaxPieces {
		return ledger.Amount{}, refusal.New(refusal.CodeInvalidArgument, "pieces is %d: give 1 to %d", p.Pieces,
			MaxPieces)
	}
	if p.Wallet != merchant.Available && p.Wallet != merchant.Marketing {
		return ledger.Amount{}, refusal.New(refusal.CodeInvalidArgument,
			"wallet %q is unknown: give available or marketing", refusal.Clip(p.Wallet))
	}
	currency, err := ledger.ParseCurrency(p.Currency)
	if err != nil {
		return ledger.Amount{}, err
	}
	minor, ok := s.rules.Prices[currency]
	if !ok {
		var sold []string
		for c := range s.rules.Prices {
			sold = append(sold, string(c))
		}
		slices.Sort(sold)
		return ledger.Amount{}, refusal.New(refusal.CodeUnknownCurrency, "pieces are not sold for %s: give one of %v",
			currency, sold)
	}
	return ledger.Amount{Minor: minor, Currency: currency}, nil
}

// usable refuses what cannot be given away now. The record is asked, not the cache.
func (s *Service) usable(ctx context.Context, c cover.Cover) (cover.Entry, error) {
	switch c.State {
	case cover.StateApproved:
	case cover.StateFrozen:
		return cover.Entry{}, refusal.New(cover.CodeFrozen, "the cover is frozen: an operator has to restore it first")
	default:
		return cover.Entry{}, refusal.New(cover.CodeNotApproved,
			"the cover is %s: only approved ones can be given away", c.State)
	}
	e, err := s.covers.Entry(ctx, c.ID)
	if err == nil && !e.Active {
		err = refusal.New(merchant.CodeNotActive, "the merchant is not active")
	}
	return e, err
}

func stockOf(c cover.Cover) Stock { return Stock{Cover: c.ID, Merchant: c.Merchant, Mode: c.Mode} }

// refresh brings the pot up to what is stored. What is stored counts: if the pot does not answer, the Keeper does this
// later.
func (s *Service) refresh(ctx context.Context, id int64) error {
	if err := bringUp(ctx, s.store, s.pot, id); err != nil {
		s.log.Warn("the pot of a cover is not up to date yet", "cover", id, "error", err)
	}
	return nil
}

// Withdraw asks for pieces back. Those that are still left come back as money, of the newest purchase first: done
// says that it has happened. Repeating it withdraws nothing more. Refusals: see idl/stock.thrift.
func (s *Service) Withdraw(
	ctx context.Context, by cover.Caller, of, id int64, requestID string, pieces int64,
) (Withdrawal, error) {
	if pieces < 1 || pieces > MaxPieces {
		return Withdrawal{}, refusal.New(refusal.CodeInvalidArgument, "pieces is %d: give 1 to %d", pieces, MaxPieces)
	}
	o, err := s.order(ctx, by, of, id, merchant.BuyStock, merchant.CoverStock, requestID, "cover.withdraw", pieces)
	if err != nil {
		return Withdrawal{}, err
	}
	have, err := s.store.Get(ctx, id)
	if err != nil {
		return Withdrawal{}, err
	}
	if have.Left() < 1 {
		return Withdrawal{}, refusal.New(CodeInsufficient, "no pieces are left")
	}
	order, err := s.ids.NewID(o.account)
	if err != nil {
		return Withdrawal{}, err
	}
	w, err := s.store.Withdraw(ctx, o.account, o.request,
		Withdrawal{ID: order, Cover: id, Asked: pieces, By: o.by, At: s.clock()})
	if err != nil || w.Done {
		return w, err
	}
	if err := s.pot.Withdraw(ctx, w); err != nil {
		s.log.Warn("a withdrawal waits for the pot", "cover", id, "withdrawal", w.ID, "error", err)
	}
	return w, nil
}

// Withdrawal is one of a cover. Refusals: cover_not_found, role_missing, permission_missing, mode_mismatch.
func (s *Service) Withdrawal(ctx context.Context, by cover.Caller, of, id, withdrawal int64) (Withdrawal, error) {
	if _, err := s.covers.Authorize(ctx, by, of, id, merchant.SeeCovers, merchant.CoverRead); err != nil {
		return Withdrawal{}, err
	}
	w, err := s.store.Withdrawal(ctx, withdrawal)
	if errors.Is(err, ErrNotFound) || err == nil && w.Cover != id {
		return Withdrawal{}, refusal.New(cover.CodeNotFound, "there is no withdrawal with this id of this cover")
	}
	return w, err
}

// Overview is what a merchant sees of a cover's pieces.
type Overview struct {
	Stock
	Batches     []Batch
	Withdrawals []Withdrawal
	Channels    []Channel
	// Lasts is how long what is left lasts at the pace of the last day; 0 where nothing was claimed then.
	Lasts time.Duration
}

// Look shows a cover's pieces. Refusals: cover_not_found, role_missing, permission_missing, mode_mismatch.
func (s *Service) Look(ctx context.Context, by cover.Caller, of, id int64) (o Overview, err error) {
	if _, err := s.covers.Authorize(ctx, by, of, id, merchant.SeeCovers, merchant.CoverRead); err != nil {
		return o, err
	}
	if o.Stock, err = s.store.Get(ctx, id); err != nil {
		return o, err
	}
	if o.Batches, err = s.store.Batches(ctx, id); err != nil {
		return o, err
	}
	if o.Withdrawals, err = s.store.Withdrawals(ctx, id); err != nil {
		return o, err
	}
	if o.Channels, err = s.store.Channels(ctx, id); err != nil {
		return o, err
	}
	o.Lasts, err = s.lasts(ctx, o.Stock)
	return o, err
}

// lasts forecasts how long pieces last from how many were claimed in the last 24 hours.
func (s *Service) lasts(ctx context.Context, st Stock) (time.Duration, error) {
	const day = 24 * time.Hour
	e, err := s.covers.Entry(ctx, st.Cover)
	if err != nil {
		return 0, err
	}
	now := s.clock().Add(e.Ahead)
	hours, err := s.store.Hours(ctx, st.Cover, now.Add(-day), now)
	if err != nil {
		return 0, err
	}
	var claims int64
	for _, h := range hours {
		claims += h.Claims
	}
	if claims == 0 {
		return 0, nil
	}
	const longest = 100 * 365 * day
	return time.Duration(min(float64(longest), float64(day)*float64(st.Left())/float64(claims))), nil
}

// MaxStats is the longest time that statistics are shown of at once.
const MaxStats = 92 * 24 * time.Hour

// Statistics are what happened to a cover in a time.
type Statistics struct {
	Hours []Hour // views and claims, by channel
	Uses  []Use
}

// Stats are the statistics of a cover. Refusals: as Look, invalid_argument.
func (s *Service) Stats(
	ctx context.Context, by cover.Caller, of, id int64, from, to time.Time,
) (found Statistics, err error) {
	if !from.Before(to) || to.Sub(from) > MaxStats {
		return found, refusal.New(refusal.CodeInvalidArgument, "from and to: give a time of at most %d days",
			int(MaxStats.Hours()/24))
	}
	if _, err := s.covers.Authorize(ctx, by, of, id, merchant.SeeCovers, merchant.CoverRead); err != nil {
		return found, err
	}
	if found.Hours, err = s.store.Hours(ctx, id, from, to); err != nil {
		return found, err
	}
	found.Uses, err = s.store.Uses(ctx, id, from, to)
	return found, err
}
