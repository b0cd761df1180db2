package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/hongbao/hongbao/bench"
	"github.com/hongbao/hongbao/bench/report"
	"github.com/hongbao/hongbao/handler/auth"
)

type benchCmd struct {
	Run     benchRunCmd     `cmd:"" default:"withargs" help:"Run suites: grab, losers, hot, send, settle, transfer, push, covers, neighbour, spring, or all. docs/bench.md explains them."`
	Compare benchCompareCmd `cmd:"" help:"Show two runs side by side, or run two builds in turns."`
}

// benchRunCmd are the flags of a run. What is not given comes from --settings, and then from the suite itself.
type benchRunCmd struct {
	Suites []string `arg:"" optional:"" help:"Suites to run: grab, losers, hot, send, settle, transfer, push, covers, neighbour, spring, all. Default: the suite of --settings."`

	Target   string `help:"RPC address (host:port) of a deployment. Default: bench starts its own hongbao up, on temporary data."`
	HTTP     string `name:"http" help:"Address (host:port) of the deployment's gateway, for push, covers and spring."`
	TokenKey string `help:"File with the private key (Ed25519, PEM) that the deployment trusts. Required with --target." type:"existingfile"`
	UpFlags  string `name:"up" help:"Flags for the hongbao up that bench starts, for example --up='--shards=8'."`
	TempDir  string `help:"Folder for the temporary data. Use a disk: in memory, durability costs nothing. Default: the system's." type:"existingdir"`

	Settings  string      `help:"File with settings (YAML). Flags win over the file." type:"existingfile"`
	Users     *int        `help:"Number of users who send and grab."`
	Group     *int        `help:"Number of members of each group, at most 500."`
	Envelopes *int        `help:"Number of envelopes that users grab from at the same time."`
	Shares    *int        `help:"Number of shares of each envelope."`
	Listeners *int        `help:"Number of WebSocket connections."`
	Rate      *bench.Rate `help:"Requests a second, or max: the highest rate that holds --p99."`
	P99       *bench.Span `name:"p99" help:"Latency that --rate max must hold, for example 5ms."`
	For       *bench.Span `help:"How long the load of each suite lasts, for example 10s."`
	Arrivals  *string     `help:"even, or poisson: random, as from many people."`
	Closed    *int        `help:"Number of callers in a closed loop, which replaces the open loop; for comparison."`
	Places    *int        `help:"Maximum number of outstanding requests."`
	Quick     bool        `help:"Run small sizes: all suites take about a minute."`

	Yardsticks bool     `help:"Also measure bare mechanisms in turn with ours and print the ratios."`
	Only       []string `help:"With --yardsticks, measure only these, for example --only=winners,echo. docs/bench.md has the names."`
	Redis      string   `secret:"redis" help:"Redis for the yardsticks, with --target: redis://… or unix:///path."`
	MySQL      string   `name:"mysql" secret:"mysql" help:"MySQL for the yardsticks, with --target: user:password@tcp(host:3306)/."`

	JSON      string `name:"json" help:"Write the report as JSON to this file." type:"path"`
	HTML      string `name:"html" help:"Write the report as HTML to this file." type:"path"`
	RealMoney bool   `name:"i-know-this-moves-real-money" help:"Run even if the deployment is not marked as a sandbox."`
}

// Validate implements kong.Validatable. What only the deployment can say is checked when it has answered.
func (b benchRunCmd) Validate() error {
	plan, err := b.plan()
	switch {
	case err != nil:
		return err
	case b.Target != "" && b.TokenKey == "":
		return errors.New(
			"--target needs --token-key: the private key whose tokens the deployment accepts (of a hongbao up: " +
				"token.key in its data folder)")
	case b.Yardsticks && b.Target != "" && (b.Redis == "" || b.MySQL == ""):
		return errors.New(
			"--yardsticks with --target needs --redis and --mysql: the servers that the deployment uses, for an " +
				"honest comparison")
	case !b.Yardsticks && len(b.Only) > 0:
		return errors.New("--only is for --yardsticks")
	}
	for flag, address := range map[string]string{"target": b.Target, "http": b.HTTP} {
		if address != "" {
			err = errors.Join(err, checkAddress(flag, address))
		}
	}
	return errors.Join(err, plan.Check(math.MaxInt, b.Target == "" || b.HTTP != ""))
}

// Run runs the suites. Exit code 1: a suite failed, or its books do not balance.
func (b benchRunCmd) Run(ctx context.Context, at console, line *kong.Context) error {
	plan, err := b.plan()
	if err != nil {
		return err
	}
	for _, file := range []string{b.JSON, b.HTML} {
		if err := checkWritable(file); err != nil { // now, not after an hour of load
			return err
		}
	}
	debug.SetGCPercent(generatorGC)
	began := time.Now()
	r := report.Report{
		Schema: report.Schema, Suites: []report.Suite{}, StartedAt: began.UTC(), Command: commandLine(line.Args),
		Machine:  bench.ThisMachine(),
		Versions: report.Versions{Bench: version(), Go: runtime.Version(), Kitex: bench.KitexVersion()},
	}
	progress := bench.NewProgress(at.err, isTerminal(at.err))
	stage, err := b.stage(ctx, progress)
	if err != nil {
		return err
	}
	defer stage.close()
	if r.Target.SelfStarted = stage.up != nil; r.Target.SelfStarted {
		r.Durability.Filesystem = filesystem(stage.folder)
	}
	stage.target.Describe(&r)
	err = bench.Run(ctx, stage.target, plan, progress, &r)
	if err == nil && b.Yardsticks && !r.Interrupted {
		err = b.compare(ctx, stage, plan, progress, &r)
	}
	r.Seconds = time.Since(began).Seconds()
	if errors.Is(err, bench.ErrRealMoney) || len(r.Suites) == 0 && err != nil {
		return err
	}
	return errors.Join(err, b.write(at, r))
}

// generatorGC lets the generator's heap grow to five times what it needs before it is collected: it shares the
// processors with what it measures.
const generatorGC = 400

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (b benchRunCmd) plan() (bench.Plan, error) {
	plan := bench.Plan{
		Suites: b.Suites, Quick: b.Quick, Only: b.Only, RealMoney: b.RealMoney,
		Settings: bench.Settings{
			Users: b.Users, Group: b.Group, Envelopes: b.Envelopes, Shares: b.Shares, Listeners: b.Listeners,
			Rate: b.Rate, P99: b.P99, For: b.For, Arrivals: b.Arrivals, Closed: b.Closed, Places: b.Places,
		},
	}
	if b.Settings != "" {
		file, err := bench.ReadSettings(b.Settings)
		if err != nil {
			return plan, err
		}
		plan.Settings = plan.Settings.Over(file)
	}
	if len(plan.Suites) == 0 && plan.Settings.Suite != "" {
		plan.Suites = []string{plan.Settings.Suite}
	}
	if len(plan.Suites) == 0 {
		return plan, fmt.Errorf("say which suite: %s, or %s", strings.Join(bench.Suites(), ", "), bench.All)
	}
	return plan, nil
}

// checkWritable finds out whether a file can be written, which it leaves as it is. An empty name is of no file.
func checkWritable(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil // whoever reads a pipe would take it for ended
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = file.Close()
	if isNew {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// write shows the report and writes its files.
func (b benchRunCmd) write(at console, r report.Report) error {
	err := r.Text(at.out)
	if b.JSON != "" {
		err = errors.Join(err, r.Write(b.JSON))
	}
	if b.HTML != "" {
		err = errors.Join(err, r.WriteHTML(b.HTML))
	}
	if err == nil && !r.Passed() {
		return exitCode(1)
	}
	return err
}

// commandLine is what was typed, without what may hold a password.
func commandLine(args []string) string {
	words := []string{"hongbao"}
	secret := false
	for _, arg := range args {
		name, _, assigned := strings.Cut(arg, "=")
		isSecret := name == "--redis" || name == "--mysql"
		switch {
		case secret:
			arg = "…"
		case isSecret && assigned:
			arg = name + "=…"
		case strings.ContainsAny(arg, " \t\"'$*"):
			arg = strconv.Quote(arg)
		}
		secret = isSecret && !assigned && !secret
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// stage is what a run plays on: a deployment, its own or given.
type stage struct {
	target      *bench.Target
	access      bench.Access
	folder      string // temporary; empty where nothing was started
	up          *child
	echoServers []*child
	servers     endpoints // of the servers behind it, where they are known
}

func (b benchRunCmd) stage(ctx context.Context, p bench.Progress) (s *stage, err error) {
	s = &stage{access: bench.Access{RPC: b.Target, HTTP: b.HTTP}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	key := b.TokenKey
	switch {
	case b.Target == "":
		if key, err = s.start(ctx, b, p); err != nil {
			return s, err
		}
	default:
		s.servers = endpoints{Redis: b.Redis, MySQL: b.MySQL}
	}
	issuer, err := loadPrivateKey(key)
	if err != nil {
		return s, err
	}
	s.access.Sign = func(subject, scope string) (string, error) {
		return issuer.Issue(subject, []auth.Scope{auth.Scope(scope)}, auth.DefaultTokenLife)
	}
	s.target, err = bench.Connect(ctx, s.access)
	return s, err
}

// start starts a deployment of one's own and returns where its private key is.
func (s *stage) start(ctx context.Context, b benchRunCmd, p bench.Progress) (key string, err error) {
	p.Step("starting a hongbao up of its own, on temporary data")
	if s.folder, err = os.MkdirTemp(b.TempDir, "hongbao-bench-"); err != nil {
		return "", err
	}
	data := filepath.Join(s.folder, "data")
	args := []string{"--log-level=warn", "up", "--data", data, "--rpc", "127.0.0.1:0", "--http", "127.0.0.1:0",
		"--webhook-allow-private"}
	if b.Yardsticks {
		args = append(args, "--user-changes=0") // one of them is one account that sends as fast as it can
	}
	args = append(args, strings.Fields(b.UpFlags)...)
	if s.up, err = startChild(filepath.Join(s.folder, "up.log"), s.folder, args...); err != nil {
		return "", err
	}
	text, err := s.up.await(ctx, filepath.Join(data, endpointsFile))
	if err == nil {
		err = json.Unmarshal(text, &s.servers)
	}
	s.access.RPC, s.access.HTTP = s.servers.RPC, s.servers.HTTP
	return filepath.Join(data, developmentKey), err
}

// close stops what was started and removes what was temporary.
func (s *stage) close() {
	if s.target != nil {
		s.target.Close()
	}
	for _, c := range append(s.echoServers, s.up) {
		if c != nil {
			c.stop()
		}
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder) // the child has; this is for when it was killed
	}
}
