package client

import (
	"context"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	kitex "github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"github.com/hongbao/hongbao/internal/thriftguard"
	"github.com/hongbao/hongbao/kitex_gen/chatapi/chatservice"
	"github.com/hongbao/hongbao/kitex_gen/collectionapi/collectionservice"
	"github.com/hongbao/hongbao/kitex_gen/coverapi/coverservice"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi/merchantservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/stockapi/stockservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
	"github.com/hongbao/hongbao/kitex_gen/webhookapi/webhookservice"
)

// ServiceName is the name of the Kitex server.
const ServiceName = "hongbao"

// TokenKey is the metainfo name under which a token travels: one hop, in TTHeader as RPC_TRANSIT_HONGBAO_TOKEN.
const TokenKey = "HONGBAO_TOKEN"

// Bounds of a Kitex client.
const (
	connectTimeout = time.Second
	// maxIdle bounds the idle connections, to one address and to all: as many as the load generator has callers. Kitex
	// allocates nothing for connections that do not exist.
	maxIdle     = 20_000
	idleTimeout = 30 * time.Second // less than the server's own
)

// DefaultTimeout bounds one attempt of a call unless WithTimeout says otherwise: a little more than the server allows
// itself, so that its answer comes first.
const DefaultTimeout = 5 * time.Second

// ContextWithToken returns a context whose raw calls (Client.Services, KitexOptions) carry a token.
func ContextWithToken(ctx context.Context, token string) context.Context {
	return metainfo.WithValue(ctx, TokenKey, token)
}

// KitexOptions are the options with which a bare Kitex client of these services reaches one of the addresses
// (host:port; a name stands for all that DNS knows of it) and gets errors whole; see RefusalOf. The client retries
// nothing. timeout bounds each call unless callopt.WithRPCTimeout gives the call another bound.
func KitexOptions(timeout time.Duration, addresses ...string) []kitex.Option {
	return KitexOptionsAt(timeout, fixed(addresses))
}

// KitexOptionsAt is KitexOptions for addresses that change, and of which a registry knows.
func KitexOptionsAt(timeout time.Duration, addresses Addresses) []kitex.Option {
	return []kitex.Option{
		kitex.WithResolver(newResolver(addresses)),
		kitex.WithTransportProtocol(transport.TTHeader),
		kitex.WithMetaHandler(transmeta.ClientTTHeaderHandler),
		kitex.WithPayloadCodec(thriftguard.New()),
		kitex.WithConnectTimeout(connectTimeout),
		kitex.WithMiddleware(readTimeout(timeout)),
		kitex.WithLongConnection(connpool.IdleConfig{
			MaxIdlePerAddress: maxIdle, MaxIdleGlobal: maxIdle, MaxIdleTimeout: idleTimeout,
		}),
	}
}

// readTimeout bounds the wait for an answer by the read timeout of the connection. Kitex's own timeout moves each call
// to another goroutine, which costs a load generator a measurable part of its throughput. The middleware runs inside
// Kitex's timeout, which has already looked for this setting and found none.
func readTimeout(timeout time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request, response any) error {
			config := rpcinfo.GetRPCInfo(ctx).Config()
			if mutable := rpcinfo.AsMutableRPCConfig(config); mutable != nil && config.RPCTimeout() <= 0 {
				_ = mutable.SetRPCTimeout(timeout) // fails only where a timeout is fixed, which then holds
			}
			return next(ctx, request, response)
		}
	}
}

// Services are the generated Kitex clients.
type Services struct {
	Envelopes   envelopeservice.Client
	Transfers   transferservice.Client
	Collections collectionservice.Client
	Chats       chatservice.Client
	Merchants   merchantservice.Client
	Webhooks    webhookservice.Client
	Covers      coverservice.Client
	Stock       stockservice.Client
	Wallet      walletservice.Client
	Groups      groupservice.Client
	Operator    operatorservice.Client
}
