package gateway_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
)

// behindProxy is a gateway that takes X-Forwarded-For of this machine's proxies.
func behindProxy(t *testing.T, limits gateway.AddressLimits) *handlertest.Harness {
	return handlertest.New(t, func(_ *handler.ServerConfig, g *gateway.Config) {
		g.Proxies, g.Limits = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, limits
		g.Now = handlertest.StandingClock()
		g.DevTokens = &auth.DevTokens{Issuer: auth.NewIssuer(handlertest.NewKey(t), time.Now), Life: time.Hour}
	})
}

// Whatever an address asks for, it is refused over its limit, before a token is looked at; others are not.
func TestRequestsOfAnAddressAreLimited(t *testing.T) {
	h := behindProxy(t, gateway.AddressLimits{Requests: 1})
	token := h.Token(t, "alice", auth.ScopeUser)
	allowed := 0
	var refused handlertest.Answer
	for _, path := range []string{"/v1/wallet", "/healthz", "/nothing", "/v1/wallet"} {
		for range 20 {
			a := h.Do(t, "GET", path, token, "", "X-Forwarded-For: 203.0.113.9")
			if a.Status != 429 {
				allowed++
				continue
			}
			refused = a
		}
	}
	if allowed != 10 || refused.Code() != problem.CodeRateLimited ||
		refused.Header.Get("Retry-After") != "1" || refused.Header.Get("RateLimit-Policy") != `"requests";q=10;w=10` {
		t.Errorf("%d of 80 were allowed, one was refused with %v %s", allowed, refused.Header, refused.Text)
	}
	handlertest.CheckProblem(t, refused)
	for name, lines := range map[string][]string{
		"another address": {"X-Forwarded-For: 203.0.113.10"}, "this machine": nil,
		"one that says it is another": {"X-Forwarded-For: 203.0.113.9, 203.0.113.11"},
	} {
		if a := h.Do(t, "GET", "/v1/wallet", token, "", lines...); a.Status != 200 {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
}

// Over the limit of bad tokens, a good one is not looked at either; good ones alone never come there.
func TestBadTokensOfAnAddressAreLimited(t *testing.T) {
	h := behindProxy(t, gateway.AddressLimits{BadTokens: 1})
	good := h.Token(t, "alice", auth.ScopeUser)
	from := "X-Forwarded-For: 203.0.113.9"
	for range 30 {
		if a := h.Do(t, "GET", "/v1/wallet", good, "", from); a.Status != 200 {
			t.Fatalf("a good token: %d", a.Status)
		}
	}
	bad := 0
	for range 60 {
		a := h.Do(t, "GET", "/v1/wallet", "x.y.z", "", from)
		if a.Status == 429 {
			break
		}
		if bad++; a.Status != 401 {
			t.Fatalf("a bad token: %d", a.Status)
		}
	}
	if bad != 10 {
		t.Errorf("%d bad tokens were looked at", bad)
	}
	if a := h.Do(t, "GET", "/v1/wallet", good, "", from); a.Status != 429 {
		t.Errorf("a good token from there: %d", a.Status)
	}
	if a := h.Do(t, "GET", "/v1/wallet", good, "", "X-Forwarded-For: 203.0.113.10"); a.Status != 200 {
		t.Errorf("a good token from elsewhere: %d", a.Status)
	}
}

func TestDevelopmentTokensAreLimited(t *testing.T) {
	h := behindProxy(t, gateway.AddressLimits{DevTokens: 1})
	given := 0
	for range 60 {
		a := h.Do(t, "POST", "/v1/dev/tokens", "", `{"user_id":"alice","scopes":["user"]}`)
		if a.Status == 429 {
			handlertest.CheckProblem(t, a)
			break
		}
		if given++; a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Text)
		}
	}
	if given != 10 {
		t.Errorf("%d tokens were given", given)
	}
}
