package handler_test

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/ratelimit"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

// sharedLimits are limits over all processes, in memory, by a clock that stands still.
type sharedLimits struct{ *ratelimit.Local }

func (l sharedLimits) Take(_ context.Context, limit ratelimit.Limit, who string, _ int) (ratelimit.Result, error) {
	return l.Local.Take(limit, who), nil
}

func standing(t *testing.T) sharedLimits {
	t.Helper()
	local, err := ratelimit.NewLocal(handlertest.StandingClock())
	if err != nil {
		t.Fatal(err)
	}
	return sharedLimits{local}
}

// Each class of calls of a user has a limit of its own, and so has each user.
func TestUsersAreLimited(t *testing.T) {
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Limits, c.Now = standing(t), handlertest.StandingClock()
		c.Calls = handler.CallLimits{Grabs: 2, Reads: 1, Changes: 3, Misses: 100}
	})
	alice, bob := h.Token(t, "alice", auth.ScopeUser), h.Token(t, "bob", auth.ScopeUser)
	chat := h.Token(t, "chat", auth.ScopeService)
	for _, class := range []struct {
		name, verb, path, body string
		most                   int
	}{
		{"grabs", "POST", "/v1/envelopes/4096/grab", "{}", 20},
		{"reads", "GET", "/v1/envelopes/4096", "", 10},
		{"changes", "POST", "/v1/wallet/topups", `{"request_id":"r","amount":100,"currency":"CNY"}`, 30},
	} {
		refused := map[string]int{}
		var last handlertest.Answer
		var mu sync.Mutex
		var all sync.WaitGroup
		for name, token := range map[string]string{"alice": alice, "bob": bob} {
			number := class.most + 5
			if name == "bob" {
				number = class.most / 2
			}
			all.Go(func() {
				for range number {
					a := h.Do(t, class.verb, class.path, token, class.body)
					mu.Lock()
					if a.Status == 429 {
						refused[name]++
						last = a
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if refused["alice"] != 5 || refused["bob"] != 0 {
			t.Errorf("%s: refused %v", class.name, refused)
		}
		handlertest.CheckProblem(t, last)
		if last.Code() != problem.CodeRateLimited || last.Header.Get("Retry-After") == "" ||
			last.Header.Get("RateLimit-Policy") != `"`+class.name+`";q=`+strconv.Itoa(class.most)+`;w=10` {
			t.Errorf("%s: %v %s", class.name, last.Header, last.Text)
		}
	}
	for range 50 { // the chat application is not held to a user's limit
		if a := h.Do(t, "PUT", "/v1/groups/g/members/carol", chat, ""); a.Status == 429 {
			t.Fatal("the chat application is limited")
		}
	}
}

// Who asks for what does not exist is stopped before it is looked for.
func TestMissesAreLimited(t *testing.T) {
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Calls, c.Now = handler.CallLimits{Misses: 1}, handlertest.StandingClock()
	})
	token := h.Token(t, "alice", auth.ScopeUser)
	missing := 0
	for i := range 40 {
		a := h.Do(t, "GET", "/v1/groups/strangers/members", token, "")
		if a.Status == 429 {
			handlertest.CheckProblem(t, a)
			break
		}
		if missing = i + 1; a.Code() != "not_a_member" {
			t.Fatalf("%d %s", a.Status, a.Text)
		}
	}
	if missing != 10 {
		t.Errorf("%d calls found nothing before one was refused", missing)
	}
	if a := h.Do(t, "GET", "/v1/wallet", token, ""); a.Status != 429 {
		t.Errorf("whoever only asks for what does not exist may go on with %d", a.Status)
	}
	if a := h.Do(t, "GET", "/v1/wallet", h.Token(t, "bob", auth.ScopeUser), ""); a.Status != 200 {
		t.Errorf("somebody else gets %d", a.Status)
	}
}

// A merchant's key may make so many calls a second, over all nodes; its neighbours are not held to what it has used.
func TestKeysAreLimited(t *testing.T) {
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Limits = standing(t)
		c.MerchantCalls = 2
	})
	key := h.SessionToken(t)
	for range 2 {
		if a := h.Do(t, "GET", "/v1/merchant/limits", key, ""); a.Status != 200 || a.Header.Get("RateLimit") == "" {
			t.Fatalf("%d %v %s", a.Status, a.Header, a.Text)
		}
	}
	a := h.Do(t, "GET", "/v1/merchant/limits", key, "")
	handlertest.CheckProblem(t, a)
	if a.Code() != problem.CodeRateLimited || a.Header.Get("Retry-After") == "" ||
		a.Header.Get("RateLimit-Policy") != `"calls";q=2;w=1` {
		t.Errorf("%d %v %s", a.Status, a.Header, a.Text)
	}
	if a := h.Do(t, "GET", "/v1/wallet", h.Token(t, "alice", auth.ScopeUser), ""); a.Status != 200 {
		t.Errorf("a user gets %d", a.Status)
	}
}

// A merchant's keys are exchanged so many times from an address that is not this machine's.
func TestExchangesAreLimitedByAddress(t *testing.T) {
	h := handlertest.New(t, func(c *handler.ServerConfig, g *gateway.Config) {
		c.Limits = standing(t)
		c.Calls = handler.CallLimits{Exchanges: 1}
		g.Proxies = loopback()
	})
	body := `{"secret":"hbk_x"}`
	from := func(address string) handlertest.Answer {
		return h.Do(t, "POST", "/v1/merchant/token", "", body, "X-Forwarded-For: "+address)
	}
	for range 10 {
		if a := from("2001:db8::1"); a.Status == 429 {
			t.Fatalf("%s", a.Text)
		}
	}
	if a := from("2001:db8::2"); a.Status != 429 || a.Header.Get("Retry-After") == "" {
		t.Errorf("the neighbour in a /64 that is over its limit: %d %s", a.Status, a.Text)
	}
	if a := from("2001:db8:0:1::1"); a.Status == 429 {
		t.Errorf("another network: %s", a.Text)
	}
}

// The order of the checks holds for Kitex clients as well: a call over the limit is not carried out.
func TestLimitsOverRPC(t *testing.T) {
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Calls, c.Now = handler.CallLimits{Reads: 1}, handlertest.StandingClock()
	})
	c := walletClient(t, h)
	ctx := hongbao.ContextWithToken(t.Context(), h.Token(t, "alice", auth.ScopeUser))
	var last error
	for range 11 {
		began := time.Now()
		_, err := c.Balances(ctx, &walletapi.BalancesRequest{})
		if p, ok := problem.FromClient(err); ok && p.Code == problem.CodeRateLimited {
			if took := time.Since(began); took < handler.RefusalDelay {
				t.Errorf("a refusal came after %v, so that its caller can repeat at once", took)
			}
			return
		}
		last = err
	}
	t.Error("11 reads, and not one was refused", last)
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
