package trail_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/trail"
)

// An act stands between two records. It is not carried out without the first, and one whose second is missing says so.
func TestRecorded(t *testing.T) {
	tr, c := open(t)
	failed := errors.New("the disk is full")
	for _, end := range []error{nil, failed, refusal.New(refusal.CodeInvalidArgument, "no")} {
		err := tr.Recorded(t.Context(), trail.Act{By: "olga", Action: "archive", Detail: map[string]any{"to": "<x>"}},
			func() error { return end })
		if !errors.Is(err, end) {
			t.Errorf("%v, want %v", err, end)
		}
	}
	never := func() error { t.Error("it was carried out"); return nil }
	if err := tr.Recorded(t.Context(), trail.Act{By: "ol\nga", Action: "archive"}, never); refusal.CodeOf(err) !=
		refusal.CodeInvalidArgument {
		t.Errorf("by nobody: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := tr.Recorded(ended, trail.Act{By: "olga", Action: "archive"}, never); err == nil {
		t.Error("what could not be recorded has no error")
	}
	var outcomes []string
	for r, err := range tr.Records(t.Context(), c.DB(trail.Shard)) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Actor != "olga" || r.Action != "archive" || r.Detail != `{"to":"\u003cx\u003e"}` {
			t.Errorf("%+v", r)
		}
		outcomes = append(outcomes, r.Outcome)
	}
	want := []string{"asked", "done", "asked", "failed", "asked", refusal.CodeInvalidArgument}
	if !slices.Equal(outcomes, want) {
		t.Errorf("outcomes %q, want %q", outcomes, want)
	}
	err := tr.Recorded(t.Context(), trail.Act{By: "olga", Action: "archive"}, func() error {
		_, err := c.DB(trail.Shard).ExecContext(t.Context(), "DROP TABLE "+c.Table(trail.Shard, "trail"))
		return errors.Join(err, failed)
	})
	if !errors.Is(err, failed) || !strings.Contains(err.Error(), "trail does not say") {
		t.Errorf("without the second record: %v", err)
	}
}
