package simulation

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/hongbao/hongbao/client"
)

// reviewsEnvelopes is a file of rules: an operator looks at each envelope of ¥100.00 or more.
func reviewsEnvelopes(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	const rules = `
version: 2026-11-29.1
rules:
  - name: big-envelopes-are-looked-at
    on: [envelope]
    window: 24h
    amount: {CNY: 9999}
    then: review
`
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stopped lets a user send an envelope that a rule stops, and returns a function that sends it again.
func (u *up) stopped(user string, total int64) (again func() (code string, err error)) {
	u.t.Helper()
	u.must(http.MethodPost, "/v1/groups", u.token("chat", "service"),
		map[string]any{"group_id": user, "members": []string{user}}, nil)
	u.must(http.MethodPost, "/v1/wallet/topups", u.token(user, "user"),
		map[string]any{"request_id": "fund", "amount": total, "currency": "CNY"}, nil)
	c, err := client.New(client.WithAddress(u.rpcAddress()), client.WithToken(u.token(user, "user")))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = c.Close() })
	again = func() (string, error) {
		_, err := c.Envelopes.Send(u.t.Context(), client.NewEnvelope{RequestID: "big", Group: user, Kind: client.Lucky,
			Total: total, Count: 1, Currency: "CNY"})
		return client.Code(err), err
	}
	if code, err := again(); code != client.CodeRiskReview {
		u.t.Fatalf("the envelope is answered: %v", err)
	}
	return again
}

// Calls that a rule has stopped wait in the operators' console: one is approved and goes through when it is repeated,
// another is declined and does not, and nothing moves before.
func TestStoppedCallsAreDecidedInTheConsole(t *testing.T) {
	u := newUp(t, "--risk-rules", reviewsEnvelopes(t))
	alice, bob := u.stopped("alice", 100_00), u.stopped("bob", 200_00)
	ops := u.operatorWindow(newBrowser(t))
	ops.click("nav-reviews")
	ops.shows("reviews", "big-envelopes-are-looked-at")
	ops.shows("reviews", "¥200.00")
	ops.save("reviews-open")
	ops.click(ops.first("approve-"))
	ops.click("confirm") // without a reason: nothing is decided
	ops.enter("reason", "She called us.")
	ops.click("confirm")
	ops.gone("confirm")
	ops.click(ops.first("decline-"))
	ops.enter("reason", "He did not.")
	ops.save("reviews-decline")
	ops.click("confirm")
	ops.gone("confirm")
	ops.until("none waits any more", `document.querySelector('[data-testid^="approve-"]') === null`)
	ops.choose("review-state", "approved")
	ops.shows("reviews", "She called us.")
	ops.choose("review-state", "declined")
	ops.shows("reviews", "He did not.")
	ops.save("reviews-declined")
	if _, err := alice(); err != nil {
		t.Errorf("what was approved is answered: %v", err)
	}
	if code, err := bob(); code != client.CodeRiskRefused {
		t.Errorf("what was declined is answered: %v", err)
	}
	u.audit()
}
