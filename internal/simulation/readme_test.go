package simulation

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the shell examples of the README, one after the other in one shell, against a hongbao that is up,
// then the Go programs in the README and in docs/api.md.
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
	if err := os.WriteFile(filepath.Join(dir, "face.png"), face(t), 0o600); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("bash", "-c", strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", u.address()))
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the examples failed: %v", err)
	}
	for _, want := range []string{
		`"members":["alice","bob"]`, `"outcome":"won"`, `"outcome":"already_won"`, `"state":"drained"`, `"best":true`,
		`"seed":"`,
		"Fair: the seed fits", `"to":"bob"`, `"kind":"topup"`, `"settled":0`, "The books balance.",
		`"note":"for the taxi"`, `"state":"arrived"`, `"outcome":"claimed"`, `"cover_id":"`, `"bought":50`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the examples did not print %s", want)
		}
	}
	if strings.Contains(string(out), "urn:hongbao:problem") {
		t.Error("an example was refused")
	}
	u.runGo("../../README.md", u.token("bob", "user"), "won 100 <nil>", "hold -200 ", "post 2500 ")
	u.runGo("../../docs/api.md", u.token("alice", "user"), "envelope_not_found - ")
}

// runGo runs the Go program in a document with a token, and compares what it prints with the lines that it should.
func (u *up) runGo(document, token string, wanted ...string) {
	u.t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		u.t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```go\n(package main.*?)```").FindStringSubmatch(string(text))
	if program == nil {
		u.t.Fatalf("%s has no Go program", document)
	}
	file := filepath.Join(u.t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(program[1], "127.0.0.1:8888", u.rpcAddress())),
		0o600); err != nil {
		u.t.Fatal(err)
	}
	run := exec.Command("go", "run", file)
	run.Env = append(os.Environ(), "TOKEN="+token)
	out, err := run.CombinedOutput()
	u.t.Logf("%s: %s", document, out)
	if err != nil {
		u.t.Errorf("the program in %s failed: %v", document, err)
	}
	for _, want := range wanted {
		if !strings.Contains(string(out), want) {
			u.t.Errorf("the program in %s did not print %q", document, want)
		}
	}
}

// rpcAddress is where the Kitex services are.
func (u *up) rpcAddress() string {
	u.t.Helper()
	text, err := os.ReadFile(filepath.Join(u.data, "up.json"))
	var e struct{ RPC string }
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	return e.RPC
}
