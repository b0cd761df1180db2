package envelope

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Service is what users do with envelopes. It is safe for concurrent use and has no state but memory of what never
// changes, so any number of processes may serve the same users.
type Service struct {
	ledger   Ledger
	pot      Pot
	groups   Directory
	covers   Covers
	metadata *Metadata
	limits   Limits
	now      func() time.Time
}

// NewService makes a service. The limits apply to what is sent from now on.
func NewService(
	l Ledger, pot Pot, groups Directory, covers Covers, metadata *Metadata, limits Limits, now func() time.Time,
) *Service {
	return &Service{ledger: l, pot: pot, groups: groups, covers: covers, metadata: metadata, limits: limits, now: now}
}

// View is what a member may see of an envelope. Seed and Shares are zero unless Revealed.
type View struct {
	Envelope
	State      State
	Taken      []Take // in the order of taking
	Best       int    // index into Taken; -1 unless StateDrained
	Refunded   int64  // minor units
	Commitment string
	Revealed   bool
}

// Grabbed is the answer to a grab. Take is zero unless the outcome is Won or AlreadyWon.
type Grabbed struct {
	Outcome  Outcome
	Take     Take
	Currency ledger.Currency
}

// SentLine is an envelope in its sender's history.
type SentLine struct {
	Envelope
	Settled  int64 // posted to receivers, minor units
	Refunded int64
}

// Send holds the money and puts an envelope into a group. Repeating an order gives the envelope of the first time; an
// error other than a refusal leaves open whether it was sent, so repeat it. Refusals: see idl/envelope.thrift.
func (s *Service) Send(ctx context.Context, sender string, o Order) (View, error) {
	total, err := o.check(sender)
	if err != nil {
		return View{}, err
	}
	request, err := ledger.NewRequest(o.RequestID, "envelope.send", o)
	if err != nil {
		return View{}, err
	}
	if refused := s.checkNow(ctx, sender, o); refused != nil {
		return s.sentBefore(ctx, sender, request, refused)
	}
	e, err := s.newEnvelope(sender, o, total)
	if err != nil {
		return View{}, err
	}
	hold, err := e.hold()
	if err != nil {
		return View{}, err
	}
	if hold, err = s.hold(ctx, request, hold); err != nil {
		return View{}, err
	}
	if hold.ID != e.ID { // sent before
		return s.fill(ctx, hold)
	}
	s.metadata.put(e)
	if err := s.pot.Fill(ctx, e, nil); err != nil {
		return View{}, err
	}
	return e.view(PotState{Left: e.Count}, ledger.Hold{}, s.now()), nil
}

// hold makes an envelope's hold, which counts where its sender's day has a bound. Refusals: the ledger's.
func (s *Service) hold(ctx context.Context, r ledger.Request, h ledger.Hold) (ledger.Hold, error) {
	most := s.limits.PerDay.Of(h.Amount.Currency)
	if most == 0 {
		return s.ledger.Hold(ctx, r, h)
	}
	h.CountsDaily = true
	return s.ledger.HoldWith(ctx, r, h, ledger.HoldOptions{DailyLimit: most})
}

// sentBefore answers an order that today's limits, group or cover forbid: it stands if it was carried out earlier.
func (s *Service) sentBefore(ctx context.Context, sender string, r ledger.Request, refused error) (View, error) {
	if refusal.CodeOf(refused) == "" {
		return View{}, refused
	}
	id, ok, err := s.ledger.Requested(ctx, sender, r)
	if err != nil {
		return View{}, err
	}
	if !ok {
		return View{}, refused
	}
	hold, err := s.ledger.GetHold(ctx, id)
	if err != nil {
		return View{}, err
	}
	return s.fill(ctx, hold)
}

// checkNow checks the rules whose answer may change over time.
func (s *Service) checkNow(ctx context.Context, sender string, o Order) error {
	if err := o.checkLimits(s.limits); err != nil {
		return err
	}
	if err := s.checkGroup(ctx, sender, o); err != nil || o.Cover == 0 {
		return err
	}
	return s.covers.CheckUse(ctx, sender, o.Cover)
}

// checkGroup is every rule about who is in the group.
func (s *Service) checkGroup(ctx context.Context, sender string, o Order) error {
	if err := s.mustBeMember(ctx, o.Group, sender); err != nil {
		return err
	}
	if Kind(o.Kind) == Exclusive {
		in, err := s.groups.IsMember(ctx, o.Group, o.To)
		if err == nil && !in {
			err = refusal.New(CodeRecipientNotAMember, "%q is not a member of the group: give one of its members", o.To)
		}
		return err
	}
	members, err := s.groups.Size(ctx, o.Group)
	if err == nil && o.Count > members {
		err = refusal.New(CodeCountOutOfRange,
			"count %d is out of range: the group has %d members who may take a share", o.Count, members)
	}
	return err
}

func (s *Service) mustBeMember(ctx context.Context, group, user string) error {
	in, err := s.groups.IsMember(ctx, group, user)
	if err == nil && !in {
		err = errNotAMember
	}
	return err
}

var (
	errNotAMember      = refusal.New(refusal.CodeNotAMember, "you are not a member of this group")
	errNotTheRecipient = refusal.New(CodeNotTheRecipient, "this envelope has another recipient")
	errNotReady        = refusal.New(refusal.CodeUnavailable,
		"the envelope cannot be opened at the moment: try again shortly")
)

func (s *Service) newEnvelope(sender string, o Order, total ledger.Amount) (Envelope, error) {
	id, err := s.ledger.NewID(sender)
	if err != nil {
		return Envelope{}, fmt.Errorf("id for an envelope: %w", err)
	}
	var seed Seed
	_, _ = rand.Read(seed[:]) // never fails: crypto/rand ends the process instead
	shares, err := Split(seed, Kind(o.Kind), o.Total, o.Count)
	if err != nil {
		return Envelope{}, err
	}
	created := s.now().Truncate(time.Millisecond)
	return Envelope{
		ID: id, Group: o.Group, Sender: sender, Kind: Kind(o.Kind), Total: total, Count: o.Count, Greeting: o.Greeting,
		To: o.To, Cover: o.Cover, Seed: seed, Shares: shares, CreatedAt: created,
		ExpiresAt: created.Add(s.limits.OpenFor),
	}, nil
}

// fill makes the pot of a hold, unless the hold is over, and answers with the envelope.
func (s *Service) fill(ctx context.Context, h ledger.Hold) (View, error) {
	e, err := fromHold(h)
	if err != nil {
		return View{}, err
	}
	s.metadata.put(e)
	if !h.Open || h.Posted > 0 { // sent before, and the pot was filled: posts come from it
		return s.look(ctx, &e)
	}
	if err := s.pot.Fill(ctx, e, nil); err != nil {
		return View{}, err
	}
	return s.look(ctx, &e)
}

// Grab takes a share for the user. Won and AlreadyWon are durable: the share will be credited whatever happens.
// Refusals: envelope_not_found, not_a_member, not_the_recipient, unavailable.
func (s *Service) Grab(ctx context.Context, user string, id int64) (Grabbed, error) {
	e, err := s.mayGrab(ctx, user, id)
	if err != nil {
		return Grabbed{}, err
	}
	take, outcome, err := s.pot.Take(ctx, id, user)
	if errors.Is(err, ErrNoPot) {
		var p past
		if p, err = s.past(ctx, id); err == nil {
			take, outcome = p.grab(user)
		}
	}
	if err != nil {
		return Grabbed{}, err
	}
	return Grabbed{Outcome: outcome, Take: take, Currency: e.Total.Currency}, nil
}

// past is what the ledger has of an envelope whose pot was retired.
type past struct {
	hold  ledger.Hold
	posts []ledger.Post
}

// past reads it. Error: errNotReady where the pot is still to be filled.
func (s *Service) past(ctx context.Context, id int64) (p past, err error) {
	if p.hold, err = s.ledger.GetHold(ctx, id); err != nil {
		return p, err
	}
	if p.hold.Open {
		return p, errNotReady
	}
	p.posts, err = s.ledger.Posts(ctx, id)
	return p, err
}

// grab is what somebody is told who grabs now.
func (p past) grab(user string) (Take, Outcome) {
	for _, post := range p.posts {
		if post.Payee == user {
			return takeOf(post), AlreadyWon
		}
	}
	if p.hold.Voided > 0 {
		return Take{}, Expired
	}
	return Take{}, Empty
}

// Get shows an envelope to a member of its group. Refusals: envelope_not_found, not_a_member.
func (s *Service) Get(ctx context.Context, user string, id int64) (View, error) {
	e, err := s.metadata.get(ctx, id)
	if err != nil {
		return View{}, err
	}
	if err := s.mustBeMember(ctx, e.Group, user); err != nil {
		return View{}, err
	}
	return s.look(ctx, e)
}

// look composes a view from the pot while there is one, else from the ledger.
func (s *Service) look(ctx context.Context, e *Envelope) (View, error) {
	pot, err := s.pot.Look(ctx, e.ID)
	if err == nil && (pot.Left == 0 || !pot.Closed) {
		return e.view(pot, ledger.Hold{}, s.now()), nil
	}
	if err != nil && !errors.Is(err, ErrNoPot) {
		return View{}, err
	}
	h, holdErr := s.ledger.GetHold(ctx, e.ID)
	if holdErr != nil {
		return View{}, holdErr
	}
	if err != nil {
		if pot, err = s.potOfLedger(ctx, e, h); err != nil {
			return View{}, err
		}
	}
	return e.view(pot, h, s.now()), nil
}

func (s *Service) potOfLedger(ctx context.Context, e *Envelope, h ledger.Hold) (PotState, error) {
	posts, err := s.ledger.Posts(ctx, e.ID)
	if err != nil {
		return PotState{}, err
	}
	taken := takesOf(posts)
	return PotState{Taken: taken, Left: e.Count - len(taken), Closed: !h.Open}, nil
}

// view is the one place where an envelope's state is decided, and where its secrets are taken off.
func (e Envelope) view(pot PotState, h ledger.Hold, now time.Time) View {
	v := View{
		Envelope: e, State: StateOpen, Taken: pot.Taken, Best: -1, Refunded: h.Voided,
		Commitment: e.Seed.Commitment(e.ID), Revealed: pot.Left == 0 || pot.Closed,
	}
	v.Shares = nil
	switch {
	case pot.Left == 0:
		v.State, v.Best = StateDrained, bestLuck(pot.Taken)
	case pot.Closed || !now.Before(e.ExpiresAt):
		v.State = StateExpired
	}
	if !v.Revealed { // by the clock alone an envelope is not closed: a grab may still be under way
		v.Seed = Seed{}
	}
	return v
}

// bestLuck is the index of the largest take, the earliest where several are; -1 of none.
func bestLuck(taken []Take) int {
	best := -1
	for i, t := range taken {
		if best < 0 || t.Minor > taken[best].Minor {
			best = i
		}
	}
	return best
}

// ListSent returns what the user sent, newest first, with an id below before (0: from the newest).
func (s *Service) ListSent(ctx context.Context, user string, before int64, limit int) ([]SentLine, error) {
	holds, err := s.ledger.HoldsOf(ctx, user, Subject, before, limit)
	if err != nil {
		return nil, err
	}
	lines := make([]SentLine, 0, len(holds))
	for _, h := range holds {
		e, err := fromHold(h)
		if err != nil {
			return nil, err
		}
		e.Seed, e.Shares = Seed{}, nil
		lines = append(lines, SentLine{Envelope: e, Settled: h.Posted, Refunded: h.Voided})
	}
	return lines, nil
}

// ListReceived returns the shares that the user was credited, newest envelope first, with an id below before.
func (s *Service) ListReceived(ctx context.Context, user string, before int64, limit int) ([]ledger.Credit, error) {
	return s.ledger.Credits(ctx, user, Subject, before, limit)
}

func takeOf(p ledger.Post) Take { return Take{User: p.Payee, Share: p.Part, Minor: p.Minor, At: p.At} }

func takesOf(posts []ledger.Post) []Take {
	takes := make([]Take, len(posts))
	for i, p := range posts {
		takes[i] = takeOf(p)
	}
	return takes
}
