package cmd

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/personal"
)

// What is kept of a user comes a JSON object on each line: here, that they are frozen, and what the trail says of that
// and of the export.
func TestUserExport(t *testing.T) {
	cfg := apptest.Config(t)
	servers := []string{"--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix}
	run := func(words, args []string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Main(append(append(words, servers...), args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	for _, line := range [][]string{{"migrate"}, {"freeze", "mallory", "--by", "otto", "--reason", "<stolen>"},
		{"freeze", "mallory2", "--by", "otto", "--reason", "of no concern"}} {
		if code, _, said := run(line[:1], line[1:]); code != 0 {
			t.Fatalf("%v: %s", line, said)
		}
	}
	code, lines, said := run([]string{"user", "export"}, []string{"mallory", "--by", "olga", "--reason", "art. 15"})
	if code != 0 || said != "" || !strings.Contains(lines, "<stolen>") || strings.Contains(lines, "concern") {
		t.Errorf("exit %d: %s%s", code, lines, said)
	}
	tables := map[string]int{}
	for line := range strings.Lines(lines) {
		var r personal.Row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		tables[r.Table]++
	}
	if tables["freezes"] != 1 || tables["trail"] != 3 || len(tables) != 2 {
		t.Errorf("rows by table: %v", tables)
	}
	code, lines, said = run([]string{"user", "export"}, []string{"mallroy", "--by", "olga", "--reason", "art. 15"})
	if code != 0 || !strings.HasPrefix(said, `hongbao: nothing is kept of a user "mallroy" but what the trail says`) ||
		strings.Count(lines, "\n") != 1 {
		t.Errorf("exit %d: %s%s", code, lines, said)
	}
	for _, wrong := range [][]string{{"#clearing", "--by", "olga", "--reason", "art. 15"}, {"mallory", "--by", "olga"},
		{"mallory", "--by", "", "--reason", "art. 15"}, {"mallory", "--by", "olga", "--reason", ""}} {
		if code, lines, said := run([]string{"user", "export"}, wrong); code == 0 || said == "" || lines != "" {
			t.Errorf("%v: exit %d, %s%s", wrong, code, lines, said)
		}
	}
}
