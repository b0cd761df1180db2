package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/bench/report"
)

// fakeBuild is a binary whose bench reports a throughput of its own, or fails.
func fakeBuild(t *testing.T, perSecond float64, failure string) string {
	t.Helper()
	folder := t.TempDir()
	r := report.Report{Schema: report.Schema, Suites: []report.Suite{{Name: "grab", PerSecond: perSecond, P99: 2}}}
	if failure != "" {
		r.Suites[0].Failures = []string{failure}
	}
	if err := r.Write(filepath.Join(folder, "report.json")); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`#!/bin/sh
[ "$1 $2 $3 $5 $6" = "bench grab --json --closed=4 --quick" ] || { echo "called with $*"; exit 2; }
cp %s/report.json "$4"
`, folder)
	path := filepath.Join(folder, "hongbao")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// appendLine makes a script do something else at its end.
func appendLine(t *testing.T, script, line string) {
	t.Helper()
	text, err := os.ReadFile(script)
	if err == nil {
		err = os.WriteFile(script, append(text, line+"\n"...), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBuildsRunInTurns(t *testing.T) {
	before, after := fakeBuild(t, 1000, ""), fakeBuild(t, 1500, "")
	file := filepath.Join(t.TempDir(), "turns.json")
	turns := func(a, b string, more ...string) (int, string, string) {
		return hongbao(append([]string{"bench", "compare", "--build", a, "--build", b, "--rounds", "3", "--quick",
			"--flags=--closed=4", "--json", file}, more...)...)
	}
	code, stdout, stderr := turns(before, after, "grab")
	if code != 0 || !strings.Contains(stdout, "1.500") || !strings.Contains(stdout, "medians of 3 rounds") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), `"grab per second": {`) {
		t.Errorf("%s, %v", text, err)
	}
	broken := fakeBuild(t, 1500, "a win is missing")
	if code, stdout, _ = turns(before, broken, "grab"); code != 1 || !strings.Contains(stdout, "a win is missing") {
		t.Errorf("a suite failed: exit %d\n%s", code, stdout)
	}
	code, _, stderr = turns(before, after, "send")
	if code != 1 || !strings.Contains(stderr, "called with bench send") {
		t.Errorf("a build that cannot be run: exit %d\n%s", code, stderr)
	}
	stopping := fakeBuild(t, 1500, "")
	appendLine(t, stopping, `echo x >>"$0.ran"; [ $(wc -l <"$0.ran") -lt 3 ] || { rm "$4"; exit 1; }`)
	code, stdout, stderr = turns(before, stopping, "grab")
	if code != 1 || !strings.Contains(stdout, "medians of 2 rounds") || !strings.Contains(stderr, "report.json") {
		t.Errorf("a build that cannot be run any more: exit %d\n%s\n%s", code, stdout, stderr)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), `"started_at"`) != 4 {
		t.Errorf("the reports before it: %s, %v", text, err)
	}
	for _, wrong := range [][]string{{"--build", before, "grab"}, {"--build", before, "--build", after}, {file}, {}} {
		code, _, stderr := hongbao(append([]string{"bench", "compare"}, wrong...)...)
		if code != 2 || !strings.Contains(stderr, "--build twice") && !strings.Contains(stderr, "two JSON") {
			t.Errorf("%v: exit %d, %s", wrong, code, stderr)
		}
	}
}
