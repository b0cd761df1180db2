// Package tracing makes spans of HTTP requests, of Kitex calls and of what is done inside, and sends them to an
// OpenTelemetry collector. It is off unless there is one: then nothing is wrapped, so that nothing costs.
//
// The gateway begins a trace at each request. What a client says in traceparent becomes a link, so that nobody outside
// decides how much is traced. A Kitex call carries its trace along, and the server follows the caller's decision, for
// its callers are known by their tokens. What is done later for many at a time goes on with the traces of all of them
// (see Batch), which their records carry.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// name is the instrumentation scope of our spans.
const name = "github.com/hongbao/hongbao"

// Config says where spans go. Endpoint, Part, Version and Log are required.
type Config struct {
	Endpoint string  // URL of an OTLP collector over HTTP, without a path: http://jaeger:4318
	Sample   float64 // the part of new traces that is kept, 0 to 1
	Part     string  // rpc, gateway …
	Version  string
	Log      *slog.Logger
}

// Check finds a configuration with which New would fail.
func (c Config) Check() error {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q is not the URL of a collector: give http://host:4318", c.Endpoint)
	}
	if !(c.Sample >= 0 && c.Sample <= 1) {
		return fmt.Errorf("%v is no part of all traces: give 0 to 1", c.Sample)
	}
	return nil
}

// Tracing makes spans. A nil one makes none; all methods work on it.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New makes no connection: spans wait in a queue of 2,048, and those that find it full are dropped. A collector that is
// away delays no call.
func New(ctx context.Context, c Config) (*Tracing, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	// The exporter takes a URL as it is, and adds no path of its own to it.
	target, err := url.JoinPath(c.Endpoint, "v1/traces")
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(target))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about := resource.NewSchemaless(attribute.String("service.name", "hongbao-"+c.Part),
		attribute.String("service.version", c.Version))
	// The SDK has one handler for what its exporters fail at, for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Log.Warn("spans were lost", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Sample))))
	return Of(provider), nil
}

// Of makes spans with a provider of one's own, which Close shuts down.
func Of(provider *sdktrace.TracerProvider) *Tracing {
	return &Tracing{provider: provider, tracer: provider.Tracer(name)}
}

// Close sends what is left, until the context ends.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Span is a function that begins a span inside a trace and returns what ends it; nil without tracing.
func (t *Tracing) Span() func(ctx context.Context, name string) (context.Context, func(error)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, name string) (context.Context, func(error)) {
		ctx, span := t.tracer.Start(ctx, name)
		return ctx, func(err error) {
			if err != nil {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
}

// HTTP begins a trace at each request but those for health, metrics and the live feed, which never ends. name names
// requests by what they ask for, without ids.
func (t *Tracing) HTTP(name func(*http.Request) string, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics", "/ws":
			next.ServeHTTP(w, r)
			return
		}
		options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", r.Method))}
		outside := trace.SpanContextFromContext(
			propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header)))
		if outside.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: outside}))
		}
		ctx, span := t.tracer.Start(r.Context(), name(r), options...)
		defer span.End()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		span.SetAttributes(attribute.Int("http.response.status_code", seen.status))
		if seen.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
