package handler

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/prometheus/client_golang/prometheus"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/thriftguard"
	"github.com/hongbao/hongbao/risk"
)

// edge is what happens around every call of a Kitex server: who calls and may they, a deadline, and what an error
// becomes. It counts every call and logs the failed ones.
type edge struct {
	methods  map[contract.Key]*guardedMethod
	verifier *auth.Verifier
	seconds  *prometheus.HistogramVec // by method and code
	log      *slog.Logger
	traced   bool // a call may be in a trace

	admission     *admission
	limits        RateLimiter
	merchantCalls int // of a merchant's key in a second
	stepUp        StepUp
	risk          Risk           // nil: there are no rules
	trail         Trail          // nil: nothing is recorded
	tally         Tally          // nil: nor is who was not let in
	gateways      []netip.Prefix // whose word for an address is taken, beside this machine's
}

// guardedMethod is a method of the contract with what every call of it needs.
type guardedMethod struct {
	*contract.Method
	name   string              // in logs and metrics
	class  class               // of which a user may make so many
	claims risk.Kind           // of money; empty for none
	ok     prometheus.Observer // seconds of those that succeed
}

func newEdge(c *contract.Contract, v *auth.Verifier, log *slog.Logger) *edge {
	e := &edge{methods: make(map[contract.Key]*guardedMethod), verifier: v, seconds: rpcSeconds(), log: log}
	for key, m := range c.Methods {
		e.methods[key] = &guardedMethod{Method: m, name: m.String(), class: classOf(m), claims: claims[key],
			ok: e.seconds.WithLabelValues(m.String(), problem.OK)}
	}
	return e
}

// middleware wraps the services.
func (e *edge) middleware(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request, response any) error {
		began := time.Now()
		invocation := rpcinfo.GetRPCInfo(ctx).Invocation()
		m, ok := e.methods[contract.Key{Service: invocation.ServiceName(), Method: invocation.MethodName()}]
		if !ok { // registered with Kitex, but not in the IDL that was read at the start
			return refusal.New(problem.CodeForbidden, "%s.%s is not open to anybody", invocation.ServiceName(),
				invocation.MethodName())
		}
		caller, err := e.authorize(ctx, m)
		if err == nil {
			err = mustBeWellFormed(invocation)
		}
		if err == nil {
			err = mustHaveRequest(request)
		}
		if err == nil {
			err = e.stepUp.check(m.Method, caller, request, began)
		}
		if m.Signed {
			ctx = auth.WithAddress(ctx, e.address(ctx))
		}
		if m.class == entries {
			ctx = context.WithValue(ctx, admissionKey{}, e.admission)
			ctx = context.WithValue(ctx, edgeKey{}, e)
		}
		var asked risk.Answer
		if err == nil {
			asked, err = e.mayClaim(ctx, m, caller, request, began)
		}
		if err == nil {
			err = e.carryOut(ctx, m, caller, next, request, response)
			e.claimed(ctx, m, asked, err)
		}
		if err == nil {
			e.observe(ctx, m.ok, began)
			return nil
		}
		p, cause := problem.FromError(err)
		e.admission.missed(caller, p.Code)
		e.notLetIn(ctx, m.name, p.Code)
		e.observe(ctx, e.seconds.WithLabelValues(m.name, p.Code), began)
		problem.Log(ctx, e.log, "call failed", p, cause,
			slog.String("method", m.name), slog.String("caller", caller.Subject), slog.Duration("duration",
				time.Since(began)))
		if p.Code == problem.CodeRateLimited {
			e.admission.delay(ctx)
		}
		invocation.(rpcinfo.InvocationSetter).SetBizStatusErr(p.BizStatus()) // as Kitex's own endpoint does
		return nil
	}
}

// observe counts a call. Without tracing none asks for a trace.
func (e *edge) observe(ctx context.Context, seconds prometheus.Observer, began time.Time) {
	if e.traced {
		problem.Observe(ctx, seconds, began)
		return
	}
	seconds.Observe(time.Since(began).Seconds())
}

// authorize finds out who calls, and whether they may. A signed method has no caller. Refusals: unauthenticated,
// forbidden, ip_not_allowed, rate_limited.
func (e *edge) authorize(ctx context.Context, m *guardedMethod) (auth.Caller, error) {
	if m.Signed {
		if m.Key == exchangeMethod {
			return auth.Caller{}, e.admission.exchange(ctx, e.log, e.address(ctx))
		}
		return auth.Caller{}, nil // the service checks the signature
	}
	caller, err := e.identify(ctx)
	if err != nil {
		return auth.Caller{}, err
	}
	if err := auth.RequireScope(caller, m.Scopes); err != nil {
		return caller, err
	}
	if slices.Contains(m.Scopes, auth.ScopeMerchant) {
		if err := auth.RequireSession(caller, m.Scopes); err != nil {
			return caller, err
		}
	}
	if caller.Session != nil {
		return caller, e.checkSession(ctx, *caller.Session)
	}
	return caller, e.admission.user(ctx, e.log, m.class, caller)
}

// exchangeMethod is how a merchant's server gets its token.
var exchangeMethod = contract.Key{Service: "MerchantService", Method: "MerchantToken"}

// identify finds out who calls. Of a peer that is no gateway, so many bad tokens are looked at. Refusals:
// unauthenticated, rate_limited.
func (e *edge) identify(ctx context.Context) (auth.Caller, error) {
	peer := peerOf(ctx)
	if err := e.admission.token(ctx, peer); err != nil {
		return auth.Caller{}, err
	}
	token, _ := metainfo.GetValue(ctx, hongbao.TokenKey)
	caller, err := e.verifier.Verify(token)
	if err != nil && !e.isGateway(peer) {
		e.admission.badToken(peer)
	}
	return caller, err
}

// mustBeWellFormed refuses arguments that are not what the IDL says. Refusal: invalid_argument.
func mustBeWellFormed(i rpcinfo.Invocation) error {
	if err := thriftguard.Failure(i); err != nil {
		return refusal.New(refusal.CodeInvalidArgument, "the Thrift arguments are malformed: %s", err)
	}
	return nil
}

// mustHaveRequest refuses arguments without a request in them, which Thrift allows. Refusal: invalid_argument.
func mustHaveRequest(args any) error {
	if a, ok := args.(contract.Args); ok && a.IsSetReq() {
		return nil
	}
	return refusal.New(refusal.CodeInvalidArgument, "the arguments have no req: give it as field 1")
}

// carryOut calls the service, and records it where it belongs into the trail.
func (e *edge) carryOut(
	ctx context.Context, m *guardedMethod, caller auth.Caller, next endpoint.Endpoint, request, response any,
) error {
	if !e.recorded(m, caller) {
		return call(ctx, caller, m.Timeout, next, request, response)
	}
	detail, err := e.ask(ctx, m, caller, request)
	if err != nil {
		return err
	}
	err = call(ctx, caller, m.Timeout, next, request, response)
	e.answered(ctx, m, caller, detail, err)
	return err
}

// call gives the service a caller and a deadline. Kitex turns a panic of it into an error.
func call(
	ctx context.Context, caller auth.Caller, timeout time.Duration, next endpoint.Endpoint, request, response any,
) error {
	bound, cancel := context.WithTimeout(auth.WithCaller(context.Background(), caller), timeout)
	defer cancel()
	return next(&callContext{Context: ctx, bound: bound}, request, response)
}

// callContext is the context of a call: the values of Kitex's, which never ends, with a deadline and a caller. Deriving
// both from Kitex's instead would have the deadline look for somebody to end it in a long chain of values, twice.
type callContext struct {
	context.Context
	bound context.Context // has the deadline and the caller
}

func (c *callContext) Deadline() (time.Time, bool) { return c.bound.Deadline() }
func (c *callContext) Done() <-chan struct{}       { return c.bound.Done() }
func (c *callContext) Err() error                  { return c.bound.Err() }

// Value finds the caller, and for contexts derived from this one what ends them.
func (c *callContext) Value(key any) any {
	if v := c.bound.Value(key); v != nil {
		return v
	}
	return c.Context.Value(key)
}
