package handler

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strconv"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// EnvelopeDomain is what Envelope needs of envelope.Service.
type EnvelopeDomain interface {
	Send(ctx context.Context, sender string, o envelope.Order) (envelope.View, error)
	Grab(ctx context.Context, user string, id int64) (envelope.Grabbed, error)
	GrabMany(ctx context.Context, asks []envelope.Ask) ([]envelope.GrabResult, error)
	Get(ctx context.Context, user string, id int64) (envelope.View, error)
	ListSent(ctx context.Context, user string, before int64, limit int) ([]envelope.SentLine, error)
	ListReceived(ctx context.Context, user string, before int64, limit int) ([]ledger.Credit, error)
}

// Envelope is the Kitex EnvelopeService.
type Envelope struct {
	Domain EnvelopeDomain
	Tokens TokenVerifier // of the tokens in GrabMany
	Log    *slog.Logger  // of grabs in GrabMany that fail
	Rules  GrabRules     // nil: everybody may grab
}

var _ envelopeapi.EnvelopeService = (*Envelope)(nil)

// noShare stands for the share of a grab that won none.
const noShare = -1

// Send implements envelopeapi.EnvelopeService.
func (h *Envelope) Send(ctx context.Context, r *envelopeapi.SendRequest) (*envelopeapi.Envelope, error) {
	return envelopeResponse(h.Domain.Send(ctx, subject(ctx), envelope.Order{
		RequestID: r.RequestId, Group: r.GroupId, Kind: r.Kind, Total: r.Total, Count: int(r.Count),
		Currency: r.Currency, Greeting: r.GetGreeting(), To: r.GetTo(),
		Cover: r.GetCoverId(),
	}))
}

// Grab implements envelopeapi.EnvelopeService.
func (h *Envelope) Grab(ctx context.Context, r *envelopeapi.GrabRequest) (*envelopeapi.GrabResponse, error) {
	if err := h.mayGrab(subject(ctx)); err != nil {
		return nil, err
	}
	g, err := h.Domain.Grab(ctx, subject(ctx), r.EnvelopeId)
	if err != nil {
		return nil, err
	}
	h.won(subject(ctx), r.EnvelopeId, g)
	response := &envelopeapi.GrabResponse{Outcome: string(g.Outcome), Currency: string(g.Currency), Share: noShare}
	if g.Outcome == envelope.Won || g.Outcome == envelope.AlreadyWon {
		response.Amount, response.Share = g.Take.Minor, int32(g.Take.Share)
	}
	return response, nil
}

// mayGrab asks the rules before a grab. Refusal: risk_refused.
func (h *Envelope) mayGrab(user string) error {
	if h.Rules == nil {
		return nil
	}
	if a := h.Rules.MayGrab(user); !a.Allowed() {
		return a.Err()
	}
	return nil
}

// won tells the rules of a share.
func (h *Envelope) won(user string, id int64, g envelope.Grabbed) {
	if h.Rules != nil && g.Outcome == envelope.Won {
		h.Rules.Won(user, strconv.FormatInt(id, 10), ledger.Amount{Minor: g.Take.Minor, Currency: g.Currency})
	}
}

// Get implements envelopeapi.EnvelopeService.
func (h *Envelope) Get(ctx context.Context, r *envelopeapi.GetRequest) (*envelopeapi.Envelope, error) {
	return envelopeResponse(h.Domain.Get(ctx, subject(ctx), r.EnvelopeId))
}

// ListSent implements envelopeapi.EnvelopeService.
func (h *Envelope) ListSent(ctx context.Context, r *envelopeapi.ListRequest) (*envelopeapi.SentResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	lines, err := h.Domain.ListSent(ctx, subject(ctx), before, limit+1)
	if err != nil {
		return nil, err
	}
	lines, next := cut(lines, limit, func(l envelope.SentLine) int64 { return l.ID })
	response := &envelopeapi.SentResponse{NextCursor: next}
	response.Envelopes = make([]*envelopeapi.Sent, len(lines))
	for i, l := range lines {
		response.Envelopes[i] = &envelopeapi.Sent{
			EnvelopeId: l.ID, GroupId: l.Group, Kind: string(l.Kind), Total: l.Total.Minor, Count: int32(l.Count),
			Currency: string(l.Total.Currency), Greeting: l.Greeting, CreatedAt: l.CreatedAt.UnixMilli(),
			Settled: l.Settled, Refunded: l.Refunded,
		}
	}
	return response, nil
}

// ListReceived implements envelopeapi.EnvelopeService.
func (h *Envelope) ListReceived(ctx context.Context,
	r *envelopeapi.ListRequest) (*envelopeapi.ReceivedResponse, error) {
	limit, before, err := page(r.Limit, r.GetCursor())
	if err != nil {
		return nil, err
	}
	credits, err := h.Domain.ListReceived(ctx, subject(ctx), before, limit+1)
	if err != nil {
		return nil, err
	}
	// A user has one share of an envelope at most.
	credits, next := cut(credits, limit, func(c ledger.Credit) int64 { return c.Hold })
	response := &envelopeapi.ReceivedResponse{NextCursor: next}
	response.Shares = make([]*envelopeapi.Received, len(credits))
	for i, c := range credits {
		response.Shares[i] = &envelopeapi.Received{
			EnvelopeId: c.Hold, Sender: c.From, Share: int32(c.Part), Amount: c.Minor,
			Currency: string(c.Currency), Greeting: c.Note, At: c.At.UnixMilli(),
		}
	}
	return response, nil
}

func envelopeResponse(v envelope.View, err error) (*envelopeapi.Envelope, error) {
	if err != nil {
		return nil, err
	}
	response := &envelopeapi.Envelope{
		Id: v.ID, GroupId: v.Group, Sender: v.Sender, Kind: string(v.Kind), Total: v.Total.Minor, Count: int32(v.Count),
		Currency: string(v.Total.Currency), Greeting: v.Greeting, To: v.To, State: string(v.State),
		CreatedAt: v.CreatedAt.UnixMilli(), ExpiresAt: v.ExpiresAt.UnixMilli(), Refunded: v.Refunded,
		Commitment: v.Commitment, Taken: make([]*envelopeapi.Taken, len(v.Taken)),
	}
	for i, t := range v.Taken {
		response.Taken[i] = &envelopeapi.Taken{
			UserId: t.User, Share: int32(t.Share), Amount: t.Minor, At: t.At.UnixMilli(), Best: i == v.Best,
		}
		response.TakenAmount += t.Minor
	}
	if v.Cover != 0 {
		response.CoverId = &v.Cover
	}
	if v.Revealed {
		seed := hex.EncodeToString(v.Seed[:])
		response.Seed = &seed
	}
	return response, nil
}
