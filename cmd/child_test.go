package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAChildWhoseParentIsGoneEnds starts a child whose standard input has ended before the child reads it: the parent
// was interrupted, or killed, as soon as it had started it.
func TestAChildWhoseParentIsGoneEnds(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	child := exec.CommandContext(t.Context(), self, "child", "--remove", folder, "--", "echo", "--web", "--announced",
		filepath.Join(t.TempDir(), "address")) // without a Stdin it reads the null device
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}
