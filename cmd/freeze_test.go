package cmd

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
)

// An operator freezes an account at the command line, sees it in the list and thaws it, and the trail says so.
func TestFreezeAndTrail(t *testing.T) {
	cfg := apptest.Config(t)
	servers := []string{"--redis", cfg.Redis[0], "--mysql", cfg.MySQL[0], "--prefix", cfg.Prefix}
	run := func(command string, args ...string) (int, string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := Main(append(append([]string{command}, servers...), args...), &out, &errs)
		return code, out.String() + errs.String()
	}
	must := func(command string, args ...string) string {
		t.Helper()
		code, said := run(command, args...)
		if code != 0 {
			t.Fatalf("%s %v: exit %d: %s", command, args, code, said)
		}
		return said
	}
	must("migrate")
	for _, args := range [][]string{
		{"mallory"}, {"mallory", "--by", "otto"}, {"--by", "otto"}, {"mal lory", "--by", "otto", "--reason", "stolen"},
	} {
		if code, said := run("freeze", args...); code == 0 {
			t.Errorf("freeze %v: %s", args, said)
		}
	}
	why := []string{"mallory", "--by", "otto", "--reason", `stolen "phone"`}
	for range 2 { // the first freeze stays
		if said := must("freeze", why...); !strings.HasPrefix(said, "mallory  frozen by otto at ") ||
			!strings.HasSuffix(said, "hongbao: no wallet of the name \"mallory\" exists yet: is it spelled right?\n") {
			t.Error(said)
		}
	}
	var listed frozenLine
	if err := json.Unmarshal([]byte(must("freeze", "--json")), &listed); err != nil || listed.Account != "mallory" ||
		listed.By != "otto" || listed.Reason != `stolen "phone"` {
		t.Errorf("%+v, %v", listed, err)
	}
	if said := must("freeze", append(why, "--thaw")...); said != "mallory is not frozen any more.\n" {
		t.Error(said)
	}
	if said := must("freeze", append(why, "--thaw")...); said != "mallory was not frozen.\n" {
		t.Error(said)
	}
	if said := must("freeze", append(why, "--thaw", "--json")...); said != `{"account":"mallory","thawed":false}`+"\n" {
		t.Error(said)
	}
	if said := must("freeze"); said != "No account is frozen.\n" {
		t.Error(said)
	}
	if said := must("freeze", "--json"); said != "" {
		t.Error(said)
	}
	apptest.Fund(t, apptest.Open(t, cfg), "thieves", 100, "mallory")
	if said := must("freeze", why...); strings.Contains(said, "no wallet") {
		t.Error(said)
	}
	var actions []string
	for line := range strings.Lines(must("trail")) {
		var r trailLine
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Seq != int64(len(actions)+1) || r.Actor != "otto" || !strings.Contains(string(r.Detail), "mallory") {
			t.Errorf("record %d: %s", len(actions)+1, line)
		}
		actions = append(actions, r.Action+" "+r.Outcome)
	}
	if want := []string{"freeze asked", "freeze done", "freeze asked", "freeze done", "thaw asked", "thaw done",
		"thaw asked", "thaw done", "thaw asked", "thaw done",
		"freeze asked", "freeze done"}; !slices.Equal(actions, want) {
		t.Errorf("the trail has %v, want %v", actions, want)
	}
}
