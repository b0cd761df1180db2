package handler_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// oneAnswer is a set of rules with one answer for all.
type oneAnswer struct {
	mu     sync.Mutex
	answer risk.Answer
	err    error
	asked  []risk.Claim
	proven bool
	ended  []bool // refused
	won    []string
}

func (o *oneAnswer) Decide(_ context.Context, c risk.Claim, proven bool) (risk.Answer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked, o.proven = append(o.asked, c), proven
	return o.answer, o.err
}

func (o *oneAnswer) Done(_ context.Context, _ risk.Answer, refused bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = append(o.ended, refused)
	return nil
}

func (o *oneAnswer) MayGrab(string) risk.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answer
}

func (o *oneAnswer) Won(user, envelope string, a ledger.Amount) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.won = append(o.won, user+" "+envelope+" "+string(a.Currency))
}

func (o *oneAnswer) set(v risk.Verdict, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer, o.err = risk.Answer{Verdict: v, Rule: "r", Version: "v", Detail: "rule r of version v: too much"}, err
}

// heard is what it was asked and told so far.
func (o *oneAnswer) heard() (asked []risk.Claim, ended []bool, won []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked), slices.Clone(o.ended), slices.Clone(o.won)
}

// What a rule says is answered before the domain hears of a call; what the domain says, the rules hear.
func TestRulesAtTheEdge(t *testing.T) {
	rules := &oneAnswer{}
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Risk = rules
		c.StepUp = handler.StepUp{Contexts: []string{"mfa"}, Age: time.Minute}
		c.Envelope.(*handler.Envelope).Rules = rules
	})
	alice := h.Token(t, "alice", auth.ScopeUser)
	topUp := func() handlertest.Answer {
		return h.Do(t, "POST", "/v1/wallet/topups", alice, `{"request_id":"r","amount":100,"currency":"CNY"}`)
	}
	for _, line := range []struct {
		verdict risk.Verdict
		err     error
		status  int
		code    string
	}{
		{risk.Refuse, nil, http.StatusForbidden, risk.CodeRefused},
		{risk.Review, nil, http.StatusForbidden, risk.CodeReview},
		{risk.Challenge, nil, http.StatusForbidden, problem.CodeStepUpRequired},
		{"", errors.New("away"), http.StatusServiceUnavailable, refusal.CodeUnavailable},
		{"", refusal.New(refusal.CodeRequestConflict, "x"), http.StatusConflict, refusal.CodeRequestConflict},
	} {
		rules.set(line.verdict, line.err)
		h.Set(func(s *handlertest.State) { s.Caller = "" })
		a := topUp()
		if a.Status != line.status || a.Code() != line.code || h.Now().Caller != "" {
			t.Errorf("%s, %v: %d %s; the domain heard of %q", line.verdict, line.err, a.Status, a.Text, h.Now().Caller)
		}
		handlertest.CheckProblem(t, a)
	}
	if _, ended, _ := rules.heard(); len(ended) > 0 {
		t.Errorf("calls that were stopped ended %v", ended)
	}
	rules.set(risk.Allow, nil)
	if a := topUp(); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Text)
	}
	for _, code := range []string{refusal.CodeInsufficientBalance, refusal.CodeUnavailable} {
		h.Set(func(s *handlertest.State) { s.Err = refusal.New(code, "x") })
		topUp()
	}
	before, ended, _ := rules.heard()
	if want := []bool{false, true, false}; !slices.Equal(ended, want) {
		t.Errorf("calls that went on ended %v, want %v", ended, want)
	}
	for _, malformed := range []string{`{"request_id":"r","amount":0,"currency":"CNY"}`,
		`{"request_id":"","amount":1,"currency":"CNY"}`, `{"request_id":"r","amount":1,"currency":"XXX"}`} {
		h.Do(t, "POST", "/v1/wallet/topups", alice, malformed)
	}
	h.Do(t, "GET", "/v1/wallet", alice, "")
	if asked, _, _ := rules.heard(); len(asked) != len(before) {
		t.Errorf("asked about %+v", asked[len(before):])
	}
}

// Grabs are asked about where they are answered, one by one and many at a time, and shares that are won are told.
func TestRulesOnGrabs(t *testing.T) {
	rules := &oneAnswer{}
	h := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Envelope.(*handler.Envelope).Rules = rules
	})
	alice := h.Token(t, "alice", auth.ScopeUser)
	one := func() handlertest.Answer { return h.Do(t, "POST", "/v1/envelopes/4096/grab", alice, "{}") }
	many := func() handlertest.Answer {
		return h.Do(t, "POST", "/v1/grabs", alice, `{"grabs":[{"envelope_id":"4096","token":"`+alice+`"}]}`)
	}
	rules.set(risk.Refuse, nil)
	if a := one(); a.Code() != risk.CodeRefused {
		t.Errorf("one: %d %s", a.Status, a.Text)
	}
	a := many()
	if answers, ok := a.Body["answers"].([]any); !ok || answers[0].(map[string]any)["code"] != risk.CodeRefused {
		t.Errorf("many: %d %s", a.Status, a.Text)
	}
	if _, _, won := rules.heard(); len(h.Now().Asks) > 0 || len(won) > 0 {
		t.Errorf("the domain was asked for %v; won %v", h.Now().Asks, won)
	}
	rules.set(risk.Allow, nil)
	if a := one(); a.Status != http.StatusOK || a.Body["outcome"] != string(envelope.Empty) {
		t.Errorf("one: %d %s", a.Status, a.Text)
	}
	many()
	if _, _, won := rules.heard(); !slices.Equal(won, []string{"alice 4096 CNY"}) { // of the second alone
		t.Errorf("won %v", won)
	}
}

// Operators see the calls that wait page by page, and decide; others may not.
func TestReviews(t *testing.T) {
	h := handlertest.New(t, nil)
	operator, user := h.Token(t, "ops", auth.ScopeOperator), h.Token(t, "alice", auth.ScopeUser)
	h.Set(func(s *handlertest.State) {
		for id := range int64(3) {
			s.Reviews = append(s.Reviews, risk.Waiting{ID: id + 1, State: risk.ReviewOpen, Rule: "r", Version: "v",
				Claim: risk.Claim{Kind: risk.Transfer, User: "bob", RequestID: "x",
					Amount: ledger.Amount{Minor: 5, Currency: "CNY"}}, At: time.UnixMilli(1_700_000_000_000)})
		}
	})
	const list, decide = "/v1/operator/reviews", "/v1/operator/reviews/2/decide"
	first := h.Do(t, "GET", list+"?limit=2", operator, "")
	cursor, _ := first.Body["next_cursor"].(string)
	second := h.Do(t, "GET", list+"?limit=2&cursor="+cursor, operator, "")
	if n := len(first.Body["reviews"].([]any)); n != 2 || cursor == "" || len(second.Body["reviews"].([]any)) != 1 ||
		second.Body["next_cursor"] != "" {
		t.Errorf("%s\n%s", first.Text, second.Text)
	}
	for _, line := range []struct{ verb, path, token, body, want string }{
		{"GET", list, user, "", problem.CodeForbidden},
		{"POST", decide, user, `{"decision":"approved","reason":"x"}`, problem.CodeForbidden},
		{"GET", list + "?state=lost", operator, "", refusal.CodeInvalidArgument},
		{"GET", list + "?limit=201", operator, "", refusal.CodeInvalidArgument},
		{"GET", list + "?cursor=x", operator, "", refusal.CodeInvalidArgument},
		{"POST", decide, operator, `{"decision":"maybe","reason":"x"}`, refusal.CodeInvalidArgument},
		{"POST", decide, operator, `{"decision":"open","reason":"x"}`, refusal.CodeInvalidArgument},
		{"POST", decide, operator, `{"decision":"approved","reason":""}`, refusal.CodeInvalidArgument},
		{"POST", "/v1/operator/reviews/0/decide", operator, `{"decision":"approved","reason":"x"}`,
			refusal.CodeInvalidArgument},
		{"POST", "/v1/operator/reviews/99/decide", operator, `{"decision":"approved","reason":"x"}`,
			risk.CodeReviewUnknown},
	} {
		if a := h.Do(t, line.verb, line.path, line.token, line.body); a.Code() != line.want {
			t.Errorf("%s %s %s: %d %s, want %s", line.verb, line.path, line.body, a.Status, a.Text, line.want)
		}
	}
	a := h.Do(t, "POST", decide, operator, `{"decision":"declined","reason":"fraud"}`)
	const want = `{"id":"2","user":"bob","kind":"transfer","request_id":"x","amount":5,"currency":"CNY","payee":"",` +
		`"rule":"r","version":"v","state":"declined","at":1700000000000,"by":"ops","reason":"fraud","decided_at":0}`
	if a.Text != want+"\n" {
		t.Errorf("%d %s", a.Status, a.Text)
	}
}
