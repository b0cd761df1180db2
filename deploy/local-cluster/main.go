// Command local-cluster runs the installation of deploy/compose as processes on this machine, without Docker: a Redis
// Cluster of six, two MariaDB servers, two of each part of Hongbao. It starts again what ends, and lets one kill, stop
// and start each part: see README.md beside it. The money is not real.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Dir string `help:"Folder of the data, the secrets and the logs." default:"./local-cluster" type:"path"`

	Up     upCmd     `cmd:"" help:"Run everything until Ctrl-C. What was there before goes on."`
	Status statusCmd `cmd:"" help:"Show the parts, their processes and how often each ended by itself."`
	Kill   killCmd   `cmd:"" help:"End a part as a crash would (SIGKILL). It starts again after a second."`
	Stop   stopCmd   `cmd:"" help:"End a part in order. It stays away until start."`
	Start  startCmd  `cmd:"" help:"Start a part that was stopped."`

	Move    moveCmd    `cmd:"" help:"Move a shard to the other MariaDB, while it serves."`
	Upgrade upgradeCmd `cmd:"" help:"Migrate with another binary and replace the parts by it, one after the other."`
}

type upCmd struct {
	Hongbao string `help:"The binary." default:"bin/hongbao" type:"existingfile"`
	Config  string `help:"Settings of all." default:"deploy/compose/hongbao.yaml" type:"existingfile"`
	Base    int    `help:"First of 40 ports to use; Redis' bus uses six, 10,000 above." default:"17000"`
	HTTP    int    `help:"Port of the first gateway; the second has the next." default:"8080"`
}

// Run runs the cluster until the context ends.
func (u upCmd) Run(ctx context.Context, c *cli) error {
	t := topology{dir: c.Dir, hongbao: u.Hongbao, config: u.Config, base: u.Base, http: u.HTTP}
	return t.run(ctx, os.Stdout)
}

type statusCmd struct{}

// Run asks the running cluster.
func (statusCmd) Run(ctx context.Context, c *cli) error { return ask(ctx, c.Dir, http.MethodGet, "/") }

type part struct {
	Part string `arg:"" help:"Name of the part, as status shows it."`
}

type (
	killCmd  struct{ part }
	stopCmd  struct{ part }
	startCmd struct{ part }
)

// Run tells the running cluster.
func (k killCmd) Run(ctx context.Context, c *cli) error {
	return sendCommand(ctx, c.Dir, "kill", k.Part)
}

// Run tells the running cluster.
func (s stopCmd) Run(ctx context.Context, c *cli) error {
	return sendCommand(ctx, c.Dir, "stop", s.Part)
}

// Run tells the running cluster, and returns once the part serves.
func (s startCmd) Run(ctx context.Context, c *cli) error {
	return sendCommand(ctx, c.Dir, "start", s.Part)
}

type moveCmd struct {
	Shard int    `arg:"" help:"Number of the shard: 1 to 15."`
	To    string `arg:"" help:"Name of the MariaDB, as status shows it."`
}

// Run tells the running cluster, and returns once the shard is there.
func (m moveCmd) Run(ctx context.Context, c *cli) error {
	what := url.Values{"shard": {strconv.Itoa(m.Shard)}, "to": {m.To}}
	return ask(ctx, c.Dir, http.MethodPost, "/move?"+what.Encode())
}

type upgradeCmd struct {
	Binary string `arg:"" help:"The other binary of hongbao." type:"existingfile"`
}

// Run tells the running cluster, and returns once all parts are replaced.
func (u upgradeCmd) Run(ctx context.Context, c *cli) error {
	return ask(ctx, c.Dir, http.MethodPost, "/upgrade?"+url.Values{"binary": {u.Binary}}.Encode())
}

func sendCommand(ctx context.Context, dir, what, name string) error {
	return ask(ctx, dir, http.MethodPost, "/"+what+"/"+url.PathEscape(name))
}

// ask sends a request to the cluster that runs on a folder, and prints its answer.
func ask(ctx context.Context, dir, method, path string) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socketOf(dir))
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://local-cluster"+path, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: &http.Transport{DialContext: dial}}).Do(request)
	if err != nil {
		return fmt.Errorf("no cluster runs on %s: %w", dir, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(string(text))
	}
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func socketOf(dir string) string { return filepath.Join(dir, "control.sock") }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	parsed := kong.Parse(&c, kong.Name("local-cluster"), kong.UsageOnError(),
		kong.Description("Run deploy/compose's installation as processes on this machine."))
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.FatalIfErrorf(parsed.Run(&c))
}
