package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/client"
	"go.opentelemetry.io/otel/trace"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
)

// Methods of the contract whose calls are gathered.
var (
	grabKey     = contract.Key{Service: "EnvelopeService", Method: "Grab"}
	grabManyKey = contract.Key{Service: "EnvelopeService", Method: "GrabMany"}
)

// grabCallsInFlight is how many calls with grabs are under way at once. While they are, further grabs gather; one call
// would let a grab that has to be looked up hold up all others.
const grabCallsInFlight = 4

// grabber makes grabs of users: those that come while others are under way go in one call of GrabMany, a lone one in a
// call of its own.
type grabber struct {
	client  client.Client
	queue   gather.Queue[grabCall]
	waiting atomic.Int64 // grabs that have no answer yet
}

// grabCall is a grab and what came of it.
type grabCall struct {
	envelope int64
	token    string
	response *envelopeapi.GrabResponse
	limit    string // an auth.LimitState; empty where there is nothing to tell
	err      error
}

func newGrabber(c client.Client) *grabber {
	g := &grabber{client: c}
	g.queue.AtOnce, g.queue.Send = grabCallsInFlight, g.send
	return g
}

// grab lets the user whom a verified token names take a share. Errors: as of Grab, and unavailable when too many wait.
func (g *grabber) grab(ctx context.Context, token string, envelope int64) grabCall {
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	if trace.SpanContextFromContext(ctx).IsSampled() { // so that its trace shows its whole way
		return g.one(ctx, token, envelope)
	}
	c, err := g.queue.Do(ctx, grabCall{envelope: envelope, token: token})
	if err != nil {
		c.err = err
	}
	return c
}

// Waiting is how many people's grabs have no answer yet.
func (g *Gateway) Waiting() int { return int(g.grabs.waiting.Load()) }

// one makes a grab in a call of its own.
func (g *grabber) one(ctx context.Context, token string, envelope int64) (c grabCall) {
	args, result := envelopeapi.NewEnvelopeServiceGrabArgs(), envelopeapi.NewEnvelopeServiceGrabResult()
	args.Req = &envelopeapi.GrabRequest{EnvelopeId: envelope}
	ctx = metainfo.WithBackwardValues(hongbao.ContextWithToken(ctx, token))
	c.err = g.client.Call(ctx, grabKey.Method, args, result)
	c.limit, _ = metainfo.RecvBackwardValue(ctx, auth.LimitKey)
	if c.err == nil {
		c.response = result.GetSuccess()
	}
	return c
}

// send makes the grabs of a batch and delivers their answers.
func (g *grabber) send(batch []*gather.Call[grabCall]) {
	calls := make([]*gather.Call[grabCall], 0, len(batch))
	for _, c := range batch {
		if !c.Abandoned() {
			calls = append(calls, c)
		}
	}
	for len(calls) > 0 {
		if len(calls) == 1 {
			first := calls[0].Data
			calls[0].Deliver(g.one(context.Background(), first.token, first.envelope))
			return
		}
		answers, err := g.many(calls)
		if errors.Is(err, errOpening) { // the token that opened the call is no longer good; those of the others may be
			calls[0].Deliver(grabCall{err: errors.Unwrap(err)})
			calls = calls[1:]
			continue
		}
		for i, c := range calls {
			if err != nil {
				c.Deliver(grabCall{err: err})
				continue
			}
			c.Deliver(grabbed(answers[i]))
		}
		return
	}
}

// errOpening says that a call was refused whole for the token that opened it, which is that of its first grab.
var errOpening = errors.New("gateway: the call of many grabs was not opened")

type openingError struct{ cause error }

func (e openingError) Error() string        { return e.cause.Error() }
func (e openingError) Unwrap() error        { return e.cause }
func (e openingError) Is(target error) bool { return target == errOpening }

// many makes grabs in one call, which the token of the first opens.
func (g *grabber) many(calls []*gather.Call[grabCall]) ([]*envelopeapi.GrabAnswer, error) {
	first := calls[0].Data
	entries := make([]envelopeapi.GrabEntry, len(calls))
	request := &envelopeapi.GrabManyRequest{Grabs: make([]*envelopeapi.GrabEntry, len(calls))}
	for i, c := range calls {
		entries[i].EnvelopeId, entries[i].Token = c.Data.envelope, c.Data.token
		request.Grabs[i] = &entries[i]
	}
	args, result := envelopeapi.NewEnvelopeServiceGrabManyArgs(), envelopeapi.NewEnvelopeServiceGrabManyResult()
	args.Req = request
	ctx := hongbao.ContextWithToken(context.Background(), first.token)
	if err := g.client.Call(ctx, grabManyKey.Method, args, result); err != nil {
		if p, ok := problem.FromClient(err); ok &&
			(p.Code == problem.CodeUnauthenticated || p.Code == problem.CodeForbidden) {
			return nil, openingError{err}
		}
		return nil, err
	}
	answers := result.GetSuccess().GetAnswers()
	if len(answers) != len(calls) {
		return nil, errors.New("the answers of a call of many grabs are not as many as its grabs")
	}
	return answers, nil
}

// grabbed is what a user is told for an answer of many.
func grabbed(a *envelopeapi.GrabAnswer) grabCall {
	if a.Code != problem.OK {
		return grabCall{
			limit: a.GetLimit(), err: &hongbao.Refusal{Code: a.Code, Detail: a.Detail, Incident: a.Incident},
		}
	}
	return grabCall{limit: a.GetLimit(), response: &envelopeapi.GrabResponse{
		Outcome: a.Outcome, Amount: a.Amount, Currency: a.Currency, Share: a.Share,
	}}
}

// gathered is the operation Grab over HTTP, by way of a grabber. Who may not grab is refused here: a batch is of good
// tokens.
func (o *operation) gathered(g *grabber) func(http.ResponseWriter, *http.Request) (any, error) {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		token, caller, err := o.verifier.VerifyRequest(r)
		if err == nil {
			err = auth.RequireScope(caller, o.Scopes)
		}
		if err != nil {
			return nil, err
		}
		args, err := o.arguments(r)
		if err != nil {
			return nil, err
		}
		request := args.(*envelopeapi.EnvelopeServiceGrabArgs).Req // as the contract makes them for this method
		c := g.grab(r.Context(), token, request.EnvelopeId)
		if l, err := auth.ParseLimitState(c.limit); err == nil {
			writeLimit(w.Header(), l)
		}
		return c.response, c.err
	}
}
