package cmd

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	kitex "github.com/cloudwego/kitex/client"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/gateway"
	"github.com/hongbao/hongbao/handler/web"
	"github.com/hongbao/hongbao/internal/certs"
	"github.com/hongbao/hongbao/internal/discovery"
	"github.com/hongbao/hongbao/internal/membership"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/internal/tracing"
	"github.com/hongbao/hongbao/push"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/httpfunding"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// recheckTimeout bounds the questions who may still listen.
const recheckTimeout = 10 * time.Second

// rpcOptions says how a Kitex server differs from process to process.
type rpcOptions struct {
	address   string
	bank      *httpfunding.Provider // nil in a sandbox
	tokens    tokens
	merchants merchantRules
	calls     handler.CallLimits
	sessions  handler.SessionIssuer // nil where merchants' servers get no tokens
	metrics   prometheus.Registerer
	tracing   *tracing.Tracing

	tls         *tls.Config // nil: without
	stepUp      handler.StepUp
	connections int // at most; 0 for no bound
}

// listenRPC makes the Kitex server over a system.
func listenRPC(s *app.App, o rpcOptions) (*handler.Server, net.Addr, error) {
	listener, err := listen("rpc", o.address)
	if err != nil {
		return nil, nil, err
	}
	wallets := &handler.Wallet{Domain: s.Wallets}
	if o.bank != nil {
		wallets.Callbacks = httpfunding.NewCallbacks(o.bank, s.Wallets)
	}
	envelopes := &handler.Envelope{Domain: s.Envelopes, Tokens: o.tokens.verifier, Log: s.Config().Log}
	config := handler.ServerConfig{
		Listener: listener, TLS: o.tls, MaxConnections: o.connections, StepUp: o.stepUp, Trail: s.Trail, Tally: s.Tally,
		Verifier: o.tokens.verifier, Log: s.Config().Log, Metrics: o.metrics,
		Outermost: o.tracing.Server(),
		Wallet:    wallets, Group: &handler.Group{Domain: s.Groups},
		Envelope: envelopes,
		Transfer: &handler.Transfer{Domain: s.Transfers}, Collection: &handler.Collection{Domain: s.Collections},
		Chat: &handler.Chat{Domain: s.Chats, Limits: s.RateLimits, Log: s.Config().Log},
		Merchant: &handler.Merchant{
			Domain: s.Merchants, Wallets: s.Wallets, Tokens: o.sessions, Limits: s.RateLimits,
			CallsPerSecond: o.merchants.MerchantCalls,
		},
		Webhook:  &handler.Webhook{Domain: s.Webhooks, Owners: s.Merchants},
		Cover:    &handler.Cover{Domain: s.Covers},
		Stock:    &handler.Stock{Domain: s.Stock},
		Operator: handler.NewOperator(operators{s, o.tokens.revoked, o.tokens.verifier}),
		Limits:   s.RateLimits, Calls: o.calls,
		MerchantCalls: o.merchants.MerchantCalls, Gateways: o.merchants.Gateways,
	}
	if s.Risk != nil {
		config.Risk = s.Risk
	}
	if s.Risk != nil && s.Config().Rules.On(risk.Grab) {
		envelopes.Rules = s.Risk
	}
	server, err := handler.NewServer(config)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return server, listener.Addr(), nil
}

// listen says which flag to change where an address is taken.
func listen(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: give another --%s", err, flag)
	}
	return listener, nil
}

// webServer is the HTTP side of a process: API, live feed and page.
type webServer struct {
	listener net.Listener
	server   *http.Server
	hub      *push.Hub
	gateway  *gateway.Gateway
	revoked  *revoked.List
	ready    checks
}

// gatewayOptions says how a gateway differs from process to process.
type gatewayOptions struct {
	address string
	rpc     []string
	found   *discovery.Found // in etcd, instead of rpc; nil without
	tokens
	devTokens *auth.DevTokens // nil for none
	origins   []string
	proxies   []netip.Prefix
	limits    addressLimits
	metrics   *prometheus.Registry
	tracing   *tracing.Tracing

	secured     *certs.Source // to serve with TLS; nil: without
	secureRPC   *certs.Source // to call with TLS; nil: without
	connections int           // at most; 0 for no bound
	managed     bool          // there is a management port
	operators   bool          // operators call at the management port only
}

func listenHTTP(s *app.App, o gatewayOptions) (_ *webServer, err error) {
	g := &webServer{ready: s.Checks()}
	if o.found != nil { // who knows no rpc has nobody to call
		g.ready["rpc"] = func(ctx context.Context) error { _, err := o.found.Addresses(ctx); return err }
	}
	if g.listener, err = listen("http", o.address); err != nil {
		return nil, err
	}
	log := s.Config().Log
	listeners, err := gateway.NewListeners(s.Groups, o.verifier, o.limits.UserRefusals, log)
	if err != nil {
		return nil, errors.Join(err, g.listener.Close())
	}
	g.revoked = o.revoked
	operations := map[string]push.Operation{
		"grab": tracedOperation(o.tracing.Span(), "websocket.grab",
			func(ctx context.Context, s push.Session, message []byte) ([]byte, error) {
				return g.gateway.Grab(ctx, s, message) // it exists before the first connection
			}),
	}
	g.hub = push.New(s.Bus, listeners, listeners.Refuse, push.Config{
		Origins: o.origins, MaxPerSubject: o.limits.UserSockets, MaxPerNetwork: o.limits.AddressSockets,
		Operations: operations,
	}, log, o.metrics)
	s.OnGroupChange(func(group string) {
		if err := recheck(g.hub, group); err != nil {
			log.Error("whether all may still listen could not be checked", "group", group, "error", err)
		}
	})
	rpc := client.KitexOptions(client.DefaultTimeout, o.rpc...)
	if o.found != nil {
		rpc = client.KitexOptionsAt(client.DefaultTimeout, o.found.Addresses)
	}
	for _, m := range o.tracing.Client() {
		rpc = append(rpc, kitex.WithMiddleware(m))
	}
	switch {
	case o.secureRPC == nil:
	case o.found != nil:
		rpc = append(rpc, client.TLSOptionsAt(o.secureRPC.Client, o.found.Addresses)...)
	default:
		rpc = append(rpc, client.TLSOptions(o.secureRPC.Client, o.rpc...)...)
	}
	g.gateway, err = gateway.New(gateway.Config{
		RPC: rpc, Verifier: o.verifier, Log: log,
		Metrics: o.metrics, Gatherer: o.metrics, Ready: g.ready,
		DevTokens: o.devTokens, Proxies: o.proxies, Limits: o.limits.limits(), Images: s.Covers, Tally: s.Tally,
		Managed: o.managed, OperatorsManaged: o.operators,
		Page:      web.Handler(o.devTokens.Serves),
		WebSocket: gateway.Authenticated(o.verifier, log, g.hub, auth.ScopeUser),
	})
	if err != nil {
		return nil, errors.Join(err, g.listener.Close())
	}
	if o.connections > 0 {
		g.listener = netutil.LimitListener(g.listener, o.connections)
	}
	g.server = g.gateway.HTTPServer()
	g.server.TLSConfig = serving(o.secured, "http/1.1")
	g.server.Handler = o.tracing.HTTP(g.gateway.Pattern, g.server.Handler)
	return g, nil
}

// management is what operators see beside the metrics; nil for nothing.
func (g *webServer) management(operators bool) http.Handler {
	if !operators {
		return nil
	}
	return g.gateway.Management()
}

// recheck drops listeners who may not listen any more: to a group, or to any where it is "".
func recheck(hub *push.Hub, group string) error {
	ctx, cancel := context.WithTimeout(context.Background(), recheckTimeout)
	defer cancel()
	if group == "" {
		return hub.RecheckAll(ctx)
	}
	return hub.Recheck(ctx, ledger.GroupTopic(group))
}

// expel ends the live feeds of revoked tokens.
func (g *webServer) expel() { g.hub.Expel(g.revoked.Has) }

// run serves until the context ends, then lets requests and connections finish.
func (g *webServer) run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() {
		if g.server.TLSConfig != nil {
			failed <- g.server.ServeTLS(g.gateway.Listener(g.listener), "", "")
			return
		}
		failed <- g.server.Serve(g.gateway.Listener(g.listener))
	}()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(err, g.hub.Shutdown(stopCtx), g.server.Shutdown(stopCtx), g.gateway.Close())
}

// newMember is this process's place among the workers.
func newMember(s *app.App) (*membership.Member, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	return membership.New(s.Redis, membership.Config{
		// Containers have the process id 1, and long names of pods differ at their end.
		Key: app.WorkersKey, Worker: workerName(host) + ":" + rand.Text()[:8], Partitions: s.Buckets.Shards,
	}, s.Config().Log)
}

// workerName keeps of a host's name what a worker's id may have.
func workerName(host string) string {
	const most = 48
	name := make([]byte, 0, most)
	for i := 0; i < len(host) && len(name) < most; i++ {
		if c := host[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' {
			name = append(name, c)
		}
	}
	return string(name)
}
