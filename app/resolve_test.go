package app_test

import (
	"slices"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Posts that the ledger refused are listed until an operator has decided about each: in the books once, with who and
// when, and in the trail.
func TestRejectionsAreResolved(t *testing.T) {
	h := apptest.NewHarness(t, nil, "alice", "bob", "carol")
	ctx := t.Context()
	sent := apptest.Must(h.Envelopes.Send(ctx, "alice", envelope.Order{RequestID: "r", Group: "g",
		Kind: string(envelope.Equal), Total: 300, Count: 3, Currency: "CNY"}))
	shard, _ := h.Ledger.ShardOf(sent.ID)
	post := func(payee string) {
		t.Helper()
		apptest.Must(h.Ledger.Post(ctx, shard, []ledger.Post{{Hold: sent.ID, Part: 0, Payee: payee, Minor: 100,
			At: h.Clock.Now()}}))
	}
	for _, payee := range []string{"bob", "carol", "dave"} { // the same share: the last two are refused
		post(payee)
	}
	open := apptest.Must(h.Rejections(ctx, false))
	if len(open) != 2 || open[0].Payee != "carol" || open[1].Payee != "dave" || open[0].Currency != "CNY" {
		t.Fatalf("open are %+v, want carol's and dave's", open)
	}
	wantRejections := func(when string, want int) {
		t.Helper()
		h.Deliver()
		report := apptest.Must(h.Audit(ctx))
		if report.Found != int64(want) || slices.ContainsFunc(report.Discrepancies, func(d ledger.Discrepancy) bool {
			return d.Code != ledger.AuditRejection
		}) {
			t.Errorf("%s the audit names %+v, want %d rejections", when, report.Discrepancies, want)
		}
	}
	wantRejections("before anything is decided", 2)
	pay := wallet.Verdict{ID: open[0].ID(), Decision: ledger.DecisionPay, Account: "house", By: "olga",
		Why: "Redis lost it"}
	dismiss := wallet.Verdict{ID: open[1].ID(), Decision: ledger.DecisionDismiss, By: "olga", Why: "a test account"}
	with := func(v wallet.Verdict, change func(*wallet.Verdict)) wallet.Verdict { change(&v); return v }
	for _, line := range []struct {
		what string
		v    wallet.Verdict
		code string
	}{
		{"nobody decides", with(pay, func(v *wallet.Verdict) { v.By = "" }), refusal.CodeInvalidArgument},
		{"no reason", with(pay, func(v *wallet.Verdict) { v.Why = "" }), refusal.CodeInvalidArgument},
		{"no decision", with(pay, func(v *wallet.Verdict) { v.Decision = "" }), refusal.CodeInvalidArgument},
		{"a system account", with(pay, func(v *wallet.Verdict) { v.Account = "#clearing" }),
			refusal.CodeInvalidArgument},
		{"from the payee", with(pay, func(v *wallet.Verdict) { v.Account = "carol" }), refusal.CodeInvalidArgument},
		{"unknown", with(pay, func(v *wallet.Verdict) { v.ID = "000000000000" }), wallet.CodeRejectionUnknown},
		{"nothing to pay with: the decision stands", pay, refusal.CodeInsufficientBalance},
		{"otherwise", with(dismiss, func(v *wallet.Verdict) { v.ID = pay.ID }), wallet.CodeRejectionDecided},
		{"from another account", with(pay, func(v *wallet.Verdict) { v.Account = "alice" }),
			wallet.CodeRejectionDecided},
	} {
		_, err := h.Resolve(ctx, line.v)
		apptest.WantCode(t, line.what, err, line.code)
	}
	wantRejections("while one is decided and not paid", 2)
	h.TopUp("house", 100)
	paid := apptest.Must(h.Resolve(ctx, pay))
	for _, again := range []string{"olga", "peter"} { // whoever repeats it, the first stands
		v := with(pay, func(v *wallet.Verdict) { v.By = again })
		got := apptest.Must(h.Resolve(ctx, v))
		if got != paid || got.By != "olga" || got.Payment == 0 || got.At.IsZero() {
			t.Errorf("%s repeats it: %+v, want %+v", again, got, paid)
		}
	}
	wantRejections("when one is paid", 1)
	for range 2 {
		apptest.Must(h.Resolve(ctx, dismiss))
	}
	wantRejections("when all are decided", 0)
	post("carol") // a log that is read again
	wantRejections("when one comes again", 0)
	h.WantBalances(map[string]int64{"house": 0, "bob": apptest.Funds + 100, "carol": apptest.Funds + 100, "dave": 0})
	if open, all := apptest.Must(h.Rejections(ctx, false)), apptest.Must(h.Rejections(ctx, true)); len(open) != 0 ||
		len(all) != 2 {
		t.Errorf("%d open of %d, want none of 2", len(open), len(all))
	}
	var outcomes []string
	for r, err := range h.Trail.All(ctx) {
		if err != nil || r.Action != "resolve" {
			t.Fatalf("the trail has %+v, %v", r, err)
		}
		outcomes = append(outcomes, r.Outcome)
	}
	want := []string{"asked", refusal.CodeInvalidArgument, "asked", wallet.CodeRejectionUnknown, "asked",
		refusal.CodeInsufficientBalance, "asked", wallet.CodeRejectionDecided, "asked", wallet.CodeRejectionDecided,
		"asked", "done", "asked", "done", "asked", "done", "asked", "done", "asked", "done"}
	if !slices.Equal(outcomes, want) {
		t.Errorf("the trail says %v, want %v", outcomes, want)
	}
}
