package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
)

// The doctor says in words what is wrong, what it means and what to do, and ends with 1.
func TestDoctor(t *testing.T) {
	cfg := apptest.Config(t)
	servers := []string{"--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix}
	doctor := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := Main(append(append([]string{"doctor"}, servers...), args...), &out, &errs)
		if errs.Len() > 0 {
			t.Errorf("%v: %s", args, errs.String())
		}
		return code, out.String()
	}
	code, out := doctor()
	for _, want := range []string{
		"not_installed: ", "It means: ", "Do: Run hongbao migrate", "docs/runbooks/not-installed.md",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if code != 1 || t.Failed() {
		t.Fatalf("exit %d: %s", code, out)
	}
	var quiet bytes.Buffer
	if code := Main(append([]string{"migrate"}, servers...), &quiet, &quiet); code != 0 {
		t.Fatal(quiet.String())
	}
	if code, out := doctor("--json"); code != 1 || !strings.Contains(out, `"name": "no_worker"`) ||
		!strings.Contains(out, `"runbook": "shard-without-worker"`) {
		t.Errorf("exit %d: %s", code, out)
	}
}
