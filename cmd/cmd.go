// Package cmd is the command line: flags, what each command starts, and what it prints.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/hongbao/hongbao/handler"
)

const description = `Red envelopes and social transfers: durable, exact to the last cent, fast enough for New Year's Eve.

hongbao up runs everything on this machine, with its own Redis and MariaDB. A larger installation runs rpc, gateway and
work as separate processes, on the servers that --redis and --mysql name. The environment variable HONGBAO_FLAG_NAME sets
the flag --flag-name, and so does the line "flag-name: value" of the file that --config names. Flags go before variables,
variables before the file.`

type cli struct {
	Config string `help:"File with settings (YAML): flags' names with their values. docs/configuration.md explains it." placeholder:"FILE"`

	LogLevel  slog.Level `help:"Lowest level to log: debug, info, warn, error." default:"info"`
	LogFormat string     `help:"Format of the log: text or json." enum:"text,json" default:"text"`

	Up       upCmd       `cmd:"" help:"Run everything on this machine, with a private Redis and MariaDB."`
	RPC      rpcCmd      `cmd:"" name:"rpc" help:"Run the Kitex services."`
	Gateway  gatewayCmd  `cmd:"" help:"Run the HTTP and WebSocket gateway with the page."`
	Work     workCmd     `cmd:"" help:"Run a worker: the background jobs of its share of the shards."`
	Migrate  migrateCmd  `cmd:"" help:"Install on new servers, or bring the tables up to date."`
	Audit    auditCmd    `cmd:"" help:"Audit the books. Exit code 0 means that they balance."`
	Trail    trailCmd    `cmd:"" help:"Write the trail of what operators did, a JSON object on each line. hongbao audit checks that nothing of it was changed."`
	Resolve  resolveCmd  `cmd:"" help:"List the posts that the ledger refused, or decide about one: pay it, or dismiss it."`
	Freeze   freezeCmd   `cmd:"" help:"Freeze an account, so that no money leaves it, thaw it, or list those that are frozen."`
	User     userCmd     `cmd:"" help:"Write what an installation keeps of a user."`
	Risk     riskCmd     `cmd:"" help:"Try rules about what users claim before they are used."`
	Doctor   doctorCmd   `cmd:"" help:"Look at an installation and say what is wrong, what it means and what to do. Exit code 0 means that nothing is."`
	Recover  recoverCmd  `cmd:"" help:"Rebuild from the ledger what Redis lost."`
	Backup   backupCmd   `cmd:"" help:"Copy an installation, or make one of a copy."`
	Archive  archiveCmd  `cmd:"" help:"Move what is old and audited out of the ledger into files, or check such files."`
	Shard    shardCmd    `cmd:"" help:"Show where the shards are, or move one to another MySQL server."`
	Verify   verifyCmd   `cmd:"" settings:"own" help:"Recompute the split of a closed envelope from its revealed seed."`
	Token    tokenCmd    `cmd:"" settings:"own" help:"Sign a token."`
	Simulate simulateCmd `cmd:"" settings:"own" help:"Run worlds in memory in which everything goes wrong, and audit them."`
	Bench    benchCmd    `cmd:"" settings:"own" help:"Measure a deployment and audit its books."`

	Settings configCmd `cmd:"" name:"config" help:"Check the settings, or show those in force."`

	Child childCmd `cmd:"" settings:"own" hidden:"" help:"Run a command that ends with its parent."`
	Echo  echoCmd  `cmd:"" settings:"own" hidden:"" help:"Serve the bench's yardstick echo."`
}

// console is where a command talks to the person who typed it. Logs go to err.
type console struct {
	out, err io.Writer
	log      *slog.Logger
	environ  []string // as os.Environ
}

func (c console) say(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

// warn says what a person must see although the output goes to a program.
func (c console) warn(format string, args ...any) {
	fmt.Fprintf(c.err, "hongbao: "+format+"\n", args...)
}

// exitCode ends a command that has already said everything.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Main runs a command line and returns the exit code: 0, 1 for a failure or a finding, 2 for a wrong command line.
// SIGINT and SIGTERM end a command in order; a second one ends it at once.
func Main(args []string, stdout, stderr io.Writer) int {
	return run(context.Background(), args, stdout, stderr)
}

// run is Main within a context: when that ends, the command ends in order, as by a signal.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	at := console{out: stdout, err: stderr, environ: os.Environ()}
	line, err := at.read(args)
	if err != nil {
		fmt.Fprintln(stderr, "hongbao:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	tuneRuntime()
	limitMemory(cgroupMemory)
	at.log = newLog(stderr, line.cli.LogLevel, line.cli.LogFormat)
	handler.RouteKitexLog(at.log)
	line.parsed.BindTo(ctx, (*context.Context)(nil))
	line.parsed.Bind(at, line.cli)
	if err = line.check(); err == nil {
		err = line.parsed.Run()
	}
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		err = fmt.Errorf("interrupted: %w", err)
	}
	fmt.Fprintln(stderr, "hongbao:", err)
	return 1
}

// gcPercent is how far the heap may grow before it is collected. What lives long here are bounded caches, so the heap
// stays below a few hundred megabytes, and collecting it a quarter as often saves a tenth of a grab's processor time.
const gcPercent = 400

// tuneRuntime sets what GOGC and GOMAXPROCS do not say.
//
// A poller of netpoll waits for events in a system call, in which it keeps one of the GOMAXPROCS places until Go's
// monitor takes it back, after up to 10 ms on a quiet machine. With two processors that stopped half of the process for
// as long: the p99 of grabs at 130 a second was 10.8 ms, and is 3.8 ms with one place more. netpoll starts one poller,
// and another for each 20 places.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		n := runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(n + n/20 + 1)
	}
}

func newLog(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
