package risk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Bounds of a set of rules.
const (
	MaxRules  = 50
	MaxCount  = 1000 // claims that a rule lets pass; what a window remembers is one more
	MaxWindow = 7 * 24 * time.Hour
	maxOnly   = 1000      // users that a rule names
	maxFile   = 256 << 10 // bytes
)

// Verdict is what a rule says about a claim.
type Verdict string

// Verdicts; see the package comment.
const (
	Allow     Verdict = "allow"
	Challenge Verdict = "challenge"
	Review    Verdict = "review"
	Refuse    Verdict = "refuse"
)

// Kind is what is claimed.
type Kind string

// Kinds of claims.
const (
	Envelope   Kind = "envelope"   // a red envelope is sent
	Transfer   Kind = "transfer"   // a transfer is offered
	Payment    Kind = "payment"    // a part of a collection is paid
	Withdrawal Kind = "withdrawal" // money goes out
	TopUp      Kind = "topup"      // money comes in
	Grab       Kind = "grab"       // a share is won
)

// Kinds are all kinds of claims.
func Kinds() []Kind { return []Kind{Envelope, Transfer, Payment, Withdrawal, TopUp, Grab} }

// payees are the kinds whose claims may name who gets the money.
func payees() []Kind { return []Kind{Envelope, Transfer} }

// Subject is whose claims a rule looks at together.
type Subject string

// Subjects of rules.
const (
	User  Subject = "user"  // all of whoever claims
	Payee Subject = "payee" // all for the benefit of one user, whoever pays
	Pair  Subject = "pair"  // all of one user for the benefit of another one
)

// Rule is one rule; see the package comment.
type Rule struct {
	Name    string                    `yaml:"name"`    // 1 to 40 characters of a–z 0–9 -
	On      []Kind                    `yaml:"on"`      // what is counted together
	Subject Subject                   `yaml:"subject"` // User unless told
	Only    []string                  `yaml:"only"`    // users whom the rule is about; everybody unless told
	Window  time.Duration             `yaml:"window"`  // 1 s to MaxWindow
	Count   int                       `yaml:"count"`   // claims in a window that pass, 0 to MaxCount
	Amount  map[ledger.Currency]int64 `yaml:"amount"`  // minor units in a window that pass; a currency not named has no bound
	Then    Verdict                   `yaml:"then"`
}

// Rules are a set of rules with the version that each refusal names.
type Rules struct {
	Version string `yaml:"version"` // 1 to 40 characters of a–z 0–9 . -
	Rules   []Rule `yaml:"rules"`   // in the order in which they are asked
}

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	versionForm = regexp.MustCompile(`^[a-z0-9.-]{1,40}$`)
)

// Parse reads a set of rules, one YAML document. Keys that nobody knows are errors, to catch typos. The error names
// everything that is wrong with the rules.
func Parse(text []byte) (Rules, error) {
	var r Rules
	if len(text) > maxFile {
		return r, fmt.Errorf("risk: rules of %d bytes: give at most %d", len(text), maxFile)
	}
	var document yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&document); err != nil {
		return r, fmt.Errorf("risk: %w", err)
	}
	if err := documents.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return r, errors.New("risk: the file has more than one document")
	}
	if err := checkNumbers(&document, ""); err != nil {
		return r, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&r); err != nil {
		return Rules{}, fmt.Errorf("risk: %w", err)
	}
	for i := range r.Rules {
		if r.Rules[i].Subject == "" {
			r.Rules[i].Subject = User
		}
	}
	if err := r.Check(); err != nil {
		return Rules{}, err
	}
	return r, nil
}

// checkNumbers refuses fractions, of which the decoder would take the whole part. A version may look like one.
func checkNumbers(n *yaml.Node, key string) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!float" && key != "version" {
		return fmt.Errorf("risk: line %d: %q is no whole number", n.Line, refusal.Clip(n.Value))
	}
	for i, child := range n.Content {
		key := ""
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			key = n.Content[i-1].Value
		}
		if err := checkNumbers(child, key); err != nil {
			return err
		}
	}
	return nil
}

// Check finds everything that is wrong with a set of rules.
func (r Rules) Check() error {
	var wrong []error
	if !versionForm.MatchString(r.Version) {
		wrong = append(wrong, errors.New("risk: version is malformed: give 1 to 40 characters of a-z 0-9 . -"))
	}
	if len(r.Rules) < 1 || len(r.Rules) > MaxRules {
		wrong = append(wrong, fmt.Errorf("risk: %d rules: give 1 to %d", len(r.Rules), MaxRules))
	}
	seen := map[string]bool{}
	for i, rule := range r.Rules {
		if seen[rule.Name] {
			wrong = append(wrong, fmt.Errorf("risk: there are two rules %q", refusal.Clip(rule.Name)))
		}
		seen[rule.Name] = true
		for _, why := range rule.check() {
			wrong = append(wrong, fmt.Errorf("risk: rule %d, %q: %s", i+1, refusal.Clip(rule.Name), why))
		}
	}
	return errors.Join(wrong...)
}

// check returns what is wrong with a rule.
func (r Rule) check() (wrong []string) {
	if !nameForm.MatchString(r.Name) {
		wrong = append(wrong, "name is malformed: give 1 to 40 characters of a-z 0-9 -")
	}
	wrong = append(wrong, r.checkOn()...)
	for _, user := range r.Only {
		if err := refusal.CheckID("only", user); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if len(r.Only) > maxOnly {
		wrong = append(wrong, fmt.Sprintf("only names %d users: give at most %d", len(r.Only), maxOnly))
	}
	if r.Then == Allow {
		if len(r.Only) == 0 || r.Window != 0 || r.Count != 0 || len(r.Amount) > 0 {
			wrong = append(wrong, "allow is for the users that only names, without window, count and amount")
		}
		return wrong
	}
	if r.Then != Challenge && r.Then != Review && r.Then != Refuse {
		wrong = append(wrong, "then is none of allow, challenge, review, refuse")
	}
	if r.Window < time.Second || r.Window > MaxWindow || r.Window%time.Millisecond != 0 {
		wrong = append(wrong, fmt.Sprintf("window %v is out of range: give 1s to %v in whole milliseconds", r.Window,
			MaxWindow))
	}
	if r.Count < 0 || r.Count > MaxCount {
		wrong = append(wrong, fmt.Sprintf("count %d is out of range: give 0 to %d", r.Count, MaxCount))
	}
	for code, most := range r.Amount {
		if _, err := ledger.ParseCurrency(string(code)); err != nil {
			wrong = append(wrong, err.Error())
		}
		if most < 1 || most > ledger.MaxMinor {
			wrong = append(wrong, fmt.Sprintf("amount %d is out of range: give 1 to %d minor units", most,
				int64(ledger.MaxMinor)))
		}
	}
	return wrong
}

// checkOn returns what is wrong with what a rule looks at.
func (r Rule) checkOn() (wrong []string) {
	if len(r.On) == 0 {
		wrong = append(wrong, "on is empty: name what the rule looks at")
	}
	for _, kind := range r.On {
		if !slices.Contains(Kinds(), kind) {
			wrong = append(wrong, fmt.Sprintf("on %q is none of %v", refusal.Clip(string(kind)), Kinds()))
		}
		if (r.Subject == Payee || r.Subject == Pair) && !slices.Contains(payees(), kind) {
			wrong = append(wrong, fmt.Sprintf("subject %s is for %v, which name a payee", r.Subject, payees()))
		}
	}
	if r.Subject != User && r.Subject != Payee && r.Subject != Pair {
		wrong = append(wrong, "subject is none of user, payee, pair")
	}
	if slices.Contains(r.On, Grab) && (len(r.On) > 1 || r.Then == Challenge || r.Then == Review) {
		wrong = append(wrong, "a rule on grab looks at nothing else, and allows or refuses: a share waits for nobody")
	}
	return wrong
}

// about says whether a rule looks at a claim.
func (r Rule) about(c Claim) bool {
	return slices.Contains(r.On, c.Kind) && (len(r.Only) == 0 || slices.Contains(r.Only, c.User)) &&
		(r.Subject == User || c.Payee != "")
}

// Has says whether any rule answers with a verdict.
func (r Rules) Has(v Verdict) bool {
	return slices.ContainsFunc(r.Rules, func(rule Rule) bool { return rule.Then == v })
}

// On says whether any rule looks at a kind.
func (r Rules) On(k Kind) bool {
	return slices.ContainsFunc(r.Rules, func(rule Rule) bool { return slices.Contains(rule.On, k) })
}

// asked are the rules to ask about a claim, in their order: those about it, up to the first that allows it.
func (r Rules) asked(c Claim) []Rule {
	var asked []Rule
	for _, rule := range r.Rules {
		if !rule.about(c) {
			continue
		}
		if rule.Then == Allow {
			break
		}
		asked = append(asked, rule)
	}
	return asked
}

// of is whose window a claim is in: the first part keeps what is decided together in one place.
func (r Rule) of(c Claim) (whose, with string) {
	switch r.Subject {
	case Payee:
		return c.Payee, ""
	case Pair:
		return c.User, c.Payee
	}
	return c.User, ""
}
