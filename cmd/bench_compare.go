package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/hongbao/hongbao/bench"
	"github.com/hongbao/hongbao/bench/report"
)

// builds are how many binaries run in turns.
const builds = 2

type benchCompareCmd struct {
	What []string `arg:"" optional:"" help:"Two JSON reports; with --build, the suites to run."`

	Build  []string `help:"Binary to run the suites with; give two. Each runs them with its own bench, on temporary data." type:"existingfile"`
	Rounds int      `help:"How often each build runs." default:"5"`
	Quick  bool     `help:"Run small sizes."`
	Flags  string   `help:"More flags for each run, for example --flags='--closed=64 --for=5s'."`
	JSON   string   `name:"json" help:"Write all reports and the changes as JSON to this file." type:"path"`
}

// Validate implements kong.Validatable.
func (c benchCompareCmd) Validate() error {
	switch {
	case len(c.Build) > 0 && (len(c.Build) != builds || len(c.What) == 0 || c.Rounds < 1):
		return errors.New("say --build twice, which suites, and how many rounds: " +
			"bench compare --build before --build after grab send")
	case len(c.Build) == 0 && len(c.What) != builds:
		return errors.New("give two JSON reports, or --build twice")
	}
	return nil
}

// Run compares. Exit code 1: a suite failed, or its books do not balance.
func (c benchCompareCmd) Run(ctx context.Context, at console, line *kong.Context) error {
	if len(c.Build) > 0 {
		if err := checkWritable(c.JSON); err != nil {
			return err
		}
		return c.turns(ctx, at, commandLine(line.Args))
	}
	a, err := report.Read(c.What[0])
	if err != nil {
		return err
	}
	b, err := report.Read(c.What[1])
	if err != nil {
		return err
	}
	return report.Compare(at.out, c.What[0], a, c.What[1], b)
}

// turns runs A and B, then B and A, and so on, so that neither has the better half of a machine that changes. Where a
// round cannot be run, or Ctrl-C comes, it shows those before.
func (c benchCompareCmd) turns(ctx context.Context, at console, command string) error {
	folder, err := os.MkdirTemp("", "hongbao-compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	progress := bench.NewProgress(at.err, isTerminal(at.err))
	t := report.Turns{Schema: report.Schema, Command: command, Builds: [builds]string(c.Build)}
	var broken error
	for round := 0; round < c.Rounds && broken == nil; round++ {
		var reports [builds]report.Report
		if reports, broken = c.round(ctx, progress, folder, round); broken == nil {
			t.Rounds = append(t.Rounds, reports)
		}
	}
	if len(t.Rounds) == 0 {
		return broken
	}
	t.Compare()
	err = errors.Join(broken, t.Text(at.out))
	if c.JSON != "" {
		err = errors.Join(err, t.Write(c.JSON))
	}
	if err == nil && !t.Passed() {
		return exitCode(1)
	}
	return err
}

// round runs both builds, the second first in every other round.
func (c benchCompareCmd) round(
	ctx context.Context, p bench.Progress, folder string, round int,
) (reports [builds]report.Report, err error) {
	order := []int{0, 1}
	if round%builds == 1 {
		slices.Reverse(order)
	}
	for _, i := range order {
		p.Suite(fmt.Sprintf("round %d of %d", round+1, c.Rounds), c.Build[i])
		if reports[i], err = c.run(ctx, folder, c.Build[i]); err != nil {
			return reports, err
		}
	}
	return reports, nil
}

// run runs the suites with one build's own bench.
func (c benchCompareCmd) run(ctx context.Context, folder, build string) (report.Report, error) {
	file := filepath.Join(folder, "report.json")
	_ = os.Remove(file)
	args := slices.Concat([]string{"bench"}, c.What, []string{"--json", file}, strings.Fields(c.Flags))
	if c.Quick {
		args = append(args, "--quick")
	}
	run := exec.CommandContext(ctx, build, args...)
	run.Cancel = func() error { return run.Process.Signal(syscall.SIGTERM) }
	run.WaitDelay = 2 * stopTimeout
	out, failed := run.CombinedOutput()
	r, err := report.Read(file)
	if err != nil || ctx.Err() != nil { // a run with a failed suite still leaves a report
		return r, fmt.Errorf("%s %s: %w\n%s", build, strings.Join(args, " "), errors.Join(failed, ctx.Err()), out)
	}
	return r, nil
}
