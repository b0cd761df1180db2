package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"github.com/hongbao/hongbao/bench/load"
	"github.com/hongbao/hongbao/internal/thriftguard"
	"github.com/hongbao/hongbao/kitex_gen/envelopeapi/envelopeservice"
	"github.com/hongbao/hongbao/kitex_gen/groupapi/groupservice"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
	"github.com/hongbao/hongbao/kitex_gen/operatorapi/operatorservice"
	"github.com/hongbao/hongbao/kitex_gen/transferapi/transferservice"
	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
)

// Access is where a deployment is, and how to speak to it.
type Access struct {
	RPC       string // host:port
	HTTP      string // host:port; may be empty where no suite listens
	Service   string // what its Kitex server calls itself
	WithToken func(ctx context.Context, token string) context.Context
	Sign      func(subject, scope string) (string, error)
}

// Bounds of a client.
const (
	callTimeout    = 5 * time.Second
	auditTimeout   = 15 * time.Minute
	connectTimeout = time.Second
	idleTimeout    = 30 * time.Second // under the server's own
)

// Codes of errors that no service decided.
const (
	codeTimeout = "timeout"
	codeNetwork = "network"
)

// ClientOptions are those of a client that costs the generator little. A call is bounded by the read timeout of its
// connection: Kitex's own timeout would move each call to another goroutine.
func ClientOptions(address string, timeout time.Duration) []client.Option {
	return []client.Option{
		client.WithHostPorts(address),
		client.WithTransportProtocol(transport.TTHeader),
		client.WithMetaHandler(transmeta.ClientTTHeaderHandler),
		client.WithPayloadCodec(thriftguard.New()),
		client.WithConnectTimeout(connectTimeout),
		client.WithMiddleware(readTimeout(timeout)),
		client.WithLongConnection(connpool.IdleConfig{
			MaxIdlePerAddress: load.MaxPlaces, MaxIdleGlobal: load.MaxPlaces, MaxIdleTimeout: idleTimeout,
		}),
	}
}

// readTimeout bounds how long a call waits for its answer. It runs inside Kitex's timeout, which has looked at the
// same setting before and found none.
func readTimeout(timeout time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request, response any) error {
			if config := rpcinfo.AsMutableRPCConfig(rpcinfo.GetRPCInfo(ctx).Config()); config != nil {
				_ = config.SetRPCTimeout(timeout) // fails only where a timeout was fixed, which then holds
			}
			return next(ctx, request, response)
		}
	}
}

// Code groups an error: the code of the refusal, or timeout, or network.
func Code(err error) string {
	if biz, ok := kerrors.FromBizStatusError(err); ok {
		if code := biz.BizExtra()["code"]; code != "" {
			return code
		}
		return fmt.Sprintf("biz_%d", biz.BizStatusCode())
	}
	if _, ok := errors.AsType[wrongAnswer](err); ok {
		return codeWrong
	}
	if errors.Is(err, kerrors.ErrRPCTimeout) || kerrors.IsTimeoutError(err) {
		return codeTimeout
	}
	return codeNetwork
}

// Target is a deployment that answers.
type Target struct {
	access       Access
	installation *operatorapi.Installation

	envelopes envelopeservice.Client
	wallets   walletservice.Client
	groups    groupservice.Client
	transfers transferservice.Client
	operator  operatorservice.Client
	auditor   operatorservice.Client // has the patience for an audit
	asOps     context.Context        // with the operator's token
	asChat    context.Context        // with the chat application's
}

// Connect reaches a deployment and asks what it is. The errors are sentences for the person who gave the address.
func Connect(ctx context.Context, a Access) (*Target, error) {
	t := &Target{access: a}
	options := ClientOptions(a.RPC, callTimeout)
	var errs [6]error
	t.envelopes, errs[0] = envelopeservice.NewClient(a.Service, options...)
	t.wallets, errs[1] = walletservice.NewClient(a.Service, options...)
	t.groups, errs[2] = groupservice.NewClient(a.Service, options...)
	t.operator, errs[3] = operatorservice.NewClient(a.Service, options...)
	t.auditor, errs[4] = operatorservice.NewClient(a.Service, ClientOptions(a.RPC, auditTimeout)...)
	t.transfers, errs[5] = transferservice.NewClient(a.Service, options...)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	// A call in the middle of a run is not cut short by Ctrl-C: its answer may be a win.
	ctx = context.WithoutCancel(ctx)
	for as, who := range map[*context.Context][2]string{&t.asOps: {"hongbao-bench", "operator"}, &t.asChat: {"hongbao-bench", "service"}} {
		token, err := a.Sign(who[0], who[1])
		if err != nil {
			return nil, err
		}
		*as = a.WithToken(ctx, token)
	}
	var err error
	if t.installation, err = t.operator.Installation(t.asOps, &operatorapi.InstallationRequest{}); err != nil {
		t.Close()
		return nil, t.explain(err)
	}
	return t, nil
}

// explain says what is wrong with the target of the first call.
func (t *Target) explain(err error) error {
	switch code := Code(err); code {
	case codeNetwork, codeTimeout:
		return fmt.Errorf("no hongbao answers at %s: is it running, with its Kitex services there? (%w)", t.access.RPC, err)
	case "unauthenticated", "forbidden":
		return fmt.Errorf("%s refuses our token: give the private key that it trusts with --token-key (%s)", t.access.RPC, sentence(err))
	default:
		return fmt.Errorf("%s does not say what it is: %s", t.access.RPC, sentence(err))
	}
}

// sentence is what the target said of an error.
func sentence(err error) string {
	if biz, ok := kerrors.FromBizStatusError(err); ok {
		return biz.BizMessage()
	}
	return err.Error()
}

// Sandbox says whether the deployment's money is not real.
func (t *Target) Sandbox() bool { return t.installation.Sandbox }

// Close closes the connections.
func (t *Target) Close() {
	for _, c := range []any{t.envelopes, t.wallets, t.groups, t.transfers, t.operator, t.auditor} {
		if closer, ok := c.(io.Closer); ok {
			_ = closer.Close() // nothing is under way any more
		}
	}
}
