package handler

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/limit"
	"github.com/cloudwego/kitex/pkg/remote/codec"
	"github.com/cloudwego/kitex/pkg/remote/trans/gonet"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"
	"github.com/prometheus/client_golang/prometheus"

	hongbao "github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/internal/thriftguard"
	"github.com/hongbao/hongbao/kitex_gen/chatapi"
	"github.com/hongbao/hongbao/kitex_gen/chatapi/chatservice"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi/collectionservice"
	"github.com/hongbao/hongbao/kitex_gen/coverapi"
	"github.com/hongbao/hongbao/kitex_gen/coverapi/coverservice"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi/merchantservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/stockapi"
	"github.com/hongbao/hongbao/kitex_gen/stockapi/stockservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi/webhookservice"
)

// Bounds of a server.
const (
	readWriteTimeout = 5 * time.Second // for one message on a connection
	connectionIdle   = time.Minute
	exitWait         = 5 * time.Second // for calls under way when the server stops
	// maxMessage bounds a request in bytes: no body that the gateway takes gets larger in Thrift.
	maxMessage = max(2*contract.MaxBody, contract.MaxLargeBody)
)

// ServerConfig is what a Server needs. Everything is required but TLS and Operator.
type ServerConfig struct {
	Listener   net.Listener // TCP
	TLS        *tls.Config  // nil: without
	Wallet     walletapi.WalletService
	Group      groupapi.GroupService
	Envelope   envelopeapi.EnvelopeService
	Transfer   transferapi.TransferService
	Collection collectionapi.CollectionService
	Chat       chatapi.ChatService
	Merchant   merchantapi.MerchantService
	Webhook    webhookapi.WebhookService
	Cover      coverapi.CoverService
	Stock      stockapi.StockService
	Operator   operatorapi.OperatorService // nil: operators cannot ask here
	Verifier   *auth.Verifier
	Log        *slog.Logger
	Metrics    prometheus.Registerer

	// Outermost are around everything else that happens to a call: they trace it. May be nil.
	Outermost []endpoint.Middleware

	Limits RateLimiter
	StepUp StepUp
	Risk   Risk  // nil: there are no rules
	Trail  Trail // nil: nothing is recorded
	Tally  Tally // nil: who was not let in is not counted
	// MaxConnections may be open at once; more are closed. 0 is no bound.
	MaxConnections int
	Calls          CallLimits       // of users and addresses; the zero value limits nothing
	Now            func() time.Time // for Calls in this process; nil: time.Now
	MerchantCalls  int              // of a merchant's key in a second; 0 for DefaultMerchantCalls
	Gateways       []netip.Prefix   // whose word for an address is taken, beside this machine's; may be empty
}

// Server is the Kitex server with all services on one port.
type Server struct {
	kitex server.Server
	exit  chan error
}

// NewServer makes a server. It fails where the IDL has a method without a scope annotation.
func NewServer(c ServerConfig) (*Server, error) {
	promised, err := contract.Load()
	if err != nil {
		return nil, err
	}
	e := newEdge(promised, c.Verifier, c.Log)
	e.traced = len(c.Outermost) > 0
	e.limits, e.merchantCalls, e.gateways, e.stepUp = c.Limits, c.MerchantCalls, c.Gateways, c.StepUp
	e.trail, e.tally, e.risk = c.Trail, c.Tally, c.Risk
	if e.admission, err = newAdmission(c.Limits, c.Calls, c.Now); err != nil {
		return nil, err
	}
	guard := newFrameGuard(c.Log)
	if err := errors.Join(c.Metrics.Register(e.seconds), c.Metrics.Register(guard.closed)); err != nil {
		return nil, fmt.Errorf("server metrics: %w", err)
	}
	s := &Server{exit: make(chan error, 1)}
	var options []server.Option
	for _, m := range c.Outermost {
		options = append(options, server.WithMiddleware(m))
	}
	options = append(options,
		server.WithServerBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: hongbao.ServiceName}),
		server.WithMetaHandler(transmeta.ServerTTHeaderHandler),
		server.WithTransHandlerFactory(guard),
		server.WithPayloadCodec(thriftguard.New()),
		server.WithCodec(codec.NewDefaultCodecWithSizeLimit(maxMessage)),
		server.WithMiddleware(e.middleware),
		server.WithReadWriteTimeout(readWriteTimeout),
		server.WithMaxConnIdleTime(connectionIdle),
		server.WithExitWaitTime(exitWait),
		server.WithExitSignal(func() <-chan error { return s.exit }),
	)
	if c.TLS != nil {
		guard.tls = true
		options = append(options, server.WithTransServerFactory(gonet.NewTransServerFactory()))
		c.Listener = newTLSListener(c.Listener, c.TLS)
	}
	options = append(options, server.WithListener(c.Listener))
	if c.MaxConnections > 0 {
		options = append(options, server.WithLimit(&limit.Option{MaxConnections: c.MaxConnections}))
	}
	s.kitex = server.NewServer(options...)
	err = errors.Join(
		walletservice.RegisterService(s.kitex, c.Wallet),
		groupservice.RegisterService(s.kitex, c.Group),
		envelopeservice.RegisterService(s.kitex, c.Envelope),
		transferservice.RegisterService(s.kitex, c.Transfer),
		collectionservice.RegisterService(s.kitex, c.Collection),
		chatservice.RegisterService(s.kitex, c.Chat),
		merchantservice.RegisterService(s.kitex, c.Merchant),
		webhookservice.RegisterService(s.kitex, c.Webhook),
		coverservice.RegisterService(s.kitex, c.Cover),
		stockservice.RegisterService(s.kitex, c.Stock),
	)
	if c.Operator != nil {
		err = errors.Join(err, operatorservice.RegisterService(s.kitex, c.Operator))
	}
	return s, err
}

// Run serves until the context ends, then lets the calls under way finish, for exitWait at most. It closes the
// listener. A server runs once.
func (s *Server) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { s.exit <- nil })()
	if err := s.kitex.Run(); err != nil {
		return fmt.Errorf("rpc server: %w", err)
	}
	return nil
}
