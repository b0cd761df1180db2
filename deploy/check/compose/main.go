// Command compose loads a Compose file with Docker Compose's own loader, which checks it against the specification, and
// says what the services are.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := check(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}

func check(files []string) error {
	options, err := cli.NewProjectOptions(files, cli.WithResolvedPaths(true))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	for _, c := range project.Configs {
		if _, err := os.Stat(c.File); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	fmt.Printf("%s: %d services, %d volumes\n", project.Name, len(project.Services), len(project.Volumes))
	return nil
}
