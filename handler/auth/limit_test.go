package auth_test

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
)

func TestLimitStatesTravel(t *testing.T) {
	want := auth.LimitState{Name: "grabs", Limit: 500, Remaining: 0, Per: time.Second, Reset: 123 * time.Millisecond,
		RetryAfter: -1}
	if got, err := auth.ParseLimitState(want.String()); err != nil || got != want {
		t.Errorf("%q is read as %+v, %v", want, got, err)
	}
	for _, text := range []string{
		"", "grabs", "grabs 1 2 3 4", "grabs 1 2 3 4 5 6", "grabs 1 2 3 4 x", "grabs 1 2 3 4 ",
	} {
		if got, err := auth.ParseLimitState(text); err == nil || got != (auth.LimitState{}) {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
}
