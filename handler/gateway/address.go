package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/internal/refusal"
)

// AddressLimits are how many requests a second one gateway takes on average; ten seconds' worth may come at once. 0 is
// no limit. This machine's own addresses are not limited, for behind them may be a proxy that nobody told us of.
type AddressLimits struct {
	// From an address, before anything of the request is read.
	Requests int
	// From an address: requests whose token is refused, before the next one is looked at.
	BadTokens int
	// From anywhere, this machine included: development tokens.
	DevTokens int
	// Of a user: subscribes that are refused, before the connection is closed.
	Refusals int
}

// Tally counts who was not let in. trail.Tally is one.
type Tally interface {
	Add(actor, action, outcome string, times int)
}

// whatIsTallied is how a tally names a token that a gateway refused.
const whatIsTallied = "Gateway.Token"

// notLetIn counts a request whose token was refused here. One without a token has not tried anything, and keys are
// counted where they are checked.
func (g *gate) notLetIn(r *http.Request, address netip.Addr, answer http.Header) {
	shown := r.Header.Get("Authorization") != "" || r.URL.Query().Has("token")
	if g.tally != nil && answer.Get(challenge) != "" && shown {
		g.tally.Add(ratelimit.Network(address), whatIsTallied, problem.CodeUnauthenticated, 1)
	}
}

// gate lets addresses in, so many times.
type gate struct {
	local   *ratelimit.Local
	proxies []netip.Prefix
	tally   Tally // may be nil

	requests, badTokens, devTokens ratelimit.Limit
}

func newGate(c AddressLimits, now func() time.Time, proxies []netip.Prefix, tally Tally) (*gate, error) {
	local, err := ratelimit.NewLocal(now)
	if err != nil {
		return nil, err
	}
	g := &gate{
		local: local, proxies: proxies, tally: tally, requests: ratelimit.PerSecond("requests", c.Requests),
		badTokens: ratelimit.PerSecond("bad_tokens", c.BadTokens),
		devTokens: ratelimit.PerSecond("dev_tokens", c.DevTokens),
	}
	for _, l := range []ratelimit.Limit{g.requests, g.badTokens, g.devTokens} {
		if l.Count != 0 {
			err = errors.Join(err, l.Check())
		}
	}
	return g, err
}

// enter takes a request from its address's limit. leave is to be called with the headers of the answer. Refusal:
// rate_limited, with its headers in h.
func (g *gate) enter(h http.Header, r *http.Request) (leave func(http.Header), err error) {
	address := addressOf(r, g.proxies)
	leave = func(answer http.Header) { g.notLetIn(r, address, answer) }
	if address.IsLoopback() {
		return leave, nil
	}
	network := ratelimit.Network(address)
	if g.requests.Count > 0 {
		if found := g.local.Take(g.requests, network); !found.Allowed {
			return nil, over(h, found, "too many requests come from your address")
		}
	}
	if g.badTokens.Count == 0 {
		return leave, nil
	}
	if found := g.local.Look(g.badTokens, network); !found.Allowed {
		return nil, over(h, found, "too many tokens from your address were refused")
	}
	return func(answer http.Header) {
		g.notLetIn(r, address, answer)
		if answer.Get(challenge) != "" { // of a 401, and of nothing else
			g.local.Take(g.badTokens, network)
		}
	}, nil
}

// devToken takes a development token from the limit of all. Refusal: rate_limited.
func (g *gate) devToken(h http.Header) error {
	if g.devTokens.Count == 0 {
		return nil
	}
	if found := g.local.Take(g.devTokens, ""); !found.Allowed {
		return over(h, found, "too many development tokens were given")
	}
	return nil
}

// over is the refusal of what is over a limit, with its headers.
func over(h http.Header, r ratelimit.Result, why string) error {
	writeLimit(h, auth.LimitState{
		Name: r.Limit.Name, Limit: r.Limit.Count, Remaining: r.Remaining, Per: r.Limit.Per, Reset: r.ResetAfter,
		RetryAfter: r.RetryAfter,
	})
	return refusal.New(problem.CodeRateLimited, "%s: try again in %s s", why,
		strconv.FormatInt(seconds(r.RetryAfter), 10))
}
