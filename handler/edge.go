package handler

import (
	"context"
	"log/slog"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/prometheus/client_golang/prometheus"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/thriftguard"
)

// codeOK is the code of success in metrics.
const codeOK = "ok"

// edge is what happens around every call of a Kitex server: who calls and may they, a deadline, and what an error
// becomes. It counts every call and logs the failed ones.
type edge struct {
	methods  map[methodKey]*guardedMethod
	verifier *Verifier
	seconds  *prometheus.HistogramVec // by method and code
	log      *slog.Logger
}

// guardedMethod is a method of the contract with what every call of it needs.
type guardedMethod struct {
	*method
	name string              // in logs and metrics
	ok   prometheus.Observer // seconds of those that succeed
}

func newEdge(c *contract, v *Verifier, log *slog.Logger) *edge {
	e := &edge{methods: make(map[methodKey]*guardedMethod), verifier: v, seconds: rpcSeconds(), log: log}
	for key, m := range c.methods {
		e.methods[key] = &guardedMethod{method: m, name: m.String(), ok: e.seconds.WithLabelValues(m.String(), codeOK)}
	}
	return e
}

// middleware wraps the services.
func (e *edge) middleware(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request, response any) error {
		began := time.Now()
		invocation := rpcinfo.GetRPCInfo(ctx).Invocation()
		m, ok := e.methods[methodKey{invocation.ServiceName(), invocation.MethodName()}]
		if !ok { // registered with Kitex, but not in the IDL that was read at the start
			return refusal.New(CodeForbidden, "%s.%s is not open to anybody", invocation.ServiceName(), invocation.MethodName())
		}
		caller, err := e.authorize(ctx, m)
		if err == nil {
			err = mustBeWellFormed(invocation)
		}
		if err == nil {
			err = mustHaveRequest(request)
		}
		if err == nil {
			err = call(ctx, caller, m.timeout, next, request, response)
		}
		if err == nil {
			m.ok.Observe(time.Since(began).Seconds())
			return nil
		}
		problem, cause := judge(err)
		e.seconds.WithLabelValues(m.name, problem.Code).Observe(time.Since(began).Seconds())
		logFailure(ctx, e.log, "call failed", problem, cause,
			slog.String("method", m.name), slog.String("caller", caller.Subject), slog.Duration("duration", time.Since(began)))
		invocation.(rpcinfo.InvocationSetter).SetBizStatusErr(problem.biz()) // as Kitex's own endpoint does
		return nil
	}
}

// authorize finds out who calls, and whether they may. A signed method has no caller. Refusals: unauthenticated,
// forbidden.
func (e *edge) authorize(ctx context.Context, m *guardedMethod) (Caller, error) {
	if m.signed {
		return Caller{}, nil // the service checks the signature
	}
	token, _ := metainfo.GetValue(ctx, hongbao.TokenKey)
	caller, err := e.verifier.Verify(token)
	if err != nil {
		return Caller{}, err
	}
	return caller, mustHave(caller, m.scopes)
}

// mustHave refuses a caller whose token carries none of the scopes. Refusal: forbidden.
func mustHave(c Caller, scopes []Scope) error {
	if c.hasAny(scopes) {
		return nil
	}
	return refusal.New(CodeForbidden, "this needs a token of scope %s", listScopes(scopes, " or "))
}

// mustBeWellFormed refuses arguments that are not what the IDL says. Refusal: invalid_argument.
func mustBeWellFormed(i rpcinfo.Invocation) error {
	if err := thriftguard.Failure(i); err != nil {
		return invalid("the Thrift arguments are malformed: %s", err)
	}
	return nil
}

// generatedArgs is what the arguments of every method have: all of them take one struct named req.
type generatedArgs interface{ IsSetReq() bool }

// mustHaveRequest refuses arguments without a request in them, which Thrift allows. Refusal: invalid_argument.
func mustHaveRequest(args any) error {
	if a, ok := args.(generatedArgs); ok && a.IsSetReq() {
		return nil
	}
	return invalid("the arguments have no req: give it as field 1")
}

// call gives the service a caller and a deadline. Kitex turns a panic of it into an error.
func call(ctx context.Context, caller Caller, timeout time.Duration, next endpoint.Endpoint, request, response any) error {
	bound, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return next(&callContext{Context: ctx, bound: bound, caller: caller}, request, response)
}

// callContext is the context of a call: the values of Kitex's, which never ends, with a deadline and a caller. Deriving
// both from Kitex's instead would have the deadline look for somebody to end it in a long chain of values, twice.
type callContext struct {
	context.Context
	bound  context.Context
	caller Caller
}

func (c *callContext) Deadline() (time.Time, bool) { return c.bound.Deadline() }
func (c *callContext) Done() <-chan struct{}       { return c.bound.Done() }
func (c *callContext) Err() error                  { return c.bound.Err() }

// Value finds the caller, and for contexts derived from this one what ends them.
func (c *callContext) Value(key any) any {
	if key == (callerKey{}) {
		return c.caller
	}
	if v := c.bound.Value(key); v != nil {
		return v
	}
	return c.Context.Value(key)
}

// logFailure writes the one line of a failed request.
func logFailure(ctx context.Context, log *slog.Logger, message string, p Problem, cause error, attrs ...slog.Attr) {
	level := slog.LevelInfo
	switch p.Code {
	case CodeInternal:
		level = slog.LevelError
	case refusal.CodeUnavailable:
		level = slog.LevelWarn
	}
	attrs = append(attrs, slog.String("code", p.Code))
	if p.Incident != "" {
		attrs = append(attrs, slog.String("incident", p.Incident))
	}
	if cause == nil {
		attrs = append(attrs, slog.String("detail", p.Detail))
	} else {
		attrs = append(attrs, slog.String("error", cause.Error()))
		if d, ok := cause.(*kerrors.DetailedError); ok && d.Stack() != "" {
			attrs = append(attrs, slog.String("stack", d.Stack()))
		}
	}
	log.LogAttrs(ctx, level, message, attrs...)
}
