package handler

import (
	"context"
	"log/slog"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// TokenVerifier is what Envelope needs of auth.Verifier.
type TokenVerifier interface {
	Verify(token string) (auth.Caller, error)
}

// GrabMany implements envelopeapi.EnvelopeService. The number of grabs is checked before any token is, so that what a
// call costs is bounded.
func (h *Envelope) GrabMany(
	ctx context.Context, r *envelopeapi.GrabManyRequest,
) (*envelopeapi.GrabManyResponse, error) {
	if len(r.Grabs) < 1 || len(r.Grabs) > envelope.MaxGrabs {
		return nil, refusal.New(refusal.CodeInvalidArgument, "grabs has %d elements: give 1 to %d", len(r.Grabs),
			envelope.MaxGrabs)
	}
	answers := make([]envelopeapi.GrabAnswer, len(r.Grabs))
	response := &envelopeapi.GrabManyResponse{Answers: make([]*envelopeapi.GrabAnswer, len(r.Grabs))}
	asks, at := make([]envelope.Ask, 0, len(r.Grabs)), make([]int, 0, len(r.Grabs))
	failed, limits := make(map[string]failedGrabs), admissionFrom(ctx)
	callers := make([]auth.Caller, 0, len(r.Grabs))
	for i, g := range r.Grabs {
		response.Answers[i] = &answers[i]
		caller, err := h.grabber(g.Token)
		if err == nil {
			var limit string
			if limit, err = limits.entry(caller); limit != "" {
				answers[i].Limit = &limit
			}
		}
		if err == nil {
			err = h.mayGrab(caller.Subject)
		}
		if err != nil {
			setRefused(&answers[i], err, failed)
			continue
		}
		asks, at = append(asks, envelope.Ask{Envelope: g.EnvelopeId, User: caller.Subject}), append(at, i)
		callers = append(callers, caller)
	}
	if len(asks) > 0 {
		grabbed, err := h.Domain.GrabMany(ctx, asks)
		if err != nil {
			return nil, err
		}
		for n, g := range grabbed {
			if result := &answers[at[n]]; g.Err != nil {
				setRefused(result, g.Err, failed)
				limits.missed(callers[n], result.Code)
			} else {
				setGrabbed(result, g.Grabbed)
				h.won(callers[n].Subject, asks[n].Envelope, g.Grabbed)
			}
		}
	}
	entriesNotLetIn(ctx, "EnvelopeService.GrabMany", failed[problem.CodeUnauthenticated].number)
	for _, f := range failed {
		problem.Log(ctx, h.Log, "grabs failed", f.problem, f.cause, slog.String("caller", subject(ctx)),
			slog.Int("grabs", f.number), slog.Int("of", len(r.Grabs)))
	}
	return response, nil
}

// grabber is the user who grabs with a token. Refusals: unauthenticated, forbidden.
func (h *Envelope) grabber(token string) (auth.Caller, error) {
	caller, err := h.Tokens.Verify(token)
	if err == nil {
		err = auth.RequireScope(caller, []auth.Scope{auth.ScopeUser})
	}
	return caller, err
}

// failedGrabs are the grabs of a call that failed alike, for one line in the log.
type failedGrabs struct {
	problem problem.Problem // of the first
	cause   error
	number  int
}

// setRefused fills the answer of a grab that failed, and counts it. Internal errors are kept apart by their incidents.
func setRefused(r *envelopeapi.GrabAnswer, err error, failed map[string]failedGrabs) {
	p, cause := problem.FromError(err)
	r.Code, r.Detail, r.Incident, r.Share = p.Code, p.Detail, p.Incident, noShare
	f, ok := failed[p.Code+p.Incident]
	if !ok {
		f.problem, f.cause = p, cause
	}
	f.number++
	failed[p.Code+p.Incident] = f
}

func setGrabbed(r *envelopeapi.GrabAnswer, g envelope.Grabbed) {
	r.Code, r.Outcome, r.Currency, r.Share = problem.OK, string(g.Outcome), string(g.Currency), noShare
	if g.Outcome == envelope.Won || g.Outcome == envelope.AlreadyWon {
		r.Amount, r.Share = g.Take.Minor, int32(g.Take.Share)
	}
}
