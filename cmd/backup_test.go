package cmd

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/devstack"
)

// Whoever checks a backup is told that it is whole, and whoever restores one, what they have to bring themselves.
func TestBackupCommands(t *testing.T) {
	cfg := apptest.Config(t)
	dir := filepath.Join(t.TempDir(), "backup")
	run := func(args ...string) string {
		t.Helper()
		var said bytes.Buffer
		if code := Main(args, &said, &said); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, said.String())
		}
		return said.String()
	}
	servers := []string{"--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix}
	run(append([]string{"migrate"}, servers...)...)
	run(append([]string{"backup", "create", dir}, servers...)...)
	if said := run("backup", "check", dir); !strings.HasSuffix(said,
		"\nThe backup is whole: its files are what was written.\n") {
		t.Error(said)
	}
	said := run("backup", "restore", dir, "--redis", "unix://"+devstack.NewTestRedis(t).Socket(),
		"--mysql", cfg.MySQL[0], "--prefix", "restored_"+cfg.Prefix)
	for _, want := range []string{
		"The books balance.\n", "\nNot in a backup: the images of covers, the file of --secret-keys",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
}
