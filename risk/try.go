package risk

import (
	"slices"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

// Past is a claim that was carried out once.
type Past struct {
	Claim
	At time.Time
}

// Trial is what a rule would have done.
type Trial struct {
	Rule    string                    `json:"rule"`
	Then    Verdict                   `json:"then"`
	Looked  int                       `json:"looked"`  // claims that it is about and that no rule before it had stopped
	Stopped int                       `json:"stopped"` // those of them that it would have stopped
	Users   int                       `json:"users"`   // whose claims those were
	Amounts map[ledger.Currency]int64 `json:"amounts"` // minor units that they sum to
}

// Try says what each rule would have done about claims of the past. Nobody proves anything and no operator decides, so
// what is challenged or reviewed does not go on; what does not go on is not counted, as in earnest.
func Try(r Rules, past []Past) ([]Trial, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(past, func(a, b Past) int { return a.At.Compare(b.At) })
	trials, users := make([]Trial, len(r.Rules)), make([]map[string]bool, len(r.Rules))
	places := map[string]int{}
	for i, rule := range r.Rules {
		trials[i] = Trial{Rule: rule.Name, Then: rule.Then, Amounts: map[ledger.Currency]int64{}}
		users[i] = map[string]bool{}
		places[rule.Name] = i
	}
	var now time.Time
	windows := NewMemory(0, func() time.Time { return now })
	for _, p := range past {
		now = p.At
		asked := r.asked(p.Claim)
		stopped := windows.try(asked, p)
		for n, rule := range asked {
			i := places[rule.Name]
			trials[i].Looked++
			if n == stopped {
				trials[i].Stopped++
				trials[i].Amounts[p.Amount.Currency] += p.Amount.Minor
				users[i][p.User] = true
				break
			}
		}
	}
	for i := range trials {
		trials[i].Users = len(users[i])
	}
	return trials, nil
}

// try is the place of the rule that stops a claim of the past, -1 for none, and then it is counted.
func (m *Memory) try(asked []Rule, p Past) int {
	if p.Kind == Grab { // how much a share is, is known only when it is won
		for i, r := range asked {
			if m.full(r, p.User, p.At) {
				return i
			}
		}
	}
	return m.take(p.Claim, counters(asked, p.Claim, func(Rule) bool { return p.Kind != Grab }), p.At).Exceeded
}
