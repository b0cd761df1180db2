// Command hongbao is the whole engine in one binary: `hongbao up` runs everything on one machine, the other commands
// run its parts, or look after an installation.
package main

import (
	"os"

	"github.com/hongbao/hongbao/cmd"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) }
