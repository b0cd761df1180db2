package risk

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Claim is money that somebody wants to move now.
type Claim struct {
	Kind      Kind
	RequestID string // of the call that makes it, unique for its user; of a grab, its envelope
	User      string // whose call it is
	Payee     string // who gets the money, where the call says so
	Amount    ledger.Amount
	// Fingerprint is the same for two calls exactly if they ask for the same; at most 64 characters of a–z 0–9.
	Fingerprint string
}

// ID names a claim among all others. It has no |.
func (c Claim) ID() string {
	return string(c.Kind) + ":" + c.User + ":" + c.RequestID + ":" + c.Fingerprint
}

// Counter is a rule's window that a claim belongs into.
type Counter struct {
	Rule   string
	Whose  string // counters of one Whose are decided together
	With   string // who else it is about, or empty
	Window time.Duration
	Count  int   // claims that pass
	Amount int64 // minor units of the claim's currency that pass; 0 for no bound
	Stops  bool  // a claim that would go beyond is not counted
}

// Windows remember which claims were counted, for as long as a counter's window.
type Windows interface {
	// Take counts a claim by all counters, unless it would go beyond one that stops it. A claim that is counted already
	// passes, and is not counted again.
	Take(ctx context.Context, c Claim, counters []Counter) (Taken, error)
	// Release takes a claim out again. It may be repeated.
	Release(ctx context.Context, c Claim, counters []Counter) error
}

// Taken is what became of a claim.
type Taken struct {
	Exceeded int  // the index of the first counter that it would go beyond, and then it is counted by none; else -1
	New      bool // it was not counted before by one of the counters, and is now
}

// counters are those of rules, of which some do not stop a claim.
func counters(rules []Rule, c Claim, stops func(Rule) bool) []Counter {
	all := make([]Counter, len(rules))
	for i, r := range rules {
		whose, with := r.of(c)
		all[i] = Counter{Rule: r.Name, Whose: whose, With: with, Window: r.Window, Count: r.Count,
			Amount: r.Amount[c.Amount.Currency], Stops: stops(r)}
	}
	return all
}
