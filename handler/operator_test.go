package handler

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

type operators struct{ *domain }

func (o operators) Installation(context.Context) (Installation, error) {
	_, err := o.asked("", nil)
	return Installation{
		ID: "cafe", Sandbox: true, Version: "v1", CreatedAt: time.UnixMilli(1_700_000_000_000), Shards: 4, BucketsPerShard: 2, WaitReplicas: 1, MaxShares: 100,
		Redis: []RedisServer{{Version: "7.0.15", AppendOnly: true, AppendFsync: "always", UsedMemory: 5 << 20}},
		MySQL: []MySQLServer{{Version: "10.11", FlushLogAtTrxCommit: "1"}},
	}, err
}

func (o operators) Backlog(context.Context) ([]ShardBacklog, error) {
	_, err := o.asked("", nil)
	return []ShardBacklog{{}, {SettleEntries: 3, SettleAge: 20 * time.Millisecond, ClearingAge: time.Second, RelayEntries: 4}}, err
}

func (o operators) Audit(context.Context) (ledger.AuditReport, error) {
	_, err := o.asked("", nil)
	return ledger.AuditReport{
		Shards: 4, Accounts: 5, Entries: 6, Holds: 7, Posts: 8, InFlight: map[ledger.Currency]int64{"JPY": 2, "CNY": 1}, Found: 1,
		Discrepancies: []ledger.Discrepancy{{Code: ledger.AuditAccountBalance, Shard: 2, What: "alice CNY", Expected: "1", Found: "2"}},
	}, err
}

func (o operators) RevokeToken(_ context.Context, id string) (time.Time, error) {
	_, err := o.asked("", func(s *state) { s.revoked = append(s.revoked, id) })
	return time.UnixMilli(1_700_000_000_000), err
}

// An operator takes a token out of use, which others may not.
func TestRevokeToken(t *testing.T) {
	r := newRig(t, nil)
	operator, user := r.token(t, "ops", ScopeOperator), r.token(t, "alice", ScopeUser)
	const path = "/v1/operator/revocations"
	if a := r.do(t, http.MethodPost, path, user, `{"token_id":"t1"}`); a.code() != CodeForbidden {
		t.Errorf("a user: %d %s", a.status, a.text)
	}
	long := strings.Repeat("x", maxTokenBytes+1)
	for _, bad := range []string{`{"token_id":""}`, `{}`, `{"token_id":1}`, `{"token_id":"` + long + `"}`} {
		if a := r.do(t, http.MethodPost, path, operator, bad); a.code() != refusal.CodeInvalidArgument {
			t.Errorf("%.40s: %d %s", bad, a.status, a.text)
		}
	}
	if a := r.do(t, http.MethodPost, path, operator, `{"token_id":"t1"}`); a.text != `{"until":1700000000000}`+"\n" {
		t.Errorf("got %d %s", a.status, a.text)
	}
	if got := r.now().revoked; len(got) != 1 || got[0] != "t1" {
		t.Errorf("revoked %q", got)
	}
}

func TestOperator(t *testing.T) {
	r := newRig(t, nil)
	token := r.token(t, "ops", ScopeOperator)
	for path, want := range map[string]string{
		"/v1/operator/installation": `{"id":"cafe","sandbox":true,"version":"v1","created_at":1700000000000,"shards":4,"buckets_per_shard":2,"wait_replicas":1,"max_shares":100,` +
			`"redis":[{"version":"7.0.15","appendonly":true,"appendfsync":"always","used_memory":5242880}],"mysql":[{"version":"10.11","flush_log_at_trx_commit":"1","sync_binlog":""}]}`,
		"/v1/operator/backlog": `{"shards":[{"shard":0,"settle_entries":0,"settle_age_ms":0,"clearing_age_ms":0,"relay_entries":0},` +
			`{"shard":1,"settle_entries":3,"settle_age_ms":20,"clearing_age_ms":1000,"relay_entries":4}]}`,
		"/v1/operator/audit": `{"balanced":false,"shards":4,"accounts":5,"entries":6,"holds":7,"posts":8,"in_flight":[{"currency":"CNY","amount":1},{"currency":"JPY","amount":2}],` +
			`"found":1,"discrepancies":[{"kind":"account_balance","shard":2,"what":"alice CNY","expected":"1","found":"2"}]}`,
	} {
		a := r.do(t, http.MethodGet, path, token, "")
		if a.status != http.StatusOK || a.text != want+"\n" {
			t.Errorf("%s: %d\n got %s\nwant %s", path, a.status, a.text, want)
		}
		if a := r.do(t, http.MethodGet, path, r.token(t, "alice", ScopeUser), ""); a.code() != CodeForbidden {
			t.Errorf("%s for a user: %d %s", path, a.status, a.text)
		}
	}
}

// patientAudits audit until they are told to end.
type patientAudits struct {
	operators
	deadline chan time.Time
	end      chan struct{}
}

func (p *patientAudits) Audit(ctx context.Context) (ledger.AuditReport, error) {
	deadline, _ := ctx.Deadline()
	p.deadline <- deadline
	<-p.end
	return p.operators.Audit(ctx)
}

// TestAuditTakesItsTime asks for a second audit while one runs that has much longer than other calls.
func TestAuditTakesItsTime(t *testing.T) {
	audits := &patientAudits{deadline: make(chan time.Time), end: make(chan struct{})}
	r := newRig(t, func(s *ServerConfig, _ *GatewayConfig) { s.Operator = NewOperator(audits) })
	audits.operators = operators{r.domain}
	token := r.token(t, "ops", ScopeOperator)
	first := make(chan answer, 1)
	go func() { first <- r.do(t, http.MethodGet, "/v1/operator/audit", token, "") }()
	if left := time.Until(<-audits.deadline); left < 10*time.Minute {
		t.Errorf("an audit has %v", left)
	}
	if a := r.do(t, http.MethodGet, "/v1/operator/audit", token, ""); a.code() != refusal.CodeUnavailable {
		t.Errorf("second audit: %d %s", a.status, a.text)
	}
	close(audits.end)
	if a := <-first; a.status != http.StatusOK {
		t.Errorf("first audit: %d %s", a.status, a.text)
	}
}
