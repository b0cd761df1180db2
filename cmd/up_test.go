package cmd

import (
	"log/slog"
	"testing"
)

// Development tokens exist only where money is not real; the flag widens who gets them, and never where.
func TestDevelopmentTokensAreForTheSandbox(t *testing.T) {
	for _, c := range []struct {
		sandbox, toAnyone bool
		served, refused   bool
	}{
		{sandbox: true, served: true},
		{sandbox: true, toAnyone: true, served: true},
		{sandbox: false},
		{sandbox: false, toAnyone: true, refused: true},
	} {
		u := upCmd{DevTokensToAnyone: c.toAnyone}
		tokens, err := u.devTokens(console{log: slog.New(slog.DiscardHandler)}, c.sandbox, nil)
		if (tokens != nil) != c.served || (err != nil) != c.refused || tokens != nil && tokens.ToAnyone != c.toAnyone {
			t.Errorf("%+v: %+v, %v", c, tokens, err)
		}
	}
}
