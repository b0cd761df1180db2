package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/risk"
)

const ruled = `
version: v3
rules:
  - {name: transfers, on: [transfer], window: 24h, count: 2, then: refuse}
  - {name: large, on: [withdrawal], window: 24h, count: 100, amount: {CNY: 500}, then: review}
  - {name: withdrawals, on: [withdrawal], window: 24h, count: 5, then: refuse}
  - {name: proven, on: [envelope], window: 24h, count: 3, then: challenge}
  - {name: payments, on: [payment], window: 24h, count: 0, then: refuse}
  - {name: topups, on: [topup], window: 24h, count: 1, then: refuse}
  - {name: bots, on: [grab], window: 24h, count: 1, then: refuse}
`

// testServer is a Kitex server over a whole installation.
type testServer struct {
	*app.App
	issuer *auth.Issuer
	client *client.Client
	tokens tokens
	rpc    string
}

// newServer starts one with rules, which may be nil.
func newServer(t *testing.T, rules *risk.Rules) *testServer {
	t.Helper()
	s := &testServer{App: apptest.New(t, func(c *app.Config) { c.Rules = rules })}
	var err error
	if s.issuer, err = makePrivateKey(t.TempDir() + "/key"); err != nil {
		t.Fatal(err)
	}
	s.tokens, err = tokenRules{MaxTokenLife: auth.DefaultTokenLife}.tokens(s.App,
		auth.NewKeyring(s.issuer.PublicKey()), nil)
	if err != nil {
		t.Fatal(err)
	}
	server, address, err := listenRPC(s.App, rpcOptions{
		address: "127.0.0.1:0", tokens: s.tokens, metrics: prometheus.NewRegistry(),
		stepUp: handler.StepUp{Contexts: []string{"mfa"}, Age: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(apptest.Start(t, func(ctx context.Context) {
		if err := server.Run(ctx); err != nil {
			t.Error(err)
		}
	}))
	s.rpc = address.String()
	if s.client, err = client.New(client.WithAddress(s.rpc)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close() })
	return s
}

func (s *testServer) as(t *testing.T, subject string, scope auth.Scope) *client.Client {
	t.Helper()
	token, err := s.issuer.Issue(subject, []auth.Scope{scope}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return s.client.As(client.StaticToken(token))
}

// refusedBy checks the code of an error, and that it names the rule with its version.
func refusedBy(t *testing.T, what string, err error, code, rule string) {
	t.Helper()
	r, ok := client.RefusalOf(err)
	if !ok || r.Code != code || !strings.Contains(r.Detail, "rule "+rule+" of version v3: ") {
		t.Errorf("%s: %v, want %s by rule %s", what, err, code, rule)
	}
}

// What a rule stops moves no money; what an operator approves does, once; and a dry run says the same of the past.
func TestRules(t *testing.T) {
	rules, err := risk.Parse([]byte(ruled))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, &rules)
	ctx := t.Context()
	apptest.Fund(t, s.App, "g", 10_000, "alice", "bob", "carol")
	alice, bob := s.as(t, "alice", auth.ScopeUser), s.as(t, "bob", auth.ScopeUser)
	operator := s.as(t, "olga", auth.ScopeOperator)
	has := func(user string, want int64) {
		t.Helper()
		if got := apptest.Balance(t, s.App, user); got != want {
			t.Errorf("%s has %d, want %d", user, got, want)
		}
	}
	offer := client.NewTransfer{To: "bob", Amount: 10, Currency: "CNY"}
	for i := range 2 {
		offer.RequestID = fmt.Sprint("t", i)
		apptest.Must(alice.Transfers.Offer(ctx, offer))
	}
	first := apptest.Must(alice.Transfers.Offer(ctx, offer)) // the same call again
	offer.RequestID = "t2"
	_, err = alice.Transfers.Offer(ctx, offer)
	refusedBy(t, "the third transfer", err, client.CodeRiskRefused, "transfers")
	offer.RequestID, offer.Amount = "t1", 11
	if _, err = alice.Transfers.Offer(ctx, offer); client.Code(err) != client.CodeRequestConflict {
		t.Errorf("another body under a request_id that was used: %v", err)
	}
	if offer.Amount = 10; apptest.Must(alice.Transfers.Offer(ctx, offer)).ID != first.ID {
		t.Error("the first answer is another one now")
	}
	has("alice", 9980)

	_, err = alice.Wallet.Withdraw(ctx, client.NewFunding{RequestID: "w0", Amount: 501, Currency: "CNY"})
	refusedBy(t, "a large withdrawal", err, client.CodeRiskReview, "large")
	has("alice", 9980)
	waiting, next, err := operator.Operator.Reviews(ctx, "", "", 0)
	if err != nil || len(waiting) != 1 || next != "" || waiting[0].User != "alice" || waiting[0].Amount != 501 ||
		waiting[0].Rule != "large" || waiting[0].RequestId != "w0" {
		t.Fatalf("%+v, %q, %v", waiting, next, err)
	}
	if _, _, err := alice.Operator.Reviews(ctx, "", "", 0); client.Code(err) != client.CodeForbidden {
		t.Errorf("a user sees reviews: %v", err)
	}
	for range 2 {
		apptest.Must(operator.Operator.DecideReview(ctx, waiting[0].Id, "approved", "called back"))
	}
	_, err = operator.Operator.DecideReview(ctx, waiting[0].Id, "declined", "changed my mind")
	if client.Code(err) != client.CodeReviewAlreadyDecided {
		t.Errorf("decided otherwise: %v", err)
	}
	if _, err = operator.Operator.DecideReview(ctx, 4096, "declined", "x"); client.Code(err) !=
		client.CodeReviewNotFound {
		t.Errorf("a review that is none: %v", err)
	}
	_, err = alice.Wallet.Withdraw(ctx, client.NewFunding{RequestID: "w0", Amount: 600, Currency: "CNY"})
	if client.Code(err) != client.CodeRequestConflict {
		t.Errorf("more than was approved: %v", err)
	}
	for range 2 {
		apptest.Must(alice.Wallet.Withdraw(ctx, client.NewFunding{RequestID: "w0", Amount: 501, Currency: "CNY"}))
	}
	has("alice", 9980-501)

	_, err = bob.Wallet.Withdraw(ctx, client.NewFunding{RequestID: "w0", Amount: 502, Currency: "CNY"})
	refusedBy(t, "bob's", err, client.CodeRiskReview, "large")
	if waiting, _, err = operator.Operator.Reviews(ctx, "open", "", 1); err != nil || len(waiting) != 1 {
		t.Fatalf("%+v, %v", waiting, err)
	}
	apptest.Must(operator.Operator.DecideReview(ctx, waiting[0].Id, "declined", "not his"))
	_, err = bob.Wallet.Withdraw(ctx, client.NewFunding{RequestID: "w0", Amount: 502, Currency: "CNY"})
	refusedBy(t, "what was declined", err, client.CodeRiskRefused, "large")

	// Of many at once as many pass as may.
	var passed atomic.Int64
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			_, err := bob.Wallet.Withdraw(ctx, client.NewFunding{RequestID: fmt.Sprint("c", i), Amount: 1,
				Currency: "CNY"})
			if err == nil {
				passed.Add(1)
			} else {
				refusedBy(t, "one of many", err, client.CodeRiskRefused, "withdrawals")
			}
		})
	}
	all.Wait()
	if has("bob", 10_000-5); passed.Load() != 5 {
		t.Errorf("%d passed", passed.Load())
	}

	apptest.Must(bob.Wallet.TopUp(ctx, client.NewFunding{RequestID: "u1", Amount: 1, Currency: "CNY"}))
	_, err = bob.Wallet.TopUp(ctx, client.NewFunding{RequestID: "u2", Amount: 1, Currency: "CNY"})
	refusedBy(t, "the second top-up", err, client.CodeRiskRefused, "topups")

	bill := apptest.Must(alice.Collections.Open(ctx, client.NewCollection{Group: "g", Kind: client.Even,
		Total: 30, Currency: "CNY", Participants: []string{"bob", "carol"}}))
	_, err = bob.Collections.Pay(ctx, bill.ID, bill.Parts[1].Amount, "CNY")
	refusedBy(t, "a payment", err, client.CodeRiskRefused, "payments")
	has("bob", 10_000-4)

	var sent []client.Envelope
	for i := range 4 {
		e, err := alice.Envelopes.Send(ctx, client.NewEnvelope{RequestID: fmt.Sprint("e", i), Group: "g",
			Kind: client.Equal, Total: 20, Count: 2, Currency: "CNY"})
		if i < 3 {
			sent = append(sent, e)
		}
		if (err == nil) != (i < 3) {
			t.Errorf("envelope %d: %v", i, err)
		}
		if i == 3 {
			refusedBy(t, "the fourth envelope", err, client.CodeStepUpRequired, "proven")
		}
	}
	has("alice", 9980-501-60)
	apptest.Must(bob.Envelopes.Grab(ctx, sent[0].ID))
	_, err = bob.Envelopes.Grab(ctx, sent[1].ID)
	refusedBy(t, "the second share", err, client.CodeRiskRefused, "bots")
	if e := apptest.Must(alice.Envelopes.Get(ctx, sent[1].ID)); len(e.Taken) != 0 {
		t.Errorf("a grab that was refused took a share: %+v", e.Taken)
	}
	apptest.Settle(t, s.App)
	has("bob", 10_000-4+10)
	apptest.MustBalance(t, s.App)

	stricter := write(t, "rules.yaml", strings.NewReplacer("count: 2", "count: 1", "v3", "v4").Replace(ruled))
	cfg := s.Config()
	var out, errs bytes.Buffer
	code := Main([]string{"risk", "try", "--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix,
		"--rules", stricter, "--since", "1h", "--json"}, &out, &errs)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	would := map[string]risk.Trial{}
	for line := range strings.Lines(out.String()) {
		var trial risk.Trial
		if err := json.Unmarshal([]byte(line), &trial); err != nil {
			t.Fatal(err)
		}
		would[trial.Rule] = trial
	}
	for rule, want := range map[string][2]int{
		"transfers": {2, 1}, "large": {6, 1}, "withdrawals": {5, 0}, "proven": {3, 0}, "topups": {4, 1},
		"bots": {1, 0},
	} {
		if got := would[rule]; got.Looked != want[0] || got.Stopped != want[1] {
			t.Errorf("a dry run of %s: %+v, want %v", rule, got, want)
		}
	}
}
