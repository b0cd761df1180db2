package problem

import (
	"context"
	"log/slog"

	"github.com/cloudwego/kitex/pkg/kerrors"
	"go.opentelemetry.io/otel/trace"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Log writes the one line of a failed request. cause is what FromError gave.
func Log(ctx context.Context, log *slog.Logger, message string, p Problem, cause error, attrs ...slog.Attr) {
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
	if t := trace.SpanContextFromContext(ctx); t.IsValid() {
		attrs = append(attrs, slog.String("trace_id", t.TraceID().String()))
	}
	log.LogAttrs(ctx, level, message, attrs...)
}
