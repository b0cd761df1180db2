package stock

import (
	"context"
	"errors"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// Claim gives the user a piece of the cover that a code is for. The holding is there with Claimed and AlreadyHeld.
// Refusals: claim_code_unknown, claim_code_used, those of cover.Entry.Usable, unavailable.
func (s *Service) Claim(ctx context.Context, user, code string) (Holding, Outcome, error) {
	parsed, channel, err := s.channelOfCode(ctx, code)
	if err != nil {
		return Holding{}, "", err
	}
	e, err := s.covers.Entry(ctx, channel.Cover)
	if err == nil {
		err = e.Usable()
	}
	if err != nil {
		return Holding{}, "", err
	}
	taken, outcome, err := s.claim(ctx, e, channel, parsed.Digest(), user)
	switch {
	case err != nil:
		return Holding{}, "", err
	case outcome == UnknownCode:
		return Holding{}, "", errClaimUnknown
	case outcome == UsedCode:
		return Holding{}, "", refusal.New(CodeClaimUsed, "somebody else has used this code")
	case outcome != Claimed && outcome != AlreadyHeld:
		return Holding{Cover: channel.Cover}, outcome, nil
	}
	return s.holding(taken), outcome, nil
}

// channelOfCode finds what a code is for. Refusal: claim_code_unknown.
func (s *Service) channelOfCode(ctx context.Context, code string) (Code, Channel, error) {
	parsed, ok := ParseCode(code)
	if !ok {
		return Code{}, Channel{}, errClaimUnknown
	}
	channel, err := s.channels.get(ctx, parsed.Channel)
	if errors.Is(err, ErrNotFound) || err == nil && !channel.Kind.hasCodes() {
		err = errClaimUnknown
	}
	return parsed, channel, err
}

// claim asks the pot. A cover without one is sold out if nothing was ever bought: else the pot is not filled yet.
// Refusal: unavailable.
func (s *Service) claim(
	ctx context.Context, e cover.Entry, c Channel, digest, user string,
) (Claim, Outcome, error) {
	taken, outcome, err := s.pot.Claim(ctx, c.Cover, c.ID, e.Ahead, digest, user)
	if errors.Is(err, ErrNoPot) {
		err = refusal.New(refusal.CodeUnavailable, "the pieces of this cover are just being put out: try again")
	}
	return taken, outcome, err
}

func (s *Service) holding(c Claim) Holding {
	return Holding{User: c.User, Cover: c.Cover, Channel: c.Channel, ClaimedAt: c.At,
		UsableUntil: c.At.Add(s.rules.HoldFor)}
}

// Offer is what a code is for, as its page shows it.
type Offer struct {
	Cover cover.Entry
	Kind  Kind
	Used  bool // a single-use code, by somebody
}

// Check tells, without claiming anything, whether a code is genuine and what it is for. It counts as a view of the
// channel's page. Refusals: claim_code_unknown, cover_not_found.
func (s *Service) Check(ctx context.Context, code string) (Offer, error) {
	parsed, known, err := s.channelOfCode(ctx, code)
	if err != nil {
		return Offer{}, err
	}
	offer := Offer{Kind: known.Kind}
	switch known.Kind {
	case KindLink:
		if parsed != known.Code {
			return Offer{}, errClaimUnknown
		}
	case KindCodes:
		issued, err := s.store.Code(ctx, parsed.Channel, parsed.Digest())
		if errors.Is(err, ErrNotFound) {
			err = errClaimUnknown
		}
		if err != nil {
			return Offer{}, err
		}
		offer.Used = issued.User != ""
	}
	if offer.Cover, err = s.covers.Entry(ctx, known.Cover); err != nil {
		return Offer{}, err
	}
	if !offer.Cover.State.Shown() {
		return Offer{}, refusal.New(cover.CodeNotFound, "the cover is not shown any more")
	}
	err = s.pot.See(ctx, known.Cover, known.ID, offer.Cover.Ahead)
	if err != nil && !errors.Is(err, ErrNoPot) {
		s.log.Warn("a view was not counted", "cover", known.Cover, "error", err)
	}
	return offer, nil
}

// Held is a holding with what its cover is now.
type Held struct {
	Holding
	Entry  cover.Entry
	Usable bool
}

// Mine are the covers that a user holds, the latest claim first, before a time (zero: from the latest). A cover that
// was taken down is not shown.
func (s *Service) Mine(ctx context.Context, user string, before time.Time, limit int) (mine []Held, next time.Time,
	err error) {
	holdings, err := s.store.Holdings(ctx, user, before, limit+1)
	if err != nil {
		return nil, next, err
	}
	if len(holdings) > limit {
		holdings = holdings[:limit]
		next = holdings[limit-1].ClaimedAt
	}
	for _, h := range holdings {
		e, err := s.covers.Entry(ctx, h.Cover)
		if refusal.CodeOf(err) == cover.CodeNotFound || err == nil && !e.State.Shown() {
			continue
		}
		if err != nil {
			return nil, next, err
		}
		mine = append(mine, Held{h, e, e.Usable() == nil && e.Mode == merchant.Live && s.now().Before(h.UsableUntil)})
	}
	return mine, next, nil
}

// CheckUse refuses a cover that a user may not send with now. Ours are everybody's. Refusals: cover_not_held,
// cover_of_tests, those of cover.Entry.Usable.
func (s *Service) CheckUse(ctx context.Context, user string, id int64) error {
	e, err := s.covers.Entry(ctx, id)
	if err != nil {
		return err
	}
	if e.Merchant == 0 {
		return nil
	}
	if err := e.Usable(); err != nil {
		return err
	}
	if e.Mode == merchant.Test {
		return refusal.New(CodeOfTests, "the cover is of its merchant's test side: it cannot be sent")
	}
	h, err := s.held(ctx, user, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return refusal.New(CodeNotHeld, "you do not hold this cover: claim it first")
	case err != nil:
		return err
	case !s.now().Before(h.UsableUntil):
		return refusal.New(CodeNotHeld, "your piece of this cover could be used until %s",
			h.UsableUntil.Format(time.RFC3339))
	}
	return nil
}

// held finds a holding on the user's shard, or a claim in the pot that has not come there yet. Error: ErrNotFound.
func (s *Service) held(ctx context.Context, user string, id int64) (Holding, error) {
	h, err := s.store.Holding(ctx, user, id)
	if !errors.Is(err, ErrNotFound) {
		return h, err
	}
	c, ok, err := s.pot.Held(ctx, id, user)
	switch {
	case err == nil && ok:
		return s.holding(c), nil
	case err == nil, errors.Is(err, ErrNoPot), errors.Is(err, pots.ErrLost):
		return Holding{}, ErrNotFound
	}
	return Holding{}, err
}
