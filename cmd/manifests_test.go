package cmd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// started is how a manifest starts one process of ours.
type started struct {
	name    string
	args    []string
	environ []string
	config  string // text of the file of settings
}

// What is in deploy/ starts commands that exist, with flags, variables and settings that exist and have good values.
func TestManifestsStartWhatExists(t *testing.T) {
	all := slices.Concat(composed(t), units(t), pods(t, "default"), pods(t, "everything"))
	commands := map[string]int{}
	for _, s := range all {
		path := write(t, "hongbao.yaml", s.config)
		at := slices.Index(s.args, "--config")
		if at < 0 || at+1 >= len(s.args) {
			t.Errorf("%s: no --config in %q", s.name, s.args)
			continue
		}
		s.args[at+1] = path
		commands[s.args[len(s.args)-1]]++
		var output bytes.Buffer
		at2 := console{out: &output, err: &output, environ: s.environ}
		for _, problem := range at2.problems(s.args) {
			if !isAway(problem) {
				t.Errorf("%s: %s", s.name, strings.ReplaceAll(problem, path, "hongbao.yaml"))
			}
		}
	}
	for _, part := range parts {
		if commands[part] < 4 { // Compose, systemd, and the chart twice
			t.Errorf("%s is started %d times: the manifests were not read", part, commands[part])
		}
	}
}

// isAway says whether a problem is that a file of the installation is not on this machine.
func isAway(problem string) bool {
	return slices.ContainsFunc([]string{
		"no such file or directory", "--token-key is missing", "belong together", // follow from it
	}, func(part string) bool { return strings.Contains(problem, part) })
}

func composed(t *testing.T) (all []started) {
	var file struct {
		Services map[string]struct {
			Image       string            `yaml:"image"`
			Command     yaml.Node         `yaml:"command"`
			Environment map[string]string `yaml:"environment"`
		} `yaml:"services"`
	}
	decode(t, "../deploy/compose/compose.yaml", &file)
	for name, service := range file.Services {
		if !strings.HasPrefix(service.Image, "${HONGBAO_IMAGE") {
			continue
		}
		s := started{name: "compose " + name, config: read(t, "../deploy/compose/hongbao.yaml")}
		if err := service.Command.Decode(&s.args); err != nil {
			t.Error(err)
		}
		for variable, value := range service.Environment {
			s.environ = append(s.environ, variable+"="+value)
		}
		all = append(all, s)
	}
	return all
}

func units(t *testing.T) (all []started) {
	files, err := filepath.Glob("../deploy/systemd/*.service")
	if err != nil {
		t.Fatal(err)
	}
	const binary = "ExecStart=/usr/local/bin/hongbao "
	for _, path := range files {
		s := started{name: filepath.Base(path), config: read(t, "../deploy/systemd/hongbao.yaml")}
		text := strings.NewReplacer("%i", "7", "%d", "/run/credentials").Replace(read(t, path))
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if args, ok := strings.CutPrefix(line, binary); ok {
				s.args = strings.Fields(args)
			}
			if variable, ok := strings.CutPrefix(line, "Environment="); ok {
				s.environ = append(s.environ, variable)
			}
		}
		all = append(all, s)
	}
	return all
}

// systemd gives up on a unit that ends five times in ten seconds, unless it is told not to: a process that starts while
// the server of shard 0 is down would stay away when that one is back.
func TestUnitsAreRestartedUntilTheyStart(t *testing.T) {
	files, err := filepath.Glob("../deploy/systemd/*.service")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		unit, service, _ := strings.Cut(read(t, path), "[Service]\n")
		if strings.Contains(service, "Restart=") && !strings.Contains(unit, "StartLimitIntervalSec=0\n") {
			t.Errorf("%s is given up after a few failures", filepath.Base(path))
		}
	}
}

// pods are those of the chart as it was last rendered; deploy/check/check.sh keeps that up to date.
func pods(t *testing.T, rendered string) (all []started) {
	type container struct {
		Args []string `yaml:"args"`
		Env  []struct {
			Name  string `yaml:"name"`
			Value string `yaml:"value"`
		} `yaml:"env"`
	}
	configs := map[string]string{}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "../deploy/check/rendered/"+rendered+".yaml")))
	for {
		var object struct {
			Kind     string `yaml:"kind"`
			Metadata struct {
				Name string `yaml:"name"`
			} `yaml:"metadata"`
			Data map[string]string `yaml:"data"`
			Spec struct {
				Template struct {
					Spec struct {
						Containers []container `yaml:"containers"`
					} `yaml:"spec"`
				} `yaml:"template"`
			} `yaml:"spec"`
		}
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			var ignored *yaml.TypeError // objects of kinds that have other types where we look
			if errors.As(err, &ignored) {
				continue
			}
			t.Fatal(err)
		}
		if text, ok := object.Data["hongbao.yaml"]; ok {
			configs[object.Metadata.Name] = text
		}
		for _, c := range object.Spec.Template.Spec.Containers {
			s := started{name: rendered + " " + object.Kind + " " + object.Metadata.Name, args: c.Args}
			for _, e := range c.Env {
				if e.Value == "" {
					e.Value = "0" // the pod's number
				}
				s.environ = append(s.environ, e.Name+"="+e.Value)
			}
			all = append(all, s)
		}
	}
	for i := range all {
		all[i].config = configs["hongbao"]
		if strings.Contains(all[i].name, "migrate") {
			all[i].config = configs["hongbao-migrate"]
		}
	}
	return all
}

// The image is built with the Go that go.mod needs, and the tools' versions are exact.
func TestImageIsBuiltWithOurGo(t *testing.T) {
	image := regexp.MustCompile(`ARG GO_VERSION=(\d+\.\d+)`).FindStringSubmatch(read(t, "../deploy/Dockerfile"))
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))
	if image == nil || module == nil || image[1] != module[1] {
		t.Errorf("the image is built with %v, go.mod needs %v", image, module)
	}
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
