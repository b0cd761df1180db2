package settings

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// configFlag is the name of the application's flag that names the file.
const configFlag = "config"

// ownTag marks a command for which the keys at the top of the file are not meant.
const ownTag = "settings"

// kubernetesLinks are variables that Kubernetes gives a container for each Service of its namespace: they look like
// ours when a Service has our name.
var kubernetesLinks = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_[A-Z]+)?)?)$`)

// Source is the environment and the file beside one command line. It is for one parser and one call of its Parse.
type Source struct {
	prefix  string // of variables, with its _
	environ map[string]string
	ignored func(variable string) bool

	config   *kong.Flag
	flags    []owned
	commands map[string]bool
	file     *file // nil until the first flag is resolved
	origins  map[*kong.Flag]Origin
	problems []error
}

// owned is a flag and the command that has it, "" for the application.
type owned struct {
	flag     *kong.Flag
	command  string
	own      bool // the command reads its own section only
	variable string
}

// New makes a source. environ has the form of os.Environ. Variables are called PREFIX_FLAG_NAME; ignore says which
// others with the prefix are none of the command line's (nil: none).
func New(prefix string, environ []string, ignore func(variable string) bool) *Source {
	s := &Source{prefix: prefix + "_", environ: map[string]string{}, ignored: ignore,
		commands: map[string]bool{}, origins: map[*kong.Flag]Origin{}}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, s.prefix) && value != "" {
			s.environ[name] = value
		}
	}
	return s
}

// Options are what the parser needs.
func (s *Source) Options() []kong.Option {
	return []kong.Option{
		kong.DefaultEnvars(strings.TrimSuffix(s.prefix, "_")), kong.PostBuild(s.attach), kong.Resolvers(s),
		kong.ValueFormatter(func(value *kong.Value) string {
			if value.Flag == nil || len(value.Flag.Envs) == 0 {
				return value.Help
			}
			return strings.TrimSuffix(value.Help, ".") + " ($" + value.Flag.Envs[0] + ")."
		}),
	}
}

// attach learns the flags, and takes reading the environment over from kong, which stops at the first bad value and
// prints it, whatever it is.
func (s *Source) attach(k *kong.Kong) error {
	var visit func(node *kong.Node, command string, own bool)
	visit = func(node *kong.Node, command string, own bool) {
		for _, flag := range node.Flags {
			if flag.Name == "help" {
				continue
			}
			f := owned{flag: flag, command: command, own: own}
			if len(flag.Envs) > 0 {
				f.variable = flag.Envs[0]
				flag.Value.Tag.Envs = nil
			}
			if command == "" && flag.Name == configFlag {
				s.config = flag
			}
			s.flags = append(s.flags, f)
		}
		for _, child := range node.Children {
			name := command
			if name == "" {
				name = child.Name
				s.commands[name] = true
			}
			visit(child, name, own || child.Tag != nil && child.Tag.Get(ownTag) == "own")
		}
	}
	visit(k.Model.Node, "", false)
	return nil
}

// Validate implements kong.Resolver. What is wrong is told by Check.
func (s *Source) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. It returns no error, so that a command line with many problems shows all of them.
func (s *Source) Resolve(line *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if s.file == nil {
		s.load(line)
	}
	at := slices.IndexFunc(s.flags, func(f owned) bool { return f.flag == flag })
	if at < 0 {
		return nil, nil
	}
	text, origin, ok := s.find(s.flags[at])
	if !ok {
		return nil, nil
	}
	if err := try(flag, text); err != nil {
		s.problems = append(s.problems, fmt.Errorf("%s: %w", origin.label(flag.Name), err))
		flag.Set = true // it is given, if badly: not also missing
		return nil, nil
	}
	s.origins[flag] = origin
	return text, nil
}

// try decodes a text without keeping it.
func try(flag *kong.Flag, text string) error {
	target := reflect.New(flag.Target.Type()).Elem()
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
	}
	scan := kong.Scan().PushTyped(text, kong.FlagValueToken)
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target); err != nil {
		return err
	}
	if choices := flag.EnumSlice(); flag.Enum != "" && !slices.Contains(choices, text) {
		return fmt.Errorf("must be one of %s but got %q", strings.Join(choices, ", "), text)
	}
	return nil
}

func (s *Source) find(f owned) (text string, origin Origin, ok bool) {
	if value, ok := s.environ[f.variable]; ok {
		return value, Origin{Environment, f.variable, value}, true
	}
	e, ok := s.file.sections[f.command].keys[f.flag.Name]
	if !ok && !f.own {
		e, ok = s.file.top[f.flag.Name]
	}
	if !ok || f.flag == s.config {
		return "", Origin{}, false
	}
	text, err := spell(f.flag, e)
	if err != nil {
		s.problems = append(s.problems, s.file.at(e.line, "%s: %s", f.flag.Name, err))
		f.flag.Set = true
		return "", Origin{}, false
	}
	return text, Origin{File, fmt.Sprintf("%s:%d", s.file.path, e.line), text}, true
}

// spell writes the value of a key as the command line would have it.
func spell(flag *kong.Flag, e entry) (string, error) {
	switch {
	case e.kind == yaml.ScalarNode:
		return e.text, nil
	case e.kind == yaml.SequenceNode && flag.IsSlice():
		if flag.Tag.Sep == -1 {
			return strings.Join(e.list, "\n"), nil
		}
		return kong.JoinEscaped(e.list, flag.Tag.Sep), nil
	case e.kind == yaml.MappingNode && flag.IsMap():
		return kong.JoinEscaped(e.list, flag.Tag.MapSep), nil
	case e.kind == yaml.SequenceNode:
		return "", errors.New("takes one value, not a list")
	}
	return "", errors.New("takes no values by name")
}

// load reads the file that the command line or the environment names.
func (s *Source) load(line *kong.Context) {
	s.file = &file{}
	if s.config != nil {
		path, _ := line.FlagValue(s.config).(string)
		if path == "" {
			path = s.environ[s.variableOf(s.config)]
		}
		if path != "" {
			s.file, s.problems = readFile(path, s.commands)
		}
	}
	s.problems = append(s.problems, s.unknown()...)
}

func (s *Source) variableOf(flag *kong.Flag) string {
	for _, f := range s.flags {
		if f.flag == flag {
			return f.variable
		}
	}
	return ""
}

// unknown finds names that no flag has.
func (s *Source) unknown() (problems []error) {
	for _, name := range sorted(s.environ) {
		known := slices.ContainsFunc(s.flags, func(f owned) bool { return f.variable == name })
		if !known && !kubernetesLinks.MatchString(name) && (s.ignored == nil || !s.ignored(name)) {
			problems = append(problems, fmt.Errorf("%s: no command has the flag --%s", name,
				strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, s.prefix), "_", "-"))))
		}
	}
	for _, key := range sorted(s.file.top) {
		if err := s.checkTop(key); err != nil {
			problems = append(problems, s.file.at(s.file.top[key].line, "%q: %s", key, err))
		}
	}
	for _, command := range sorted(s.file.sections) {
		for _, key := range sorted(s.file.sections[command].keys) {
			if !slices.ContainsFunc(s.flags, func(f owned) bool { return f.command == command && f.flag.Name == key }) {
				problems = append(problems, s.file.at(s.file.sections[command].keys[key].line,
					"%q: the command %s has no such flag", key, command))
			}
		}
	}
	return problems
}

func (s *Source) checkTop(key string) error {
	owner := ""
	for _, f := range s.flags {
		switch {
		case f.flag.Name != key:
		case f.flag == s.config:
			return errors.New("a file cannot name another one")
		case !f.own:
			return nil
		default:
			owner = f.command
		}
	}
	if owner != "" {
		return fmt.Errorf("is a flag of %s alone: put it under `%s:`", owner, owner)
	}
	return errors.New("no command has such a flag")
}

// Check joins what was wrong in the environment and the file with what kong found wrong.
func (s *Source) Check(parsed error) error {
	return errors.Join(append(slices.Clone(s.problems), parsed)...)
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
