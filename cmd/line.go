package cmd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/settings"
)

// line is a command line, read together with the environment and the file of settings.
type line struct {
	cli    *cli
	source *settings.Source
	parser *kong.Kong
	parsed *kong.Context
}

// newLine makes a parser of the command line.
func (c console) newLine() *line {
	l := &line{cli: &cli{}, source: settings.New("HONGBAO", c.environ, isOfTests)}
	options := append(l.source.Options(), kong.Name("hongbao"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(c.out, c.err), kong.NamedMapper("addresses", kong.MapperFunc(decodeAddresses)),
		kong.Vars{"token_life": auth.DefaultTokenLife.String()})
	var err error
	if l.parser, err = kong.New(l.cli, options...); err != nil {
		panic(err) // the flags of cli contradict each other
	}
	return l
}

// read reads a command line. The error names everything that is wrong with it, with the environment and the file. What
// is wrong with the last two does not stop the command `config`, which is there to say it.
func (c console) read(args []string) (*line, error) {
	l := c.newLine()
	parsed, err := l.parser.Parse(args)
	if parsed == nil || parsed.Selected() == nil || !isConfig(parsed.Selected()) {
		err = l.source.Check(err)
	}
	l.parsed = parsed
	return l, err
}

func isConfig(command *kong.Node) bool {
	return command.Parent != nil && command.Parent.Name == "config"
}

// isOfTests says which variables with our prefix are for tests.
func isOfTests(name string) bool {
	return strings.HasPrefix(name, "HONGBAO_TEST_") || strings.HasPrefix(name, "HONGBAO_SCREENSHOT") ||
		name == "HONGBAO_KEEP"
}

// checker is a command that finds out what is wrong with its flags before anything is started.
type checker interface{ check() error }

// check returns everything that is wrong with the values of the flags, joined.
func (l *line) check() error {
	if command, ok := l.parsed.Selected().Target.Interface().(checker); ok {
		return command.check()
	}
	return nil
}

// fromFile marks a value that stands in a file, so that a secret needs to stand nowhere else.
const fromFile = "file:"

// maxSecretFile bounds a file with addresses, in bytes.
const maxSecretFile = 64 << 10

// decodeAddresses is the mapper of flags that hold addresses of servers. They are separated as other lists are, and by
// line breaks; file:PATH stands for those in a file, one on each line. No error shows an address.
func decodeAddresses(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("address", &text); err != nil {
		return err
	}
	for part := range strings.Lines(text) {
		for _, address := range kong.SplitEscaped(strings.TrimSpace(part), ctx.Value.Tag.Sep) {
			found := []string{address}
			if path, ok := strings.CutPrefix(address, fromFile); ok {
				var err error
				if found, err = readAddresses(path); err != nil {
					return err
				}
			}
			for _, address := range found {
				if address = strings.TrimSpace(address); address != "" {
					target.Set(reflect.Append(target, reflect.ValueOf(address)))
				}
			}
		}
	}
	return nil
}

func readAddresses(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, maxSecretFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(text)) == "" {
		return nil, fmt.Errorf("%s is empty: give an address on each line", path)
	}
	return strings.Split(string(text), "\n"), nil
}

// checkAddress finds an address that nothing can listen at or connect to.
func checkAddress(flag, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil && strings.ContainsAny(host, " /@") {
		err = errors.New("the host is malformed")
	}
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--%s %q is not an address: give host:port", flag, address)
	}
	return nil
}
