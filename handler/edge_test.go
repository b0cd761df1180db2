package handler_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/kitex/transport"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// walletClient makes a generated client.
func walletClient(t testing.TB, r *handlertest.Harness, options ...client.Option) walletservice.Client {
	t.Helper()
	c, err := walletservice.NewClient(hongbao.ServiceName,
		append(hongbao.KitexOptions(hongbao.DefaultTimeout, r.RPC), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if closer, ok := c.(io.Closer); ok {
		t.Cleanup(func() { _ = closer.Close() })
	}
	return c
}

func TestTokensOverRPC(t *testing.T) {
	r := handlertest.New(t, nil)
	c := walletClient(t, r)
	stranger := auth.NewIssuer(handlertest.NewKey(t), time.Now)
	forged, err := stranger.Issue("alice", []auth.Scope{auth.ScopeUser}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := r.Issuer.Issue("alice", []auth.Scope{auth.ScopeUser}, -time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ name, token, code string }{
		{"missing", "", problem.CodeUnauthenticated},
		{"forged", forged, problem.CodeUnauthenticated},
		{"expired", expired, problem.CodeUnauthenticated},
		{"malformed", "x.y.z", problem.CodeUnauthenticated},
		{"wrong scope", r.Token(t, "alice", auth.ScopeService, auth.ScopeMerchant, auth.ScopeOperator),
			problem.CodeForbidden},
		{"good", r.Token(t, "alice", auth.ScopeMerchant, auth.ScopeUser), ""},
	} {
		ctx := t.Context()
		if x.token != "" {
			ctx = hongbao.ContextWithToken(ctx, x.token)
		}
		_, err := c.Balances(ctx, &walletapi.BalancesRequest{})
		p, ok := problem.FromClient(err)
		if ok != (x.code != "") || p.Code != x.code {
			t.Errorf("%s: %v", x.name, err)
		}
		if x.token != "" && strings.Contains(r.Log.String(), x.token) {
			t.Errorf("%s: the token is in the log", x.name)
		}
	}
}

// TestErrorsCrossWhole sends a refusal with everything in it that a header could break.
func TestErrorsCrossWhole(t *testing.T) {
	r := handlertest.New(t, nil)
	detail := "尚餘 ¥0.03: \"x\"\r\n\t\x00 " + strings.Repeat("é", 500)
	r.Fail(refusal.New(refusal.CodeInsufficientBalance, "%s", detail))
	_, err := walletClient(t, r).Balances(hongbao.ContextWithToken(t.Context(), r.Token(t, "alice", auth.ScopeUser)),
		&walletapi.BalancesRequest{})
	p, ok := problem.FromClient(err)
	if want := (problem.Problem{Code: refusal.CodeInsufficientBalance, Detail: detail}); !ok || p != want {
		t.Errorf("got %+v of %v", p, err)
	}
}

// TestScopesOfEveryMethod calls every method with a token of every scope.
func TestScopesOfEveryMethod(t *testing.T) {
	promised, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := handlertest.New(t, nil)
	for _, m := range promised.Methods {
		for _, s := range auth.Scopes() {
			kitex, err := client.NewClient(bindingOf(promised, m),
				append(hongbao.KitexOptions(hongbao.DefaultTimeout, r.RPC),
					client.WithDestService(hongbao.ServiceName))...)
			if err != nil {
				t.Fatal(err)
			}
			args, _ := m.NewRequest()
			token := r.Token(t, "zoe", s)
			if s == auth.ScopeMerchant {
				token = r.SessionToken(t)
			}
			err = kitex.Call(hongbao.ContextWithToken(t.Context(), token), m.Key.Method, args, m.Info.NewResult())
			p, _ := problem.FromClient(err)
			if m.Signed && p.Code != wallet.CodeSignatureInvalid {
				t.Errorf("%s with scope %s and no signature: %v", m, s, err)
			}
			allowed := m.Signed || (auth.Caller{Scopes: []auth.Scope{s}}).HasAny(m.Scopes)
			if allowed == (p.Code == problem.CodeForbidden) {
				t.Errorf("%s with scope %s: %v", m, s, err)
			}
			if err := kitex.(io.Closer).Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// bindingOf is the generated service of a method.
func bindingOf(c *contract.Contract, m *contract.Method) *serviceinfo.ServiceInfo {
	i := slices.IndexFunc(c.Services, func(s *contract.Service) bool { return s.Name == m.Service })
	return c.Services[i].Info
}

// TestFramedClientSeesTheError calls without TTHeader, where a business error cannot travel.
func TestFramedClientSeesTheError(t *testing.T) {
	r := handlertest.New(t, nil)
	c, err := walletservice.NewClient(hongbao.ServiceName, client.WithHostPorts(r.RPC),
		client.WithTransportProtocol(transport.Framed))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Balances(t.Context(), &walletapi.BalancesRequest{})
	if err == nil || !strings.Contains(err.Error(), problem.CodeUnauthenticated) {
		t.Errorf("got %v, %v", answer, err)
	}
}

// TestCallWithoutRequest sends arguments without the request in them, as a client of another language may.
func TestCallWithoutRequest(t *testing.T) {
	r := handlertest.New(t, nil)
	kitex, err := client.NewClient(noRequest(), append(hongbao.KitexOptions(hongbao.DefaultTimeout, r.RPC),
		client.WithDestService(hongbao.ServiceName))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hongbao.ContextWithToken(t.Context(), r.Token(t, "alice", auth.ScopeUser))
	err = kitex.Call(ctx, "Send", groupapi.NewMyGroupsRequest(), envelopeapi.NewEnvelopeServiceSendResult())
	if p, ok := problem.FromClient(err); !ok || p.Code != refusal.CodeInvalidArgument {
		t.Errorf("got %v", err)
	}
}

// noRequest is an EnvelopeService whose arguments are an empty struct.
func noRequest() *serviceinfo.ServiceInfo {
	info := *envelopeservice.NewServiceInfoForClient()
	info.Methods = map[string]serviceinfo.MethodInfo{"Send": serviceinfo.NewMethodInfo(
		nil, func() any { return groupapi.NewMyGroupsRequest() },
		func() any { return envelopeapi.NewEnvelopeServiceSendResult() }, false,
	)}
	return &info
}

func TestDeadline(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the deadline of a call: not with -short")
	}
	t.Parallel() // it waits for the deadline
	given := make(chan time.Duration, 1)
	r := handlertest.New(t, func(s *handler.ServerConfig,
		_ *gateway.Config) {
		s.Wallet = &handler.Wallet{Domain: waiting{given: given}}
	})
	began := time.Now()
	a := r.Do(t, "GET", "/v1/wallet", r.Token(t, "alice", auth.ScopeUser), "")
	if a.Status != 503 || a.Code() != refusal.CodeUnavailable {
		t.Errorf("got %d %s", a.Status, a.Text)
	}
	if took, most := time.Since(began), <-given; took < contract.DefaultTimeout || most > contract.DefaultTimeout {
		t.Errorf("it took %s, and was given %s", took, most)
	}
}

// waiting is a wallet that never answers. It says how long it is given.
type waiting struct {
	handler.WalletDomain
	given chan<- time.Duration
}

func (w waiting) Balances(ctx context.Context, _ string) ([]ledger.Amount, error) {
	deadline, _ := ctx.Deadline()
	w.given <- time.Until(deadline)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestMessageIsBounded(t *testing.T) {
	r := handlertest.New(t, nil)
	c, err := groupservice.NewClient(hongbao.ServiceName, hongbao.KitexOptions(hongbao.DefaultTimeout, r.RPC)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hongbao.ContextWithToken(t.Context(), r.Token(t, "chat", auth.ScopeService))
	_, err = c.CreateGroup(ctx, &groupapi.CreateGroupRequest{GroupId: strings.Repeat("x", handler.MaxMessage)})
	if _, ok := problem.FromClient(err); err == nil || ok {
		t.Errorf("got %v", err)
	}
	if _, err := c.CreateGroup(ctx, &groupapi.CreateGroupRequest{GroupId: "h", Members: []string{"a"}}); err != nil {
		t.Errorf("and the next call: %v", err)
	}
}

// TestPagesOfSent follows the cursor to the end.
func TestPagesOfSent(t *testing.T) {
	r := handlertest.New(t, nil)
	for id := int64(5); id > 0; id-- {
		v := handlertest.SampleView()
		v.ID = id
		r.Set(func(s *handlertest.State) { s.Sent = append(s.Sent, envelope.SentLine{Envelope: v.Envelope}) })
	}
	c, err := envelopeservice.NewClient(hongbao.ServiceName, hongbao.KitexOptions(hongbao.DefaultTimeout, r.RPC)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hongbao.ContextWithToken(t.Context(), r.Token(t, "alice", auth.ScopeUser))
	limit := int32(5)
	page, err := c.ListSent(ctx, &envelopeapi.ListRequest{Limit: &limit})
	if err != nil || len(page.Envelopes) != 5 || page.NextCursor != "" || r.Now().Limit != 6 {
		t.Fatalf("all five: %v %v, %d asked for", page, err, r.Now().Limit)
	}
	limit = 3
	page, err = c.ListSent(ctx, &envelopeapi.ListRequest{Limit: &limit})
	if err != nil || len(page.Envelopes) != 3 || page.Envelopes[2].EnvelopeId != 3 || page.NextCursor == "" {
		t.Fatalf("three of five: %v %v", page, err)
	}
	if _, err = c.ListSent(ctx, &envelopeapi.ListRequest{Cursor: &page.NextCursor}); err != nil ||
		r.Now().Before != 3 || r.Now().Limit != handler.DefaultPage+1 {
		t.Fatalf("the next page begins before %d, with %d asked for: %v", r.Now().Before, r.Now().Limit, err)
	}
}
