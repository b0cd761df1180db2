package handler_test

import (
	"maps"
	"strings"
	"sync"
	"testing"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
	"github.com/hongbao/hongbao/merchant"
)

// memoryTally counts by all three texts.
type memoryTally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (m *memoryTally) Add(actor, action, outcome string, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[actor+" "+action+" "+outcome] += times
}

// Forged tokens are counted by their address wherever they are shown, and so are keys that are none; whoever shows
// none, or a good one, is not.
func TestWhoIsNotLetInIsCounted(t *testing.T) {
	tally := &memoryTally{counts: map[string]int{}}
	h := handlertest.New(t, func(c *handler.ServerConfig, g *gateway.Config) {
		c.Tally, g.Tally, g.Proxies = tally, tally, loopback()
	})
	good := h.Token(t, "alice", auth.ScopeUser)
	forged := good[:strings.LastIndexByte(good, '.')+1] + strings.Repeat("A", 86)
	from := "X-Forwarded-For: 2001:db8::7"
	h.Do(t, "GET", "/v1/wallet", good, "")
	h.Do(t, "GET", "/v1/wallet", "", "")
	h.Do(t, "GET", "/v1/operator/backlog", good, "") // forbidden, but known
	for range 3 {
		h.Do(t, "GET", "/v1/wallet", forged, "", from)
	}
	h.Do(t, "POST", "/v1/wallet/topups", forged, "{", from)
	h.Do(t, "POST", "/v1/grabs", good, `{"grabs":[{"envelope_id":"4096","token":"`+forged+`"},`+
		`{"envelope_id":"4096","token":"x"},{"envelope_id":"4096","token":"`+good+`"}]}`)
	c := walletClient(t, h)
	for _, token := range []string{forged, "", good} {
		_, _ = c.Balances(hongbao.ContextWithToken(t.Context(), token), &walletapi.BalancesRequest{})
	}
	h.Set(func(s *handlertest.State) { s.Err = refusal.New(merchant.CodeKeyUnknown, "no such key") })
	h.Do(t, "POST", "/v1/merchant/token", "", `{"secret":"hbk_x"}`, from)
	tally.mu.Lock()
	defer tally.mu.Unlock()
	want := map[string]int{
		"2001:db8::/64 Gateway.Token unauthenticated":             4,
		"127.0.0.1 EnvelopeService.GrabMany unauthenticated":      2,
		"127.0.0.1 WalletService.Balances unauthenticated":        1,
		"2001:db8::/64 MerchantService.MerchantToken key_unknown": 1,
	}
	if !maps.Equal(tally.counts, want) {
		t.Errorf("counted %v, want %v", tally.counts, want)
	}
}
