package cmd

import (
	"context"
	"encoding/json"
	"io"

	"github.com/hongbao/hongbao/app"
)

type doctorCmd struct {
	servers
	JSON bool `name:"json" help:"Print the findings as JSON."`
}

// Run looks at the installation. Exit code 1 means that something is wrong.
func (d doctorCmd) Run(ctx context.Context, at console) error {
	quiet := console{out: io.Discard, err: at.err, log: at.log}
	c, err := d.connect(ctx, quiet)
	if err != nil {
		return err
	}
	defer c.close()
	found, err := app.Examine(ctx, c.config)
	if err != nil {
		return err
	}
	if d.JSON {
		if err := printFindingsJSON(at, found); err != nil {
			return err
		}
	} else {
		printFindings(at, found)
	}
	if len(found) > 0 {
		return exitCode(1)
	}
	return nil
}

func printFindings(at console, found []app.Finding) {
	if len(found) == 0 {
		at.say("Nothing is wrong.")
		return
	}
	advices := app.Advices()
	for _, f := range found {
		title := f.Name
		if f.Where != "" {
			title += ", " + f.Where
		}
		a := advices[f.Name]
		at.say("%s: %s\n  It means: %s\n  Do: %s\n  See: docs/runbooks/%s.md\n", title, f.What, a.Means, a.Do,
			a.Runbook)
	}
	at.say("Findings: %d", len(found))
}

func printFindingsJSON(at console, found []app.Finding) error {
	type finding struct {
		app.Finding
		Means   string `json:"means"`
		Do      string `json:"do"`
		Runbook string `json:"runbook"`
	}
	all := make([]finding, len(found))
	for i, f := range found {
		a := app.Advices()[f.Name]
		all[i] = finding{f, a.Means, a.Do, a.Runbook}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		at.say("%s", text)
	}
	return err
}
