package handler

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/rpcinfo"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/internal/refusal"
)

// CallLimits are how many calls a second are taken on average; ten seconds' worth may come at once. 0 is no limit.
type CallLimits struct {
	// Of a user, in each process.
	Grabs, Reads int
	// Of a user, over all processes: whatever is neither a grab or claim nor a GET.
	Changes int
	// Of a user, in each process: calls that look for something which does not exist or is not theirs to see. Each of
	// them may cost a read of the database, which for what exists is in memory.
	Misses int
	// From an address, in each process: calls whose token is refused, before the next one is looked at.
	BadTokens int
	// From an address, over all processes: exchanges of a merchant's key.
	Exchanges int
}

// admission limits who calls how often.
type admission struct {
	shared  RateLimiter // nil: nothing is limited over all processes
	local   *ratelimit.Local
	classes map[class]ratelimit.Limit

	misses, badTokens, exchanges ratelimit.Limit

	delayed chan struct{} // holds an element for each refusal that waits
}

const (
	// RefusalDelay is how long the refusal of a call over a limit waits before it is sent. A client that repeats at
	// once would otherwise turn a limit of hundreds of calls a second into thousands of refusals, which cost a server
	// nearly as much as the calls.
	RefusalDelay = 100 * time.Millisecond
	// maxDelayed bounds how many refusals wait at a time. Further ones are sent at once.
	maxDelayed = 4096
)

// delay waits before a refusal, unless too many wait already or the context ends.
func (a *admission) delay(ctx context.Context) {
	select {
	case a.delayed <- struct{}{}:
	default:
		return
	}
	defer func() { <-a.delayed }()
	select {
	case <-time.After(RefusalDelay):
	case <-ctx.Done():
	}
}

// class is what a limit of a user is of.
type class int

const (
	reads class = iota
	grabs
	changes
	entries // of each entry its own person's grabs, by entry
)

// raced are the methods that crowds call for what is gone a moment later: a question to Redis before each would be a
// second one.
var raced = map[contract.Key]bool{
	{Service: "EnvelopeService", Method: "Grab"}: true,
	{Service: "StockService", Method: "Claim"}:   true,
}

func classOf(m *contract.Method) class {
	switch {
	case m.Key == contract.Key{Service: "EnvelopeService", Method: "GrabMany"}:
		return entries
	case raced[m.Key]:
		return grabs
	case m.Route.Verb == http.MethodGet:
		return reads
	}
	return changes
}

func newAdmission(shared RateLimiter, c CallLimits, now func() time.Time) (*admission, error) {
	local, err := ratelimit.NewLocal(now)
	if err != nil {
		return nil, err
	}
	a := &admission{
		shared: shared, local: local,
		classes: map[class]ratelimit.Limit{
			reads:   ratelimit.PerSecond("reads", c.Reads),
			grabs:   ratelimit.PerSecond("grabs", c.Grabs),
			changes: ratelimit.PerSecond("changes", c.Changes),
		},
		misses: ratelimit.PerSecond("misses", c.Misses), badTokens: ratelimit.PerSecond("bad_tokens", c.BadTokens),
		exchanges: ratelimit.PerSecond("exchanges", c.Exchanges), delayed: make(chan struct{}, maxDelayed),
	}
	for _, l := range []ratelimit.Limit{
		a.classes[reads], a.classes[grabs], a.classes[changes], a.misses, a.badTokens, a.exchanges,
	} {
		if l.Count != 0 {
			err = errors.Join(err, l.Check())
		}
	}
	return a, err
}

// user takes a call from a user's limit. The chat application itself is not limited: everybody's groups are its own.
// Refusal: rate_limited.
func (a *admission) user(ctx context.Context, log *slog.Logger, kind class, c auth.Caller) error {
	if c.Has(auth.ScopeService) || kind == entries {
		return nil
	}
	if a.misses.Count > 0 {
		if r := a.local.Look(a.misses, c.Subject); !r.Allowed {
			returnLimit(ctx, r)
			return limited(r, sentenceMisses)
		}
	}
	limit := a.classes[kind]
	if limit.Count == 0 {
		return nil
	}
	var r ratelimit.Result
	if kind == changes {
		var known bool
		if r, known = take(ctx, log, a.shared, limit, c.Subject); !known {
			return nil
		}
		returnLimit(ctx, r)
	} else if r = a.local.Take(limit, c.Subject); r.Remaining < limit.Count/4 { // far from it, nobody needs to know
		returnLimit(ctx, r)
	}
	if !r.Allowed {
		return limited(r, sentenceTooMany(limit))
	}
	return nil
}

// entry takes a grab of many from the limits of the user who makes it. state is what a single call would tell the
// gateway. Refusal: rate_limited.
func (a *admission) entry(c auth.Caller) (state string, err error) {
	if a == nil || c.Has(auth.ScopeService) {
		return "", nil
	}
	if a.misses.Count > 0 {
		if r := a.local.Look(a.misses, c.Subject); !r.Allowed {
			return stateOf(r), limited(r, sentenceMisses)
		}
	}
	limit := a.classes[grabs]
	if limit.Count == 0 {
		return "", nil
	}
	r := a.local.Take(limit, c.Subject)
	if !r.Allowed {
		return stateOf(r), limited(r, sentenceTooMany(limit))
	}
	if r.Remaining < limit.Count/4 {
		state = stateOf(r)
	}
	return state, nil
}

const sentenceMisses = "you have asked too often for what does not exist or is not yours"

func sentenceTooMany(l ratelimit.Limit) string {
	return "you have made more than " + perSecond(l) + " " + l.Name + " a second"
}

type admissionKey struct{}

// admissionFrom is by what a call's entries are admitted; nil where nothing limits them.
func admissionFrom(ctx context.Context) *admission {
	a, _ := ctx.Value(admissionKey{}).(*admission)
	return a
}

// missed counts a call that found nothing.
func (a *admission) missed(c auth.Caller, code string) {
	if a != nil && a.misses.Count > 0 && !c.Has(auth.ScopeService) &&
		(problem.Status(code) == http.StatusNotFound || code == refusal.CodeNotAMember) {
		a.local.Take(a.misses, c.Subject)
	}
}

// token refuses an address from which too many bad tokens came. Refusal: rate_limited.
func (a *admission) token(ctx context.Context, peer netip.Addr) error {
	if a.badTokens.Count == 0 || peer.IsLoopback() {
		return nil
	}
	if r := a.local.Look(a.badTokens, ratelimit.Network(peer)); !r.Allowed {
		returnLimit(ctx, r)
		return limited(r, "too many tokens from your address were refused")
	}
	return nil
}

// badToken counts a token that was refused.
func (a *admission) badToken(peer netip.Addr) {
	if a.badTokens.Count > 0 && !peer.IsLoopback() {
		a.local.Take(a.badTokens, ratelimit.Network(peer))
	}
}

// exchange takes an exchange of a merchant's key from an address's limit. Refusal: rate_limited.
func (a *admission) exchange(ctx context.Context, log *slog.Logger, address netip.Addr) error {
	if a.exchanges.Count == 0 || address.IsLoopback() {
		return nil
	}
	r, known := take(ctx, log, a.shared, a.exchanges, ratelimit.Network(address))
	if !known {
		return nil
	}
	returnLimit(ctx, r)
	if !r.Allowed {
		return limited(r, "too many keys were exchanged from your address")
	}
	return nil
}

// take takes one from a limit over all processes. A limit protects the service; while nothing is known of it, the
// service goes on.
func take(
	ctx context.Context, log *slog.Logger, shared RateLimiter, limit ratelimit.Limit, who string,
) (r ratelimit.Result, known bool) {
	if shared == nil {
		return r, false
	}
	r, err := shared.Take(ctx, limit, who, 1)
	if err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "a rate limit could not be asked", slog.String("error", err.Error()))
		return r, false
	}
	return r, true
}

// returnLimit lets the gateway say what is left of a limit.
func returnLimit(ctx context.Context, r ratelimit.Result) {
	metainfo.SendBackwardValue(ctx, auth.LimitKey, stateOf(r))
}

func stateOf(r ratelimit.Result) string {
	return auth.LimitState{
		Name: r.Limit.Name, Limit: r.Limit.Count, Remaining: r.Remaining, Reset: r.ResetAfter,
		RetryAfter: r.RetryAfter, Per: r.Limit.Per,
	}.String()
}

func limited(r ratelimit.Result, why string) error {
	return refusal.New(problem.CodeRateLimited, "%s: try again in %v, with the same request_id", why,
		max(r.RetryAfter, time.Millisecond).Round(time.Millisecond))
}

// peerOf is the other end of a call's connection; the zero Addr where it has none.
func peerOf(ctx context.Context) netip.Addr {
	from := rpcinfo.GetRPCInfo(ctx).From()
	if from == nil || from.Address() == nil {
		return netip.Addr{}
	}
	if tcp, ok := from.Address().(interface{ AddrPort() netip.AddrPort }); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	port, err := netip.ParseAddrPort(from.Address().String())
	if err != nil {
		return netip.Addr{}
	}
	return port.Addr().Unmap()
}
