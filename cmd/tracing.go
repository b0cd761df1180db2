package cmd

import (
	"context"
	"log/slog"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/tracing"
	"github.com/hongbao/hongbao/push"
)

// traceTimeout bounds the sending of the last spans.
const traceTimeout = 3 * time.Second

// traceFlag says where a process sends its part of traces.
type traceFlag struct {
	TraceEndpoint string `help:"URL of an OpenTelemetry collector (OTLP over HTTP), for example http://jaeger:4318. Empty means no traces."`
}

func (t traceFlag) check() error { return traceFlags{traceFlag: t}.check() }

// traceFlags are the flags of a process that begins traces.
type traceFlags struct {
	traceFlag
	TraceSample float64 `help:"Part of all requests that is traced, 0 to 1." default:"0.01"`
}

func (t traceFlags) config(part string, log *slog.Logger) tracing.Config {
	return tracing.Config{Endpoint: t.TraceEndpoint, Sample: t.TraceSample, Part: part, Version: version(), Log: log}
}

func (t traceFlags) check() error {
	if t.TraceEndpoint == "" {
		return nil
	}
	return t.config("", nil).Check()
}

// trace lets a process send its part of the traces that others have begun.
func (t traceFlag) trace(ctx context.Context, c *connected, part string) error {
	return traceFlags{traceFlag: t}.trace(ctx, c, part)
}

// trace gives a process its tracing, nil without a collector.
func (t traceFlags) trace(ctx context.Context, c *connected, part string) error {
	if t.TraceEndpoint == "" {
		return nil
	}
	traced, err := tracing.New(ctx, t.config(part, c.config.Log))
	if err != nil {
		return err
	}
	c.tracing, c.config.Span = traced, traced.Span()
	c.config.Traces = app.Traces{Parent: tracing.Parent, Batch: traced.Batch()}
	before := c.close
	c.close = func() {
		ctx, cancel := context.WithTimeout(context.Background(), traceTimeout)
		defer cancel()
		if err := traced.Close(ctx); err != nil {
			c.config.Log.Warn("the last spans were lost", "error", err)
		}
		before()
	}
	return nil
}

// tracedOperation makes each message of a WebSocket that asks for something a trace of its own: a connection lives for
// hours, so it is no part of the request that opened it. Without tracing it returns next.
func tracedOperation(span app.Span, name string, next push.Operation) push.Operation {
	if span == nil {
		return next
	}
	return func(ctx context.Context, s push.Session, message []byte) ([]byte, error) {
		ctx, end := span(ctx, name)
		answer, err := next(ctx, s, message)
		end(err)
		return answer, err
	}
}
