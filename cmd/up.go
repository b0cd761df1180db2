package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/pots"
)

type upCmd struct {
	servers
	installation
	funding
	tokenRules
	merchantRules
	traceFlags
	callLimits
	stepUp
	riskRules
	addressLimits
	serverTLS
	connectionBound
	metricsFlag
	RPCAddress  string `name:"rpc"  help:"Address of the Kitex services."                       default:"127.0.0.1:8888"`
	HTTPAddress string `name:"http" help:"Address of the page, the HTTP API and the WebSocket." default:"127.0.0.1:8080"`

	DevTokensToAnyone bool `name:"dangerously-serve-dev-tokens-to-anyone" help:"Let anyone who can reach --http act as any user."`
}

func (u upCmd) check() error {
	_, stepUp := u.rule()
	return errors.Join(u.servers.check(), u.installation.check(), u.checkFunding(), u.checkMerchants(), u.checkTokens(),
		u.traceFlags.check(), u.checkCalls(), u.checkAddresses(), u.checkTLS(),
		u.checkConnections(), stepUp, u.checkRules(u.stepUp), u.metricsFlag.check(),
		checkAddress("rpc", u.RPCAddress), checkAddress("http", u.HTTPAddress))
}

// Run starts everything, says where it is, and stops everything in the opposite order.
func (u upCmd) Run(ctx context.Context, at console) error {
	began := time.Now()
	at.say("Starting hongbao, data in %s", u.Data)
	if err := u.checkFree(); err != nil {
		return err
	}
	c, err := u.connectOrMake(ctx, at)
	if err != nil {
		return err
	}
	prepare := func(c *connected) error { return u.prepare(ctx, at, c) }
	return c.with(ctx, prepare, func(c *connected, s *app.App) error {
		if err := checkStart(ctx, s); err != nil {
			return err
		}
		if err := u.recoverPrivate(ctx, at, c, s); err != nil {
			return err
		}
		return u.serve(ctx, at, c, s, began)
	})
}

// checkFree finds addresses that are taken before an installation is made. Where there is one, an `up` may run on it,
// of which connectOrMake tells more.
func (u upCmd) checkFree() error {
	if devstack.Holds(u.Data) {
		return nil
	}
	for _, a := range []struct{ flag, address string }{
		{"rpc", u.RPCAddress}, {"http", u.HTTPAddress}, {"metrics", u.Metrics},
	} {
		if a.address == "" {
			continue
		}
		listener, err := listen(a.flag, a.address)
		if err != nil {
			return err
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the installation where there is none.
func (u upCmd) prepare(ctx context.Context, at console, c *connected) error {
	if c.private == nil && (len(u.Redis) == 0 || len(u.MySQL) == 0) {
		return fmt.Errorf("%s is in use by another hongbao up: stop it first, or give another --data", u.Data)
	}
	if err := errors.Join(u.use(c), u.useRules(c), u.trace(ctx, c, "up")); err != nil {
		return err
	}
	if err := u.makeSecrets(c); err != nil {
		return err
	}
	at.say("  bringing the tables up to date")
	return u.install(ctx, c)
}

// checkFunding finds out before anything is started whether the money has somewhere to come from.
func (u upCmd) checkFunding() error {
	switch {
	case !u.Sandbox && u.FundingURL == "":
		return errors.New(
			"--no-sandbox means real money, which needs a bank: give --funding-url and --funding-secret-file")
	case u.Sandbox && u.FundingURL != "":
		return errors.New("--funding-url means real money: give --no-sandbox with it")
	}
	return u.funding.check()
}

// recoverPrivate rebuilds what a private Redis lost. On servers of one's own that is an operator's decision.
func (u upCmd) recoverPrivate(ctx context.Context, at console, c *connected, s *app.App) error {
	if c.private == nil || !errors.Is(s.PotsHome(ctx), pots.ErrLost) {
		return nil
	}
	recovery, err := s.Recover(ctx)
	if err == nil {
		sayRecovery(at, recovery)
	}
	return err
}

func (u upCmd) serve(ctx context.Context, at console, c *connected, s *app.App, began time.Time) error {
	issuer, err := makePrivateKey(filepath.Join(u.Data, developmentKey))
	if err != nil {
		return err
	}
	own, err := makePrivateKey(filepath.Join(u.Data, ownKey))
	if err != nil {
		return err
	}
	tokens, err := u.tokens(s, auth.NewKeyring(issuer.PublicKey()), auth.NewKeyring(own.PublicKey()))
	if err != nil {
		return err
	}
	devTokens, err := u.devTokens(at, s.Installation.Sandbox, issuer)
	if err != nil {
		return err
	}
	secured, err := openTLS(u.serverTLS.files(), "http", at, c.metrics)
	if err != nil {
		return err
	}
	stepUp, err := u.rule()
	if err != nil {
		return err
	}
	rpc, rpcAddress, err := listenRPC(s, rpcOptions{
		address: u.RPCAddress, bank: c.bank, tokens: tokens, merchants: u.merchantRules,
		calls: u.callLimits.limits(), sessions: own,
		metrics: c.metrics, tracing: c.tracing, connections: u.MaxConnections, stepUp: stepUp,
	})
	if err != nil {
		return err
	}
	web, err := listenHTTP(s, gatewayOptions{
		address: u.HTTPAddress, rpc: []string{
			rpcAddress.String()}, tokens: tokens, devTokens: devTokens, limits: u.addressLimits,
		secured: secured, connections: u.MaxConnections,
		metrics: c.metrics, tracing: c.tracing,
	})
	if err != nil {
		return err
	}
	s.YieldTo(web.gateway.Waiting)
	member, err := newMember(s)
	if err != nil {
		return err
	}
	e := endpoints{Redis: c.config.Redis[0], MySQL: c.config.MySQL[0], RPC: rpcAddress.String(),
		HTTP: web.listener.Addr().String()}
	if err := writeEndpoints(u.Data, e); err != nil {
		return err
	}

	// The gateway stops first, then the services that it calls, then the worker, so that what was answered is settled.
	gatewayCtx, stopGateway := context.WithCancel(ctx)
	rpcCtx, stopRPC := context.WithCancel(context.WithoutCancel(ctx))
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopGateway()
	var parts errgroup.Group
	parts.Go(func() error { defer stopRPC(); return web.run(gatewayCtx) })
	parts.Go(func() error { defer stopGateway(); defer stopWork(); return rpc.Run(rpcCtx) })
	parts.Go(func() error { s.Work(workCtx, member); return nil })
	parts.Go(func() error { return renew(secured)(workCtx) })
	parts.Go(func() error { tokens.revoked.Run(workCtx, web.expel); return nil })
	parts.Go(func() error { s.Tally.Run(workCtx); return nil })
	parts.Go(func() error {
		defer stopGateway()
		return u.metricsFlag.serve(workCtx, s.Checks(), at.log, c.metrics, nil)
	})
	if c.private != nil {
		parts.Go(func() error { defer stopGateway(); return revive(gatewayCtx, at.log, "Redis", c.private.Redis) })
		parts.Go(func() error { defer stopGateway(); return revive(gatewayCtx, at.log, "MariaDB", c.private.MariaDB) })
	}
	at.ready(e, u.Data, time.Since(began))
	err = parts.Wait()
	at.say("Stopping the servers")
	return err
}

// devTokens decides who is given development tokens: nobody where money is real, whatever the flags say.
func (u upCmd) devTokens(at console, sandbox bool, issuer *auth.Issuer) (*auth.DevTokens, error) {
	if !sandbox {
		if u.DevTokensToAnyone {
			return nil, errors.New("--dangerously-serve-dev-tokens-to-anyone is for a sandbox: here money is real")
		}
		return nil, nil
	}
	if u.DevTokensToAnyone {
		at.log.Warn("everybody who can reach the HTTP address may act as any user", "address", u.HTTPAddress)
	}
	return &auth.DevTokens{Issuer: issuer, Life: u.MaxTokenLife, ToAnyone: u.DevTokensToAnyone}, nil
}

// server is a private server that can be started again.
type server interface {
	Lost() <-chan error
	Restart(ctx context.Context) error
}

// revive starts a private server again whenever it dies: it lost nothing that was acknowledged, and the rest of the
// system repeats what failed meanwhile. It ends with an error when the server does not come back.
func revive(ctx context.Context, log *slog.Logger, name string, s server) error {
	for {
		select {
		case err := <-s.Lost():
			log.Error("a private server died and is started again", "server", name, "error", err)
			if err := s.Restart(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s died and could not be started again: %w", name, err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (c console) ready(e endpoints, data string, took time.Duration) {
	rule := strings.Repeat("─", 64)
	c.say("%s\n  hongbao is ready (%.1f s)\n\n  page   http://%s/\n  RPC    %s   (Kitex, TTHeader)\n  data   %s\n\n  "+
		"Ctrl-C stops everything.\n%s",
		rule, took.Seconds(), e.HTTP, e.RPC, data, rule)
}
