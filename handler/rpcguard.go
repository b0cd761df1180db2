package handler

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/remote/trans/gonet"
	kitexnetpoll "github.com/cloudwego/kitex/pkg/remote/trans/netpoll"
	"github.com/cloudwego/kitex/transport"
	"github.com/cloudwego/netpoll"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/handler/problem"
)

// frameGuard is Kitex's handler of connections, which speaks Thrift only: what a server has of itself answers gRPC as
// well. It lets whole frames pass only, closes the connection of anything else, and counts those. As a factory it makes
// itself.
type frameGuard struct {
	remote.ServerTransHandler
	log    *slog.Logger
	closed *prometheus.CounterVec // connections, by reason
	tls    bool                   // connections are over package net
}

func newFrameGuard(log *slog.Logger) *frameGuard {
	g := &frameGuard{log: log, closed: rpcClosed()}
	for _, reason := range reasons() {
		g.closed.WithLabelValues(reason)
	}
	return g
}

// NewTransHandler implements remote.ServerTransHandlerFactory.
func (g *frameGuard) NewTransHandler(o *remote.ServerOption) (remote.ServerTransHandler, error) {
	factory := kitexnetpoll.NewSvrTransHandlerFactory()
	if g.tls {
		factory = gonet.NewSvrTransHandlerFactory()
	}
	inner, err := factory.NewTransHandler(o)
	if err != nil {
		return nil, err
	}
	return &frameGuard{ServerTransHandler: inner, log: g.log, closed: g.closed, tls: g.tls}, nil
}

// SetInvokeHandleFunc implements remote.InvokeHandleFuncSetter, without which Kitex's handler calls nothing.
func (g *frameGuard) SetInvokeHandleFunc(f endpoint.Endpoint) {
	if inner, ok := g.ServerTransHandler.(remote.InvokeHandleFuncSetter); ok {
		inner.SetInvokeHandleFunc(f)
	}
}

// GracefulShutdown implements remote.GracefulShutdown.
func (g *frameGuard) GracefulShutdown(ctx context.Context) error {
	if inner, ok := g.ServerTransHandler.(remote.GracefulShutdown); ok {
		return inner.GracefulShutdown(ctx)
	}
	return nil
}

// OnRead serves one frame. The connection is closed after an error.
func (g *frameGuard) OnRead(ctx context.Context, conn net.Conn) error {
	var err error
	switch source := conn.(type) {
	case netpoll.Connection:
		err = awaitFrame(source)
	case buffered:
		err = await(bufferedReader{source.Reader()}, source.SetReadDeadline)
	default:
		err = errors.New("neither a connection of netpoll nor one of package net")
	}
	if err != nil {
		return err
	}
	return g.ServerTransHandler.OnRead(ctx, conn)
}

// Read decodes a frame. Kitex answers a *remote.TransError with its text before the connection is closed.
func (g *frameGuard) Read(ctx context.Context, conn net.Conn, message remote.Message) (context.Context, error) {
	ctx, err := g.ServerTransHandler.Read(ctx, conn, message)
	if err != nil {
		if _, answered := errors.AsType[*remote.TransError](err); answered {
			return ctx, err
		}
		return ctx, &badFrame{reasonMalformed, err.Error()}
	}
	if message.RPCInfo().Config().TransportProtocol()&transport.TTHeader == 0 {
		// A business error would arrive as success with an empty answer.
		p := problem.Problem{Code: problem.CodeUnauthenticated,
			Detail: "tokens and errors travel in TTHeader only: use that transport"}
		return ctx, remote.NewTransErrorWithMsg(remote.UnsupportedClientType, p.Error())
	}
	return ctx, nil
}

// OnError notes why a connection is closed. What peers do wrong is counted, and logged for debugging only: who sends
// garbage must not be able to fill a disk.
func (g *frameGuard) OnError(ctx context.Context, err error, conn net.Conn) {
	reason, ok := closeReason(err)
	if !ok && g.tls && ended(err) {
		return
	}
	if !ok {
		g.ServerTransHandler.OnError(ctx, err, conn)
		return
	}
	g.closed.WithLabelValues(reason).Inc()
	if !g.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	detail := err.Error()
	g.log.LogAttrs(ctx, slog.LevelDebug, "rpc connection closed",
		slog.String("reason", reason), slog.String("peer", conn.RemoteAddr().String()),
		slog.String("detail", detail[:min(len(detail), maxLoggedDetail)]))
}

// maxLoggedDetail bounds what a log line repeats of a peer's bytes, in bytes.
const maxLoggedDetail = 200

// closeReason is what a peer did wrong. ok is false for anything that it did not.
func closeReason(err error) (reason string, ok bool) {
	if bad, ok := errors.AsType[*badFrame](err); ok {
		return bad.reason, true
	}
	if answered, ok := errors.AsType[*remote.TransError](err); ok {
		switch answered.TypeID() {
		case remote.UnsupportedClientType:
			return reasonNoTTHeader, true
		case remote.UnknownService, remote.UnknownMethod, remote.InvalidMessageTypeException:
			return reasonUnknownCall, true
		}
	}
	return "", false
}
