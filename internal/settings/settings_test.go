package settings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hongbao/hongbao/internal/settings"
)

type line struct {
	Config string `type:"path"`
	Level  string `enum:"low,high" default:"low"`

	Serve struct {
		Address string         `default:"a:1"`
		Nodes   []string       `placeholder:"NODE"`
		Places  map[string]int ``
		Wait    time.Duration  `default:"1s"`
		Count   int            `default:"4"`
		Strict  bool           `default:"true" negatable:""`
		Most    *int
		Key     string `required:""`
	} `cmd:""`
	Measure struct {
		Address string
		Size    int
	} `cmd:"" settings:"own"`
}

// parse reads a command line with a file, whose name in problems is "file".
func parse(t *testing.T, text string, environ []string, args ...string) (*line, func(flag string) string, error) {
	t.Helper()
	if text != "" {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "APP_CONFIG="+path)
	}
	var l line
	source := settings.New("APP", environ, func(name string) bool { return name == "APP_TEST" })
	parser, err := kong.New(&l, append(source.Options(), kong.Name("app"))...)
	if err != nil {
		t.Fatal(err)
	}
	context, err := parser.Parse(args)
	err = source.Check(err)
	return &l, func(name string) string {
		for _, f := range source.Flags() {
			if f.Name == name && f.Command == context.Selected().Name {
				return filepath.Base(source.Origin(context, f.Flag).String())
			}
		}
		return "no such flag"
	}, err
}

func TestPrecedence(t *testing.T) {
	const key = "serve:\n  key: k\n"
	for _, c := range []struct {
		text    string
		environ []string
		args    []string
		want    int
		origin  string
	}{
		{key, nil, nil, 4, "default"},
		{"count: 5\n" + key, nil, nil, 5, "file:1"},
		{"count: 5\n" + key + "  count: 6\n", nil, nil, 6, "file:4"},
		{"count: 5\n" + key + "  count: 6\n", []string{"APP_COUNT=7"}, nil, 7, "APP_COUNT"},
		{"count: 5\n" + key, []string{"APP_COUNT="}, nil, 5, "file:1"}, // an empty variable is not set
		{"count: 5\n" + key, []string{"APP_COUNT=7"}, []string{"--count=8"}, 8, "command line"},
	} {
		l, origin, err := parse(t, c.text, c.environ, append([]string{"serve"}, c.args...)...)
		if err != nil || l.Serve.Count != c.want || origin("count") != c.origin {
			t.Errorf("%q %v %v: %d from %s, %v; want %d from %s", c.text, c.environ, c.args, l.Serve.Count,
				origin("count"), err, c.want, c.origin)
		}
	}
}

func TestValuesOfEveryKind(t *testing.T) {
	l, _, err := parse(t, `
base: &base [n1, "n2,with comma"]
`, nil, "serve", "--key=k")
	if err == nil || !strings.Contains(err.Error(), `"base": no command has such a flag`) {
		t.Errorf("an anchor under a key of its own: %+v, %v", l.Serve, err)
	}
	l, _, err = parse(t, `
level: high
nodes: [n1, "n2,with comma"]
places: {a: 1, "b": 2}
wait: 3m
strict: false
most: 9
key: 0x1f
`, nil, "serve")
	s := l.Serve
	if err != nil || l.Level != "high" || !slices.Equal(s.Nodes, []string{"n1", "n2,with comma"}) ||
		fmt.Sprint(s.Places) != "map[a:1 b:2]" || s.Wait != 3*time.Minute || s.Strict || s.Most == nil ||
		*s.Most != 9 || s.Key != "0x1f" {
		t.Errorf("%+v, %v", l, err)
	}
	l, _, err = parse(t, "nodes: n1,n2\nplaces: a=1;b=2\nkey: k\n", nil, "serve")
	if err != nil || len(l.Serve.Nodes) != 2 || len(l.Serve.Places) != 2 {
		t.Errorf("as on the command line: %+v, %v", l, err)
	}
}

// A command with a section of its own takes nothing from the top.
func TestOwnSection(t *testing.T) {
	l, _, err := parse(t, "address: b:2\nmeasure:\n  size: 3\n", nil, "measure")
	if err != nil || l.Measure.Address != "" || l.Measure.Size != 3 {
		t.Errorf("%+v, %v", l.Measure, err)
	}
}

func TestEverythingThatIsWrongIsTold(t *testing.T) {
	for _, c := range []struct {
		text    string
		environ []string
		want    []string
	}{
		{"cuont: 5\nkey: k\n", nil, []string{`file:1: "cuont": no command has such a flag`}},
		{"serve:\n  key: k\n  size: 1\n", nil, []string{`file:3: "size": the command serve has no such flag`}},
		{"size: 1\nkey: k\n", nil, []string{"file:1: \"size\": is a flag of measure alone: put it under `measure:`"}},
		{"config: other\nkey: k\n", nil, []string{`file:1: "config": a file cannot name another one`}},
		{"key: k\nkey: l\n", nil, []string{`file:2: "key" is given twice: line 1 has it, too`}},
		{"key:\n", nil, []string{"file:1: key: has no value", "missing flags: --key=STRING"}},
		{"key: [k]\n", nil, []string{"file:1: key: takes one value, not a list"}},
		{"key: {k: 1}\n", nil, []string{"file:1: key: takes no values by name"}},
		{"key: k\nnodes: [[n]]\n", nil, []string{"file:2: nodes: an item of the list is not a single value"}},
		{"key: k\ncount: four\nwait: 1\nplaces: {a: b}\n", []string{"APP_LEVEL=mid", "APP_STRICT=perhaps"},
			[]string{"APP_LEVEL: must be one of low, high", "file:2: count: expected a valid", "file:3: wait: expected",
				"file:4: places: invalid map value", "APP_STRICT: bool value must be"}},
		{"key: k\n", []string{"APP_CUONT=1", "APP_TEST=1", "APP_GATEWAY_SERVICE_PORT_HTTP=1", "APP_PORT_80_TCP_ADDR=x",
			"APP_GATEWAY_PORT=tcp://10.0.0.1:80"}, []string{"APP_CUONT: no command has the flag --cuont"}},
		{"- a\n", []string{"APP_KEY=k"}, []string{"file:1: give flags' names with their values"}},
		{"a: [\n", []string{"APP_KEY=k"}, []string{"file: yaml: line"}},
		{"key: k\n---\nkey: l\n", nil, []string{"file: there is more than one document", "missing flags"}},
		{"key: k\n#" + strings.Repeat("x", 1<<20), nil, []string{"longer than 1048576 bytes", "missing flags"}},
	} {
		_, _, err := parse(t, c.text, c.environ, "serve")
		if err == nil {
			t.Errorf("%.40q %v is taken", c.text, c.environ)
			continue
		}
		told := strings.Split(err.Error(), "\n")
		if len(told) != len(c.want) {
			t.Errorf("%.40q %v: %q; want %q", c.text, c.environ, told, c.want)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%.40q %v: %q; want %q", c.text, c.environ, told, want)
			}
		}
	}
}

func TestNoFile(t *testing.T) {
	if _, _, err := parse(t, "", []string{"APP_KEY=k", "OTHER_COUNT=x"}, "serve"); err != nil {
		t.Error(err)
	}
	_, _, err := parse(t, "", []string{"APP_KEY=k"}, "serve", "--config", "/does/not/exist")
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist: no such file") {
		t.Error(err)
	}
	for _, empty := range []string{"# nothing\n", "---\n", "~\n"} {
		if _, _, err := parse(t, empty, []string{"APP_KEY=k"}, "serve"); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}
