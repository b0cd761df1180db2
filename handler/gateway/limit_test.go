package gateway_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/handlertest"
)

func TestWhatAMerchantsServerIsHeldTo(t *testing.T) {
	h := handlertest.New(t, nil)
	path := "/v1/merchant/limits"
	get := func(token string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("X-Forwarded-For", "203.0.113.9") // of no proxy that is trusted
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	free := get(h.SessionToken(t))
	if free.StatusCode != http.StatusOK || free.Header.Get("RateLimit") != `"calls";r=100;t=0` ||
		free.Header.Get("RateLimit-Policy") != `"calls";q=100;w=1` || free.Header.Get("Retry-After") != "" {
		t.Errorf("a call: %d %v", free.StatusCode, free.Header)
	}
	here, elsewhere := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("203.0.113.0/24")
	if got := get(h.SessionToken(t, here)); got.StatusCode != http.StatusOK {
		t.Errorf("from an address that is allowed: %d", got.StatusCode)
	}
	if got := get(h.SessionToken(t, elsewhere)); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another one: %d", got.StatusCode)
	}
	for what, token := range map[string]string{
		"a user's token":                   h.Token(t, "ann", auth.ScopeUser),
		"of scope merchant, without a key": h.Token(t, "ann", auth.ScopeMerchant),
	} {
		if got := get(token); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", what, got.StatusCode)
		}
	}
	h.Set(func(s *handlertest.State) { s.Limited = true })
	limited := get(h.SessionToken(t))
	if limited.StatusCode != http.StatusTooManyRequests || limited.Header.Get("Retry-After") != "2" ||
		!strings.HasPrefix(limited.Header.Get("RateLimit"), `"calls";r=0`) {
		t.Errorf("over the limit: %d %v", limited.StatusCode, limited.Header)
	}
	h.Set(func(s *handlertest.State) { s.Limited, s.Unknown = false, true })
	if got := get(h.SessionToken(t)); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the limits themselves, while they are unknown: %d", got.StatusCode)
	}
	path = "/v1/merchant"
	if got := get(h.SessionToken(t)); got.StatusCode != http.StatusOK || got.Header.Get("RateLimit") != "" {
		t.Errorf("another call, while they are unknown: %d %v", got.StatusCode, got.Header)
	}
}
