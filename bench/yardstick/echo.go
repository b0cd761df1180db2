package yardstick

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/bench/yardstick/kitex_gen/echoapi"
	"github.com/hongbao/hongbao/bench/yardstick/kitex_gen/echoapi/echoservice"
)

// Callers of each yardstick that has no number of its own: as many as grab.
const Callers = 512

// echoName is what the echo server calls itself.
const echoName = "echo"

// Bounds of the echo server, the same as those of the engine's.
const (
	readWriteTimeout = 5 * time.Second
	connectionIdle   = time.Minute
)

type echoHandler struct{}

// Echo implements echoapi.EchoService.
func (*echoHandler) Echo(_ context.Context, r *echoapi.EchoRequest) (*echoapi.EchoResponse, error) {
	return &echoapi.EchoResponse{Outcome: "won", Amount: r.EnvelopeId & 0xff, Currency: "CNY", Share: 7}, nil
}

// ServeEcho answers on a listener until the context ends.
func ServeEcho(ctx context.Context, listener net.Listener) error {
	exit := make(chan error, 1)
	options := []server.Option{
		server.WithServerBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: echoName}),
		server.WithListener(listener),
		server.WithMetaHandler(transmeta.ServerTTHeaderHandler),
		server.WithReadWriteTimeout(readWriteTimeout),
		server.WithMaxConnIdleTime(connectionIdle),
		server.WithExitSignal(func() <-chan error { return exit }),
	}
	defer context.AfterFunc(ctx, func() { exit <- nil })()
	return echoservice.NewServer(&echoHandler{}, options...).Run()
}

// Echo is a Kitex call that is answered at once.
type Echo struct {
	client  echoservice.Client
	padding string
}

// NewEcho makes a client of an echo server with the options that the engine's clients have. token is how many bytes the
// token of a grab has.
func NewEcho(token int, options []client.Option) (*Echo, error) {
	c, err := echoservice.NewClient(echoName, options...)
	if err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	return &Echo{client: c, padding: strings.Repeat("x", token)}, nil
}

// Name of the yardstick.
func (e *Echo) Name() string { return "echo" }

// What it is.
func (e *Echo) What() string {
	return fmt.Sprintf("a Kitex call of a grab's size that is answered at once, without authentication, %d callers",
		Callers)
}

// Measure returns calls a second.
func (e *Echo) Measure(ctx context.Context, span time.Duration) (float64, error) {
	base := context.WithoutCancel(ctx)
	requests := make([]struct {
		echoapi.EchoRequest
		_ [64]byte // keeps what callers write apart in the processor's cache
	}, Callers)
	return closed(ctx, Callers, span, func(worker int, n int64) error {
		r := &requests[worker].EchoRequest
		r.EnvelopeId, r.Padding = n, e.padding
		_, err := e.client.Echo(base, r)
		return err
	})
}

// closed runs a closed loop and returns how many a second succeeded; one failure fails it.
func closed(ctx context.Context, callers int, span time.Duration, op load.Op) (float64, error) {
	r := load.Closed(ctx, callers, span, load.Options{}, op)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for code, n := range r.Codes {
		return 0, fmt.Errorf("%d of %d failed: %s", n, r.Done, r.Example[code])
	}
	return r.PerSecond(), nil
}
