package settings

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// Kind is a source of values.
type Kind string

// The sources, those that go before others first.
const (
	CommandLine Kind = "command line"
	Environment Kind = "environment"
	File        Kind = "file"
	Default     Kind = "default"
)

// Origin is where a value came from.
type Origin struct {
	Kind  Kind
	Where string // the variable, or file:line
	Text  string // the value as it stands there
}

// String is the origin for people.
func (o Origin) String() string {
	if o.Where != "" {
		return o.Where
	}
	return string(o.Kind)
}

func (o Origin) label(flag string) string {
	if o.Kind == File {
		return fmt.Sprintf("%s: %s", o.Where, flag)
	}
	return o.Where
}

// Origin says where a flag's value came from, after Parse.
func (s *Source) Origin(line *kong.Context, flag *kong.Flag) Origin {
	if origin, ok := s.origins[flag]; ok {
		return origin
	}
	for _, path := range line.Path {
		if path.Flag == flag && !path.Resolved {
			return Origin{Kind: CommandLine}
		}
	}
	return Origin{Kind: Default}
}

// Flag is one flag of a command, for documents.
type Flag struct {
	*kong.Flag
	Command  string // "" for the application's own
	Variable string
}

// Flags are all flags that can be set by the file or the environment, in the order of the commands, hidden commands
// left out.
func (s *Source) Flags() (all []Flag) {
	for _, f := range s.flags {
		all = append(all, Flag{f.flag, f.command, f.variable})
	}
	return all
}
