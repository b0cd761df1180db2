package handler

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/kitex/transport"
	"github.com/golang-jwt/jwt/v5"

	hongbao "github.com/hongbao/hongbao/client"
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
func (r *rig) walletClient(t testing.TB, options ...client.Option) walletservice.Client {
	t.Helper()
	c, err := walletservice.NewClient(hongbao.ServiceName, append(hongbao.KitexOptions(hongbao.DefaultTimeout, r.rpc), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if closer, ok := c.(io.Closer); ok {
		t.Cleanup(func() { _ = closer.Close() })
	}
	return c
}

func TestTokensOverRPC(t *testing.T) {
	r := newRig(t, nil)
	c := r.walletClient(t)
	stranger := NewIssuer(newKey(t), time.Now)
	forged, err := stranger.Issue("alice", []Scope{ScopeUser}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := r.issuer.Issue("alice", []Scope{ScopeUser}, -time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ name, token, code string }{
		{"missing", "", CodeUnauthenticated},
		{"forged", forged, CodeUnauthenticated},
		{"expired", expired, CodeUnauthenticated},
		{"malformed", "x.y.z", CodeUnauthenticated},
		{"wrong scope", r.token(t, "alice", ScopeService, ScopeMerchant, ScopeOperator), CodeForbidden},
		{"good", r.token(t, "alice", ScopeMerchant, ScopeUser), ""},
	} {
		ctx := t.Context()
		if x.token != "" {
			ctx = hongbao.ContextWithToken(ctx, x.token)
		}
		_, err := c.Balances(ctx, &walletapi.BalancesRequest{})
		p, ok := decided(err)
		if ok != (x.code != "") || p.Code != x.code {
			t.Errorf("%s: %v", x.name, err)
		}
		if x.token != "" && strings.Contains(r.log.String(), x.token) {
			t.Errorf("%s: the token is in the log", x.name)
		}
	}
}

func TestTokensOverHTTP(t *testing.T) {
	r := newRig(t, nil)
	now := time.Now()
	none := forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, KeyID(r.issuer.PublicKey()), with(now, nil))
	for _, x := range []struct {
		name, token, code string
		header            []string
	}{
		{"missing", "", CodeUnauthenticated, nil},
		{"alg none", none, CodeUnauthenticated, nil},
		{"not a bearer", "", CodeUnauthenticated, []string{"Authorization: Basic YTpi"}},
		{"empty", "", CodeUnauthenticated, []string{"Authorization: Bearer "}},
		{"two", r.token(t, "alice", ScopeUser), CodeUnauthenticated, []string{"Authorization: Bearer x"}},
		{"long", strings.Repeat("a", maxTokenBytes+1), CodeUnauthenticated, nil},
		{"in the query", "", CodeUnauthenticated, nil},
		{"wrong scope", r.token(t, "alice", ScopeService), CodeForbidden, nil},
	} {
		a := r.do(t, "GET", "/v1/wallet", x.token, "", x.header...)
		want := http.StatusUnauthorized
		if x.code == CodeForbidden {
			want = http.StatusForbidden
		}
		if a.status != want || a.code() != x.code {
			t.Errorf("%s: %d %s", x.name, a.status, a.text)
		}
		checkProblem(t, a)
	}
}

// TestErrorsCrossWhole sends a refusal with everything in it that a header could break.
func TestErrorsCrossWhole(t *testing.T) {
	r := newRig(t, nil)
	detail := "尚餘 ¥0.03: \"x\"\r\n\t\x00 " + strings.Repeat("é", 500)
	r.answer(refusal.New(refusal.CodeInsufficientBalance, "%s", detail))
	_, err := r.walletClient(t).Balances(hongbao.ContextWithToken(t.Context(), r.token(t, "alice", ScopeUser)), &walletapi.BalancesRequest{})
	p, ok := decided(err)
	if want := (Problem{Code: refusal.CodeInsufficientBalance, Detail: detail}); !ok || p != want {
		t.Errorf("got %+v of %v", p, err)
	}
}

// TestScopesOfEveryMethod calls every method with a token of every scope.
func TestScopesOfEveryMethod(t *testing.T) {
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil)
	for _, m := range contract.methods {
		for _, s := range Scopes() {
			kitex, err := client.NewClient(bindingOf(m), append(hongbao.KitexOptions(hongbao.DefaultTimeout, r.rpc), client.WithDestService(hongbao.ServiceName))...)
			if err != nil {
				t.Fatal(err)
			}
			args, _ := m.empty()
			err = kitex.Call(hongbao.ContextWithToken(t.Context(), r.token(t, "zoe", s)), m.method, args, m.info.NewResult())
			p, _ := decided(err)
			if m.signed && p.Code != wallet.CodeSignatureInvalid {
				t.Errorf("%s with scope %s and no signature: %v", m, s, err)
			}
			if allowed := m.signed || (Caller{Scopes: []Scope{s}}).hasAny(m.scopes); allowed == (p.Code == CodeForbidden) {
				t.Errorf("%s with scope %s: %v", m, s, err)
			}
			if err := kitex.(io.Closer).Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestFramedClientSeesTheError calls without TTHeader, where a business error cannot travel.
func TestFramedClientSeesTheError(t *testing.T) {
	r := newRig(t, nil)
	c, err := walletservice.NewClient(hongbao.ServiceName, client.WithHostPorts(r.rpc), client.WithTransportProtocol(transport.Framed))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Balances(t.Context(), &walletapi.BalancesRequest{})
	if err == nil || !strings.Contains(err.Error(), CodeUnauthenticated) {
		t.Errorf("got %v, %v", answer, err)
	}
}

// TestCallWithoutRequest sends arguments without the request in them, as a client of another language may.
func TestCallWithoutRequest(t *testing.T) {
	r := newRig(t, nil)
	kitex, err := client.NewClient(noRequest(), append(hongbao.KitexOptions(hongbao.DefaultTimeout, r.rpc), client.WithDestService(hongbao.ServiceName))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hongbao.ContextWithToken(t.Context(), r.token(t, "alice", ScopeUser))
	err = kitex.Call(ctx, "Send", groupapi.NewMyGroupsRequest(), envelopeapi.NewEnvelopeServiceSendResult())
	if p, ok := decided(err); !ok || p.Code != refusal.CodeInvalidArgument {
		t.Errorf("got %v", err)
	}
}

// noRequest is an EnvelopeService whose arguments are an empty struct.
func noRequest() *serviceinfo.ServiceInfo {
	info := *envelopeservice.NewServiceInfoForClient()
	info.Methods = map[string]serviceinfo.MethodInfo{"Send": serviceinfo.NewMethodInfo(
		nil, func() any { return groupapi.NewMyGroupsRequest() }, func() any { return envelopeapi.NewEnvelopeServiceSendResult() }, false,
	)}
	return &info
}

func TestDeadline(t *testing.T) {
	r := newRig(t, func(s *ServerConfig, _ *GatewayConfig) { s.Wallet = &Wallet{Domain: waiting{}} })
	began := time.Now()
	a := r.do(t, "GET", "/v1/wallet", r.token(t, "alice", ScopeUser), "")
	if a.status != 503 || a.code() != refusal.CodeUnavailable {
		t.Errorf("got %d %s", a.status, a.text)
	}
	if took := time.Since(began); took < serviceTimeout || took > hongbao.DefaultTimeout {
		t.Errorf("it took %s", took)
	}
}

// waiting is a wallet that never answers.
type waiting struct{ WalletDomain }

func (waiting) Balances(ctx context.Context, _ string) ([]ledger.Amount, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestMessageIsBounded(t *testing.T) {
	r := newRig(t, nil)
	c, err := groupservice.NewClient(hongbao.ServiceName, hongbao.KitexOptions(hongbao.DefaultTimeout, r.rpc)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hongbao.ContextWithToken(t.Context(), r.token(t, "chat", ScopeService))
	_, err = c.CreateGroup(ctx, &groupapi.CreateGroupRequest{GroupId: strings.Repeat("x", maxMessage)})
	if _, ok := decided(err); err == nil || ok {
		t.Errorf("got %v", err)
	}
	if _, err := c.CreateGroup(ctx, &groupapi.CreateGroupRequest{GroupId: "h", Members: []string{"a"}}); err != nil {
		t.Errorf("and the next call: %v", err)
	}
}

// TestPagesOfSent follows the cursor to the end.
func TestPagesOfSent(t *testing.T) {
	r := newRig(t, nil)
	for id := int64(5); id > 0; id-- {
		v := sampleView()
		v.ID = id
		r.set(func(s *state) { s.sent = append(s.sent, sentLine(v)) })
	}
	c, err := envelopeservice.NewClient(hongbao.ServiceName, hongbao.KitexOptions(hongbao.DefaultTimeout, r.rpc)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hongbao.ContextWithToken(t.Context(), r.token(t, "alice", ScopeUser))
	limit := int32(5)
	page, err := c.ListSent(ctx, &envelopeapi.ListRequest{Limit: &limit})
	if err != nil || len(page.Envelopes) != 5 || page.NextCursor != "" || r.now().limit != 6 {
		t.Fatalf("all five: %v %v, %d asked for", page, err, r.now().limit)
	}
	limit = 3
	page, err = c.ListSent(ctx, &envelopeapi.ListRequest{Limit: &limit})
	if err != nil || len(page.Envelopes) != 3 || page.Envelopes[2].EnvelopeId != 3 || page.NextCursor == "" {
		t.Fatalf("three of five: %v %v", page, err)
	}
	if _, err = c.ListSent(ctx, &envelopeapi.ListRequest{Cursor: &page.NextCursor}); err != nil || r.now().before != 3 || r.now().limit != defaultPage+1 {
		t.Fatalf("the next page begins before %d, with %d asked for: %v", r.now().before, r.now().limit, err)
	}
}
