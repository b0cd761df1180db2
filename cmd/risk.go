package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// riskRules is the flag of a process that decides by rules about what was claimed of late.
type riskRules struct {
	RiskRules string `help:"File with rules (YAML) about what users have claimed of late: who may send, transfer, pay, withdraw, top up and grab. docs/configuration.md explains it. Without it there are none." type:"existingfile"`
}

// rules are those of the file; nil without one.
func (r riskRules) riskRules() (*risk.Rules, error) {
	if r.RiskRules == "" {
		return nil, nil
	}
	return readRules(r.RiskRules)
}

func readRules(path string) (*risk.Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rules, err := risk.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &rules, nil
}

// checkRules finds rules that cannot be kept.
func (r riskRules) checkRules(s stepUp) error {
	rules, err := r.riskRules()
	if err == nil && rules != nil && rules.Has(risk.Challenge) && len(s.Contexts) == 0 {
		err = fmt.Errorf("%s: then: challenge needs --step-up-acr: which value of acr shows a second factor",
			r.RiskRules)
	}
	return err
}

// useRules gives a process its rules.
func (r riskRules) useRules(c *connected) (err error) {
	c.config.Rules, err = r.riskRules()
	return err
}

type riskCmd struct {
	Try riskTryCmd `cmd:"" help:"Say what rules would have done about what was claimed since a time. It changes nothing."`
}

type riskTryCmd struct {
	servers
	Rules string `help:"File with the rules." type:"existingfile" required:""`
	Since string `help:"From when on: a day of UTC as 2026-02-17, a time as 2026-02-17T20:00:00Z, or a duration before now as 48h." required:""`
	JSON  bool   `name:"json" help:"Print a JSON object for each rule, on a line of its own."`
}

// begin is when the dry run begins.
func (c riskTryCmd) begin(now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(c.Since); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, c.Since); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("--since is malformed: give 2026-02-17, 2026-02-17T20:00:00Z or 48h")
}

func (c riskTryCmd) check() error {
	_, rules := readRules(c.Rules)
	_, since := c.begin(time.Now())
	return errors.Join(c.servers.check(), rules, since)
}

// Run reads what was carried out from the ledger, and tells of each rule what it would have done.
func (c riskTryCmd) Run(ctx context.Context, at console) error {
	rules, err := readRules(c.Rules)
	if err != nil {
		return err
	}
	since, err := c.begin(time.Now())
	if err != nil {
		return err
	}
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	return c.with(ctx, quiet, nil, func(_ *connected, s *app.App) error {
		past, err := s.Past(ctx, since)
		if err != nil {
			return err
		}
		trials, err := risk.Try(*rules, past)
		if err != nil {
			return err
		}
		c.print(at, rules.Version, since, len(past), trials)
		return nil
	})
}

func (c riskTryCmd) print(at console, version string, since time.Time, claims int, trials []risk.Trial) {
	if c.JSON {
		for _, t := range trials {
			text, _ := json.Marshal(t) // of text and numbers: never fails
			at.say("%s", text)
		}
		return
	}
	at.say("rules of version %s, %d claims since %s", version, claims, since.UTC().Format(time.RFC3339))
	for _, t := range trials {
		if t.Then == risk.Allow {
			at.say("%-9s  %s", t.Then, t.Rule)
			continue
		}
		at.say("%-9s  %s: %d of %d claims, of %d users%s", t.Then, t.Rule, t.Stopped, t.Looked, t.Users,
			sums(t.Amounts))
	}
}

// sums lists amounts of currencies.
func sums(amounts map[ledger.Currency]int64) string {
	var text strings.Builder
	for _, currency := range slices.Sorted(maps.Keys(amounts)) {
		fmt.Fprintf(&text, ", %d minor units of %s", amounts[currency], currency)
	}
	return text.String()
}
