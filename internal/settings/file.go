package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the size of a file, in bytes.
const maxFile = 1 << 20

// entry is the value of one key: a text, a list of them or texts by name.
type entry struct {
	line int
	kind yaml.Kind // ScalarNode, SequenceNode or MappingNode
	text string
	list []string // of a mapping: key=value
}

// file is a settings file as written.
type file struct {
	path     string
	top      map[string]entry
	sections map[string]section // by command
}

type section struct {
	line int
	keys map[string]entry
}

// readFile reads a file. commands are the names under which a mapping is a section. It returns what could be read, and
// an error for each thing that could not.
func readFile(path string, commands map[string]bool) (*file, []error) {
	f := &file{path: path, top: map[string]entry{}, sections: map[string]section{}}
	handle, err := os.Open(path)
	if err != nil {
		return f, []error{err}
	}
	defer handle.Close()
	text, err := io.ReadAll(io.LimitReader(handle, maxFile+1))
	if err != nil {
		return f, []error{err}
	}
	if len(text) > maxFile {
		return f, []error{fmt.Errorf("%s: longer than %d bytes", path, maxFile)}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return f, nil // empty, or comments only
	} else if err != nil {
		return f, []error{fmt.Errorf("%s: %w", path, err)}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return f, []error{fmt.Errorf("%s: there is more than one document", path)}
	}
	if root := document.Content[0]; root.Kind != yaml.MappingNode {
		if root.Tag == "!!null" {
			return f, nil
		}
		return f, []error{f.at(root.Line, "give flags' names with their values, as in `log-level: info`")}
	}
	return f, f.read(document.Content[0], commands)
}

func (f *file) read(root *yaml.Node, commands map[string]bool) (problems []error) {
	problems = f.pairs(root, func(key string, line int, value *yaml.Node) error {
		if commands[key] && value.Kind == yaml.MappingNode {
			s := section{line: line, keys: map[string]entry{}}
			f.sections[key] = s
			problems = append(problems, f.pairs(value, func(key string, line int, value *yaml.Node) error {
				return f.entry(s.keys, key, line, value)
			})...)
			return nil
		}
		return f.entry(f.top, key, line, value)
	})
	return problems
}

// pairs calls each with the pairs of a mapping and returns its errors and those of the keys.
func (f *file) pairs(node *yaml.Node, each func(key string, line int, value *yaml.Node) error) (problems []error) {
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			problems = append(problems, f.at(key.Line, "a key is the name of a flag or of a command"))
			continue
		}
		if before, ok := seen[key.Value]; ok {
			problems = append(problems, f.at(key.Line, "%q is given twice: line %d has it, too", key.Value, before))
			continue
		}
		seen[key.Value] = key.Line
		if err := each(key.Value, key.Line, value); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

func (f *file) entry(into map[string]entry, key string, line int, value *yaml.Node) error {
	e := entry{line: line, kind: value.Kind, text: value.Value}
	switch value.Kind {
	case yaml.ScalarNode:
		if value.Tag == "!!null" {
			return f.at(line, "%s: has no value", key)
		}
	case yaml.SequenceNode:
		for _, item := range value.Content {
			if item = resolve(item); item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return f.at(item.Line, "%s: an item of the list is not a single value", key)
			}
			e.list = append(e.list, resolve(item).Value)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(value.Content); i += 2 {
			name, item := value.Content[i], resolve(value.Content[i+1])
			if name.Kind != yaml.ScalarNode || item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return f.at(name.Line, "%s: give single values by name", key)
			}
			e.list = append(e.list, name.Value+"="+item.Value)
		}
	}
	into[key] = e
	return nil
}

func (f *file) at(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", f.path, line, fmt.Sprintf(format, args...))
}

// resolve follows an alias. An alias of an alias does not exist in YAML.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
