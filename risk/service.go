package risk

import (
	"context"
	"slices"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Answer is what the rules say about a claim. Rule and Version are of the rule that stops it; empty where none does.
type Answer struct {
	Verdict       Verdict
	Rule, Version string
	Detail        string // why, in a sentence for whoever is refused

	claim Claim
	asked []Rule // those that have counted the claim
	first bool   // it was not counted before
}

// Allowed says whether the claim may go on.
func (a Answer) Allowed() bool { return a.Verdict == Allow }

// Err is the refusal of an answer that is none of Allow and Challenge. Codes: risk_refused, risk_review.
func (a Answer) Err() error {
	code := CodeRefused
	if a.Verdict == Review {
		code = CodeReview
	}
	return refusal.New(code, "%s", a.Detail)
}

// Requests know which calls were carried out.
type Requests interface {
	// CarriedOut says whether a call of a user with a request id was carried out, whatever it asked for.
	CarriedOut(ctx context.Context, user, requestID string) (bool, error)
}

// Config is what a Service needs. Everything is required.
type Config struct {
	Rules    Rules
	Windows  Windows // of everything but grabs
	Grabs    *Memory // of grabs, in this process
	Reviews  Reviews
	Requests Requests
	Now      func() time.Time
	// Stopped hears of each claim that a rule stops.
	Stopped func(rule string, v Verdict)
}

// Service applies a set of rules. It is safe for concurrent use.
type Service struct {
	Config
	grabs []Rule // those on grabs
}

// NewService makes a Service. Error: what Rules.Check says.
func NewService(c Config) (*Service, error) {
	s := &Service{Config: c}
	for _, r := range c.Rules.Rules {
		if slices.Contains(r.On, Grab) {
			s.grabs = append(s.grabs, r)
		}
	}
	return s, c.Rules.Check()
}

// Decide says whether a claim other than a grab may go on, and counts it then. proven says that whoever claims has just
// proven who they are. An error says that nothing is known, so the claim must not go on.
func (s *Service) Decide(ctx context.Context, c Claim, proven bool) (Answer, error) {
	asked := s.Rules.asked(c)
	if len(asked) == 0 {
		return Answer{Verdict: Allow}, nil
	}
	reviewed := false
	stops := func(r Rule) bool { return !(r.Then == Challenge && proven || r.Then == Review && reviewed) }
	for {
		taken, err := s.Windows.Take(ctx, c, counters(asked, c, stops))
		if err != nil {
			return Answer{}, err
		}
		if taken.Exceeded < 0 {
			return Answer{Verdict: Allow, claim: c, asked: asked, first: taken.New}, nil
		}
		rule := asked[taken.Exceeded]
		before, err := s.Requests.CarriedOut(ctx, c.User, c.RequestID)
		if err != nil {
			return Answer{}, err
		}
		if before {
			return Answer{Verdict: Allow}, nil
		}
		answer := s.answer(rule, c)
		if rule.Then == Review {
			if reviewed, err = s.review(ctx, rule, c, &answer); err != nil {
				return Answer{}, err
			}
			if reviewed {
				continue
			}
		}
		s.Stopped(rule.Name, answer.Verdict)
		return answer, nil
	}
}

// answer is what a rule says about a claim.
func (s *Service) answer(r Rule, c Claim) Answer {
	a := Answer{Verdict: r.Then, Rule: r.Name, Version: s.Rules.Version}
	a.Detail = named(a) + r.bound(c.Amount.Currency)
	return a
}

// named begins the sentence of an answer.
func named(a Answer) string { return "rule " + a.Rule + " of version " + a.Version + ": " }

// review asks an operator about a claim. approved says that one has said yes; else the answer says how far it has come.
func (s *Service) review(ctx context.Context, r Rule, c Claim, a *Answer) (approved bool, err error) {
	found, full, err := s.Reviews.Ask(ctx, Waiting{Claim: c, Rule: r.Name, Version: s.Rules.Version, State: ReviewOpen,
		At: s.Now()})
	switch {
	case err != nil:
		return false, err
	case found.State == ReviewApproved:
		return true, nil
	case found.State == ReviewDeclined:
		a.Rule, a.Version, a.Verdict = found.Rule, found.Version, Refuse
		a.Detail = named(*a) + "an operator has looked at this call and declined it"
	case full:
		a.Detail += "; too many of your calls wait for an operator already, so this one does not"
	default:
		a.Detail += "; an operator looks at this call: repeat it later with the same request_id"
	}
	return false, nil
}

// Done says how a claim ended that was allowed: refused by the domain, or not. What is unknown is not refused. It keeps
// in the windows what was carried out, and takes out what was not: of calls that ask for the same at once, one may be
// refused and another one carried out.
func (s *Service) Done(ctx context.Context, a Answer, refused bool) error {
	if len(a.asked) == 0 || a.first != refused {
		return nil
	}
	all := counters(a.asked, a.claim, func(Rule) bool { return false })
	if !refused { // a repeat, whose first call may have been refused meanwhile
		_, err := s.Windows.Take(ctx, a.claim, all)
		return err
	}
	before, err := s.Requests.CarriedOut(ctx, a.claim.User, a.claim.RequestID)
	if err != nil || before {
		return err
	}
	return s.Windows.Release(ctx, a.claim, all)
}

// MayGrab says whether a user may grab a share now, from memory alone.
func (s *Service) MayGrab(user string) Answer {
	if len(s.grabs) == 0 {
		return Answer{Verdict: Allow}
	}
	c := Claim{Kind: Grab, User: user}
	now := s.Now()
	for _, r := range s.grabs {
		if !r.about(c) {
			continue
		}
		if r.Then == Allow {
			break
		}
		if s.Grabs.full(r, user, now) {
			s.Stopped(r.Name, r.Then)
			return s.answer(r, c)
		}
	}
	return Answer{Verdict: Allow}
}

// Won counts a share that a user has won of an envelope.
func (s *Service) Won(user, envelope string, amount ledger.Amount) {
	if len(s.grabs) == 0 {
		return
	}
	c := Claim{Kind: Grab, RequestID: envelope, User: user, Amount: amount}
	if asked := s.Rules.asked(c); len(asked) > 0 {
		s.Grabs.take(c, counters(asked, c, func(Rule) bool { return false }), s.Now())
	}
}
