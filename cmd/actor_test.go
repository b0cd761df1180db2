package cmd

import (
	"bytes"
	"encoding/json"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
)

// The trail says who recovered, copied, archived and moved what, and what became of it.
func TestCommandsAreRecorded(t *testing.T) {
	cfg := apptest.Config(t)
	run := func(args ...string) (code int, out string) {
		var said bytes.Buffer
		servers := []string{"--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix}
		code = Main(append(args, servers...), &said, &said)
		return code, said.String()
	}
	if code, said := run("migrate"); code != 0 {
		t.Fatal(said)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range []struct {
		line, action, by string
		ends             string
	}{
		{"recover --by olga", "recover", "olga", "done"},
		{"backup create " + filepath.Join(t.TempDir(), "b"), "backup", me.Username, "done"},
		{"archive --older-than 30d --by olga --to " + filepath.Join(t.TempDir(), "a"), "archive", "olga", "done"},
		{"shard pin --by olga", "pin_shards", "olga", "done"},
		{"shard move --shard 99 --to nowhere:1 --by olga", "move_shard", "olga", "failed"},
		{"shard undo --shard 99 --by olga", "undo_move", "olga", "failed"},
	} {
		code, said := run(strings.Fields(c.line)...)
		if (code == 0) != (c.ends == "done") {
			t.Errorf("%s: exit %d, %s", c.line, code, said)
		}
		want = append(want, c.by+" "+c.action+" asked", c.by+" "+c.action+" "+c.ends)
	}
	if code, said := run("recover", "--by", "ol/ga"); code == 0 {
		t.Errorf("by somebody with a malformed name: %s", said)
	}
	code, lines := run("trail")
	if code != 0 {
		t.Fatal(lines)
	}
	var got []string
	for line := range strings.Lines(lines) {
		var r trailLine
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got = append(got, r.Actor+" "+r.Action+" "+r.Outcome)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the trail has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
