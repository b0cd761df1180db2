package cmd

import (
	"context"

	"github.com/hongbao/hongbao/app"
)

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
	return r.with(ctx, at, r.use, func(c *connected, s *app.App) error {
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
	})
}
