package simulation

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the shell examples of the README, one after the other in one shell, against a hongbao that is up.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -eu\n")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(block[1], "make ") {
			script.WriteString(block[1])
		}
	}
	u := newUp(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	// The examples run where the binary is in ./bin and the data in ./data.
	dir := t.TempDir()
	for name, target := range map[string]string{"data": u.data, "bin": filepath.Dir(path)} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	shell := exec.Command("bash", "-c", strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", u.address()))
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the examples failed: %v", err)
	}
	for _, want := range []string{
		`"members":["alice","bob"]`, `"outcome":"won"`, `"outcome":"already_won"`, `"state":"drained"`, `"best":true`, `"seed":"`,
		"Fair: the seed fits", `"to":"bob"`, `"kind":"topup"`, `"settled":0`, "The books balance.", `"note":"for the taxi"`, `"state":"arrived"`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the examples did not print %s", want)
		}
	}
	if strings.Contains(string(out), "urn:hongbao:problem") {
		t.Error("an example was refused")
	}
}
