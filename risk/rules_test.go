package risk_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

const good = `
version: 2026-11-29.1
rules:
  - name: staff
    on: [transfer, withdrawal]
    only: [ops-1, ops-2]
    then: allow
  - name: many-payments
    on: [transfer, payment]
    window: 10m
    count: 5
    amount: {CNY: 100000, JPY: 20000}
    then: review
  - name: mule
    on: [transfer]
    subject: payee
    window: 24h
    count: 20
    then: challenge
  - name: bots
    on: [grab]
    window: 1m
    count: 30
    then: refuse
`

func TestParse(t *testing.T) {
	r, err := risk.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != "2026-11-29.1" || len(r.Rules) != 4 || !r.Has(risk.Challenge) || !r.On(risk.Grab) ||
		r.On(risk.TopUp) {
		t.Errorf("%+v", r)
	}
	many := r.Rules[1]
	if many.Subject != risk.User || many.Window != 10*time.Minute || many.Count != 5 ||
		many.Amount[ledger.Currency("JPY")] != 20000 || many.Then != risk.Review {
		t.Errorf("%+v", many)
	}
}

// Everything that is wrong is told, and nothing of it is taken.
func TestMalformedRules(t *testing.T) {
	rule := func(lines string) string {
		return "version: v1\nrules:\n  - " + strings.ReplaceAll(lines, "; ", "\n    ")
	}
	const bounds = "window: 1m; count: 1; then: refuse"
	const a, most = "name: a; on: [transfer]; ", "window: 1m; count: 1; amount: "
	for text, want := range map[string]string{
		"":                                "EOF",
		"version: v1":                     "0 rules",
		"version: V 1\nrules: []":         "version is malformed",
		"version: v1\nrules: []\nrule: 1": "field rule not found",
		good + "---\nversion: v2\n":       "more than one document",
		rule(a + "windows: 1m; count: 1; then: refuse"):                            "field windows not found",
		rule("name: A; on: [transfer]; " + bounds):                                 "name is malformed",
		rule("name: a; on: []; " + bounds):                                         "on is empty",
		rule("name: a; on: [theft]; " + bounds):                                    "none of [envelope",
		rule(a + "subject: city; " + bounds):                                       "subject is none of",
		rule("name: a; on: [withdrawal]; subject: payee; " + bounds):               "which name a payee",
		rule("name: a; on: [payment]; subject: pair; " + bounds):                   "which name a payee",
		rule(a + "only: ['a b']; " + bounds):                                       "only",
		rule(a + "window: 1m; count: 1; then: burn"):                               "then is none of",
		rule(a + "window: 1m; count: 1"):                                           "then is none of",
		rule(a + "window: 10ms; count: 1; then: refuse"):                           "window 10ms",
		rule(a + "window: 169h; count: 1; then: refuse"):                           "window 169h",
		rule(a + "window: 1m; count: -1; then: refuse"):                            "count -1",
		rule(a + "window: 1m; count: 1001; then: refuse"):                          "count 1001",
		rule(a + most + "{ZWL: 1}; then: refuse"):                                  "ZWL",
		rule(a + most + "{CNY: 0}; then: refuse"):                                  "amount 0",
		rule(a + most + "{CNY: 1.5}; then: refuse"):                                "no whole number",
		rule(a + "then: allow"):                                                    "allow is for the users",
		rule(a + "only: [a]; window: 1m; then: allow"):                             "allow is for the users",
		rule("name: a; on: [grab]; window: 1m; count: 1; then: review"):            "waits for nobody",
		rule("name: a; on: [grab, transfer]; " + bounds):                           "looks at nothing else",
		rule(a+bounds) + "\n  - name: a\n    on: [topup]\n":                        "two rules",
		"version: v1\nrules:\n" + strings.Repeat("  - name: a\n", risk.MaxRules+1): "51 rules",
	} {
		r, err := risk.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || len(r.Rules) > 0 {
			t.Errorf("%s\n→ %v, want %q", text, err, want)
		}
	}
}

// Try says of each rule what it would have done: in order, each claim stopped by one rule at most, and what is stopped
// is not counted.
func TestTry(t *testing.T) {
	rules, err := risk.Parse([]byte(`
version: v1
rules:
  - {name: staff, on: [transfer], only: [ops], then: allow}
  - {name: pair, on: [transfer], subject: pair, window: 1h, count: 2, then: review}
  - {name: sum, on: [transfer, withdrawal], window: 24h, count: 100, amount: {CNY: 1000}, then: refuse}
  - {name: bots, on: [grab], window: 1m, count: 2, then: refuse}
`))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Unix(1_800_000_000, 0)
	var past []risk.Past
	claim := func(after time.Duration, k risk.Kind, user, payee string, minor int64) {
		past = append(past, risk.Past{At: began.Add(after), Claim: risk.Claim{Kind: k, User: user, Payee: payee,
			RequestID: began.Add(after).String(), Amount: ledger.Amount{Minor: minor, Currency: "CNY"}}})
	}
	for i := range 5 {
		claim(time.Duration(i)*time.Minute, risk.Transfer, "alice", "bob", 10) // the last three are reviewed
		claim(time.Duration(i)*time.Minute, risk.Transfer, "ops", "bob", 5000)
		claim(time.Duration(i)*time.Second, risk.Grab, "carol", "", 7) // the last three are refused
	}
	claim(70*time.Minute, risk.Transfer, "alice", "bob", 10)            // an hour later the pair is free again
	claim(71*time.Minute, risk.Withdrawal, "alice", "", 970)            // 10+10+10+970 is all that passes
	claim(72*time.Minute, risk.Withdrawal, "alice", "", 1)              // one more does not
	claim(73*time.Minute, risk.Transfer, "alice", "dave", 1)            // nor to somebody else
	claim(25*time.Hour+72*time.Minute, risk.Withdrawal, "alice", "", 1) // but the next day
	slices.Reverse(past)                                                // in whatever order they come
	trials, err := risk.Try(rules, past)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []risk.Trial{
		{Rule: "staff", Then: risk.Allow},
		{Rule: "pair", Then: risk.Review, Looked: 7, Stopped: 3, Users: 1},
		{Rule: "sum", Then: risk.Refuse, Looked: 7, Stopped: 2, Users: 1},
		{Rule: "bots", Then: risk.Refuse, Looked: 5, Stopped: 3, Users: 1},
	} {
		got := trials[i]
		if got.Rule != want.Rule || got.Then != want.Then || got.Looked != want.Looked || got.Stopped != want.Stopped ||
			got.Users != want.Users {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if trials[1].Amounts["CNY"] != 30 || trials[2].Amounts["CNY"] != 2 {
		t.Errorf("amounts %v, %v", trials[1].Amounts, trials[2].Amounts)
	}
}
