package tracing

import (
	"context"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceKey is the metainfo name under which W3C's traceparent travels: one hop, in TTHeader.
const traceKey = "HONGBAO_TRACEPARENT"

// failures are the business codes from which on a call has failed on our side; below, it was refused.
const failures = 50_000

// metainfoCarrier brings a trace into and out of what travels with a Kitex call.
type metainfoCarrier struct{ ctx context.Context }

// Get implements propagation.TextMapCarrier.
func (c *metainfoCarrier) Get(key string) string {
	if key != "traceparent" {
		return "" // what else callers may want to say is not for us
	}
	value, _ := metainfo.GetValue(c.ctx, traceKey)
	return value
}

// Set implements propagation.TextMapCarrier.
func (c *metainfoCarrier) Set(key, value string) {
	if key == "traceparent" {
		c.ctx = metainfo.WithValue(c.ctx, traceKey, value)
	}
}

// Keys implements propagation.TextMapCarrier.
func (c *metainfoCarrier) Keys() []string { return []string{"traceparent"} }

// Server are the middlewares of a Kitex server, outside all others; none without tracing.
func (t *Tracing) Server() []endpoint.Middleware {
	if t == nil {
		return nil
	}
	return []endpoint.Middleware{func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request, response any) error {
			ctx = propagation.TraceContext{}.Extract(ctx, &metainfoCarrier{ctx})
			return t.call(ctx, trace.SpanKindServer, next, request, response)
		}
	}}
}

// Client are the middlewares of a Kitex client; none without tracing.
func (t *Tracing) Client() []endpoint.Middleware {
	if t == nil {
		return nil
	}
	return []endpoint.Middleware{func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request, response any) error {
			return t.call(ctx, trace.SpanKindClient, func(ctx context.Context, request, response any) error {
				carrier := &metainfoCarrier{ctx}
				propagation.TraceContext{}.Inject(ctx, carrier)
				return next(carrier.ctx, request, response)
			}, request, response)
		}
	}}
}

// call makes a span of a call.
func (t *Tracing) call(
	ctx context.Context, kind trace.SpanKind, next endpoint.Endpoint, request, response any,
) error {
	info := rpcinfo.GetRPCInfo(ctx)
	service, method := info.Invocation().ServiceName(), info.Invocation().MethodName()
	ctx, span := t.tracer.Start(ctx, service+"."+method, trace.WithSpanKind(kind), trace.WithAttributes(
		attribute.String("rpc.system", "kitex"), attribute.String("rpc.service", service),
		attribute.String("rpc.method", method)))
	defer span.End()
	err := next(ctx, request, response)
	refused := info.Invocation().BizStatusErr()
	if refused != nil {
		span.SetAttributes(attribute.Int("hongbao.status", int(refused.BizStatusCode())))
	}
	if err != nil || refused != nil && refused.BizStatusCode() >= failures {
		span.SetStatus(codes.Error, "")
	}
	return err
}
