package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/coverapi"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/kitex_gen/stockapi"
)

// ratioClaims is what claims of one hot cover are compared with: winning grabs from many envelopes.
const ratioClaims = "claims/grabs"

// goodClaims is the least that claims may reach of grabs.
const goodClaims = 0.9

// runCovers measures claims of one hot cover, and grabs, in turn with as many callers; then the events that a
// merchant's server hears of.
func runCovers(ctx context.Context, s *session, c chosen) (found report.Suite, err error) {
	users, err := s.users(ctx, c)
	if err != nil {
		return found, err
	}
	c.closed = callers
	b := newBooks(s.target, users, c.workers())
	grabs := s.grabs(b, newEnvelopePool(b, s.name(), c.shares, c.shares, c.envelopes))
	claims := &coverPool{s: s, users: users}
	m, err := s.claimsAndGrabs(ctx, c, claims, grabs)
	if err == nil {
		err = claims.check(ctx, &found)
	}
	if err == nil { // events travel where credits do
		_, err = drain(ctx, s.target)
	}
	if err == nil {
		err = s.webhooks(ctx, c, claims.shops[0], &m)
	}
	m.write(c, &found)
	return found, errors.Join(err, s.finish(ctx, b, m.failed, &found))
}

// claimsAndGrabs measures both in turn, so that both meet the same machine in the same mood; the ratio is the median
// of the rounds' own.
func (s *session) claimsAndGrabs(
	ctx context.Context, c chosen, claims *coverPool, grabs work,
) (m measured, err error) {
	turns, span := rounds, min(roundSpan, c.span)
	if s.plan.Quick {
		turns, span = quickRounds, min(quickRoundSpan, c.span)
	}
	var perSecond [2][]float64
	for turn := range turns {
		for i, w := range []work{{prepare: claims.fill, op: claims.claim}, grabs} {
			if err := s.prepare(ctx, w, int64(guess*span.Seconds())); err != nil {
				return m, err
			}
			what := [2]string{"claims of one hot cover", "grabs that win"}[i]
			s.progress.Load(fmt.Sprintf("%s, %d callers, round %d of %d", what, callers, turn+1, turns), span)
			r := load.Closed(ctx, callers, span, s.options(c, span, nil), w.op)
			s.progress.LoadEnd()
			if m.failed += r.Errors; ctx.Err() != nil {
				return m, ctx.Err()
			}
			for code, n := range r.Codes {
				return m, fmt.Errorf("%s: %d of %d failed: %s: %s", what, n, r.Done, code, r.Example[code])
			}
			perSecond[i] = append(perSecond[i], r.PerSecond())
			if i == 0 {
				m.result = r
			}
		}
	}
	ratio := report.Median(divide(perSecond[0], perSecond[1]))
	s.ratios[ratioClaims] = ratio
	m.figures = append(m.figures,
		report.Figure{Name: "claims of a hot cover", Value: report.Median(perSecond[0]), Unit: "a second",
			Note: fmt.Sprintf("median of %d rounds, %d callers", turns, callers)},
		report.Figure{Name: "grabs that win", Value: report.Median(perSecond[1]), Unit: "a second",
			Note: "in turn with them"},
		report.Figure{Name: ratioClaims, Value: ratio, Unit: "times", Note: "median of the rounds' own"})
	if ratio < goodClaims {
		m.notes = append(m.notes,
			fmt.Sprintf("claims reach %.2f of grabs, where %.1f would be good", ratio, goodClaims))
	}
	return m, nil
}

// shop is a merchant that gives covers away.
type shop struct {
	s     *session
	id    int64
	owner *client.Client
	face  string
}

// pieceMoney is what a merchant's wallet gets for each call: 10,000,000 pieces at the usual price of 1.00.
const pieceMoney = 1_000_000_000

// newShop makes a merchant of the first user's, and has it approved.
func (s *session) newShop(ctx context.Context, u *users) (*shop, error) {
	s.progress.Step("making a merchant")
	token := u.tokens[0]
	o := &shop{s: s, owner: s.target.patient.As(client.TokenFunc(func(context.Context) (string, error) {
		return token, nil
	}))}
	m, err := o.owner.Merchants.Apply(ctx, &merchantapi.ApplyRequest{
		RequestId: s.name(), Name: "hongbao bench", LegalId: "bench", Country: "CN", Mcc: "5812",
		Contact: "bench", Currencies: []string{currency},
	})
	if err != nil {
		return nil, explainAt(err, "apply for a merchant")
	}
	o.id = m.Id
	_, err = s.target.ops.Merchants.Decide(ctx, &merchantapi.DecideRequest{Id: o.id, RequestId: s.name(),
		Decision: "approve", Reason: "for a bench"})
	if err != nil {
		return nil, explainAt(err, "approve a merchant")
	}
	_, err = o.owner.Merchants.TopUp(ctx, &merchantapi.WalletTopUpRequest{Id: o.id, RequestId: s.name(), Mode: "live",
		Wallet: "marketing", Amount: pieceMoney, Currency: currency})
	if err != nil {
		return nil, explainAt(err, "top up a merchant")
	}
	var face bytes.Buffer
	if err := png.Encode(&face, image.NewGray(image.Rect(0, 0, 60, 80))); err != nil {
		return nil, err
	}
	made, err := o.owner.Covers.UploadImage(ctx, o.id, "live", &face)
	o.face = made.Hash
	return o, explainAt(err, "send an image")
}

// hotCover is a cover with a piece for each user behind one code.
type hotCover struct {
	of   *shop
	id   int64
	code string
}

// cover makes a cover that is approved, with pieces and a link.
func (o *shop) cover(ctx context.Context, pieces int64) (h hotCover, err error) {
	name := o.s.prefix + "-c" + strconv.FormatInt(o.s.calls.Add(1), 10)
	c, err := o.owner.Covers.Create(ctx, &coverapi.CreateCoverRequest{Id: o.id, RequestId: name, Mode: "live",
		Design: &coverapi.CoverDesign{Name: "bench", Face: o.face, Colour: "#c8102e", Accent: "#ffd700"}})
	if err == nil {
		_, err = o.owner.Covers.Submit(ctx,
			&coverapi.SubmitCoverRequest{Id: o.id, CoverId: c.Id, RequestId: name + "s"})
	}
	if err == nil {
		_, err = o.s.target.ops.Covers.Decide(ctx, &coverapi.DecideCoverRequest{CoverId: c.Id, RequestId: name + "a",
			Decision: "approve", Reason: "for a bench"})
	}
	if err == nil {
		_, err = o.owner.Stock.Buy(ctx, &stockapi.BuyPiecesRequest{Id: o.id, CoverId: c.Id, RequestId: name + "b",
			Pieces: pieces, Wallet: "marketing", Currency: currency})
	}
	var link *stockapi.CoverChannel
	if err == nil {
		link, err = o.owner.Stock.OpenChannel(ctx, &stockapi.OpenChannelRequest{Id: o.id, CoverId: c.Id,
			RequestId: name + "l", Kind: "link", Name: "bench"})
	}
	if err != nil {
		return h, explainAt(err, "make a cover")
	}
	return hotCover{o, c.Id, link.Code}, nil
}

// coversOfAShop are as many as one side of a merchant may have.
const coversOfAShop = 500

// coverPool is covers that are claimed one after the other, each once by every user.
type coverPool struct {
	s       *session
	users   *users
	shops   []*shop
	covers  []hotCover
	next    atomic.Int64
	claimed atomic.Int64
}

// fill makes covers for so many claims. It must not run together with claim.
func (p *coverPool) fill(ctx context.Context, claims int64) error {
	per := int64(len(p.users.names))
	missing := claims - (int64(len(p.covers))*per - p.next.Load())
	made := make([]hotCover, max(0, (missing+per-1)/per))
	for len(p.covers)+len(made) > coversOfAShop*len(p.shops) {
		one, err := p.s.newShop(ctx, p.users)
		if err != nil {
			return err
		}
		p.shops = append(p.shops, one)
	}
	err := inParallel(ctx, len(made), func(i int) (err error) {
		made[i], err = p.shops[(len(p.covers)+i)/coversOfAShop].cover(ctx, per)
		return err
	})
	p.covers = append(p.covers, made...)
	return err
}

// claim lets the next user claim a piece of the cover whose turn it is.
func (p *coverPool) claim(int, int64) error {
	n := p.next.Add(1) - 1
	per := int64(len(p.users.names))
	if n >= int64(len(p.covers))*per {
		p.next.Add(-1)
		return load.ErrDry
	}
	request := stockapi.ClaimRequest{Code: p.covers[n/per].code}
	r, err := p.s.target.raw.Stock.Claim(p.users.as[n%per], &request)
	if err == nil && r.Outcome != "claimed" {
		err = wrongAnswer{"a claim of a piece that there is was answered " + r.Outcome}
	}
	if err == nil {
		p.claimed.Add(1)
	}
	return err
}

// check waits until every claim that was answered is settled, and compares them with what the merchant is told.
func (p *coverPool) check(ctx context.Context, found *report.Suite) error {
	p.s.progress.Step("comparing what was claimed with the merchant's stock")
	want := p.claimed.Load()
	for deadline := time.Now().Add(p.s.plan.arrivalTimeout()); ; {
		var settled int64
		for _, c := range p.covers {
			stock, err := c.of.owner.Stock.Get(ctx, c.of.id, c.id)
			if err != nil {
				return explainAt(err, "look at a stock")
			}
			settled += stock.Claimed
		}
		if settled == want {
			return nil
		}
		if settled > want || time.Now().After(deadline) {
			found.Failures = append(found.Failures,
				fmt.Sprintf("%d pieces were answered as claimed, and the merchant's stock says %d", want, settled))
			return nil
		}
		select {
		case <-time.After(drainPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
