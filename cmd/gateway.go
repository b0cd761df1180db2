package cmd

import (
	"context"
	"errors"
	"net/netip"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/internal/discovery"
)

type gatewayCmd struct {
	servers
	publicKeys
	traceFlags
	addressLimits
	serverTLS
	clientTLS
	metricsFlag
	connectionBound
	etcdFlags
	Address   string         `name:"http" help:"Address of the page, the HTTP API and the WebSocket." default:"127.0.0.1:8080"`
	RPC       []string       `name:"rpc" help:"Address of Kitex services to call; a name stands for all addresses that DNS has for it, and is looked up every five seconds. Repeat the flag for more. With --etcd it is not used." default:"127.0.0.1:8888"`
	Proxies   []netip.Prefix `name:"trusted-proxy" help:"Network of proxies before this gateway, as 10.0.0.0/8. The gateway believes their X-Forwarded-For."`
	Operators bool           `name:"operators-at-metrics" help:"Let operators call at --metrics alone, where the page of operators then is."`
	Origins   []string       `name:"origin" help:"Another origin whose pages may connect by WebSocket, for example https://chat.example.org. Repeat the flag for more."`
}

func (g gatewayCmd) check() error {
	wrong := []error{g.servers.check(), g.publicKeys.check(), g.traceFlags.check(), g.checkAddresses(),
		g.serverTLS.checkTLS(), g.clientTLS.checkTLS(), g.metricsFlag.check(), g.checkConnections(),
		g.etcdFlags.check(), checkAddress("http", g.Address)}
	if g.Operators && g.Metrics == "" {
		wrong = append(wrong, errors.New("--operators-at-metrics goes with --metrics"))
	}
	for _, address := range g.RPC {
		wrong = append(wrong, checkAddress("rpc", address))
	}
	return errors.Join(wrong...)
}

func (g gatewayCmd) Run(ctx context.Context, at console) error {
	keys, err := g.source().Read(ctx)
	if err != nil {
		return err
	}
	own, err := readKeyring(g.OwnKeys)
	if err != nil {
		return err
	}
	prepare := func(c *connected) error { return g.trace(ctx, c, "gateway") }
	return g.with(ctx, at, prepare, func(c *connected, s *app.App) error {
		tokens, err := g.tokens(s, keys, own)
		if err != nil {
			return err
		}
		secured, err := openTLS(g.serverTLS.files(), "http", at, c.metrics)
		if err != nil {
			return err
		}
		secureRPC, err := openTLS(g.clientTLS.files(), "rpc_client", at, c.metrics)
		if err != nil {
			return err
		}
		registry, secureEtcd, err := g.open(at, c.metrics)
		if err != nil {
			return err
		}
		var found *discovery.Found
		if registry != nil {
			found = registry.Find(rpcService)
		}
		web, err := listenHTTP(s, gatewayOptions{
			address: g.Address, rpc: g.RPC, found: found, tokens: tokens, origins: g.Origins, proxies: g.Proxies,
			limits: g.addressLimits, metrics: c.metrics, tracing: c.tracing, secured: secured, secureRPC: secureRPC,
			connections: g.MaxConnections, managed: g.Metrics != "", operators: g.Operators,
		})
		if err != nil {
			return err
		}
		at.say("HTTP on %s", web.listener.Addr())
		return together(ctx, web.run, renew(secured, secureRPC, secureEtcd), followed(found), g.keep(keys, tokens, at),
			func(ctx context.Context) error { tokens.revoked.Run(ctx, web.expel); return nil },
			func(ctx context.Context) error { s.Tally.Run(ctx); return nil },
			func(ctx context.Context) error {
				return g.serve(ctx, web.ready, at.log, c.metrics, web.management(g.Operators))
			})
	})
}
