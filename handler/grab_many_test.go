package handler_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
)

func envelopeClient(t testing.TB, r *handlertest.Harness) envelopeservice.Client {
	t.Helper()
	c, err := envelopeservice.NewClient(hongbao.ServiceName, hongbao.KitexOptions(hongbao.DefaultTimeout, r.RPC)...)
	if err != nil {
		t.Fatal(err)
	}
	if closer, ok := c.(io.Closer); ok {
		t.Cleanup(func() { _ = closer.Close() })
	}
	return c
}

// TestGrabManyProvesEachUser: whoever opens the call, a grab is made by the person whom its own token names, or by
// nobody; and what is wrong with one is told to it alone.
func TestGrabManyProvesEachUser(t *testing.T) {
	r := handlertest.New(t, nil)
	c := envelopeClient(t, r)
	stranger := auth.NewIssuer(handlertest.NewKey(t), time.Now)
	forged, err := stranger.Issue("alice", []auth.Scope{auth.ScopeUser}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := r.Issuer.Issue("alice", []auth.Scope{auth.ScopeUser}, -time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := r.Token(t, "alice", auth.ScopeUser), r.Token(t, "bob", auth.ScopeUser)
	entries := []struct {
		envelope    int64
		token, code string
	}{
		{7, alice, problem.OK},
		{8, forged, problem.CodeUnauthenticated},
		{8, expired, problem.CodeUnauthenticated},
		{8, "", problem.CodeUnauthenticated},
		{8, strings.Repeat("x", auth.MaxTokenBytes+1), problem.CodeUnauthenticated},
		{8, r.Token(t, "chat", auth.ScopeService), problem.CodeForbidden},
		{8, r.SessionToken(t), problem.CodeForbidden},
		{-1, bob, envelope.CodeEnvelopeNotFound},
		{9, bob, problem.OK},
		{7, alice, problem.OK},
	}
	request, body := &envelopeapi.GrabManyRequest{}, make([]string, len(entries))
	for i, e := range entries {
		request.Grabs = append(request.Grabs, &envelopeapi.GrabEntry{EnvelopeId: e.envelope, Token: e.token})
		body[i] = fmt.Sprintf(`{"envelope_id":"%d","token":"%s"}`, e.envelope, e.token)
	}
	answer, err := c.GrabMany(hongbao.ContextWithToken(t.Context(), r.Token(t, "chat", auth.ScopeService)), request)
	if err != nil {
		t.Fatal(err)
	}
	overHTTP := r.Do(t, "POST", "/v1/grabs", bob, `{"grabs":[`+strings.Join(body, ",")+`]}`)
	answers, _ := overHTTP.Body["answers"].([]any)
	if overHTTP.Status != http.StatusOK || len(answers) != len(entries) || len(answer.Answers) != len(entries) {
		t.Fatalf("%d answers by RPC, over HTTP %s", len(answer.Answers), overHTTP.Text)
	}
	for i, e := range entries {
		a := answer.Answers[i]
		if h := answers[i].(map[string]any); a.Code != e.code || h["code"] != e.code {
			t.Errorf("entry %d: %q and over HTTP %q, want %q", i, a.Code, h["code"], e.code)
		}
		if won := a.Outcome == "won" && a.Amount == e.envelope && a.Currency == "CNY" && a.Detail == ""; won !=
			(e.code == problem.OK) || !won && (a.Detail == "" || a.Share != -1 || a.Amount != 0) {
			t.Errorf("entry %d: %+v", i, a)
		}
	}
	asks := r.Now().Asks
	want := []envelope.Ask{{Envelope: 7, User: "alice"}, {Envelope: -1, User: "bob"}, {Envelope: 9, User: "bob"},
		{Envelope: 7, User: "alice"}}
	for i, a := range asks {
		if a != want[i%len(want)] || len(asks) != 2*len(want) {
			t.Fatalf("the domain was asked %+v", asks)
		}
	}
	if log := r.Log.String(); strings.Contains(log, bob) || strings.Contains(log, forged) ||
		!strings.Contains(log, `"grabs":4,"of":10,"code":"unauthenticated"`) {
		t.Errorf("the log: %s", log)
	}
}

// TestGrabManyIsRefusedWhole: what is wrong with the call itself.
func TestGrabManyIsRefusedWhole(t *testing.T) {
	r := handlertest.New(t, nil)
	c := envelopeClient(t, r)
	user := r.Token(t, "alice", auth.ScopeUser)
	call := func(token string, n int) (*envelopeapi.GrabManyResponse, error) {
		request := &envelopeapi.GrabManyRequest{}
		for i := range n {
			request.Grabs = append(request.Grabs, &envelopeapi.GrabEntry{EnvelopeId: int64(i + 1), Token: user})
		}
		return c.GrabMany(hongbao.ContextWithToken(t.Context(), token), request)
	}
	for _, x := range []struct {
		name, token string
		grabs       int
		code        string
	}{
		{"no token", "", 1, problem.CodeUnauthenticated},
		{"an operator's token", r.Token(t, "root", auth.ScopeOperator), 1, problem.CodeForbidden},
		{"no grabs", user, 0, refusal.CodeInvalidArgument},
		{"too many", user, envelope.MaxGrabs + 1, refusal.CodeInvalidArgument},
	} {
		if _, err := call(x.token, x.grabs); hongbao.Code(err) != x.code {
			t.Errorf("%s: %v, want %s", x.name, err, x.code)
		}
	}
	if asks := r.Now().Asks; len(asks) != 0 {
		t.Errorf("refused calls asked the domain %d times", len(asks))
	}
	if answer, err := call(user, envelope.MaxGrabs); err != nil || len(answer.Answers) != envelope.MaxGrabs {
		t.Errorf("as many as are allowed: %v", err)
	}
	r.Fail(errors.New("SELECT secret"))
	answer, err := call(user, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answer.Answers {
		if a.Code != problem.CodeInternal || a.Incident == "" || strings.Contains(a.Detail, "secret") ||
			!strings.Contains(r.Log.String(), a.Incident) {
			t.Errorf("an internal error: %+v", a)
		}
	}
}

// TestGrabManyAsJSON: a call of a thousand fits, and what is more than that is refused without reading it all.
func TestGrabManyAsJSON(t *testing.T) {
	r := handlertest.New(t, nil)
	user := r.Token(t, "alice", auth.ScopeUser)
	entry := fmt.Sprintf(`{"envelope_id":"1234567890123456789","token":"%s"}`, user)
	body := func(n int) string { return `{"grabs":[` + strings.Repeat(entry+",", n-1) + entry + `]}` }
	for _, x := range []struct {
		name, body   string
		status       int
		code, detail string
	}{
		{"a thousand", body(envelope.MaxGrabs), 200, "", `"share":999`},
		{"too large", body(512<<10/len(entry) + 1), 413, problem.CodeBodyTooLarge, "524288"},
		{"no list", `{"grabs":{}}`, 400, refusal.CodeInvalidArgument, "grabs is an object"},
		{"a null", `{"grabs":[null]}`, 400, refusal.CodeInvalidArgument, "grabs[0] is null"},
		{"no token", `{"grabs":[{"envelope_id":"1"}]}`, 400, refusal.CodeInvalidArgument, "missing: grabs[0].token"},
		{"a user", `{"grabs":[{"envelope_id":"1","user":"bob"}]}`, 400, refusal.CodeInvalidArgument,
			`grabs[0].user\" is unknown`},
		{"an id as a number", `{"grabs":[{"envelope_id":1,"token":""}]}`, 400, refusal.CodeInvalidArgument,
			"grabs[0].envelope_id is a number"},
	} {
		a := r.Do(t, "POST", "/v1/grabs", user, x.body)
		if a.Status != x.status || a.Code() != x.code || !strings.Contains(a.Text, x.detail) {
			t.Errorf("%s: %d %.300s", x.name, a.Status, a.Text)
		}
	}
}

// TestGrabManyCountsToEachPerson: who has grabbed too often is refused alone, whoever opened the call.
func TestGrabManyCountsToEachPerson(t *testing.T) {
	r := handlertest.New(t, func(c *handler.ServerConfig, _ *gateway.Config) {
		c.Calls, c.Now = handler.CallLimits{Grabs: 1, Changes: 1, Misses: 1}, handlertest.StandingClock()
	})
	c := envelopeClient(t, r)
	alice, bob, carol := r.Token(t, "alice", auth.ScopeUser), r.Token(t, "bob", auth.ScopeUser),
		r.Token(t, "carol", auth.ScopeUser)
	call := func(opener string, grabs ...*envelopeapi.GrabEntry) []*envelopeapi.GrabAnswer {
		t.Helper()
		answer, err := c.GrabMany(hongbao.ContextWithToken(t.Context(), opener),
			&envelopeapi.GrabManyRequest{Grabs: grabs})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Answers
	}
	var grabs []*envelopeapi.GrabEntry
	for range 100 {
		grabs = append(grabs, &envelopeapi.GrabEntry{EnvelopeId: 7, Token: alice})
	}
	refused := 0
	for _, a := range call(bob, append(grabs, &envelopeapi.GrabEntry{EnvelopeId: 7, Token: bob})...)[:100] {
		if a.Code == problem.CodeRateLimited && a.Limit != nil && a.Detail != "" {
			refused++
		}
	}
	if refused != 90 {
		t.Errorf("%d of a hundred grabs of one person were refused, and ten may come at once", refused)
	}
	for range 20 { // the person who opens calls is not held to what others grab in them
		if a := call(bob, grabs[0], &envelopeapi.GrabEntry{EnvelopeId: -1, Token: carol}); a[0].Code == problem.OK {
			continue
		} else if a[0].Code != problem.CodeRateLimited {
			t.Fatalf("%+v", a[0])
		}
	}
	if a := call(bob, &envelopeapi.GrabEntry{EnvelopeId: 7, Token: carol}, &envelopeapi.GrabEntry{EnvelopeId: 7,
		Token: bob}); a[0].Code != problem.CodeRateLimited || a[1].Code != problem.OK {
		t.Errorf("who asked twenty times for what does not exist: %+v; who opened the call: %+v", a[0], a[1])
	}
}
