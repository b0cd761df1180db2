package handler

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/netpoll"
)

// RouteKitexLog sends what Kitex and its network library log to log, instead of standard error. Their logger is one
// for the whole process and must be set before any server or client exists: call it once, at the start of a program.
// What Kitex calls information (addresses it listens on) is debugging here.
func RouteKitexLog(log *slog.Logger) {
	log = log.With(slog.String("from", "kitex"))
	klog.SetLogger(kitexLog{log})
	netpoll.SetLoggerOutput(netpollLog{log})
}

// netpollLog takes netpoll's lines, which come with a time of their own in front.
type netpollLog struct{ log *slog.Logger }

func (n netpollLog) Write(line []byte) (int, error) {
	_, message, found := strings.Cut(string(line), "NETPOLL: ")
	if !found {
		message = string(line)
	}
	n.log.Warn(strings.TrimSpace(message))
	return len(line), nil
}

// kitexLog is a klog.FullLogger over slog.
type kitexLog struct{ log *slog.Logger }

func (k kitexLog) write(ctx context.Context, level slog.Level, message string) {
	k.log.Log(ctx, level, strings.TrimPrefix(message, "KITEX: "))
}

func (k kitexLog) print(level slog.Level, v []any) {
	k.write(context.Background(), level, fmt.Sprint(v...))
}

func (k kitexLog) format(ctx context.Context, level slog.Level, format string, v []any) {
	k.write(ctx, level, fmt.Sprintf(format, v...))
}

// SetLevel and SetOutput do nothing: level and destination are slog's.
func (k kitexLog) SetLevel(klog.Level) {}
func (k kitexLog) SetOutput(io.Writer) {}

func (k kitexLog) Trace(v ...any)  { k.print(slog.LevelDebug, v) }
func (k kitexLog) Debug(v ...any)  { k.print(slog.LevelDebug, v) }
func (k kitexLog) Info(v ...any)   { k.print(slog.LevelDebug, v) }
func (k kitexLog) Notice(v ...any) { k.print(slog.LevelInfo, v) }
func (k kitexLog) Warn(v ...any)   { k.print(slog.LevelWarn, v) }
func (k kitexLog) Error(v ...any)  { k.print(slog.LevelError, v) }

// Fatal ends the process, as klog promises.
func (k kitexLog) Fatal(v ...any) {
	k.print(slog.LevelError, v)
	os.Exit(1)
}

func (k kitexLog) Tracef(f string, v ...any)  { k.format(context.Background(), slog.LevelDebug, f, v) }
func (k kitexLog) Debugf(f string, v ...any)  { k.format(context.Background(), slog.LevelDebug, f, v) }
func (k kitexLog) Infof(f string, v ...any)   { k.format(context.Background(), slog.LevelDebug, f, v) }
func (k kitexLog) Noticef(f string, v ...any) { k.format(context.Background(), slog.LevelInfo, f, v) }
func (k kitexLog) Warnf(f string, v ...any)   { k.format(context.Background(), slog.LevelWarn, f, v) }
func (k kitexLog) Errorf(f string, v ...any)  { k.format(context.Background(), slog.LevelError, f, v) }

// Fatalf ends the process, as klog promises.
func (k kitexLog) Fatalf(f string, v ...any) {
	k.format(context.Background(), slog.LevelError, f, v)
	os.Exit(1)
}

func (k kitexLog) CtxTracef(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelDebug, f, v)
}
func (k kitexLog) CtxDebugf(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelDebug, f, v)
}
func (k kitexLog) CtxInfof(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelDebug, f, v)
}
func (k kitexLog) CtxNoticef(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelInfo, f, v)
}
func (k kitexLog) CtxWarnf(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelWarn, f, v)
}
func (k kitexLog) CtxErrorf(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelError, f, v)
}

// CtxFatalf ends the process, as klog promises.
func (k kitexLog) CtxFatalf(ctx context.Context, f string, v ...any) {
	k.format(ctx, slog.LevelError, f, v)
	os.Exit(1)
}
