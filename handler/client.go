package handler

import (
	"context"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/remote/codec"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"github.com/hongbao/hongbao/internal/thriftguard"
)

// ServiceName is what the Kitex server calls itself, and what its clients call.
const ServiceName = "hongbao"

// tokenKey is the metainfo name under which a token travels: one hop, in TTHeader as RPC_TRANSIT_HONGBAO_TOKEN.
const tokenKey = "HONGBAO_TOKEN"

// WithToken makes calls with the context carry a token.
func WithToken(ctx context.Context, token string) context.Context {
	return metainfo.WithValue(ctx, tokenKey, token)
}

// Bounds of a client.
const (
	callTimeout    = 5 * time.Second // a little more than the server's, so that its answer comes first
	connectTimeout = time.Second
	idlePerAddress = 1_000
	idleGlobal     = 10_000
	idleTimeout    = 30 * time.Second // under the server's own
)

// ClientOptions are what a Kitex client of these services needs to reach one of the addresses (host:port) and to get
// errors back whole. Nothing is retried: every call here is safe to repeat, but when is the caller's to decide.
func ClientOptions(addresses ...string) []client.Option {
	return []client.Option{
		client.WithHostPorts(addresses...),
		client.WithTransportProtocol(transport.TTHeader),
		client.WithMetaHandler(transmeta.ClientTTHeaderHandler),
		client.WithCodec(codec.NewDefaultCodecWithSizeLimit(maxMessage)),
		client.WithPayloadCodec(thriftguard.New()),
		client.WithRPCTimeout(callTimeout),
		client.WithConnectTimeout(connectTimeout),
		client.WithLongConnection(connpool.IdleConfig{
			MaxIdlePerAddress: idlePerAddress, MaxIdleGlobal: idleGlobal, MaxIdleTimeout: idleTimeout,
		}),
	}
}
