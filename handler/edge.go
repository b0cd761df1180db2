package handler

import (
	"context"
	"log/slog"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/transport"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/wallet"
)

// codeOK is the code of success in metrics.
const codeOK = "ok"

// edge is what happens around every call of a Kitex server: who calls and may they, a deadline, and what an error
// becomes. It counts every call and logs the failed ones.
type edge struct {
	contract *contract
	verifier *Verifier
	seconds  *prometheus.HistogramVec // by method and code
	log      *slog.Logger
}

// middleware wraps the services.
func (e *edge) middleware(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request, response any) error {
		began := time.Now()
		invocation := rpcinfo.GetRPCInfo(ctx).Invocation()
		name := invocation.ServiceName() + "." + invocation.MethodName()
		key := methodKey{invocation.ServiceName(), invocation.MethodName()}
		caller, err := e.authorize(ctx, key)
		if err == nil {
			err = mustHaveRequest(request)
		}
		if err == nil {
			err = call(WithCaller(ctx, caller), e.contract.methods[key].timeout, next, request, response)
		}
		if err == nil {
			e.seconds.WithLabelValues(name, codeOK).Observe(time.Since(began).Seconds())
			return nil
		}
		problem, cause := judge(err)
		e.seconds.WithLabelValues(name, problem.Code).Observe(time.Since(began).Seconds())
		logFailure(ctx, e.log, "call failed", problem, cause,
			slog.String("method", name), slog.String("caller", caller.Subject), slog.Duration("duration", time.Since(began)))
		if rpcinfo.GetRPCInfo(ctx).Config().TransportProtocol()&transport.TTHeader == 0 {
			return problem // without TTHeader a business error would arrive as success with an empty answer
		}
		invocation.(rpcinfo.InvocationSetter).SetBizStatusErr(problem.biz()) // as Kitex's own endpoint does
		return nil
	}
}

// authorize finds out who calls, and whether they may. Refusals: unauthenticated, forbidden.
func (e *edge) authorize(ctx context.Context, key methodKey) (Caller, error) {
	m, ok := e.contract.methods[key]
	if !ok { // registered with Kitex, but not in the IDL that was read at the start
		return Caller{}, wallet.Refuse(CodeForbidden, "%s.%s is not open to anybody", key.service, key.method)
	}
	token, _ := metainfo.GetValue(ctx, tokenKey)
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
	return wallet.Refuse(CodeForbidden, "this needs a token of scope %s", listScopes(scopes, " or "))
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

// call gives the service a deadline. Kitex turns a panic of it into an error.
func call(ctx context.Context, timeout time.Duration, next endpoint.Endpoint, request, response any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return next(ctx, request, response)
}

// logFailure writes the one line of a failed request.
func logFailure(ctx context.Context, log *slog.Logger, message string, p Problem, cause error, attrs ...slog.Attr) {
	level := slog.LevelInfo
	switch p.Code {
	case CodeInternal:
		level = slog.LevelError
	case wallet.CodeUnavailable:
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
