package stock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// NewChannel is what a merchant asks for.
type NewChannel struct {
	RequestID string
	Kind      string
	Name      string    // for the merchant's own lists and charts
	Quota     int64     // 0 for none
	StartsAt  time.Time // zero for at once
	EndsAt    time.Time // zero for never
}

func (n NewChannel) channel() (c Channel, err error) {
	c = Channel{Name: n.Name, Quota: n.Quota, StartsAt: n.StartsAt, EndsAt: n.EndsAt}
	if c.Kind, err = ParseKind(n.Kind); err != nil {
		return c, err
	}
	if err := refusal.CheckText("name", n.Name); err != nil {
		return c, err
	}
	switch count := len([]rune(n.Name)); {
	case count == 0 || count > maxName || strings.TrimSpace(n.Name) != n.Name:
		return c, refusal.New(refusal.CodeInvalidArgument,
			"name has %d characters: give 1 to %d, without spaces around them", count, maxName)
	case n.Quota < 0 || n.Quota > MaxPieces:
		return c, refusal.New(refusal.CodeInvalidArgument, "quota is %d: give 0 for none, or 1 to %d", n.Quota,
			MaxPieces)
	case !n.EndsAt.IsZero() && !n.EndsAt.After(n.StartsAt):
		return c, errEnds
	}
	return c, nil
}

var errEnds = refusal.New(refusal.CodeInvalidArgument, "ends_at has passed or is before starts_at")

// OpenChannel opens a way to the pieces of a cover. Repeating it opens no other. Refusals: see idl/stock.thrift.
func (s *Service) OpenChannel(ctx context.Context, by cover.Caller, of, id int64, n NewChannel) (Channel, error) {
	c, err := n.channel()
	if err != nil {
		return Channel{}, err
	}
	o, err := s.order(ctx, by, of, id, merchant.GiveCovers, merchant.CoverGive, n.RequestID, "cover.channel", n)
	if err != nil {
		return Channel{}, err
	}
	e, err := s.usable(ctx, o.Cover)
	if err != nil {
		return Channel{}, err
	}
	if c.At = s.clock().Add(e.Ahead); !c.EndsAt.IsZero() && !c.EndsAt.After(c.At) {
		return Channel{}, errEnds
	}
	if c.ID, err = s.ids.NewID(o.account); err != nil {
		return Channel{}, err
	}
	if c.Cover, c.By = id, o.by; c.Kind == KindLink {
		c.Code = NewCode(c.ID)
	}
	made, err := s.store.OpenChannel(ctx, o.account, o.request, stockOf(o.Cover), c)
	if err != nil {
		return Channel{}, err
	}
	return made, s.refresh(ctx, id)
}

var errChannelNotFound = refusal.New(CodeChannelNotFound, "there is no channel with this id of this cover")

// channelOf is a channel of a cover. Refusal: cover_channel_not_found.
func (s *Service) channelOf(ctx context.Context, id, channel int64) (Channel, error) {
	c, err := s.store.Channel(ctx, channel)
	if errors.Is(err, ErrNotFound) || err == nil && c.Cover != id {
		err = errChannelNotFound
	}
	return c, err
}

// CloseChannel ends a channel. Closing it again changes nothing. Refusals: see idl/stock.thrift.
func (s *Service) CloseChannel(ctx context.Context, by cover.Caller, of, id, channel int64) (Channel, error) {
	if _, err := s.covers.Authorize(ctx, by, of, id, merchant.GiveCovers, merchant.CoverGive); err != nil {
		return Channel{}, err
	}
	if _, err := s.channelOf(ctx, id, channel); err != nil {
		return Channel{}, err
	}
	c, err := s.store.CloseChannel(ctx, channel)
	if err != nil {
		return Channel{}, err
	}
	return c, s.refresh(ctx, id)
}

// MakeCodes makes single-use codes. They are told once: a repeated request makes none and tells none. Refusals: see
// idl/stock.thrift.
func (s *Service) MakeCodes(
	ctx context.Context, by cover.Caller, of, id, channel int64, requestID string, count int,
) ([]Code, error) {
	if count < 1 || count > MaxCodes {
		return nil, refusal.New(refusal.CodeInvalidArgument, "count is %d: give 1 to %d", count, MaxCodes)
	}
	o, err := s.order(ctx, by, of, id, merchant.GiveCovers, merchant.CoverGive, requestID, "cover.codes", channel,
		count)
	if err != nil {
		return nil, err
	}
	c, err := s.channelOf(ctx, id, channel)
	switch {
	case err != nil:
		return nil, err
	case c.Kind != KindCodes:
		return nil, refusal.New(refusal.CodeInvalidArgument, "the channel is of kind %s: only one of kind codes has "+
			"codes",
			c.Kind)
	case c.Closed:
		return nil, refusal.New(CodeChannelClosed, "the channel is closed")
	}
	codes, digests := make([]Code, count), make([]string, count)
	for i := range codes {
		codes[i] = NewCode(channel)
		digests[i] = codes[i].Digest()
	}
	first, err := s.store.AddCodes(ctx, o.account, o.request, channel, digests)
	if err != nil || !first {
		return nil, err
	}
	return codes, s.refresh(ctx, id)
}

// Granted is what became of a user to whom a piece was granted.
type Granted struct {
	User    string
	Outcome Outcome
}

// Payment is one that a user made to the merchant, by the number that the merchant's own books give it.
type Payment struct {
	ID   string
	User string
}

// Grant gives a piece to each of the users, through a channel of kind grant, as far as there are pieces. Repeating it
// gives nobody a second one. Refusals: see idl/stock.thrift.
func (s *Service) Grant(
	ctx context.Context, by cover.Caller, of, id, channel int64, users []string,
) ([]Granted, error) {
	granted := make([]grant, len(users))
	for i, user := range users {
		if err := refusal.CheckID(fmt.Sprintf("users, element %d", i+1), user); err != nil {
			return nil, err
		}
		granted[i] = grant{user: user}
	}
	return s.grant(ctx, by, of, id, channel, "users", KindGrant, granted)
}

// GrantForPayments gives a piece for each of the payments to who made it, through a channel of kind payment, as far as
// there are pieces. A payment gives one piece, to one user (UsedCode for any other), however often and by whomever it
// is named. Refusals: see idl/stock.thrift.
func (s *Service) GrantForPayments(
	ctx context.Context, by cover.Caller, of, id, channel int64, payments []Payment,
) ([]Granted, error) {
	granted := make([]grant, len(payments))
	for i, p := range payments {
		where := fmt.Sprintf("payments, element %d: ", i+1)
		err := errors.Join(refusal.CheckID(where+"payment_id", p.ID), refusal.CheckID(where+"user_id", p.User))
		if err != nil {
			return nil, err
		}
		granted[i] = grant{paymentDigest(channel, p.ID), p.User}
	}
	return s.grant(ctx, by, of, id, channel, "payments", KindPayment, granted)
}

// grant is a piece for a user, by a digest or none.
type grant struct{ digest, user string }

func (s *Service) grant(
	ctx context.Context, by cover.Caller, of, id, channel int64, field string, kind Kind, grants []grant,
) ([]Granted, error) {
	if len(grants) < 1 || len(grants) > MaxGrants {
		return nil, refusal.New(refusal.CodeInvalidArgument, "%s has %d elements: give 1 to %d", field, len(grants),
			MaxGrants)
	}
	o, err := s.covers.Authorize(ctx, by, of, id, merchant.GiveCovers, merchant.CoverGive)
	if err != nil {
		return nil, err
	}
	e, err := s.usable(ctx, o)
	if err != nil {
		return nil, err
	}
	c, err := s.channelOf(ctx, id, channel)
	if err != nil {
		return nil, err
	}
	if c.Kind != kind {
		return nil, refusal.New(refusal.CodeInvalidArgument, "the channel is of kind %s: give one of kind %s", c.Kind,
			kind)
	}
	granted := make([]Granted, len(grants))
	errs := make(chan error, len(grants))
	for i, g := range grants {
		go func() { // the pot's queue puts them into a few calls
			_, outcome, err := s.claim(ctx, e, c, g.digest, g.user)
			granted[i] = Granted{g.user, outcome}
			errs <- err
		}()
	}
	for range grants {
		err = errors.Join(err, <-errs)
	}
	return granted, err
}

// Bounds of the cache of channels.
const (
	maxChannels = 20_000
	freshFor    = time.Second
)

// channels answers from memory which cover a channel is of; the pot knows the rest. What does not exist is remembered
// for a second.
type channels struct {
	store Store
	now   func() time.Time
	cache *otter.Cache[int64, knownChannel]
}

type knownChannel struct {
	Channel
	absentUntil time.Time // zero for ever, as a channel's cover and kind never change
}

func newChannels(store Store, now func() time.Time) (*channels, error) {
	cache, err := otter.New(&otter.Options[int64, knownChannel]{MaximumSize: maxChannels})
	if err != nil {
		return nil, fmt.Errorf("stock: cache of channels: %w", err)
	}
	return &channels{store, now, cache}, nil
}

// get returns a channel, of which only what never changes may be used. Those who ask for one at the same time have one
// read. Error: ErrNotFound.
func (c *channels) get(ctx context.Context, id int64) (Channel, error) {
	load := otter.LoaderFunc[int64, knownChannel](c.load)
	known, err := c.cache.Get(ctx, id, load)
	if err == nil && !known.exists() && !c.now().Before(known.absentUntil) {
		c.cache.Invalidate(id)
		known, err = c.cache.Get(ctx, id, load)
	}
	if err == nil && !known.exists() {
		err = ErrNotFound
	}
	return known.Channel, err
}

func (k knownChannel) exists() bool { return k.absentUntil.IsZero() }

func (c *channels) load(ctx context.Context, id int64) (knownChannel, error) {
	found, err := c.store.Channel(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return knownChannel{absentUntil: c.now().Add(freshFor)}, nil
	}
	return knownChannel{Channel: found}, err
}
