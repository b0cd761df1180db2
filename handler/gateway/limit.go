package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"

	"github.com/hongbao/hongbao/handler/auth"
)

// forMerchants tells the service from where a merchant's server or an operator calls. It lets the service answer what
// is left of a limit, to whoever calls.
func (o *operation) forMerchants(ctx context.Context, r *http.Request) context.Context {
	ctx = metainfo.WithBackwardValues(ctx)
	if !o.Signed && !slices.Contains(o.Scopes, auth.ScopeMerchant) && !slices.Contains(o.Scopes, auth.ScopeOperator) {
		return ctx
	}
	return metainfo.WithValue(ctx, auth.AddressKey, addressOf(r, o.proxies).String())
}

// addressOf is where a request comes from. Of X-Forwarded-For the last address counts that no proxy of ours added:
// those before it are the client's to choose.
func addressOf(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	ours := func(p netip.Prefix) bool { return p.Contains(address) }
	for i := len(hops) - 1; i >= 0 && slices.ContainsFunc(proxies, ours); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop.Unmap()
	}
	return address
}

// limitHeaders says what is left of a limit, as draft-ietf-httpapi-ratelimit-headers-10 has it, and when to try again.
func limitHeaders(ctx context.Context, h http.Header) {
	text, ok := metainfo.RecvBackwardValue(ctx, auth.LimitKey)
	if !ok {
		return
	}
	l, err := auth.ParseLimitState(text)
	if err != nil {
		return // of a newer server
	}
	writeLimit(h, l)
}

// writeLimit is limitHeaders for a limit that is known here.
func writeLimit(h http.Header, l auth.LimitState) {
	h.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, l.Name, l.Limit, seconds(l.Per)))
	h.Set("RateLimit", fmt.Sprintf(`"%s";r=%d;t=%d`, l.Name, l.Remaining, seconds(l.Reset)))
	if l.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds(l.RetryAfter), 10))
	}
}

// seconds rounds up, for who waits so long must not be refused again.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
