package handler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/handlertest"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// An operator takes a token out of use, which others may not.
func TestRevokeToken(t *testing.T) {
	r := handlertest.New(t, nil)
	operator, user := r.Token(t, "ops", auth.ScopeOperator), r.Token(t, "alice", auth.ScopeUser)
	const path = "/v1/operator/revocations"
	if a := r.Do(t, http.MethodPost, path, user, `{"token_id":"t1"}`); a.Code() != problem.CodeForbidden {
		t.Errorf("a user: %d %s", a.Status, a.Text)
	}
	long := strings.Repeat("x", auth.MaxTokenBytes+1)
	for _, bad := range []string{`{"token_id":""}`, `{}`, `{"token_id":1}`, `{"token_id":"` + long + `"}`} {
		if a := r.Do(t, http.MethodPost, path, operator, bad); a.Code() != refusal.CodeInvalidArgument {
			t.Errorf("%.40s: %d %s", bad, a.Status, a.Text)
		}
	}
	if a := r.Do(t, http.MethodPost, path, operator, `{"token_id":"t1"}`); a.Text != `{"until":1700000000000}`+"\n" {
		t.Errorf("got %d %s", a.Status, a.Text)
	}
	if got := r.Now().Revoked; len(got) != 1 || got[0] != "t1" {
		t.Errorf("revoked %q", got)
	}
}

// Who freezes is the token's subject; others may not, and a freeze has an account and a reason.
func TestFreezes(t *testing.T) {
	r := handlertest.New(t, nil)
	operator, user := r.Token(t, "ops", auth.ScopeOperator), r.Token(t, "alice", auth.ScopeUser)
	const freezes, thaws = "/v1/operator/freezes", "/v1/operator/thaws"
	const frozen = `{"account":"bob","by":"ops","reason":"stolen","frozen_at":1700000000000`
	for _, line := range []struct{ verb, path, token, body, want string }{
		{http.MethodPost, freezes, user, `{"account":"bob","reason":"x"}`, problem.CodeForbidden},
		{http.MethodPost, thaws, user, `{"account":"bob","reason":"x"}`, problem.CodeForbidden},
		{http.MethodGet, freezes, user, "", problem.CodeForbidden},
		{http.MethodPost, freezes, operator, `{"account":"#clearing","reason":"x"}`, refusal.CodeInvalidArgument},
		{http.MethodPost, freezes, operator, `{"account":"bob","reason":""}`, refusal.CodeInvalidArgument},
		{http.MethodPost, freezes, operator, `{"account":"bob"}`, refusal.CodeInvalidArgument},
		{http.MethodPost, thaws, operator, `{"account":"bob","reason":""}`, refusal.CodeInvalidArgument},
		{http.MethodGet, freezes + "?limit=201", operator, "", refusal.CodeInvalidArgument},
		{http.MethodGet, freezes + "?after=a%20b", operator, "", refusal.CodeInvalidArgument},
		{http.MethodGet, freezes, operator, "", `{"freezes":[]}`},
		{http.MethodPost, freezes, operator, `{"account":"bob","reason":"stolen"}`, frozen + `,"has_wallet":true}`},
		{http.MethodGet, freezes + "?after=alice&limit=1", operator, "", `{"freezes":[` + frozen + `}]}`},
		{http.MethodPost, thaws, operator, `{"account":"bob","reason":"back"}`, `{"thawed":true}`},
		{http.MethodPost, thaws, operator, `{"account":"bob","reason":"back"}`, `{"thawed":false}`},
		{http.MethodPost, freezes, operator, `{"account":"nobody","reason":"stolen"}`,
			`{"account":"nobody","by":"ops","reason":"stolen","frozen_at":1700000000000,"has_wallet":false}`},
	} {
		a := r.Do(t, line.verb, line.path, line.token, line.body)
		if a.Code() != line.want && a.Text != line.want+"\n" {
			t.Errorf("%s %s %s: %d %s, want %s", line.verb, line.path, line.body, a.Status, a.Text, line.want)
		}
	}
}

// Rejections are listed in pages, and decided about by the token's subject.
func TestRejections(t *testing.T) {
	r := handlertest.New(t, nil)
	var all []ledger.Resolution
	for part, payee := range []string{"bob", "carol"} {
		all = append(all, ledger.Resolution{Currency: "CNY", Rejection: ledger.Rejection{Reason: "the share was paid",
			Post: ledger.Post{Hold: 7, Part: part, Payee: payee, Minor: 100, At: time.UnixMilli(1_600_000_000_000)}}})
	}
	r.Set(func(s *handlertest.State) { s.Rejections = all })
	operator, user := r.Token(t, "ops", auth.ScopeOperator), r.Token(t, "alice", auth.ScopeUser)
	bob, carol := all[0].ID(), all[1].ID()
	line := func(r ledger.Resolution, part, rest string) string {
		return `{"id":"` + r.ID() + `","hold_id":"7","part":` + part + `,"payee":"` + r.Payee + `","amount":100,` +
			`"currency":"CNY","won_at":1600000000000,"why":"the share was paid",` + rest + `}`
	}
	const list, paid = "/v1/operator/rejections", `{"decision":"pay","account":"house","reason":"lost"}`
	decide := list + "/" + bob + "/decision"
	for _, c := range []struct{ verb, path, token, body, want string }{
		{http.MethodGet, list, user, "", problem.CodeForbidden},
		{http.MethodPost, decide, user, paid, problem.CodeForbidden},
		{http.MethodGet, list + "?limit=201", operator, "", refusal.CodeInvalidArgument},
		{http.MethodGet, list + "?state=some", operator, "", refusal.CodeInvalidArgument},
		{http.MethodGet, list + "?after=zzz", operator, "", refusal.CodeInvalidArgument},
		{http.MethodGet, list + "?limit=1&state=all", operator, "",
			`{"rejections":[` + line(all[0], "0", `"open":true`) + `]}`},
		{http.MethodGet, list + "?after=" + bob, operator, "",
			`{"rejections":[` + line(all[1], "1", `"open":true`) + `]}`},
		{http.MethodGet, list + "?after=" + carol, operator, "", `{"rejections":[]}`},
		{http.MethodPost, decide, operator, `{"decision":"keep","reason":"x"}`, refusal.CodeInvalidArgument},
		{http.MethodPost, decide, operator, `{"decision":"pay","reason":"x"}`, refusal.CodeInvalidArgument},
		{http.MethodPost, decide, operator, `{"decision":"dismiss","account":"house","reason":"x"}`,
			refusal.CodeInvalidArgument},
		{http.MethodPost, decide, operator, `{"decision":"dismiss","reason":""}`, refusal.CodeInvalidArgument},
		{http.MethodPost, decide, operator, `{"decision":"dismiss","reason":"a test"}`, line(all[0], "0",
			`"open":false,"decision":"dismiss","by":"ops","reason":"a test","decided_at":1700000000000`)},
		{http.MethodPost, decide, operator, paid, line(all[0], "0", `"open":false,"decision":"pay","account":"house",`+
			`"by":"ops","reason":"lost","decided_at":1700000000000,"payment_id":"9"`)},
	} {
		a := r.Do(t, c.verb, c.path, c.token, c.body)
		if a.Code() != c.want && a.Text != c.want+"\n" {
			t.Errorf("%s %s %s: %d\n got %s\nwant %s", c.verb, c.path, c.body, a.Status, a.Text, c.want)
		}
	}
	if v := r.Now().Verdict; v.ID != bob || v.By != "ops" || v.Account != "house" {
		t.Errorf("the verdict is %+v", v)
	}
}

func TestOperator(t *testing.T) {
	r := handlertest.New(t, nil)
	token := r.Token(t, "ops", auth.ScopeOperator)
	for path, want := range map[string]string{
		"/v1/operator/installation": `{"id":"cafe","sandbox":true,"version":"v1","created_at":1700000000000,"shards":4,"buckets_per_shard":2,"wait_replicas":1,"max_shares":100,` +
			`"redis":[{"version":"7.0.15","appendonly":true,"appendfsync":"always","used_memory":5242880}],"mysql":[{"version":"10.11","flush_log_at_trx_commit":"1","sync_binlog":""}]}`,
		"/v1/operator/backlog": `{"shards":[{"shard":0,"settle_entries":0,"settle_age_ms":0,"clearing_age_ms":0,"relay_entries":0},` +
			`{"shard":1,"settle_entries":3,"settle_age_ms":20,"clearing_age_ms":1000,"relay_entries":4}]}`,
		"/v1/operator/audit": `{"balanced":false,"shards":4,"accounts":5,"entries":6,"holds":7,"posts":8,"in_flight":[{"currency":"CNY","amount":1},{"currency":"JPY","amount":2}],` +
			`"found":1,"discrepancies":[{"kind":"account_balance","shard":2,"what":"alice CNY","expected":"1","found":"2"}],` +
			`"rebuilds":["bucket 3"],"volatile":["redis: no fsync"]}`,
	} {
		a := r.Do(t, http.MethodGet, path, token, "")
		if a.Status != http.StatusOK || a.Text != want+"\n" {
			t.Errorf("%s: %d\n got %s\nwant %s", path, a.Status, a.Text, want)
		}
		if a := r.Do(t, http.MethodGet, path, r.Token(t, "alice", auth.ScopeUser),
			""); a.Code() != problem.CodeForbidden {
			t.Errorf("%s for a user: %d %s", path, a.Status, a.Text)
		}
	}
}

// The latest audit of a worker is answered with its age, or that there is none.
func TestLastAudit(t *testing.T) {
	r := handlertest.New(t, nil)
	operator := r.Token(t, "ops", auth.ScopeOperator)
	const path = "/v1/operator/audits/last"
	a := r.Do(t, http.MethodGet, path, operator, "")
	report, _ := a.Body["report"].(map[string]any)
	age, _ := a.Body["age_ms"].(float64)
	if a.Body["known"] != true || age < 3_600_000 || a.Body["took_ms"] != 2000.0 ||
		report["balanced"] != false || report["found"] != 1.0 || a.Body["incremental"] != true {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	if a := r.Do(t, http.MethodGet, path, r.Token(t, "alice", auth.ScopeUser), ""); a.Code() != problem.CodeForbidden {
		t.Errorf("for a user: %d %s", a.Status, a.Text)
	}
	r.Set(func(s *handlertest.State) { s.Unknown = true })
	if a := r.Do(t, http.MethodGet, path, operator, ""); a.Body["known"] != false || a.Body["report"] != nil {
		t.Errorf("without one: %d %s", a.Status, a.Text)
	}
}

// patientAudits audit until they are told to end.
type patientAudits struct {
	handlertest.Operators
	deadline chan time.Time
	end      chan struct{}
}

func (p *patientAudits) Audit(ctx context.Context) (ledger.AuditReport, error) {
	deadline, _ := ctx.Deadline()
	p.deadline <- deadline
	<-p.end
	return p.Operators.Audit(ctx)
}

// TestAuditTakesItsTime asks for a second audit while one runs that has much longer than other calls.
func TestAuditTakesItsTime(t *testing.T) {
	audits := &patientAudits{deadline: make(chan time.Time), end: make(chan struct{})}
	r := handlertest.New(t, func(s *handler.ServerConfig,
		_ *gateway.Config) {
		s.Operator = handler.NewOperator(audits)
	})
	audits.Operators = handlertest.Operators{Domain: r.Domain}
	token := r.Token(t, "ops", auth.ScopeOperator)
	first := make(chan handlertest.Answer, 1)
	go func() { first <- r.Do(t, http.MethodGet, "/v1/operator/audit", token, "") }()
	if left := time.Until(<-audits.deadline); left < 10*time.Minute {
		t.Errorf("an audit has %v", left)
	}
	if a := r.Do(t, http.MethodGet, "/v1/operator/audit", token, ""); a.Code() != refusal.CodeUnavailable {
		t.Errorf("second audit: %d %s", a.Status, a.Text)
	}
	close(audits.end)
	if a := <-first; a.Status != http.StatusOK {
		t.Errorf("first audit: %d %s", a.Status, a.Text)
	}
}
