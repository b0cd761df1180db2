package handler_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/merchant"
)

func TestMembersSeeWhatOfTheirLimitsIsUsed(t *testing.T) {
	h := handlertest.New(t, nil)
	a := h.Do(t, http.MethodGet, "/v1/merchants/1/limits?mode=test", h.Token(t, "alice", auth.ScopeUser), "")
	want := regexp.MustCompile(`^{"limits":\[{"name":"members","limit":100,"used":1,"resets_at":0},` +
		`{"name":"keys","limit":50,"used":2,"resets_at":0}\],"keys":\[{"key_id":"4611686018427387909",` +
		`"limits":\[{"name":"calls_per_second","limit":100,"used":\d+,"resets_at":\d+}\]}\]}\n$`)
	if a.Status != http.StatusOK || !want.MatchString(a.Text) {
		t.Errorf("%d %s", a.Status, a.Text)
	}
}

func TestOperatorsSearchMerchants(t *testing.T) {
	h := handlertest.New(t, nil)
	const path = "/v1/operator/merchants/find?query=%E9%9D%A2%20%25&state=active&limit=5"
	a := h.Do(t, http.MethodGet, path, h.Token(t, "ops", auth.ScopeOperator), "")
	want := merchant.Search{Text: "面 %", State: merchant.StateActive, Limit: 6}
	if got := h.Now().Search; a.Status != http.StatusOK || got != want {
		t.Errorf("%d %s: searched for %+v", a.Status, a.Text, got)
	}
	if a := h.Do(t, http.MethodGet, path, h.Token(t, "alice", auth.ScopeUser), ""); a.Code() != problem.CodeForbidden {
		t.Errorf("for a user: %d %s", a.Status, a.Text)
	}
}
