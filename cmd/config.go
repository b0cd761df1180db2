package cmd

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/go-sql-driver/mysql"
	"go.yaml.in/yaml/v3"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Say everything that is wrong with the settings, without starting anything. Exit code 0 means that nothing is."`
	Show  configShowCmd  `cmd:"" help:"Print the settings in force, as YAML, and where each came from. Secrets are masked."`
}

// parts are the commands that an installation consists of.
var parts = []string{"rpc", "gateway", "work", "migrate"}

type configCheckCmd struct {
	Line []string `arg:"" optional:"" passthrough:"" help:"Command to check, with its flags, as in gateway --http :8080. Default: rpc, gateway, work and migrate, each without flags."`
}

// Run implements the command.
func (c configCheckCmd) Run(at console, outer *cli) error {
	lines := at.lines(outer, c.Line)
	wrong := map[string][]string{} // sentence → commands
	var order []string
	for _, args := range lines {
		name := commandName(args)
		for _, sentence := range at.problems(args) {
			if wrong[sentence] == nil {
				order = append(order, sentence)
			}
			wrong[sentence] = append(wrong[sentence], name)
		}
	}
	for _, sentence := range order {
		if commands := wrong[sentence]; len(commands) < len(lines) {
			sentence = strings.Join(commands, ", ") + ": " + sentence
		}
		at.say("%s", sentence)
	}
	names := make([]string, len(lines))
	for i, args := range lines {
		names[i] = commandName(args)
	}
	if len(order) > 0 {
		at.say("Problems found: %d", len(order))
		return exitCode(1)
	}
	at.say("The settings of %s are in order.", strings.Join(names, ", "))
	return nil
}

// problems is everything that is wrong with a command line, a sentence each.
func (c console) problems(args []string) []string {
	line, err := c.read(args)
	if line.parsed != nil && line.parsed.Selected() != nil {
		err = errors.Join(err, line.check())
	}
	if err == nil {
		return nil
	}
	return slices.Compact(strings.Split(err.Error(), "\n"))
}

type configShowCmd struct {
	Line []string `arg:"" optional:"" passthrough:"" help:"Command to show, with its flags. Default: rpc, gateway, work and migrate, each without flags."`
}

// Run implements the command.
func (c configShowCmd) Run(at console, outer *cli) error {
	for i, args := range at.lines(outer, c.Line) {
		if i > 0 {
			at.say("")
		}
		line, err := at.read(args)
		if err != nil {
			return fmt.Errorf("%s: %w\nrun `hongbao config check` to see all that is wrong", commandName(args), err)
		}
		at.say("# hongbao %s", commandName(args))
		for _, node := range line.nodes() {
			for _, flag := range node.Flags {
				if flag.Name != "help" {
					at.say("%s", line.show(flag))
				}
			}
		}
	}
	return nil
}

// lines are the command lines to look at, with the file that the command line of `config` itself named.
func (c console) lines(outer *cli, line []string) (lines [][]string) {
	var prefix []string
	if outer.Config != "" && !slices.Contains(c.environ, "HONGBAO_CONFIG="+outer.Config) {
		prefix = []string{"--config", outer.Config}
	}
	if len(line) > 0 && line[0] == "--" {
		line = line[1:]
	}
	if len(line) > 0 {
		return [][]string{append(prefix, line...)}
	}
	for _, part := range parts {
		lines = append(lines, append(slices.Clone(prefix), part))
	}
	return lines
}

// commandName is the command in a line that lines made.
func commandName(args []string) string {
	if len(args) > 2 && args[0] == "--config" {
		args = args[2:]
	}
	if len(args) == 0 {
		return "hongbao"
	}
	return args[0]
}

// nodes are the application and the commands of the line.
func (l *line) nodes() (nodes []*kong.Node) {
	for node := l.parsed.Selected(); node != nil; node = node.Parent {
		nodes = append(nodes, node)
	}
	slices.Reverse(nodes)
	return nodes
}

// show is a flag with its value and origin, as a line of YAML.
func (l *line) show(flag *kong.Flag) string {
	origin := l.source.Origin(l.parsed, flag)
	where := origin.String()
	if path, ok := strings.CutPrefix(origin.Text, fromFile); ok && flag.Tag.Has("secret") {
		where += ", from " + path
	}
	return fmt.Sprintf("%-56s # %s", flag.Name+": "+showValue(flag), where)
}

// showValue is a value as YAML on one line, without secrets.
func showValue(flag *kong.Flag) string {
	value := flag.Target
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return "null"
		}
		value = value.Elem()
	}
	node := &yaml.Node{}
	switch shown := value.Interface().(type) {
	case []string:
		masked := make([]string, len(shown))
		for i, item := range shown {
			masked[i] = mask(flag, item)
		}
		_ = node.Encode(masked)
	case string:
		_ = node.Encode(mask(flag, shown))
	case fmt.Stringer:
		_ = node.Encode(shown.String())
	default:
		_ = node.Encode(shown)
	}
	node.Style |= yaml.FlowStyle
	text, err := yaml.Marshal(node)
	if err != nil {
		return fmt.Sprintf("%q", fmt.Sprint(value.Interface()))
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// masked stands for a secret.
const masked = "***"

// mask hides what is secret in a value.
func mask(flag *kong.Flag, text string) string {
	if !flag.Tag.Has("secret") || text == "" {
		return text
	}
	switch flag.Tag.Get("secret") {
	case "mysql":
		if dsn, err := mysql.ParseDSN(text); err == nil {
			if dsn.Passwd != "" {
				dsn.Passwd = masked
			}
			return dsn.FormatDSN()
		}
	case "redis":
		address := text
		if !strings.Contains(address, "://") {
			address = "redis://" + address
		}
		if u, err := url.Parse(address); err == nil {
			if _, has := u.User.Password(); has {
				return strings.Replace(u.Redacted(), ":xxxxx@", ":"+masked+"@", 1)
			}
			return text
		}
	}
	return masked
}
