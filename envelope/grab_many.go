package envelope

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// MaxGrabs is the most grabs in one call of GrabMany.
const MaxGrabs = 1000

// lookupTimeout bounds how long the grabs of a call wait for one whose envelope or group is not in memory, or whose
// pot was retired.
const lookupTimeout = time.Second

// GrabResult is the answer to one grab of many.
type GrabResult struct {
	Grabbed
	Err error // as of Grab
}

// GrabMany is Grab for each of up to MaxGrabs asks, of any envelopes and users, answered in their order. A refusal,
// or a store that does not answer, affects only its own grab; the others wait for it, lookupTimeout at most.
// Of two asks of one user for one envelope the second is answered AlreadyWon. Refusal of the call: invalid_argument.
func (s *Service) GrabMany(ctx context.Context, asks []Ask) ([]GrabResult, error) {
	if len(asks) < 1 || len(asks) > MaxGrabs {
		return nil, refusal.New(refusal.CodeInvalidArgument, "%d grabs in one call: give 1 to %d", len(asks), MaxGrabs)
	}
	results := make([]GrabResult, len(asks))
	s.mayGrabEach(ctx, asks, results)
	admitted, at := make([]Ask, 0, len(asks)), make([]int, 0, len(asks))
	for i, r := range results {
		if r.Err == nil {
			admitted, at = append(admitted, asks[i]), append(at, i)
		}
	}
	if len(admitted) == 0 {
		return results, nil
	}
	retired := make(map[int64][]int) // by envelope, places in admitted
	bound, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for n, a := range s.pot.TakeMany(ctx, admitted) {
		r := &results[at[n]]
		if r.Take, r.Outcome, r.Err = a.Take, a.Outcome, a.Err; errors.Is(a.Err, ErrNoPot) {
			retired[admitted[n].Envelope] = append(retired[admitted[n].Envelope], n)
		}
	}
	var lookups sync.WaitGroup
	for id, some := range retired {
		lookups.Go(func() {
			p, err := s.past(bound, id)
			for _, n := range some {
				r := &results[at[n]]
				if r.Err = err; err == nil {
					r.Take, r.Outcome = p.grab(admitted[n].User)
				}
			}
		})
	}
	lookups.Wait()
	return results, nil
}

// mayGrabEach gives each ask its refusal, if it has one, and its envelope's currency. Those of different envelopes are
// looked at together, for what is not in memory has to be read, and one shard that does not answer must not use up the
// time of the others.
func (s *Service) mayGrabEach(ctx context.Context, asks []Ask, results []GrabResult) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	byEnvelope := make(map[int64][]int)
	for i, a := range asks {
		byEnvelope[a.Envelope] = append(byEnvelope[a.Envelope], i)
	}
	var lookups sync.WaitGroup
	for id, at := range byEnvelope {
		look := func() {
			for _, i := range at {
				e, err := s.mayGrab(ctx, asks[i].User, id)
				if results[i].Err = err; err == nil {
					results[i].Currency = e.Total.Currency
				}
			}
		}
		if len(byEnvelope) == 1 {
			look()
			continue
		}
		lookups.Go(look)
	}
	lookups.Wait()
}

// mayGrab returns the envelope if the user may grab from it. Refusals: envelope_not_found, not_a_member,
// not_the_recipient.
func (s *Service) mayGrab(ctx context.Context, user string, id int64) (*Envelope, error) {
	e, err := s.metadata.get(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.mustBeMember(ctx, e.Group, user); err != nil {
		return nil, err
	}
	if e.To != "" && e.To != user {
		return nil, errNotTheRecipient
	}
	return e, nil
}
