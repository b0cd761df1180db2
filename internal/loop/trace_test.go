package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// The line of a pass that fails names the trace in which it failed, if there is one.
func TestTheLineOfAFailureNamesItsTrace(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	down := errors.New("down")
	for _, c := range []struct {
		err    error
		traced bool
	}{
		{down, false}, {Traced(down, ""), false}, {Traced(down, "torn"), false}, {Traced(down, parent), true},
		{fmt.Errorf("settle: %w", Traced(down, parent)), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log strings.Builder
			ctx, cancel := context.WithCancel(t.Context())
			passes := 0
			Job{Name: "test", Log: slog.New(slog.NewTextHandler(&log, nil))}.Run(ctx,
				func(context.Context) (bool, error) {
					if passes++; passes == 2 {
						cancel()
					}
					return false, c.err
				})
			named := strings.Contains(log.String(), "trace_id=4bf92f3577b34da6a3ce929d0e0e4736")
			if named != c.traced || !errors.Is(c.err, down) {
				t.Errorf("%v: %s", c.err, log.String())
			}
		})
	}
	if Traced(nil, parent) != nil {
		t.Error("no error becomes one")
	}
}
