package cmd

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// metricsFlag is where a process without a gateway shows its metrics.
type metricsFlag struct {
	Metrics string `help:"Address of /metrics, for example 127.0.0.1:9100. Empty means no metrics." default:""`
}

// serve shows the metrics until the context ends.
func (m metricsFlag) serve(ctx context.Context, metrics *prometheus.Registry) error {
	if m.Metrics == "" {
		<-ctx.Done()
		return nil
	}
	listener, err := listen("metrics", m.Metrics)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

type rpcCmd struct {
	servers
	funding
	publicKeys
	metricsFlag
	Address string `name:"rpc" help:"Address of the Kitex services." default:"127.0.0.1:8888"`
}

func (r rpcCmd) Run(ctx context.Context, at console) error {
	keys, err := r.keyring()
	if err != nil {
		return err
	}
	c, err := r.connect(ctx, at)
	if err != nil {
		return err
	}
	defer c.close()
	if err := r.use(c); err != nil {
		return err
	}
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	tokens, err := r.tokens(ctx, s, keys)
	if err != nil {
		return err
	}
	server, address, err := listenRPC(s, c.bank, r.Address, tokens, c.metrics)
	if err != nil {
		return err
	}
	at.say("Kitex services on %s", address)
	return together(ctx, server.Run,
		func(ctx context.Context) error { return r.serve(ctx, c.metrics) },
		func(ctx context.Context) error { tokens.revoked.Run(ctx, nil); return nil })
}

type gatewayCmd struct {
	servers
	publicKeys
	Address string   `name:"http" help:"Address of the page, the HTTP API and the WebSocket." default:"127.0.0.1:8080"`
	RPC     []string `name:"rpc" help:"Address of Kitex services to call. Repeat the flag for more." default:"127.0.0.1:8888"`
	Origins []string `name:"origin" help:"Another origin whose pages may connect by WebSocket, for example https://chat.example.org. Repeat the flag for more."`
}

func (g gatewayCmd) Run(ctx context.Context, at console) error {
	keys, err := g.keyring()
	if err != nil {
		return err
	}
	c, err := g.connect(ctx, at)
	if err != nil {
		return err
	}
	defer c.close()
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	tokens, err := g.tokens(ctx, s, keys)
	if err != nil {
		return err
	}
	web, err := listenHTTP(s, gatewayOptions{
		address: g.Address, rpc: g.RPC, tokens: tokens, origins: g.Origins, metrics: c.metrics,
	})
	if err != nil {
		return err
	}
	at.say("HTTP on %s", web.listener.Addr())
	return together(ctx, web.run, func(ctx context.Context) error { tokens.revoked.Run(ctx, web.expel); return nil })
}

type workCmd struct {
	servers
	funding
	metricsFlag
}

func (w workCmd) Run(ctx context.Context, at console) error {
	c, err := w.connect(ctx, at)
	if err != nil {
		return err
	}
	defer c.close()
	if err := w.use(c); err != nil {
		return err
	}
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	workers, err := newRoster(s)
	if err != nil {
		return err
	}
	at.say("worker for %d shards", s.Buckets.Shards)
	return together(ctx,
		func(ctx context.Context) error { s.Work(ctx, workers); return nil },
		func(ctx context.Context) error { return w.serve(ctx, c.metrics) })
}

// together runs parts until the context ends or one fails.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error { return part(ctx) })
	}
	return group.Wait()
}
