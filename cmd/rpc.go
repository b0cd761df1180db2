package cmd

import (
	"context"
	"errors"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
)

type rpcCmd struct {
	servers
	funding
	publicKeys
	metricsFlag
	merchantRules
	callLimits
	stepUp
	riskRules
	mutualTLS
	connectionBound
	traceFlags
	etcdFlags
	Announce    string `help:"Address (host:port) at which others reach --rpc, for --etcd. Default: that of --rpc."`
	Address     string `name:"rpc" help:"Address of the Kitex services." default:"127.0.0.1:8888"`
	MerchantKey string `help:"File with a private key (Ed25519, PEM) to sign tokens for merchants' servers with. Without it they get none." type:"existingfile"`
}

// ownKeys are the keys that sign for merchants' servers: those that are trusted, and the issuer, nil without a key.
func (r rpcCmd) ownKeys() (auth.Keyring, handler.SessionIssuer, error) {
	own, err := readKeyring(r.OwnKeys)
	if err != nil || r.MerchantKey == "" {
		return own, nil, err
	}
	issuer, err := loadPrivateKey(r.MerchantKey)
	if err != nil {
		return nil, nil, err
	}
	own[auth.KeyID(issuer.PublicKey())] = issuer.PublicKey()
	return own, issuer, nil
}

func (r rpcCmd) check() error {
	_, _, err := r.ownKeys()
	_, stepUp := r.rule()
	return errors.Join(r.servers.check(), r.funding.check(), r.publicKeys.check(), r.metricsFlag.check(),
		r.checkMerchants(), r.checkCalls(), r.checkTLS(), r.checkConnections(),
		r.traceFlags.check(), r.etcdFlags.check(), r.checkAnnounce(), r.checkRules(r.stepUp), err, stepUp,
		checkAddress("rpc", r.Address))
}

func (r rpcCmd) checkAnnounce() error {
	if len(r.Etcd) == 0 {
		if r.Announce != "" {
			return errors.New("--announce goes with --etcd")
		}
		return nil
	}
	_, err := announcement(r.Announce, r.Address)
	return err
}

func (r rpcCmd) Run(ctx context.Context, at console) error {
	keys, err := r.source().Read(ctx)
	if err != nil {
		return err
	}
	own, issuer, err := r.ownKeys()
	if err != nil {
		return err
	}
	prepare := func(c *connected) error { return errors.Join(r.use(c), r.useRules(c), r.trace(ctx, c, "rpc")) }
	return r.with(ctx, at, prepare, func(c *connected, s *app.App) error {
		if err := checkStart(ctx, s); err != nil {
			return err
		}
		tokens, err := r.tokens(s, keys, own)
		if err != nil {
			return err
		}
		stepUp, err := r.rule()
		if err != nil {
			return err
		}
		secured, err := openTLS(r.mutualTLS.files(), "rpc", at, c.metrics)
		if err != nil {
			return err
		}
		server, address, err := listenRPC(s, rpcOptions{
			address: r.Address, bank: c.bank, tokens: tokens, merchants: r.merchantRules,
			calls: r.callLimits.limits(), sessions: issuer, tls: serving(secured), connections: r.MaxConnections,
			stepUp:  stepUp,
			metrics: c.metrics, tracing: c.tracing,
		})
		if err != nil {
			return err
		}
		registry, secureEtcd, err := r.open(at, c.metrics)
		if err != nil {
			return err
		}
		name := r.Announce
		if name == "" {
			name = address.String()
		}
		at.say("Kitex services on %s", address)
		return together(ctx, announced(registry, name, drainFor, server.Run), renew(secured, secureEtcd),
			r.keep(keys, tokens, at),
			func(ctx context.Context) error { return r.serve(ctx, s.Checks(), at.log, c.metrics, nil) },
			func(ctx context.Context) error { tokens.revoked.Run(ctx, nil); return nil },
			func(ctx context.Context) error { s.Tally.Run(ctx); return nil })
	})
}
