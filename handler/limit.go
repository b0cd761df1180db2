package handler

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/merchant"
)

// DefaultMerchantCalls is how many calls a second a merchant's key may make where an installation says nothing else.
const DefaultMerchantCalls = 100

// merchantCalls is the limit of calls of a merchant's key.
func merchantCalls(perSecond int) ratelimit.Limit {
	if perSecond == 0 {
		perSecond = DefaultMerchantCalls
	}
	return ratelimit.Limit{Name: "calls", Count: perSecond, Per: time.Second}
}

// perSecond is how many of a limit are allowed in a second.
func perSecond(l ratelimit.Limit) string {
	return strconv.Itoa(int(time.Duration(l.Count) * time.Second / l.Per))
}

func keyName(s merchant.Session) string { return strconv.FormatInt(s.Key, 10) }

// RateLimiter is what the edge and Merchant need of ratelimit.Limiter.
type RateLimiter interface {
	Take(ctx context.Context, limit ratelimit.Limit, who string, number int) (ratelimit.Result, error)
}

// address is where a call comes from: what a gateway says, else the other end of the connection.
func (e *edge) address(ctx context.Context) netip.Addr {
	peer := peerOf(ctx)
	if !e.isGateway(peer) {
		return peer
	}
	said, ok := metainfo.GetValue(ctx, auth.AddressKey)
	if !ok {
		return peer
	}
	address, err := netip.ParseAddr(said)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap()
}

// isGateway says whether an address may be a gateway's: this machine's are.
func (e *edge) isGateway(peer netip.Addr) bool {
	return peer.IsLoopback() || slices.ContainsFunc(e.gateways, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// checkSession checks what only merchants' servers are held to: from where they call, and how often. Refusals:
// ip_not_allowed, rate_limited.
func (e *edge) checkSession(ctx context.Context, s merchant.Session) error {
	if address := e.address(ctx); !merchant.Admits(s.Allowed, address) {
		return refusal.New(merchant.CodeAddressNotAllowed,
			"the key may not be used from %s: allow that address, or call from another one", address)
	}
	limit := merchantCalls(e.merchantCalls)
	r, known := take(ctx, e.log, e.limits, limit, keyName(s))
	if !known {
		return nil
	}
	returnLimit(ctx, r)
	if !r.Allowed {
		return limited(r, "the key has made more than "+perSecond(limit)+" calls a second")
	}
	return nil
}

// SelfLimits implements merchantapi.MerchantService.
func (h *Merchant) SelfLimits(ctx context.Context, _ *merchantapi.SelfRequest) (*merchantapi.LimitsResponse, error) {
	calls, err := h.calls(ctx, keyName(auth.SessionFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return &merchantapi.LimitsResponse{Limits: []*merchantapi.Limit{calls}}, nil
}

// MerchantLimits implements merchantapi.MerchantService.
func (h *Merchant) MerchantLimits(
	ctx context.Context, r *merchantapi.MerchantLimitsRequest,
) (*merchantapi.MerchantLimitsResponse, error) {
	u, err := h.Domain.Usage(ctx, subject(ctx), r.Id, r.Mode)
	if err != nil {
		return nil, err
	}
	response := &merchantapi.MerchantLimitsResponse{
		Limits: []*merchantapi.Limit{
			{Name: "members", Limit: merchant.MaxMembers, Used: int64(u.Members)},
			{Name: "keys", Limit: merchant.MaxKeys, Used: int64(u.Keys)},
		},
		Keys: make([]*merchantapi.KeyLimits, len(u.Good)),
	}
	for i, k := range u.Good {
		calls, err := h.calls(ctx, strconv.FormatInt(k.ID, 10))
		if err != nil {
			return nil, err
		}
		response.Keys[i] = &merchantapi.KeyLimits{KeyId: k.ID, Limits: []*merchantapi.Limit{calls}}
	}
	return response, nil
}

// calls is how many calls a key has made of those that it may make in a second. Looking takes none.
func (h *Merchant) calls(ctx context.Context, key string) (*merchantapi.Limit, error) {
	limit := merchantCalls(h.CallsPerSecond)
	r, err := h.Limits.Take(ctx, limit, key, 0)
	if err != nil {
		return nil, err
	}
	return &merchantapi.Limit{
		Name: "calls_per_second", Limit: int64(limit.Count), Used: int64(limit.Count - r.Remaining),
		ResetsAt: time.Now().Add(r.ResetAfter).UnixMilli(),
	}, nil
}

// MerchantToken implements merchantapi.MerchantService.
func (h *Merchant) MerchantToken(ctx context.Context, r *merchantapi.TokenRequest) (*merchantapi.TokenResponse, error) {
	if h.Tokens == nil {
		return nil, refusal.New(problem.CodeNotFound,
			"this installation has no key to sign tokens for merchants with: see --merchant-key")
	}
	grant, err := h.Domain.Exchange(ctx, merchant.Proof{
		Secret: r.GetSecret(), Key: r.GetKeyId(), Nonce: r.GetNonce(), Timestamp: time.UnixMilli(r.GetTimestamp()),
		Signature: r.GetSignature(),
	}, auth.AddressFrom(ctx))
	if err != nil {
		return nil, err
	}
	token, err := h.Tokens.IssueSession(grant.Session, grant.Expires)
	if err != nil {
		return nil, err
	}
	return &merchantapi.TokenResponse{Token: token, ExpiresAt: grant.Expires.UnixMilli()}, nil
}
