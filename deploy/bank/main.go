// Command bank is a bank to try a hongbao installation's money in and out with: see README.md beside it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hongbao/hongbao/deploy/bank/bankserver"
	"github.com/hongbao/hongbao/internal/signature"
)

const (
	headerTimeout = 5 * time.Second
	stopTimeout   = 5 * time.Second
)

type cli struct {
	Serve  serveCmd  `cmd:"" help:"Run the bank."`
	Secret secretCmd `cmd:"" help:"Print a new secret for --secret-file of both sides."`
}

type secretCmd struct{}

// Run prints a secret.
func (secretCmd) Run(context.Context) error {
	fmt.Println(signature.NewSecret())
	return nil
}

type serveCmd struct {
	Listen     string           `help:"Where installations reach the bank." default:"127.0.0.1:9090"`
	Admin      string           `help:"Where orders are decided, by whoever reaches it." default:"127.0.0.1:9091"`
	SecretFile string           `help:"Secrets shared with the installation, one a line." required:"" type:"existingfile"`
	Journal    string           `help:"File that keeps the orders." default:"bank.journal" type:"path"`
	Callback   string           `help:"The installation's /v1/funding/callback; empty: it is not told." default:""`
	Retry      time.Duration    `help:"Between the first callbacks; doubles each time, up to 64 times." default:"1s"`
	Decide     bankserver.State `help:"What becomes of new orders: pending, settled, refused." default:"pending"`
	After      string           `help:"How long that takes." default:"0s"`
	Fault      bankserver.Fault `help:"none, lose (answers), error (500), silent (no callbacks)." default:"none"`
}

// Run serves until the context ends.
func (s serveCmd) Run(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	text, err := os.ReadFile(s.SecretFile)
	if err != nil {
		return err
	}
	secrets, err := signature.ParseSecrets(text)
	if err != nil {
		return fmt.Errorf("%s: %w", s.SecretFile, err)
	}
	bank, err := bankserver.Open(bankserver.Config{
		Secrets: secrets, Journal: s.Journal, CallbackURL: s.Callback, Retry: max(s.Retry, time.Millisecond), Log: log,
	})
	if err != nil {
		return err
	}
	defer bank.Close()
	if err := bank.SetRule(bankserver.Rule{Decide: s.Decide, After: s.After, Fault: s.Fault}); err != nil {
		return err
	}
	return run(ctx, bank, map[string]http.Handler{s.Listen: bank.Handler(), s.Admin: bank.Admin()})
}

// run serves handlers by address, and delivers callbacks, until the context ends or a server fails.
func run(ctx context.Context, bank *bankserver.Bank, handlers map[string]http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	failed := make(chan error, len(handlers))
	for address, handler := range handlers {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			cancel()
			return err
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
		all.Go(func() { failed <- server.Serve(listener) })
		all.Go(func() {
			<-ctx.Done()
			stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
			defer done()
			_ = server.Shutdown(stop) // those that are not done by then are cut off
			_ = server.Close()
		})
		fmt.Printf("listening on %s\n", listener.Addr())
	}
	all.Go(func() { bank.Run(ctx) })
	select {
	case err := <-failed:
		cancel()
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	case <-ctx.Done():
		return nil
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	parsed := kong.Parse(&c, kong.Name("bank"), kong.UsageOnError(),
		kong.Description("A bank to try a hongbao installation's money in and out with. It moves no money."))
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.FatalIfErrorf(parsed.Run())
}
