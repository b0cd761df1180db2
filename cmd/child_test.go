package cmd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/devstack"
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

// TestBenchIsInterruptedWhileItStarts presses Ctrl-C before the deployment of a bench's own is ready.
func TestBenchIsInterruptedWhileItStarts(t *testing.T) {
	devstack.SkipInShort(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out, said bytes.Buffer
	temp := t.TempDir()
	code := run(ctx, []string{"bench", "grab", "--quick", "--temp-dir", temp}, &out, &said)
	if code != 1 || !strings.HasSuffix(said.String(), "hongbao: interrupted: context canceled\n") {
		t.Errorf("exit %d\n%s%s", code, out.String(), said.String())
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v left behind, %v", left, err)
	}
}
